"""Whose fault was it? Judged from an engine's literal messages and from what is known of a container's end.

All functions are pure: they see only what was captured. ``tests/environments/test_failure.py`` keeps every message with
its origin, and as many that look alike and mean something else. A message that no rule knows is the machine's fault.

Accepted mistakes:

* A process outside that kills a container's main process without the engine (``kill -9`` on the host, the host's own
  OOM killer) leaves the same traces as one inside. It is taken for the agent's doing.
* ``OOMKilled`` tells that some process in the container ran out of memory, not that the container ended by it: a
  container that somebody stopped after that has it too (seen with Docker 20.10). So it counts last.
* A disk that is full is the machine's fault, also where the agent filled it: containers have no limit of their own for
  disk space, and every other trial on the machine fails as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = [
    "ContainerEvent",
    "ContainerState",
    "EndedBy",
    "StartProblem",
    "hint",
    "says_gone",
    "start_problem",
    "start_problem_in_output",
    "who_ended",
]

EndedBy: TypeAlias = Literal["agent", "engine"]


@dataclass(frozen=True, kw_only=True)
class StartProblem:
    """A command that the runtime could not start, as a shell would tell it: an exit code and a text.

    ``is_stopped``: the runtime found the container stopped, so that the container's end may be the reason.
    """

    exit_code: int
    text: str
    is_stopped: bool = False


@dataclass(frozen=True, kw_only=True)
class ContainerState:
    """What a container says of itself after its end (``State`` of an inspection)."""

    exit_code: int
    oom_killed: bool = False
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class ContainerEvent:
    """What the engine noted about a container; ``exit_code`` comes with ``die``."""

    action: str
    exit_code: int | None = None


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


# The machine or its runtime is broken. These come before all others: some begin like a command that cannot start.
_MACHINE = _any(
    r"no space left on device",
    # The runtime's own program was replaced or removed under the engine.
    r"fork/exec /proc/self/exe: no such file or directory",
    r"open /proc/self/fd: no such file or directory",
)
# runc and crun about a program that is not there.
_NOT_FOUND = _any(
    r"executable file not found in \$PATH",
    r"exec: \S+: stat \S+: no such file or directory",
    r"executable file `[^`]+` not found",
)
# How a message begins that says that a command did not start. Newer engines answer the request with it, older ones
# write it where the command's output would be.
_CANNOT_START = _any(
    r"^OCI runtime exec failed: ",
    r"^unable to find (user|group) ",
    r"^cannot exec in a stopped ",
    r"^cannot exec a container that has ",
    r"^ttrpc: closed",
    # Podman puts it behind what its runtime said.
    r": OCI (runtime )?permission denied( error)?$",
)
# What a runtime runs into when the container ends at that moment, or has just ended; the engine may not know yet.
_STOPPED = _any(
    r"cannot exec in a stopped ",
    r"cannot exec a container that has (run and )?stopped",
    r"namespace path: lstat /proc/\d+/ns/\w+: no such file or directory",
    r"error executing setns process: exit status",
    # Also of a container at its limit of memory, which goes on.
    r"init-p: (broken pipe|connection reset by peer)",
    r"ttrpc: closed",
)
_GONE = _any(
    r"^no such container\b",
    r"^no such exec instance\b",
    r"^container \S+ is not running",
    # Podman's.
    r": no such container$",
    r"can only create exec sessions on running containers",
    r"can only start exec sessions when their container is running",
)
_HINTS = (
    (
        re.compile("no space left on device"),
        "Free some disk: `terminalbench images prune` and `terminalbench gc` remove what is ours",
    ),
    (re.compile("^Range of CPUs is from "), "The scenario asks for more CPUs than this machine has"),
)


def start_problem(message: str) -> StartProblem | None:
    """What an engine's answer to the start of a command says of the command; None where it is about anything else."""
    text = message.strip()
    if _MACHINE.search(text):
        return None
    if _NOT_FOUND.search(text):
        return StartProblem(exit_code=127, text=text)
    if _CANNOT_START.search(text):
        return StartProblem(exit_code=126, text=text, is_stopped=bool(_STOPPED.search(text)))
    return None


def start_problem_in_output(exit_code: int | None, stdout: str, stderr: str) -> StartProblem | None:
    """The same, from what older engines wrote in place of the command's output.

    A command may print the same words and end with the same code; then the text moves to stderr, and no more.
    """
    if exit_code not in (126, 127) or stderr or not _CANNOT_START.match(stdout):
        return None
    return start_problem(stdout)


def says_gone(message: str) -> bool:
    """Whether an engine's answer says that the container that was asked for does not run, or is no more."""
    return bool(_GONE.search(message.strip()))


def hint(message: str) -> str:
    """A line of advice for an engine's message, with a line break before it; empty where there is none."""
    return "".join(f"\n{advice}" for pattern, advice in _HINTS if pattern.search(message))


def who_ended(state: ContainerState | None, events: Sequence[ContainerEvent]) -> EndedBy:
    """Who ended a container: what ran inside, or anything outside it.

    `state` is None where the container was removed before anybody could look. An engine forgets its `events` when it
    is started again.
    """
    if state is not None and state.error:
        return "engine"
    exit_code = state.exit_code if state is not None else _exit_code(events)
    # The main process slept until its deadline: nobody ended it, the trial took too long.
    if exit_code == 0:
        return "engine"
    actions = {event.action for event in events}
    # A signal that is sent from inside is no `kill` event.
    if "kill" in actions:
        return "engine"
    if "die" in actions:
        return "agent"
    return "agent" if state is not None and state.oom_killed else "engine"


def _exit_code(events: Iterable[ContainerEvent]) -> int | None:
    codes = [event.exit_code for event in events if event.action == "die"]
    return codes[-1] if codes else None
