"""Where trials are kept: a protocol, and its first implementation, folders of a run on this machine."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Protocol

from pytest_terminalbench.identity import CellId

__all__ = ["TrialFolders", "TrialStore", "files_in"]

TRIALS = "trials"


class TrialStore(Protocol):
    """Keeps finished trials. A trial is written to a scratch folder of this machine, and kept when it is whole."""

    def open(self, cell: CellId, attempt: int) -> Path:
        """An empty scratch folder for a trial that begins now."""

    def place(self, cell: CellId, name: str) -> str:
        """Where a trial of `cell` is found when it is kept as `name`, relative to the run."""

    def finish(self, scratch: Path, cell: CellId, name: str) -> None:
        """Keep what is in `scratch` as `name`, in place of what may be there."""

    def discard(self, cell: CellId, attempt: int) -> None:
        """Remove the scratch folder of a trial that cannot be kept, as far as that is possible."""


class TrialFolders:
    """Below ``trials/`` of the run's folder `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def open(self, cell: CellId, attempt: int) -> Path:
        """Under another name than the trial's until it is whole: a folder with a number is always a finished trial.

        What an interrupted trial has left there is removed.
        """
        self.discard(cell, attempt)
        scratch = self._scratch(cell, attempt)
        scratch.mkdir(parents=True)
        return scratch

    def discard(self, cell: CellId, attempt: int) -> None:
        shutil.rmtree(self._scratch(cell, attempt), ignore_errors=True)

    def _scratch(self, cell: CellId, attempt: int) -> Path:
        return self.root / self.place(cell, f".{attempt}.running")

    def place(self, cell: CellId, name: str) -> str:
        return f"{TRIALS}/{cell.trial_folder}/{name}"

    def finish(self, scratch: Path, cell: CellId, name: str) -> None:
        final = self.root / self.place(cell, name)
        # A cell that is run once more (a killed worker's) replaces what is there.
        shutil.rmtree(final, ignore_errors=True)
        scratch.rename(final)

    def kept(self, cell: CellId) -> list[Path]:
        """The folders of the finished trials of `cell`, in order of their attempts."""
        folders = (self.root / self.place(cell, "")).glob("*")
        return sorted((folder for folder in folders if folder.name.isdecimal()), key=lambda folder: int(folder.name))


def files_in(folder: Path) -> tuple[str, ...]:
    """Every file below `folder`, relative to it, in order of its name."""
    return tuple(path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file())
