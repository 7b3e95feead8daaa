"""What earlier runs say of a cell: how often it has passed in a row under the same conditions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pytest_terminalbench.baselines.parity import is_same_question
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.runs.history import DatedRun, runs_by_time
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.summary import read_summary
from pytest_terminalbench.trials.result import read_result

__all__ = ["PASSES_FOR_ACTIVE", "Row", "passes_in_a_row"]

# A baseline is provisional until its cell has passed so often, one run after the other.
PASSES_FOR_ACTIVE = 3


class Row(NamedTuple):
    """Passes one after the other; ``broken_by`` is what ended the row though it is no verdict: a damaged file."""

    passes: int
    broken_by: str = ""


def passes_in_a_row(results: Path, cell: CellId, run: RunFolder, fingerprint: Mapping[str, Any]) -> Row:
    """In how many runs up to `run`, one after the other, the cell passed under the conditions of `fingerprint`.

    A run that did not have the cell, had it void, or has not ended neither counts nor breaks the row; one that had it
    under other conditions, failed it, could not tell (inconclusive), or whose files are damaged, breaks it. A copy of a
    run, in a folder that has not the run's own name, never counts.
    """
    runs = runs_by_time(results)
    places = [earlier.folder.path.resolve() for earlier in runs]
    if run.path.resolve() not in places:
        return Row(0, f"{run.manifest} does not say when the run began")
    passes = 0
    try:
        for verdict in _verdicts(reversed(runs[: places.index(run.path.resolve()) + 1]), cell, fingerprint):
            if not verdict:
                break
            passes += 1
    except RunFolderError as error:
        return Row(passes, str(error))
    return Row(passes)


def _verdicts(runs: Iterable[DatedRun], cell: CellId, fingerprint: Mapping[str, Any]) -> Iterator[bool]:
    for run in runs:
        folder = run.folder
        if not folder.summary.exists():
            continue
        result = next((result for result in read_summary(folder.summary).cells if result.id == cell), None)
        if result is None or not result.is_scored:
            continue
        if not result.status.is_pass:
            yield False
        elif run.manifest.run_id is None:
            raise RunFolderError(f"{folder.manifest} is damaged: run_id is missing")
        elif run.manifest.run_id == folder.id:
            yield _same_conditions(folder, result, fingerprint)


def _same_conditions(run: RunFolder, cell: CellResult, fingerprint: Mapping[str, Any]) -> bool:
    trial = read_result(run.path / cell.attempts[0].folder / "result.json")
    return trial.run_id == run.id and is_same_question(trial.fingerprint, fingerprint)
