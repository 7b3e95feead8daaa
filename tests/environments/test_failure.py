"""Whose fault a failure is, by literal messages of real engines. Each stands with its origin.

`20.10`: captured from Docker 20.10.24 with containerd 1.6.20 and runc 1.1.5 on Debian 12, cgroup v1, through its API;
others come from the issue that is named, with the version that its reporter gave.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from pytest_terminalbench.environments.failure import (
    ContainerEvent,
    ContainerState,
    StartProblem,
    hint,
    says_gone,
    start_problem,
    start_problem_in_output,
    who_ended,
)

CONTAINER = "943af8129ed48be9fca2cb5d65959a2f83d6e7b5f461b562a1c336e3b6a33963"
RUNC = "OCI runtime exec failed: exec failed: unable to start container process: "


class Said(NamedTuple):
    """What an engine said, and where that was seen."""

    text: str
    origin: str


NOT_FOUND = [
    Said(f'{RUNC}exec: "nonexist": executable file not found in $PATH: unknown', "20.10"),
    Said(f'{RUNC}exec: "/nonexist": stat /nonexist: no such file or directory: unknown', "20.10"),
    Said(f'{RUNC}exec: "": executable file not found in $PATH: unknown', "20.10"),
    Said(
        "OCI runtime exec failed: exec failed: container_linux.go:348: starting container process caused "
        '"exec: \\"bash\\": executable file not found in $PATH": unknown',
        "Docker 18.06, docker/for-linux#963",
    ),
    Said(
        "OCI runtime exec failed: exec failed: container_linux.go:348: starting container process caused "
        '"exec: \\"/home/loom/bin/python2\\": stat /home/loom/bin/python2: no such file or directory": unknown',
        "Docker 18.06, docker/for-linux#246",
    ),
    # Newer ones no longer end with `: unknown`.
    Said(f'{RUNC}exec: "bash": executable file not found in $PATH', "2025, mgoltzsche/podman-static#131"),
    Said(
        "crun: executable file `nonexistent` not found in $PATH: No such file or directory: OCI runtime attempted to "
        "invoke a command that was not found",
        "Podman 5 with crun, containers/crun#1688",
    ),
    Said(
        "executable file `/no/such/command` not found in $PATH: No such file or directory: OCI runtime command not "
        "found error",
        "Podman 2 with crun, containers/podman#7814",
    ),
]
CANNOT_START = [
    Said(f'{RUNC}exec: "/etc/passwd": permission denied: unknown', "20.10"),
    Said(f'{RUNC}chdir to cwd ("/nowhere") set in config.json failed: no such file or directory: unknown', "20.10"),
    Said(
        f'{RUNC}chdir to cwd ("/etc/passwd") set in config.json failed: not a directory: unknown: Are you trying to '
        "mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected "
        "type",
        "20.10",
    ),
    Said("OCI runtime exec failed: exec failed: Cwd must be an absolute path: unknown", "20.10"),
    Said("unable to find user stranger: no matching entries in passwd file", "20.10"),
    Said("unable to find group strangers: no matching entries in group file", "20.10"),
    Said("open executable: Operation not permitted: OCI runtime permission denied error", "crun 0.14, crun#511"),
]
# All but the last two captured by starting commands while `docker kill` was at work.
STOPPED = [
    Said("OCI runtime exec failed: exec failed: cannot exec in a stopped container: unknown", "20.10"),
    Said("cannot exec in a stopped state: unknown", "20.10"),
    Said(f"{RUNC}error executing setns process: exit status 1: unknown", "20.10"),
    Said(f"{RUNC}read init-p: connection reset by peer: unknown", "20.10"),
    Said(f"{RUNC}error writing config to pipe: write init-p: broken pipe: unknown", "20.10"),
    Said(
        "OCI runtime exec failed: exec failed: unable to create new parent process: namespace path: lstat "
        "/proc/10110/ns/ipc: no such file or directory: unknown",
        "20.10",
    ),
    Said("ttrpc: closed: unknown", "20.10"),
    Said(
        "OCI runtime exec failed: exec failed: cannot exec a container that has stopped: unknown",
        "Docker 18.03, moby/moby#37009",
    ),
    Said(
        "OCI runtime exec failed: exec failed: container_linux.go:380: starting container process caused: "
        "read init-p: connection reset by peer: unknown",
        "docker/for-linux#1383",
    ),
]
# Like the above, and nothing that a command could have done.
MACHINES_FAULT = [
    Said(
        "OCI runtime exec failed: write /tmp/runc-process3947626735: no space left on device: unknown",
        "siderolabs/talos#9007",
    ),
    Said("oci runtime error: exec failed: fork/exec /proc/self/exe: no such file or directory", "moby/moby#22746"),
    Said(
        "OCI runtime exec failed: exec failed: container_linux.go:348: starting container process caused "
        '"open /proc/self/fd: no such file or directory": unknown',
        "Docker 18.06, docker/for-linux#246",
    ),
    Said("fork/exec /usr/bin/containerd-shim-runc-v2: resource temporarily unavailable: unknown", "harbor#15944"),
    Said(
        'connection error: desc = "transport: Error while dialing dial unix /run/containerd/containerd.sock: connect: '
        'connection refused"',
        "Docker 18.09, moby/moby#40390",
    ),
    Said(
        "crun: error opening file `/run/user/1002/crun/eb6cfd6f9e3e/status`: No such file or directory: OCI runtime "
        "attempted to invoke a command that was not found",
        "Podman 4.3, containers/podman#24239",
    ),
    Said("dial unix docker.raw.sock: connect: no such file or directory", "baidu/AnyQ#249"),
    Said(f"Container {CONTAINER} is paused, unpause the container before exec", "20.10"),
    Said("No exec command specified", "20.10"),
    Said(f"Could not find the file /nowhere in container {CONTAINER}", "20.10"),
    Said("Cannot mkdir: /etc/passwd is not a directory", "20.10, at the start of a container"),
    Said("Minimum memory limit allowed is 6MB", "20.10"),
    Said("network nope not found", "20.10"),
    Said("", "an answer without text"),
]
GONE = [
    Said(f"No such container: {CONTAINER}", "20.10, after its removal"),
    Said(f"Container {CONTAINER} is not running", "20.10, after `docker kill`"),
    Said(f"Container {CONTAINER} is not running: Exited (137) Less than a second ago", "20.10, while it ended"),
    Said("No such exec instance: 88d108fdc48197acb13b3ad99b634e5aedbd02c83e9707202c356c47e2043729", "20.10"),
    Said(f"container {CONTAINER} is not running", "2025, moby/moby#37009"),
    Said('no container with name or ID "es03" found: no such container', "Podman 3, unifi-utilities/unifi-common#204"),
    Said(
        "can only create exec sessions on running containers: container state improper",
        "Podman 3, kubernetes-sigs/kind#2464",
    ),
    Said(
        "can only start exec sessions when their container is running: container state improper",
        "Podman of CentOS 8, iw4p/OpenConnect-Cisco-AnyConnect-VPN-Server-OneKey-ocserv#45",
    ),
]
# About a container too, and it is there.
NOT_GONE = [
    Said(f"Container {CONTAINER} is paused, unpause the container before exec", "20.10"),
    Said(
        f"Container {CONTAINER} is restarting, wait until the container is running",
        "API 1.44, kasmtech/workspaces-issues#508",
    ),
    Said(f"Could not find the file /no such container in container {CONTAINER}", "20.10, with another path"),
    Said("as it has active exec sessions: container state improper", "Podman 1.4, containers/podman#5757"),
    Said("extraction point is not a directory", "20.10"),
    Said(
        "image with reference img:1 was found but does not match the specified platform: wanted linux/arm64, actual: "
        "linux/amd64",
        "20.10",
    ),
    Said("No such image: no-such-image:1", "20.10"),
    Said("unable to find user stranger: no matching entries in passwd file", "20.10"),
    *(said for said in NOT_FOUND[:2]),
]


def texts(said: list[Said]) -> list[object]:
    return [pytest.param(text, id=f"{number} ({origin})") for number, (text, origin) in enumerate(said)]


class TestCommands:
    @pytest.mark.parametrize("text", texts(NOT_FOUND))
    def test_a_program_that_is_not_there_ends_with_127(self, text: str) -> None:
        assert start_problem(text) == StartProblem(exit_code=127, text=text)

    @pytest.mark.parametrize("text", texts(CANNOT_START))
    def test_one_that_cannot_be_started_ends_with_126(self, text: str) -> None:
        assert start_problem(text) == StartProblem(exit_code=126, text=text)

    @pytest.mark.parametrize("text", texts(STOPPED))
    def test_a_container_that_has_stopped_may_be_the_reason(self, text: str) -> None:
        assert start_problem(text) == StartProblem(exit_code=126, text=text, is_stopped=True)

    @pytest.mark.parametrize("text", texts([*MACHINES_FAULT, *GONE]))
    def test_what_the_machine_did_is_no_commands_result(self, text: str) -> None:
        assert start_problem(text) is None

    def test_older_engines_write_it_where_the_output_would_be(self) -> None:
        """As Docker 20.10 does, with a line end of terminals."""
        text = NOT_FOUND[0].text

        assert start_problem_in_output(126, f"{text}\r\n", "") == StartProblem(exit_code=127, text=text)

    @pytest.mark.parametrize(
        ("exit_code", "stdout", "stderr"),
        [
            (0, NOT_FOUND[0].text, ""),
            (None, NOT_FOUND[0].text, ""),
            (126, NOT_FOUND[0].text, "and more"),
            (126, f"I saw: {NOT_FOUND[0].text}", ""),
            (127, "sh: 1: nonexist: not found", ""),
            (126, MACHINES_FAULT[0].text, ""),
        ],
        ids=["it succeeded", "it was killed", "it has errors too", "it says more", "a shell's words", "a full disk"],
    )
    def test_what_a_command_printed_is_its_own(self, exit_code: int | None, stdout: str, stderr: str) -> None:
        assert start_problem_in_output(exit_code, stdout, stderr) is None


class TestContainers:
    @pytest.mark.parametrize("text", texts(GONE))
    def test_an_answer_says_that_it_is_gone(self, text: str) -> None:
        assert says_gone(text)

    @pytest.mark.parametrize("text", texts([*NOT_GONE, *MACHINES_FAULT]))
    def test_an_answer_about_something_else_does_not(self, text: str) -> None:
        assert not says_gone(text)


class TestHints:
    @pytest.mark.parametrize(
        ("text", "advice"),
        [
            ("Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available", "more CPUs than this machine"),
            (MACHINES_FAULT[0].text, "terminalbench images prune"),
            (
                "failed to register layer: Error processing tar file(exit status 1): write f : no space left on device",
                "terminalbench images prune",
            ),
        ],
        ids=["cpus (20.10)", "runc", "a pull (moby/moby#32811)"],
    )
    def test_there_is_a_cure(self, text: str, advice: str) -> None:
        assert re.match(f"\n.*{advice}", hint(text))

    @pytest.mark.parametrize("text", texts([*NOT_FOUND, *CANNOT_START, *STOPPED, *GONE]))
    def test_there_is_none(self, text: str) -> None:
        assert hint(text) == ""


# What Docker 20.10 said of containers that ended in these ways, each tried on a real one: its last state, and its
# events with their exit codes.
START = [ContainerEvent(action="create"), ContainerEvent(action="start")]
OOM = ContainerEvent(action="oom")
KILL = ContainerEvent(action="kill")


def die(exit_code: int) -> ContainerEvent:
    return ContainerEvent(action="die", exit_code=exit_code)


ENDS = {
    "kill 1": (ContainerState(exit_code=143), [*START, die(143)], "agent"),
    "kill -9 -1": (ContainerState(exit_code=137), [*START, die(137)], "agent"),
    "pkill sleep": (ContainerState(exit_code=143), [*START, die(143)], "agent"),
    "docker kill": (ContainerState(exit_code=137), [*START, KILL, die(137)], "engine"),
    "docker stop": (
        ContainerState(exit_code=143),
        [*START, KILL, die(143), ContainerEvent(action="stop")],
        "engine",
    ),
    "its deadline": (ContainerState(exit_code=0), [*START, die(0)], "engine"),
    "its deadline, after a process ran out of memory": (
        ContainerState(exit_code=0, oom_killed=True),
        [*START, OOM, die(0)],
        "engine",
    ),
    "docker kill, after a process ran out of memory": (
        ContainerState(exit_code=137, oom_killed=True),
        [*START, OOM, KILL, die(137)],
        "engine",
    ),
    "its main process ran out of memory": (
        ContainerState(exit_code=137, oom_killed=True),
        [*START, OOM, die(137)],
        "agent",
    ),
}


@pytest.mark.parametrize(("state", "events", "culprit"), ENDS.values(), ids=ENDS)
def test_who_ended_a_container(state: ContainerState, events: list[ContainerEvent], culprit: str) -> None:
    """Also where it was removed before anybody could look."""
    assert [who_ended(state, events), who_ended(None, events)] == [culprit, culprit]


@pytest.mark.parametrize(
    ("state", "culprit"),
    [
        (None, "engine"),
        (ContainerState(exit_code=137), "engine"),
        (ContainerState(exit_code=0), "engine"),
        (ContainerState(exit_code=137, oom_killed=True), "agent"),
    ],
    ids=["nothing is known", "killed by nobody knows whom", "its deadline", "out of memory"],
)
def test_who_ended_it_where_the_engine_has_forgotten_its_events(state: ContainerState | None, culprit: str) -> None:
    assert who_ended(state, []) == culprit


def test_what_the_engine_calls_an_error_is_its_own() -> None:
    """Before anything that the events say."""
    state = ContainerState(exit_code=137, oom_killed=True, error="failed to shutdown container")

    assert who_ended(state, [*START, die(137)]) == "engine"
