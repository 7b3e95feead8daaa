"""The run's folder: where everything lies."""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pytest_terminalbench.errors import RunFolderError, SettingsError
from pytest_terminalbench.naming import nearest

__all__ = ["RunFolder", "check_run_id", "find_run", "new_run_id", "run_id_problem", "run_names"]

LATEST = "latest"
# Of those that there are, where one is asked for that is not: the last ones by name, which mostly is by time.
SHOWN_RUNS = 5
# The file systems' limit is 255 bytes.
_LONGEST_RUN_ID = 200


@dataclass(frozen=True)
class RunFolder:
    """Paths of one run; nothing is made by naming it."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def manifest(self) -> Path:
        return self.path / "manifest.json"

    @property
    def ledger(self) -> Path:
        return self.path / "ledger.jsonl"

    @property
    def summary(self) -> Path:
        return self.path / "summary.json"

    @property
    def report(self) -> Path:
        return self.path / "report.md"

    @property
    def parity(self) -> Path:
        return self.path / "parity.json"

    @property
    def incidents(self) -> Path:
        return self.path / "incidents"

    @property
    def trials(self) -> Path:
        return self.path / "trials"

    def claim(self) -> None:
        """Take the folder for one session alone, the trials that are in it with it.

        Raises RunFolderError where another session has it, OSError where it cannot be written.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            self.manifest.touch(exist_ok=False)
        except FileExistsError:
            raise RunFolderError(f"{self.path} exists; name another run") from None

    def point_latest(self) -> None:
        """Let ``results/latest`` point here; where links cannot be made there is none."""
        link = self.path.parent / LATEST
        scratch = self.path.parent / f".{LATEST}.{os.getpid()}"
        try:
            scratch.unlink(missing_ok=True)
            scratch.symlink_to(self.path.name, target_is_directory=True)
            scratch.replace(link)
        except OSError:
            scratch.unlink(missing_ok=True)


def find_run(name: str | None, results: Path) -> RunFolder:
    """The run `name` (an id or a path; None: the latest); raises RunFolderError when there is none."""
    path = Path(name) if name and "/" in name else results / (name or LATEST)
    if not path.is_dir():
        names = run_names(results)
        more = f" and {len(names) - SHOWN_RUNS} more" if len(names) > SHOWN_RUNS else ""
        known = f"runs in {results}: {', '.join(names[-SHOWN_RUNS:])}{more}" if names else f"{results} has no runs"
        raise RunFolderError(f"no run at {path}{nearest(path.name, names)}; {known}")
    return RunFolder(path.resolve())


def run_names(results: Path) -> list[str]:
    """What the runs below `results` are called, sorted; none where there is no such folder."""
    folders = results.iterdir() if results.is_dir() else ()
    return sorted(path.name for path in folders if path.name != LATEST and RunFolder(path).manifest.is_file())


def run_id_problem(run_id: str) -> str | None:
    """Why no run can have this name, told with the name; None where one can."""
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", run_id):
        return f"{run_id!r} may hold letters, digits, `.`, `_` and `-` only, with no `.` in front"
    if len(run_id) > _LONGEST_RUN_ID:
        return f"{run_id[:20]!r}… has {len(run_id)} characters; at most {_LONGEST_RUN_ID} are allowed"
    if run_id == LATEST:
        return f"{run_id!r} is what the newest run is called; name it otherwise"
    return None


def check_run_id(run_id: str) -> None:
    """Raise SettingsError for a name that no run's folder can have."""
    problem = run_id_problem(run_id)
    if problem is not None:
        raise SettingsError(f"run_id {problem}")


def new_run_id() -> str:
    """A name for a run that begins now: the time, and something that no other run of that second has."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}-{secrets.token_hex(2)}"
