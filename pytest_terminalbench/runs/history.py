"""Runs in the order in which they began."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.runs.layout import LATEST, RunFolder
from pytest_terminalbench.runs.manifest import RunManifest, read_manifest
from pytest_terminalbench.runs.summary import read_summary

__all__ = ["DatedRun", "run_before", "runs_by_time"]


class DatedRun(NamedTuple):
    """A run's folder, and what its manifest says."""

    folder: RunFolder
    manifest: RunManifest


def runs_by_time(results: Path) -> list[DatedRun]:
    """Every run below `results` that says when it began, oldest first.

    Folders that are no runs are passed over, and so are those with a damaged manifest: they hinder no other.
    """
    return sorted(_dated_runs(results), key=lambda run: (run.manifest.started_at, run.folder.path))


def _dated_runs(results: Path) -> Iterator[DatedRun]:
    for path in results.iterdir() if results.is_dir() else ():
        folder = RunFolder(path)
        if path.name == LATEST or not folder.manifest.is_file():
            continue
        try:
            yield DatedRun(folder, read_manifest(folder))
        except RunFolderError:
            continue


def run_before(run: RunFolder, cells: Collection[CellId]) -> RunFolder | None:
    """The run beside `run` that began last before it, has ended, and has one of `cells`; None when there is none."""
    began = read_manifest(run).started_at
    for earlier in reversed(runs_by_time(run.path.parent)):
        is_before = earlier.folder.path != run.path and earlier.manifest.started_at < began
        if is_before and earlier.folder.summary.is_file() and _has_one_of(earlier.folder, cells):
            return earlier.folder
    return None


def _has_one_of(run: RunFolder, cells: Collection[CellId]) -> bool:
    try:
        return any(cell.id in cells for cell in read_summary(run.summary).cells)
    except RunFolderError:
        return False
