"""Which cells the runs in a folder had."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.runs.history import runs_by_time
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.summary import read_summary

__all__ = ["cells_by_run"]


def cells_by_run(results: Path) -> Mapping[str, Sequence[CellId]]:
    """The cells of every run below `results` by the run's id; what is damaged tells nothing."""
    return {run.folder.id: list(_cells(run.folder)) for run in runs_by_time(results)}


def _cells(run: RunFolder) -> Iterator[CellId]:
    try:
        for cell in read_summary(run.summary).cells:
            yield cell.id
    except RunFolderError:
        return
