"""`terminalbench regrade`: judge the trials of a run again with the verifiers as they are now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from pytest_terminalbench.cli.output import (
    Format,
    FormatOption,
    Styled,
    Whole,
    complain,
    print_json,
    print_table,
    say,
    shown_path,
    status_cell,
)
from pytest_terminalbench.cli.project import (
    BaselinesOfRunOption,
    ImageMapOption,
    ResultsOption,
    baselines_of_run,
    catalog,
    chosen_image_map,
    project,
    results_folder,
)
from pytest_terminalbench.errors import RunFolderError

if TYPE_CHECKING:
    from pytest_terminalbench.cells.regrade import RegradedCell, RegradedTrial
    from pytest_terminalbench.cells.result import CellResult
    from pytest_terminalbench.runs.layout import RunFolder
    from pytest_terminalbench.sessions.regrade_run import RunRegrader

__all__ = ["regrade"]

EXIT_NOT_JUDGED = 1
EXIT_NO_RUN = 3


def regrade(
    run: Annotated[str | None, typer.Argument(metavar="RUN", help="A run's id or folder; default: the latest.")] = None,
    *,
    cells: Annotated[
        list[str] | None,
        typer.Option("--cell", metavar="CELL", help="Only this cell, as `report` names it. Repeatable."),
    ] = None,
    datasets: Annotated[
        list[str] | None,
        typer.Option("--dataset", metavar="PATH", help="Where a dataset lies that is not in `scenarios`. Repeatable."),
    ] = None,
    parity: Annotated[
        str,
        typer.Option(
            "--parity",
            metavar="block|warn",
            help="`warn`: judge also where the instruction or the image is another now.",
        ),
    ] = "block",
    results: ResultsOption = None,
    baselines: BaselinesOfRunOption = None,
    image_map: ImageMapOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Judge the trials of a run again, from what their agents left; no agent runs, and no model is paid.

    The verdicts before are kept in the trials' folders; cells, summary and report are brought up to date. Exit code 1
    when nothing was judged, or something that is kept could not be; 3 when the run is missing or damaged.
    """
    from pytest_terminalbench.runs.layout import find_run
    from pytest_terminalbench.sessions.regrade_run import RunRegrader, chosen_cells

    if parity not in ("block", "warn"):
        raise typer.BadParameter(f"{parity!r} is none of block, warn", param_hint="--parity")
    known_datasets = catalog()
    for request in datasets or []:
        dataset = known_datasets.find(request, asked="--dataset")
        known_datasets.add(dataset.name, dataset.folder)
    try:
        folder = find_run(run, results_folder(results))
        chosen = chosen_cells(folder, cells or [])
        regrader = RunRegrader(
            folder,
            root=project().root,
            baselines=baselines_of_run(baselines, folder),
            catalog=known_datasets,
            image_map=chosen_image_map(image_map),
            ignores_conditions=parity == "warn",
        )
        regraded = _regraded(regrader, chosen)
    except RunFolderError as error:
        complain(str(error))
        raise typer.Exit(EXIT_NO_RUN) from None
    _print(folder, regraded, output)
    trials = [trial for cell in regraded for trial in cell.trials]
    if any(trial.has_failed for trial in trials) or not any(trial.after for trial in trials):
        raise typer.Exit(EXIT_NOT_JUDGED)


def _regraded(regrader: RunRegrader, chosen: Sequence[CellResult]) -> list[RegradedCell]:
    """Each of the `chosen` cells, told as it comes; what was judged before an interruption counts."""
    regraded: list[RegradedCell] = []
    try:
        for cell in regrader.regrade(chosen):
            regraded.append(cell)
            say(f"[{len(regraded)}/{len(chosen)}] {cell.after.key}: {_change(cell)}")
    finally:
        regrader.close(regraded)
    return regraded


def _change(cell: RegradedCell) -> str:
    if not cell.was_judged:
        return "not judged again"
    before, after = cell.before.status.words, cell.after.status.words
    return f"still {after}" if before == after else f"{before}, now {after}"


def _print(run: RunFolder, cells: Sequence[RegradedCell], output: Format) -> None:
    if output is Format.JSON:
        print_json(
            {
                "run_id": run.id,
                "summary": str(run.summary),
                "cells": [
                    {
                        "cell": cell.after.key,
                        "before": cell.before.status.value,
                        "after": cell.after.status.value,
                        "text": cell.after.text,
                        "trials": [_trial_json(trial) for trial in cell.trials],
                    }
                    for cell in cells
                ],
            }
        )
        return
    rows = [_row(cell, trial) for cell in cells for trial in cell.trials]
    if rows:
        print_table([Whole("cell"), "attempt", "before", "now", "why not"], rows)
    typer.echo(f"results: {shown_path(run.path)}")


def _row(cell: RegradedCell, trial: RegradedTrial) -> list[str | Styled]:
    from pytest_terminalbench.outcome import outcome_name
    from pytest_terminalbench.status import Status

    after = status_cell(Status(outcome_name(trial.after))) if trial.after else "-"
    return [cell.after.key, str(trial.attempt), status_cell(Status(outcome_name(trial.before))), after, trial.problem]


def _trial_json(trial: RegradedTrial) -> dict[str, object]:
    from pytest_terminalbench.outcome import outcome_facts

    return {
        "attempt": trial.attempt,
        "folder": trial.folder,
        "before": outcome_facts(trial.before),
        "after": outcome_facts(trial.after) if trial.after else None,
        "problem": trial.problem,
        "failed": trial.has_failed,
    }
