"""Cells that were tried, and stopped with their session before they came to a verdict: what they earned is kept."""

from __future__ import annotations

from contextlib import suppress

from pytest_terminalbench.cells.result import CellResult, short_attempt
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.naming import counted
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.status import Status
from pytest_terminalbench.trials.cell import Cell
from pytest_terminalbench.trials.result import read_result
from pytest_terminalbench.trials.trial_store import TrialFolders

__all__ = ["cut_short"]


def cut_short(cell: Cell, run: RunFolder, *, gate: str) -> CellResult | None:
    """The cell with its finished trials, and no verdict; None where none of them was judged.

    What the end of the session did to running trials is no answer, and alone nothing to tell of. `gate`: how the cell
    would have been compared.
    """
    attempts = []
    for folder in TrialFolders(run.path).kept(cell.id):
        # One that cannot be read tells nothing.
        with suppress(RunFolderError):
            attempts.append(short_attempt(read_result(folder / "result.json").attempt_result()))
    if all(attempt.is_void for attempt in attempts):
        return None
    return CellResult(
        id=cell.id,
        status=Status.VOID,
        text=f"interrupted after {counted(len(attempts), 'trial')}, so it was not judged",
        category=cell.scenario.category,
        difficulty=cell.scenario.difficulty,
        attempts=tuple(attempts),
        gate=gate,
        configuration=cell.configuration,
    )
