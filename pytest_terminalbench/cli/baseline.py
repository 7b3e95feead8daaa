"""`terminalbench baseline …`: what has been approved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pytest_terminalbench.cli.output import (
    Format,
    FormatOption,
    Numbers,
    complain,
    print_json,
    print_table,
    say,
    shown_path,
)
from pytest_terminalbench.cli.project import baselines_folder
from pytest_terminalbench.errors import SettingsError

if TYPE_CHECKING:
    from pytest_terminalbench.baselines.record import BaselineRecord
    from pytest_terminalbench.baselines.store import StoredBaseline

__all__ = ["app"]

EXIT_DAMAGED = 2

app = typer.Typer(help="Baselines: what has been approved.", no_args_is_help=True)

DatasetOption = Annotated[str | None, typer.Option("--dataset", metavar="NAME", help="Only of this dataset.")]
AgentOption = Annotated[
    str | None, typer.Option("--agent", metavar="NAME", help="Only of this agent (AGENT, or AGENT--MODEL).")
]
FolderOption = Annotated[
    Path | None, typer.Option("--baselines", metavar="DIR", help="Where they lie; default: as pytest is configured.")
]


@app.command("list")
def list_baselines(
    dataset: DatasetOption = None,
    agent: AgentOption = None,
    baselines: FolderOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Every approved baseline, one line each."""
    found, is_damaged = _chosen(baselines_folder(baselines), dataset, agent)
    if output is Format.JSON:
        print_json([_as_json(one) for one in found])
    elif found:
        numbers = [Numbers(name) for name in ("solved", "seconds", "MiB")]
        print_table(["cell", "status", *numbers, "approved", "by"], [_row(one) for one in found])
    else:
        say(f"no baselines in {shown_path(baselines_folder(baselines))}; approve some with --update-baselines")
    if is_damaged:
        raise typer.Exit(EXIT_DAMAGED)


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A scenario's id, a baseline's id, or DATASET/AGENT/ID.")],
    dataset: DatasetOption = None,
    agent: AgentOption = None,
    baselines: FolderOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Everything that was approved for a scenario: for each agent, outcome, measures and conditions."""
    from pytest_terminalbench.scenarios.catalog import nearest

    found, is_damaged = _chosen(baselines_folder(baselines), dataset, agent)
    shown = [one for one in found if name in (one.record.scenario_id, one.record.baseline_id, one.cell)]
    if not shown:
        names = {one.record.scenario_id for one in found} | {one.record.baseline_id for one in found}
        raise SettingsError(
            f"no baseline {name!r} in {shown_path(baselines_folder(baselines))}{nearest(name, names)}; "
            "`terminalbench baseline list` shows what is there"
        )
    if output is Format.JSON:
        print_json([_as_json(one) for one in shown])
    else:
        for one in shown:
            typer.echo("\n".join(_card(one)))
    if is_damaged:
        raise typer.Exit(EXIT_DAMAGED)


def _chosen(folder: Path, dataset: str | None, agent: str | None) -> tuple[list[StoredBaseline], bool]:
    """The baselines asked for, and whether some could not be read (which has been said then)."""
    from pytest_terminalbench.baselines.store import read_baselines

    found, wrong = read_baselines(folder)
    for error in wrong:
        complain(str(error))
    chosen = [one for one in found if dataset in (None, one.dataset) and agent in (None, one.actor)]
    return chosen, bool(wrong)


def _as_json(stored: StoredBaseline) -> dict[str, object]:
    return {
        "dataset": stored.dataset,
        "agent": stored.actor,
        "file": str(stored.file),
        **stored.record.model_dump(),
    }


def _row(stored: StoredBaseline) -> list[str]:
    record = stored.record
    return [
        stored.cell,
        record.status,
        f"{record.solved}/{record.attempts}",
        _median(record, "runtime_s"),
        _median(record, "memory_peak_mb"),
        record.approved_on,
        record.approved_by,
    ]


def _median(record: BaselineRecord, name: str) -> str:
    measure = record.metrics.get(name)
    return f"{measure.median:.1f}" if measure else "-"


def _card(stored: StoredBaseline) -> Iterator[str]:
    record = stored.record
    yield stored.cell
    yield f"  baseline   {record.baseline_id} ({record.status})"
    yield f"  approved   {record.approved_on} by {record.approved_by}"
    if record.supersedes:
        yield f"  supersedes {record.supersedes}"
    if record.notes:
        yield f"  notes      {record.notes}"
    yield f"  solved     {record.solved} of {record.attempts}, rewards {', '.join(f'{r:g}' for r in record.rewards)}"
    for name, measure in sorted(record.metrics.items()):
        yield f"  {name:<15} median {measure.median:g}, spread {measure.spread:g}"
    for name, value in sorted(record.fingerprint.items()):
        yield f"  {name:<15} {value}"
    yield f"  file       {shown_path(stored.file)}"
