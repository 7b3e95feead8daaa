"""`terminalbench report`: a run, and what has changed since another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pytest_terminalbench.cli.output import (
    Format,
    FormatOption,
    Numbers,
    Styled,
    complain,
    percent,
    print_json,
    print_table,
    say,
    shown_path,
    status_cell,
)
from pytest_terminalbench.cli.project import baselines_folder, results_folder
from pytest_terminalbench.errors import RunFolderError, SettingsError

if TYPE_CHECKING:
    from pytest_terminalbench.runs.json_report import Measured
    from pytest_terminalbench.runs.layout import RunFolder

__all__ = ["report"]

EXIT_NO_RUN = 3
_MARKS = {"solved": "✓", "unsolved": "✗"}


def report(
    run: Annotated[str | None, typer.Argument(metavar="RUN", help="A run's id or folder; default: the latest.")] = None,
    *,
    deltas: Annotated[bool, typer.Option("--deltas", help="Compare with the run before.")] = False,
    against: Annotated[str | None, typer.Option("--against", metavar="RUN", help="Compare with this run.")] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", metavar="NAME", help="Only the cells of this one.")
    ] = None,
    results: Annotated[
        Path | None, typer.Option("--results", metavar="DIR", help="Where runs lie; default: as pytest is configured.")
    ] = None,
    baselines: Annotated[
        Path | None, typer.Option("--baselines", metavar="DIR", help="Where baselines lie; default: likewise.")
    ] = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Show what a run came to, and what has changed since another.

    In JSON, deltas are taken against the approved baselines unless another run is asked for. Exit code 3 when a run is
    missing or damaged.
    """
    try:
        content = _read(run, results_folder(results), dataset)
        reference = _reference(content, results_folder(results), baselines_folder(baselines), deltas, against)
    except RunFolderError as error:
        complain(str(error))
        raise typer.Exit(EXIT_NO_RUN) from None
    if output is Format.JSON:
        from pytest_terminalbench.runs.json_report import statement

        print_json(
            statement(
                content.summary,
                run=content.run.path,
                manifest=content.manifest,
                before=reference.cells,
                against=reference.name,
            )
        )
    else:
        _print(content, reference if deltas or against else None)


@dataclass(frozen=True, kw_only=True)
class _Content:
    run: RunFolder
    summary: Mapping[str, Any]
    manifest: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Reference:
    """What is compared with: ``baselines``, or a run's id (empty: there is none)."""

    name: str
    cells: Mapping[str, Measured]


def _read(name: str | None, results: Path, dataset: str | None) -> _Content:
    from pytest_terminalbench.runs.history import read_manifest
    from pytest_terminalbench.runs.json_report import check_trials
    from pytest_terminalbench.runs.layout import find_run
    from pytest_terminalbench.runs.summary import read_summary

    run = find_run(name, results)
    summary = read_summary(run.summary)
    check_trials(summary, run.path)
    return _Content(run=run, summary=_of_dataset(summary, dataset), manifest=read_manifest(run))


def _of_dataset(summary: Mapping[str, Any], dataset: str | None) -> Mapping[str, Any]:
    if dataset is None:
        return summary
    from pytest_terminalbench.runs.summary import summarise

    cells = [cell for cell in summary["cells"] if cell["dataset"] == dataset]
    if not cells:
        known = sorted({cell["dataset"] for cell in summary["cells"]})
        raise SettingsError(f"--dataset {dataset!r}: run {summary['run_id']} has cells of {', '.join(known) or 'none'}")
    return summarise(summary["run_id"], cells)


def _reference(content: _Content, results: Path, baselines: Path, deltas: bool, against: str | None) -> _Reference:
    from pytest_terminalbench.runs.history import run_before
    from pytest_terminalbench.runs.json_report import from_baselines, from_summary
    from pytest_terminalbench.runs.layout import find_run
    from pytest_terminalbench.runs.summary import read_summary

    cells = content.summary["cells"]
    if against is None and not deltas:
        return _Reference(name="baselines", cells=from_baselines(cells, baselines))
    other = find_run(against, results) if against else run_before(content.run, {cell["cell"] for cell in cells})
    if other is None:
        say(f"no run before {content.run.id} has any of its cells, so there are no deltas")
        return _Reference(name="", cells={})
    return _Reference(name=other.id, cells=from_summary(read_summary(other.summary)))


# -- the table ---------------------------------------------------------------------------------------------------


def _print(content: _Content, reference: _Reference | None) -> None:
    from pytest_terminalbench.runs.report import headline, score_line

    summary = content.summary
    for line in _heading(content):
        typer.echo(line)
    if summary["cells"]:
        typer.echo()
        _print_categories(summary["cells"])
        typer.echo()
        if reference is not None and reference.name:
            typer.echo(f"compared with run {reference.name}:")
        _print_cells(summary["cells"], reference)
    typer.echo()
    for line in _attention(summary):
        typer.echo(line)
    typer.echo(headline(summary["totals"]))
    score = score_line(summary)
    if score:
        typer.echo(score)
    typer.echo(f"results: {shown_path(content.run.path)}")


def _heading(content: _Content) -> Iterator[str]:
    cells, manifest = content.summary["cells"], content.manifest
    datasets = ", ".join(sorted({cell["dataset"] for cell in cells})) or "no cells"
    actors = ", ".join(sorted({" ".join(filter(None, [cell["agent"], cell["model"]])) for cell in cells}))
    yield f"run {content.summary['run_id']}: {datasets}" + (f"; agent {actors}" if actors else "")
    ended = manifest.get("finished_at")
    yield f"began {_moment(manifest['started_at'])}, " + (
        f"ended {_moment(ended)} with exit code {manifest.get('exit_status')}" if ended else "has not ended"
    )


def _moment(timestamp: object) -> str:
    return str(timestamp)[:19].replace("T", " ")


def _print_categories(cells: Sequence[Mapping[str, Any]]) -> None:
    from pytest_terminalbench.runs.report import category_rows

    names = ("cells", "solved", "unsolved", "as baseline", "regressed", "void", "seconds")
    rows = [
        [row.name, *(str(value or "-") for value in row[1:-1]), f"{row.seconds:.1f}"] for row in category_rows(cells)
    ]
    print_table(["category", *(Numbers(name) for name in names)], rows)


def _print_cells(cells: Sequence[Mapping[str, Any]], reference: _Reference | None) -> None:
    is_one_dataset = len({cell["dataset"] for cell in cells}) == 1
    columns: list[Numbers | str] = ["cell", "status"]
    if reference is None:
        columns += ["attempts", Numbers("agent s"), Numbers("peak MiB")]
    else:
        numbers = ("agent s", "change", "peak MiB", "change")
        columns += ["before", *(Numbers(name) for name in numbers)]
    print_table(columns, [_cell_row(cell, reference, short=is_one_dataset) for cell in cells])


def _cell_row(cell: Mapping[str, Any], reference: _Reference | None, *, short: bool) -> list[str | Styled]:
    from pytest_terminalbench.runs.json_report import Measured, delta_percent, measured

    name = cell["cell"].partition("/")[2] if short else cell["cell"]
    now = measured(cell)
    seconds, memory = _number(now.runtime_s, 2), _number(now.memory_peak_mb, 1)
    if reference is None:
        marks = "".join(_MARKS.get(attempt["outcome"], "·") for attempt in cell["attempts"])
        return [name, status_cell(cell["status"]), marks, seconds, memory]
    before = reference.cells.get(cell["cell"], Measured())
    return [
        name,
        status_cell(cell["status"]),
        _before(cell["status"], before.status),
        seconds,
        percent(delta_percent(now.runtime_s, before.runtime_s)),
        memory,
        percent(delta_percent(now.memory_peak_mb, before.memory_peak_mb)),
    ]


def _before(status: str, before: str | None) -> str | Styled:
    if before is None:
        return "not there"
    return status_cell(before) if before != status else "the same"


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _attention(summary: Mapping[str, Any]) -> Iterator[str]:
    """What somebody should look at."""
    from pytest_terminalbench.runs.report import listed

    for title, statuses in (
        ("regressed", ("regressed",)),
        ("unsolved", ("unsolved",)),
        ("void", ("void", "blocked", "lost")),
    ):
        for line in listed(summary["cells"], *statuses):
            yield f"{title}: {line}"
    for name in summary["lost"]:
        yield f"lost: {name} was collected and never reported"
    for cell in summary["cells"]:
        if cell["improved"]:
            yield f"improved: {cell['cell']}: {cell['text']} (approve with --update-baselines)"
