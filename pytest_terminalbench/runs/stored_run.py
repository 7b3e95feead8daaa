"""A finished run, read whole: its folder, what its cells came to, who ran it and when."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.manifest import RunManifest, read_manifest
from pytest_terminalbench.runs.summary import RunSummary, read_summary
from pytest_terminalbench.trials.result import read_result

__all__ = ["StoredRun", "read_run"]


@dataclass(frozen=True, kw_only=True)
class StoredRun:
    folder: RunFolder
    summary: RunSummary
    manifest: RunManifest


def read_run(folder: RunFolder) -> StoredRun:
    """Raises RunFolderError naming file and cure when one of the run's files is missing or damaged."""
    summary = read_summary(folder.summary)
    _check_trials(summary, folder.path)
    return StoredRun(folder=folder, summary=summary, manifest=read_manifest(folder))


def _check_trials(summary: RunSummary, run: Path) -> None:
    """Raise RunFolderError when the folder of a trial is there without a result that can be read."""
    for cell in summary.cells:
        for attempt in cell.attempts:
            # Who archives only the summary has no trials at all, and that is no damage.
            if attempt.folder and (run / attempt.folder).is_dir():
                read_result(run / attempt.folder / "result.json")
