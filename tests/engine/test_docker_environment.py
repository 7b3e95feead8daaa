"""Containers of a real engine: commands, files, limits, and ends of all kinds."""

from __future__ import annotations

import io
import json
import os
import stat
import tarfile
import textwrap
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from pytest_terminalbench.environments.base import ExecResult, StopReport
from pytest_terminalbench.environments.docker_engine import DockerEngine
from pytest_terminalbench.environments.docker_environment import DockerEnvironment
from pytest_terminalbench.environments.owner import EXPIRES_LABEL, OWNER_LABEL, RUN_LABEL
from pytest_terminalbench.errors import EnvironmentFailure, EnvironmentLost, TooMuchToCopy
from tests.engine.conftest import Start

pytestmark = pytest.mark.docker


# It takes the place of every process that ends, and every place by which the limit is raised.
BOMB = b"""
import os, sys, time
while True:
    try:
        if os.fork() == 0 and sys.argv[1:]:
            os.setsid()
    except OSError:
        time.sleep(0.001)
"""


def sh(environment: DockerEnvironment, script: str, *, timeout_s: float = 30.0, user: str | None = None) -> ExecResult:
    return environment.run(["sh", "-c", textwrap.dedent(script)], timeout_s=timeout_s, user=user)


def printed(environment: DockerEnvironment, script: str) -> str:
    done = sh(environment, script)
    assert done.ok, done
    return done.stdout


def processes(environment: DockerEnvironment) -> list[str]:
    """The command lines of what runs beside init, the main process and the question itself."""
    lines = printed(environment, "ps -e -o args=").splitlines()
    own = ("ps -e", "sh -c ps -e", "/sbin/docker-init", "/dev/init", "/run/podman-init", "sleep 300")
    return [line for line in lines if not line.startswith(own)]


def eventually(is_so: Callable[[], object], seconds: float = 10.0) -> bool:
    until = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def end_of(environment: DockerEnvironment) -> str | None:
    """Why it is gone, once it is; then no command has a result."""
    assert eventually(environment.why_gone)
    with pytest.raises(EnvironmentLost):
        environment.run(["true"])
    return environment.why_gone()


class TestCommands:
    def test_output_and_exit_code_are_the_commands_own(self, environment: DockerEnvironment) -> None:
        done = sh(environment, "echo out; echo err >&2; exit 3")

        assert (done.exit_code, done.stdout, done.stderr) == (3, "out\n", "err\n")
        assert (done.timed_out, done.truncated) == (False, False)

    def test_variables_folder_and_user_are_as_asked(self, environment: DockerEnvironment) -> None:
        done = environment.run(
            ["sh", "-c", "echo $GREETING; pwd; id -un"], env={"GREETING": "hi"}, cwd="/", user="nobody"
        )

        assert done.stdout == "hi\n/\nnobody\n"

    def test_variables_that_no_shell_keeps_get_through(self, start: Start) -> None:
        """Such as those of Java programs; it is dash that leaves them out."""
        environment = start(env={"server.port": "80"})

        assert "server.port=80" in environment.run(["env"]).stdout.splitlines()
        assert "one.more=1" in start().run(["env"], env={"one.more": "1"}).stdout.splitlines()

    def test_arguments_arrive_as_they_are(self, environment: DockerEnvironment) -> None:
        arguments = ["", " ", "a b", "$HOME", "'", '"', "\\", "*", "-n", "line\nbreak", "ä"]
        script = "import json, sys; print(json.dumps(sys.argv[1:]))"

        assert json.loads(environment.run(["python3", "-c", script, *arguments]).stdout) == arguments

    def test_the_first_line_of_a_commands_errors_is_its_own(self, environment: DockerEnvironment) -> None:
        assert environment.run(["sh", "-c", "echo one >&2; echo two >&2"]).stderr == "one\ntwo\n"
        assert environment.run(["true"]).stderr == ""

    def test_a_command_without_words_is_a_mistake_of_the_caller(self, environment: DockerEnvironment) -> None:
        with pytest.raises(ValueError, match="argv is empty"):
            environment.run([])

    def test_a_command_that_is_not_found_is_a_result(self, environment: DockerEnvironment) -> None:
        done = environment.run(["no-such-command"])

        assert (done.exit_code, done.stdout) == (127, "")
        assert "no-such-command" in done.stderr

    @pytest.mark.parametrize(
        ("argv", "cwd", "user"),
        [(["/etc/passwd"], None, None), (["true"], "/nowhere", None), (["true"], None, "stranger")],
        ids=["not executable", "no such folder", "no such user"],
    )
    def test_a_command_that_cannot_start_is_a_result(
        self, environment: DockerEnvironment, argv: list[str], cwd: str | None, user: str | None
    ) -> None:
        done = environment.run(argv, cwd=cwd, user=user)

        assert (done.exit_code, done.stdout) == (126, "")
        assert done.stderr

    def test_words_of_the_runtime_in_a_commands_output_break_nothing(self, environment: DockerEnvironment) -> None:
        done = sh(environment, "echo x >> /ran; echo 'cannot exec in a stopped state: unknown'; exit 126")

        assert (done.exit_code, done.stdout) == (126, "cannot exec in a stopped state: unknown\n")
        # And it was run once.
        assert printed(environment, "cat /ran") == "x\n"

    def test_odd_bytes_are_replaced(self, environment: DockerEnvironment) -> None:
        assert printed(environment, r"printf 'a\377b\303\244'") == "a\ufffdbä"

    def test_fifty_megabytes_are_cut_to_head_and_tail(self, environment: DockerEnvironment) -> None:
        script = "echo first; head -c 50000000 /dev/zero | tr '\\0' x; echo; echo last"
        done = environment.run(["sh", "-c", script], timeout_s=60, output_cap=1000)

        assert (done.exit_code, done.truncated) == (0, True)
        assert done.stdout.startswith("first\nxxx")
        assert done.stdout.endswith("xxx\nlast\n")
        # 50,000,012 bytes were written, and a thousand are kept.
        assert "\n[... 49999012 bytes left out ...]\n" in done.stdout

    def test_a_background_process_that_holds_the_output_does_not_hang(self, environment: DockerEnvironment) -> None:
        began = time.monotonic()
        done = sh(environment, "echo started; sleep 200 &")

        assert (done.exit_code, done.stdout, done.timed_out) == (0, "started\n", False)
        assert time.monotonic() - began < 10


class TestDeadlines:
    def test_what_was_printed_is_kept(self, environment: DockerEnvironment) -> None:
        done = sh(environment, "echo begun; echo oh >&2; sleep 100; echo never", timeout_s=0.5)

        assert (done.exit_code, done.timed_out, done.stdout, done.stderr) == (None, True, "begun\n", "oh\n")

    def test_the_whole_group_is_gone_and_the_next_command_runs(self, environment: DockerEnvironment) -> None:
        sh(environment, "sleep 101 & (sleep 102 &) ; setsid sleep 103 & trap '' TERM; sleep 104", timeout_s=0.5)

        assert processes(environment) == []

    def test_commands_of_other_users_are_killed_too(self, environment: DockerEnvironment) -> None:
        """Not even root may read the variables of their processes in a container."""
        done = sh(environment, "sleep 101 & sleep 102", timeout_s=0.5, user="nobody")

        assert done.timed_out
        assert processes(environment) == []

    def test_one_that_wrote_over_its_variables_is_killed_too(self, environment: DockerEnvironment) -> None:
        done = sh(environment, "exec env -i sh -c 'sleep 101 & sleep 102'", timeout_s=0.5)

        assert done.timed_out
        assert processes(environment) == []

    def test_a_service_of_an_earlier_command_survives(self, environment: DockerEnvironment) -> None:
        sh(environment, "setsid sleep 101 >/dev/null 2>&1 &")
        sh(environment, "sleep 102", timeout_s=0.5)

        assert processes(environment) == ["sleep 101"]


class TestCommandsAtTheSameTime:
    """A deadline ends the command that it is for, and no other."""

    @pytest.mark.parametrize(
        ("late", "user"),
        [("sleep 101 & sleep 102", None), ("sleep 101 & sleep 102", "nobody"), ("exec env -i sleep 101", None)],
        ids=["as root", "as another user", "without variables"],
    )
    def test_the_other_goes_on_to_its_end(self, environment: DockerEnvironment, late: str, user: str | None) -> None:
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(sh, environment, "echo begun; sleep 2; echo ended")
            assert eventually(lambda: "sleep 2" in processes(environment))
            done = sh(environment, late, timeout_s=0.5, user=user)

        assert (done.timed_out, done.exit_code) == (True, None)
        assert (other.result().exit_code, other.result().stdout) == (0, "begun\nended\n")
        assert processes(environment) == []

    def test_another_users_command_goes_on_too(self, environment: DockerEnvironment) -> None:
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(sh, environment, "sleep 2; echo ended", user="nobody")
            assert eventually(lambda: "sleep 2" in processes(environment))
            assert sh(environment, "sleep 101", timeout_s=0.5, user="nobody").timed_out

        assert (other.result().exit_code, other.result().stdout) == (0, "ended\n")

    def test_two_that_are_late_are_both_killed(self, environment: DockerEnvironment) -> None:
        with ThreadPoolExecutor(2) as pool:
            late = [pool.submit(sh, environment, f"echo {n}; sleep 10{n}", timeout_s=0.5) for n in (1, 2)]

        assert [(it.result().timed_out, it.result().stdout) for it in late] == [(True, "1\n"), (True, "2\n")]
        assert processes(environment) == []
        assert environment.why_gone() is None

    def test_many_keep_their_outputs_apart(self, environment: DockerEnvironment) -> None:
        with ThreadPoolExecutor(8) as pool:
            said = list(pool.map(lambda n: sh(environment, f"echo out {n}; echo err {n} >&2; exit {n}"), range(24)))

        assert [(it.exit_code, it.stdout, it.stderr) for it in said] == [
            (n, f"out {n}\n", f"err {n}\n") for n in range(24)
        ]


class TestFiles:
    def test_files_and_folders_go_in_as_root_with_their_modes(
        self, environment: DockerEnvironment, tmp_path: Path
    ) -> None:
        (tmp_path / "folder" / "sub").mkdir(parents=True)
        (tmp_path / "folder" / "run.sh").write_text("#!/bin/sh\n")
        (tmp_path / "folder" / "run.sh").chmod(0o700)
        (tmp_path / "folder" / "sub" / "note").write_text("n")
        (tmp_path / "folder" / "sub" / "note").chmod(0o600)
        (tmp_path / "folder" / "link").symlink_to("sub/note")

        environment.put(
            {"in": tmp_path / "folder", "bytes/script": b"#!/bin/sh\necho ran\n", "bytes/text": b"t"}, root="/srv"
        )

        listed = printed(environment, "cd /srv; find . -type f -o -type l | sort | xargs stat -c '%n %A %U'")
        assert listed.splitlines() == [
            "./bytes/script -rwxr-xr-x root",
            "./bytes/text -rw-r--r-- root",
            "./in/link lrwxrwxrwx root",
            "./in/run.sh -rwxr-xr-x root",
            "./in/sub/note -rw-r--r-- root",
        ]
        assert printed(environment, "/srv/bytes/script; cat /srv/in/link") == "ran\nn"

    def test_files_and_folders_come_out_without_links(self, environment: DockerEnvironment, tmp_path: Path) -> None:
        printed(
            environment,
            "mkdir -p /srv/out/sub; echo a > /srv/out/a; echo b > /srv/out/sub/b; ln -s /etc/passwd /srv/out/l",
        )

        assert environment.get("/srv/out", tmp_path / "folder")
        assert environment.get("/srv/out/a", tmp_path / "file")
        found = {p.relative_to(tmp_path).as_posix(): p.read_text() for p in tmp_path.rglob("*") if p.is_file()}
        assert found == {"folder/a": "a\n", "folder/sub/b": "b\n", "file/a": "a\n"}

    def test_what_is_not_there_is_told(self, environment: DockerEnvironment, tmp_path: Path) -> None:
        assert not environment.get("/nowhere", tmp_path)
        assert environment.export("/nowhere/at/all") is None

    def test_more_than_is_allowed_is_refused(self, environment: DockerEnvironment, tmp_path: Path) -> None:
        printed(environment, "truncate -s 1M /srv/large")

        with pytest.raises(TooMuchToCopy):
            environment.get("/srv/large", tmp_path, max_bytes=1000)

    def test_replace_keeps_modes_links_and_owners(self, start: Start) -> None:
        one, other = start(), start()
        printed(
            one,
            """
            mkdir -p /srv/w/empty; cd /srv/w; echo x > x; chmod 4750 x; chown nobody:daemon x; ln x hard
            ln -s x soft; mkfifo pipe; touch -d 2001-02-03 x
            """,
        )
        printed(other, "mkdir -p /srv/w; echo stale > /srv/w/deleted")

        other.replace("/srv/w", one.export("/srv/w"))

        listing = "cd /srv/w; find . | sort | xargs stat -c '%n %A %U %G %h'; readlink soft; stat -c %y x; cat x"
        assert printed(other, listing) == printed(one, listing)

    def test_replace_makes_parents_and_removes_what_is_no_longer(self, start: Start) -> None:
        one, other = start(), start()
        printed(one, "mkdir -p /srv/deep/down; echo x > /srv/deep/down/file")
        printed(other, "mkdir -p /srv/gone; touch /srv/gone/file")

        other.replace("/srv/deep/down/file", one.export("/srv/deep/down/file"))
        other.replace("/srv/gone", one.export("/srv/gone"))

        assert printed(other, "cat /srv/deep/down/file; ls /srv") == "x\ndeep\n"

    def test_an_export_keeps_numbers_of_owners(self, environment: DockerEnvironment) -> None:
        printed(environment, "mkdir /srv/o; touch /srv/o/f; chown 1234:4321 /srv/o/f; chmod 640 /srv/o/f")

        archive = environment.export("/srv/o")

        assert archive is not None
        with tarfile.open(fileobj=io.BytesIO(b"".join(archive))) as tar:
            member = tar.getmember("o/f")
        assert (member.uid, member.gid, stat.S_IMODE(member.mode)) == (1234, 4321, 0o640)


class TestLimits:
    def test_there_is_no_network(self, environment: DockerEnvironment) -> None:
        """No interface but loopback, and none that could be reached."""
        assert printed(environment, "ls /sys/class/net").split() == ["lo"]
        script = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=5)"
        done = environment.run(["python3", "-c", script])
        assert done.stderr.splitlines()[-1] == "OSError: [Errno 101] Network is unreachable"

    def test_cpus_and_memory_are_the_containers_own(self, start: Start, engine: DockerEngine) -> None:
        environment = start(cpus=0.5, memory_mb=64, pids=50)

        host = engine.api.inspect_container(environment.container)["HostConfig"]
        limits = {key: host[key] for key in ("NanoCpus", "Memory", "MemorySwap", "PidsLimit", "NetworkMode", "Init")}
        assert limits == {
            "NanoCpus": 500_000_000,
            "Memory": 64 << 20,
            "MemorySwap": 64 << 20,
            "PidsLimit": 50,
            "NetworkMode": "none",
            "Init": True,
        }

    def test_a_process_killed_for_memory_is_counted(self, start: Start) -> None:
        environment = start(memory_mb=64)

        done = environment.run(["python3", "-c", "bytearray(200 << 20)"])
        report = environment.stop_agent()

        assert done.exit_code == 137
        assert report.oom_kills == 1
        assert report.memory_counter is None or 60 <= (report.memory_peak_mb or 0) <= 65

    def test_refused_processes_are_counted(self, start: Start) -> None:
        environment = start(pids=32)

        done = sh(environment, "for i in $(seq 40); do sleep 200 >/dev/null 2>&1 & done")
        report = environment.stop_agent()

        assert "Cannot fork" in done.stderr
        assert (report.unstoppable, bool(report.pids_refused)) == (False, True)
        assert processes(environment) == []

    def test_a_bomb_that_was_typed_is_killed_at_its_deadline(self, start: Start) -> None:
        environment = start(pids=48, cpus=0.5)
        environment.put({"/tmp/bomb.py": BOMB})

        done = sh(environment, "exec python3 /tmp/bomb.py", timeout_s=1)

        assert done.timed_out
        # What was killed holds its place under the limit until the container's first process has buried it.
        assert eventually(lambda: sh(environment, "true | true").ok)
        assert processes(environment) == []
        assert environment.stop_agent().pids_refused

    def test_a_bomb_that_left_its_session_is_stopped(self, start: Start) -> None:
        environment = start(pids=48, cpus=0.5)
        environment.put({"/tmp/bomb.py": BOMB})
        sh(environment, "setsid python3 /tmp/bomb.py --new-sessions >/dev/null 2>&1 & sleep 0.5")

        report = environment.stop_agent()

        assert (report.unstoppable, bool(report.pids_refused)) == (False, True)
        assert processes(environment) == []

    def test_where_nothing_of_ours_can_run_that_is_told(self, environment: DockerEnvironment) -> None:
        environment.run(["rm", "/bin/sh"])

        assert environment.stop_agent() == StopReport(unstoppable=True)

    def test_commands_run_without_a_shell(self, environment: DockerEnvironment) -> None:
        """As in an image that has none."""
        environment.run(["rm", "/bin/sh"])

        done = environment.run(["ls", "/etc/passwd", "/nowhere"])
        missing = environment.run(["no-such-command"])

        assert (done.exit_code, done.stdout, bool(done.stderr)) == (2, "/etc/passwd\n", True)
        assert (missing.exit_code, missing.stdout) == (127, "")

    def test_a_command_that_cannot_be_killed_ends_the_container(self, environment: DockerEnvironment) -> None:
        """By the agent's fault: it left nothing to kill with."""
        environment.run(["rm", "/bin/sh"])

        done = environment.run(["sleep", "100"], timeout_s=0.2)

        assert done.timed_out
        assert environment.why_gone() == "agent"

    def test_orphans_are_reaped(self, environment: DockerEnvironment) -> None:
        """Five hundred children whose parents have ended leave no zombie."""
        script = "i=0; while [ $i -lt 500 ]; do (true &); i=$((i+1)); done; sleep 0.3; ps -e -o stat= | grep -c Z; true"

        assert printed(environment, script) == "0\n"


class TestStopping:
    def test_everything_is_killed_and_the_paths_are_removed(self, environment: DockerEnvironment) -> None:
        sh(
            environment,
            "sleep 101 >/dev/null 2>&1 & setsid sleep 102 >/dev/null 2>&1 & (setsid sleep 103 >/dev/null 2>&1 &)",
        )
        printed(
            environment, "mkdir -p /tests/a /elsewhere; touch /tests/a/b; ln -s /elsewhere /logs; mkdir /logs/verifier"
        )

        report = environment.stop_agent(remove=["/tests", "/logs/verifier"])

        assert (report.killed, report.unstoppable) == (3, False)
        assert processes(environment) == []
        assert printed(environment, "ls -d /tests /logs/verifier 2>/dev/null; true") == ""

    def test_only_what_is_listed_is_kept_with_its_children(self, environment: DockerEnvironment) -> None:
        environment.put(
            {"/srv/served.py": b"import subprocess, time\nsubprocess.run(['sleep', '102'])\ntime.sleep(200)\n"}
        )
        sh(environment, "setsid python3 /srv/served.py >/dev/null 2>&1 & setsid sleep 101 >/dev/null 2>&1 & sleep 0.5")

        report = environment.stop_agent(keep=["served.py"])

        assert report.killed == 1
        assert processes(environment) == ["python3 /srv/served.py", "sleep 102"]

    def test_one_that_calls_itself_like_the_main_process_is_killed(self, environment: DockerEnvironment) -> None:
        sh(environment, "setsid sleep 300 >/dev/null 2>&1 &")

        assert environment.stop_agent().killed == 1
        assert environment.why_gone() is None

    def test_nobody_stops_a_process_that_does_not_want_to(self, environment: DockerEnvironment) -> None:
        """Except by a signal that cannot be ignored."""
        script = "import os, signal, time\nsignal.pthread_sigmask(signal.SIG_SETMASK, range(1, 32))\ntime.sleep(200)\n"
        environment.put({"/srv/stubborn.py": script.encode()})
        sh(environment, "setsid python3 /srv/stubborn.py >/dev/null 2>&1 & sleep 0.3")

        assert environment.stop_agent().killed == 1

    def test_a_container_that_is_gone_cannot_be_stopped(self, environment: DockerEnvironment) -> None:
        environment.close()

        with pytest.raises(EnvironmentLost):
            environment.stop_agent()


class TestEnds:
    def test_it_runs(self, environment: DockerEnvironment) -> None:
        assert environment.why_gone() is None

    @pytest.mark.parametrize("command", ["kill 1", "kill -9 -1", "pkill sleep"])
    def test_the_agent_can_end_it(self, environment: DockerEnvironment, command: str) -> None:
        with suppress(EnvironmentLost):
            sh(environment, f"{command}; sleep 5")

        assert end_of(environment) == "agent"

    def test_somebody_outside_can_remove_it(self, engine: DockerEngine, environment: DockerEnvironment) -> None:
        engine.remove(environment.container)

        assert end_of(environment) == "engine"

    def test_somebody_outside_can_kill_it(self, engine: DockerEngine, environment: DockerEnvironment) -> None:
        engine.api.kill(environment.container)

        assert end_of(environment) == "engine"

    def test_it_ends_by_itself_and_is_removed(self, engine: DockerEngine, start: Start, run_id: str) -> None:
        environment = start(lifetime_s=1)

        assert end_of(environment) == "engine"
        assert eventually(lambda: not engine.containers(f"{RUN_LABEL}={run_id}"))

    def test_closing_twice_is_no_error(self, environment: DockerEnvironment) -> None:
        environment.close()
        environment.close()

    def test_labels_say_whose_it_is(self, engine: DockerEngine, environment: DockerEnvironment, run_id: str) -> None:
        (found,) = engine.containers(f"{RUN_LABEL}={run_id}")

        assert found["Labels"][RUN_LABEL] == run_id
        assert int(found["Labels"][EXPIRES_LABEL]) > time.time()
        assert f'"pid": {os.getpid()}' in found["Labels"][OWNER_LABEL]

    def test_an_image_that_is_not_there_is_told(self, start: Start) -> None:
        with pytest.raises(EnvironmentFailure, match="start a container of no-such-image:1"):
            start(image="no-such-image:1")

    def test_one_that_cannot_start_leaves_nothing_behind(self, engine: DockerEngine, start: Start, run_id: str) -> None:
        with pytest.raises(EnvironmentFailure):
            start(user="stranger")

        assert engine.containers(f"{RUN_LABEL}={run_id}") == []
