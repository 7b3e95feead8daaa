"""What an environment promises to agents and verifiers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from pytest_terminalbench.documents import Fields

__all__ = ["Environment", "EnvironmentFactory", "ExecResult", "HasTerminal", "StopReport"]


@dataclass(frozen=True, kw_only=True)
class ExecResult:
    """What a command did.

    ``exit_code`` is None when the command was killed at its deadline (``timed_out``). ``stdout`` and ``stderr`` are
    decoded with replacement characters and hold head and tail when the command wrote more than the cap
    (``truncated``).
    """

    exit_code: int | None
    stdout: str
    stderr: str
    duration_s: float
    timed_out: bool = False
    truncated: bool = False

    @property
    def ok(self) -> bool:
        return self.exit_code == 0


@dataclass(frozen=True, kw_only=True)
class StopReport:
    """What the container's own accounting said when the agent's processes were stopped.

    ``memory_peak_mb`` (MiB) is the peak since the container's start by the counter named in ``memory_counter``.
    ``unstoppable``: after twenty rounds of killing there were still new processes (a fork bomb), or the container let
    nothing of ours run.
    ``oom_kills`` and ``pids_refused`` count how often a limit was hit. None means the kernel offers no such counter.
    """

    killed: int = 0
    unstoppable: bool = False
    memory_peak_mb: float | None = None
    memory_counter: str | None = None
    oom_kills: int | None = None
    pids_refused: int | None = None

    @classmethod
    def from_json(cls, content: object) -> StopReport:
        """The opposite of `dataclasses.asdict`; raises ValueError naming the field for what is no report."""
        report = Fields(content)
        return cls(
            killed=report.whole_or("killed", 0),
            unstoppable=report.flag_or("unstoppable", False),
            memory_peak_mb=report.number_or("memory_peak_mb", None),
            memory_counter=report.text_or("memory_counter", None),
            oom_kills=report.whole_or("oom_kills", None),
            pids_refused=report.whole_or("pids_refused", None),
        )


class Environment(Protocol):
    """A started place to act in. Several threads may use it at the same time.

    Every call raises EnvironmentFailure when nobody can say what happened.
    """

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float = ...,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        user: str | None = None,
    ) -> ExecResult:
        """Run `argv` and wait for it.

        A command that fails, is not found or runs out of time is a result like any other; on time-out the command's
        whole session of processes is killed, nobody else's, and what it had written is kept. Raises ValueError where
        `argv` is empty.
        """

    def put(self, files: Mapping[str, bytes | Path], *, root: str = "/") -> None:
        """Write files and folders into the environment as root, in one transfer.

        Keys are paths below `root`. A Path is a file or folder of the host (modes and links kept), bytes are a
        file's content; content that begins with ``#!`` becomes executable.
        """

    def get(self, path: str, target: Path, *, max_bytes: int = ...) -> bool:
        """Copy a file or folder out into the folder `target`; False when there is no such path."""

    def export(self, path: str) -> Iterator[bytes] | None:
        """A file or folder as a tar stream that keeps owners, modes and links; None when there is no such path."""

    def replace(self, path: str, archive: Iterator[bytes] | None) -> None:
        """Make `path` what `export` gave of another environment, removing what was there; None just removes it."""

    def stop_agent(self, *, keep: Sequence[str] = (), remove: Sequence[str] = ()) -> StopReport:
        """Kill every process but the environment's own and those named in `keep` (with their children).

        Then delete the paths in `remove`, and what is in the place of the folders they are in but is no folder.
        """

    def why_gone(self) -> str | None:
        """None while it runs; ``agent`` when what ran inside ended it; ``engine`` when anything outside did.

        For use after a failure: it may wait a moment to see whether the environment is ending.
        """

    def close(self) -> None:
        """Destroy the environment. Never raises for one that is gone already."""


@runtime_checkable
class HasTerminal(Protocol):
    """An environment that can give a person a terminal in it. Not all can."""

    def terminal(self, argv: Sequence[str], *, timeout_s: float, env: Mapping[str, str] | None = None) -> ExecResult:
        """Run `argv` with this process's terminal, until it ends or `timeout_s` is over; see `Environment.run`.

        ``stdout`` is all that the terminal showed. The command is left running at its time-out. Raises OSError where
        this process has no terminal any more.
        """


class EnvironmentFactory(Protocol):
    """Starts environments: the shape of the fixture ``tb_environment``."""

    def __call__(self) -> AbstractContextManager[Environment]:
        """A fresh environment, destroyed when the context ends."""
