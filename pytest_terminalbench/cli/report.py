"""`terminalbench report`: a run, and what has changed since another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pytest_terminalbench.cli.output import (
    Format,
    FormatOption,
    Numbers,
    Styled,
    Whole,
    complain,
    percent,
    print_json,
    print_table,
    say,
    shown_path,
    status_cell,
)
from pytest_terminalbench.cli.project import BaselinesOfRunOption, ResultsOption, baselines_of_run, results_folder
from pytest_terminalbench.errors import RunFolderError, SettingsError

if TYPE_CHECKING:
    from pytest_terminalbench.cells.result import CellResult
    from pytest_terminalbench.runs.deltas import Reference
    from pytest_terminalbench.runs.stored_run import StoredRun
    from pytest_terminalbench.runs.summary import RunSummary
    from pytest_terminalbench.status import Status

__all__ = ["report"]

EXIT_NO_RUN = 3


def report(
    run: Annotated[str | None, typer.Argument(metavar="RUN", help="A run's id or folder; default: the latest.")] = None,
    *,
    deltas: Annotated[bool, typer.Option("--deltas", help="Compare with the run before.")] = False,
    against: Annotated[str | None, typer.Option("--against", metavar="RUN", help="Compare with this run.")] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", metavar="NAME", help="Only the cells of this one.")
    ] = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="First rebuild summary.json and report.md from the run's ledger.")
    ] = False,
    results: ResultsOption = None,
    baselines: BaselinesOfRunOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Show what a run came to, and what has changed since another.

    In JSON, deltas are taken against the approved baselines unless another run is asked for. Exit code 3 when a run is
    missing or damaged.
    """
    try:
        if rebuild:
            _rebuild(run, results_folder(results), baselines)
        content = _read(run, results_folder(results), dataset)
        compared_with = baselines_of_run(baselines, content.folder)
        reference = _reference(content, results_folder(results), compared_with, deltas, against)
    except RunFolderError as error:
        complain(str(error))
        raise typer.Exit(EXIT_NO_RUN) from None
    if output is Format.JSON:
        from pytest_terminalbench.runs.report_json import report_json

        print_json(report_json(content.summary, run=content.folder.path, manifest=content.manifest, before=reference))
    else:
        _print(content, reference if deltas or against else None)


def _rebuild(name: str | None, results: Path, chosen_baselines: Path | None) -> None:
    from pytest_terminalbench.runs.layout import find_run
    from pytest_terminalbench.sessions.closing import rebuild_run

    run = find_run(name, results)
    baselines = baselines_of_run(chosen_baselines, run)
    try:
        rebuilt = rebuild_run(run, baselines=baselines)
    except OSError as error:
        raise SettingsError(f"{error.filename or run.path} cannot be written: {error.strerror or error}") from None
    say(f"summary.json and report.md of {run.id} are rebuilt")
    if rebuilt.is_gate_new:
        say(
            "no gate was recorded of these cells, so it was asked anew, of the baselines in "
            f"{shown_path(baselines)} as they are now"
        )


def _read(name: str | None, results: Path, dataset: str | None) -> StoredRun:
    from pytest_terminalbench.runs.layout import find_run
    from pytest_terminalbench.runs.stored_run import read_run

    run = read_run(find_run(name, results))
    return run if dataset is None else replace(run, summary=_of_dataset(run.summary, dataset))


def _of_dataset(summary: RunSummary, dataset: str) -> RunSummary:
    from pytest_terminalbench.runs.summary import only_dataset

    part = only_dataset(summary, dataset)
    if not part.totals.cells:
        datasets = ", ".join(summary.datasets) or "none"
        raise SettingsError(f"--dataset {dataset!r}: run {summary.run_id} has cells of {datasets}")
    return part


def _reference(run: StoredRun, results: Path, baselines: Path, deltas: bool, against: str | None) -> Reference:
    from pytest_terminalbench.runs.deltas import Reference, reference_baselines, reference_run
    from pytest_terminalbench.runs.history import run_before
    from pytest_terminalbench.runs.layout import find_run
    from pytest_terminalbench.runs.summary import read_summary

    cells = run.summary.cells
    if against is None and not deltas:
        return reference_baselines(cells, baselines)
    other = find_run(against, results) if against else run_before(run.folder, {cell.id for cell in cells})
    if other is None:
        say(f"no run before {run.folder.id} has any of its cells, so there are no deltas")
        return Reference()
    return reference_run(read_summary(other.summary))


# -- the table ---------------------------------------------------------------------------------------------------


def _print(run: StoredRun, reference: Reference | None) -> None:
    summary = run.summary
    for line in _heading(run):
        typer.echo(line)
    if summary.cells:
        typer.echo()
        _print_categories(summary.cells)
        typer.echo()
        if reference is not None and reference.name:
            typer.echo(f"compared with run {reference.name}:")
        _print_cells(summary.cells, reference)
    typer.echo()
    for line in _closing_lines(summary):
        typer.echo(line)
    typer.echo(f"results: {shown_path(run.folder.path)}")


def _heading(run: StoredRun) -> Iterator[str]:
    summary, manifest = run.summary, run.manifest
    actors = ", ".join(sorted({cell.id.actor for cell in summary.cells}))
    yield f"run {summary.run_id}: {', '.join(summary.datasets) or 'no cells'}" + (f"; agent {actors}" if actors else "")
    yield f"began {_moment(manifest.started_at)}, " + (
        f"ended {_moment(manifest.finished_at)} with exit code {manifest.exit_status}"
        if manifest.finished_at
        else "has not ended"
    )


def _moment(timestamp: str) -> str:
    return timestamp[:19].replace("T", " ")


def _print_categories(cells: Sequence[CellResult]) -> None:
    from pytest_terminalbench.runs.report_lines import category_table

    table = category_table(cells)
    name, *numbers = table.heading
    print_table([name, *map(Numbers, numbers)], table.rows)


def _print_cells(cells: Sequence[CellResult], reference: Reference | None) -> None:
    from pytest_terminalbench.runs.report_lines import MEASURED

    is_one_dataset = len({cell.id.dataset for cell in cells}) == 1
    columns: list[Numbers | Whole | str] = [Whole("cell"), "status"]
    if reference is None:
        columns += ["attempts", *map(Numbers, MEASURED)]
    else:
        seconds, memory = MEASURED
        columns += ["before", *map(Numbers, (seconds, "change", memory, "change"))]
    print_table(columns, [_cell_row(cell, reference, short=is_one_dataset) for cell in cells])


def _cell_row(cell: CellResult, reference: Reference | None, *, short: bool) -> list[str | Styled]:
    from pytest_terminalbench.runs.deltas import Measured, delta_percent
    from pytest_terminalbench.runs.report_lines import attempt_marks, measured_texts

    name = cell.key.partition("/")[2] if short else cell.key
    now = Measured.of(cell)
    seconds, memory = measured_texts(now)
    if reference is None:
        return [name, status_cell(cell.status), attempt_marks(cell), seconds, memory]
    before = reference.of(cell)
    return [
        name,
        status_cell(cell.status),
        _before(cell.status, before.status),
        seconds,
        percent(delta_percent(now.runtime_s, before.runtime_s)),
        memory,
        percent(delta_percent(now.memory_peak_mb, before.memory_peak_mb)),
    ]


def _before(status: Status, before: Status | None) -> str | Styled:
    if before is None:
        return "not there"
    return status_cell(before) if before is not status else "the same"


def _closing_lines(summary: RunSummary) -> Iterator[str]:
    """What somebody should look at, and what it all comes to."""
    from pytest_terminalbench.runs.report_lines import attention_lines, gate_lines, interruption_line, score_line

    yield from attention_lines(summary)
    interruption = interruption_line(summary)
    if interruption:
        yield interruption
    yield summary.in_words
    score = score_line(summary)
    if score:
        yield score
    yield from gate_lines(summary.gate)
