"""`terminalbench baseline …`: what has been approved."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated

import typer

from pytest_terminalbench.baselines.baseline_command import baseline_command
from pytest_terminalbench.cli.baseline_writing import (
    EXIT_REFUSED,
    ApproverOption,
    DryRunOption,
    NotesOption,
    permitted,
    refusing,
)
from pytest_terminalbench.cli.output import (
    Format,
    FormatOption,
    Numbers,
    Whole,
    complain,
    print_json,
    print_table,
    printable,
    say,
    shown_path,
)
from pytest_terminalbench.cli.project import (
    BaselinesOption,
    ResultsOption,
    baselines_folder,
    catalog,
    known_datasets,
    project,
    results_folder,
)
from pytest_terminalbench.errors import BaselineError, SettingsError
from pytest_terminalbench.naming import counted, listed, nearest

if TYPE_CHECKING:
    from pytest_terminalbench.baselines.folder import StoredBaseline
    from pytest_terminalbench.baselines.record import BaselineRecord

__all__ = ["AgentOption", "DatasetOption", "app", "chosen_baselines"]

EXIT_DAMAGED = 3

app = typer.Typer(help="Baselines: what has been approved.", no_args_is_help=True)

DatasetOption = Annotated[str | None, typer.Option("--dataset", metavar="NAME", help="Only of this dataset.")]
AgentOption = Annotated[
    str | None,
    typer.Option(
        "--agent", metavar="NAME", help="Only of this agent: its name, or agent and model as folders are named."
    ),
]


@app.command("list")
def list_baselines(
    dataset: DatasetOption = None,
    agent: AgentOption = None,
    baselines: BaselinesOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Every approved baseline, one line each."""
    chosen, is_damaged = chosen_baselines(baselines_folder(baselines), dataset, agent)
    if output is Format.JSON:
        print_json([_as_json(stored) for stored in chosen])
    elif chosen:
        numbers = [Numbers(name) for name in ("solved", "seconds", "MiB")]
        print_table([Whole("cell"), "status", *numbers, "approved", "by"], [_row(stored) for stored in chosen])
    else:
        of = "".join(f" of {name}" for name in (dataset, agent) if name is not None)
        say(f"no baselines{of} in {shown_path(baselines_folder(baselines))}; approve some with --update-baselines")
    old = [stored for stored in chosen if stored.record.cell is None]
    if old:
        migrate = baseline_command("migrate", baselines_folder(baselines))
        say(f"{counted(len(old), 'baseline')} of an earlier version: `{migrate}` rewrites them")
    _tell_orphans(baselines_folder(baselines), among=chosen)
    if is_damaged:
        raise typer.Exit(EXIT_DAMAGED)


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A scenario's id, a baseline's id, or DATASET/LABEL/ID.")],
    dataset: DatasetOption = None,
    agent: AgentOption = None,
    baselines: BaselinesOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Everything that was approved for a scenario: for each agent, outcome, measures and conditions."""
    chosen, is_damaged = chosen_baselines(baselines_folder(baselines), dataset, agent)
    shown = [stored for stored in chosen if name in stored.names]
    if not shown:
        called_so = next((stored.name for stored in chosen if stored.place == name), None)
        if called_so is not None:
            raise SettingsError(f"{name!r} is how earlier versions called it; it is {called_so!r} now")
        names = {stored.record.scenario_id for stored in chosen} | {stored.record.baseline_id for stored in chosen}
        raise SettingsError(
            f"no baseline {name!r} in {shown_path(baselines_folder(baselines))}{nearest(name, names)}; "
            f"`{baseline_command('list', baselines_folder(baselines))}` shows what is there"
        )
    if output is Format.JSON:
        print_json([_as_json(stored) for stored in shown])
    else:
        for stored in shown:
            typer.echo(printable("\n".join(_card(stored))))
    if is_damaged:
        raise typer.Exit(EXIT_DAMAGED)


ModelOption = Annotated[str | None, typer.Option("--model", metavar="NAME", help="The cell of this model.")]


@app.command("approve")
def approve(
    *,
    scenario: Annotated[str, typer.Option("--scenario", metavar="ID", help="The scenario whose cell is approved.")],
    run: Annotated[
        list[str],
        typer.Option(
            "--run",
            metavar="RUN",
            help="The run, by id or path; `latest` is the newest. May be repeated: the attempts of all of them.",
        ),
    ],
    notes: NotesOption = "",
    dataset: Annotated[str | None, typer.Option("--dataset", metavar="NAME", help="The cell of this dataset.")] = None,
    agent: Annotated[str | None, typer.Option("--agent", metavar="NAME", help="The cell of this agent.")] = None,
    model: ModelOption = None,
    approver: ApproverOption = None,
    results: ResultsOption = None,
    baselines: BaselinesOption = None,
) -> None:
    """Approve what one or more runs came to for one scenario: provisional until it has passed three times in a row.

    Exit code 4 says that it was refused, and why.
    """
    from pytest_terminalbench.baselines.folder import ApprovedInFolder, current_file
    from pytest_terminalbench.runs.approve_cells import ReviewedCell, approve_reviewed, chosen_cell
    from pytest_terminalbench.runs.layout import find_run
    from pytest_terminalbench.runs.manifest import git_user, read_manifest
    from pytest_terminalbench.runs.passes_in_a_row import PASSES_FOR_ACTIVE
    from pytest_terminalbench.runs.thin_approvals import thin_approval
    from pytest_terminalbench.settings import project_settings

    root = project().root
    folder = baselines_folder(baselines, is_made=True)
    with refusing(folder):
        runs = [find_run(name, results_folder(results)) for name in run]
        reviewed = [
            ReviewedCell(chosen_cell(one, scenario=scenario, dataset=dataset, agent=agent, model=model), one)
            for one in runs
        ]
        approval, approved, row = approve_reviewed(
            reviewed,
            baselines=folder,
            approver=approver or git_user(root),
            maintainers=project_settings(root).maintainers,
            notes=notes,
        )
    if any(one.cell.gate == "statistical" for one in reviewed):
        # All that was approved beside it: sessions are compared with these together, as the last one named was.
        policy = read_manifest(runs[-1]).settings.policy
        beside = ApprovedInFolder(folder).beside(approved.cell)
        for warning in thin_approval({approved.cell.suite: beside.rewards}, policy):
            say(warning)
    file = current_file(folder, approved.cell)
    note = "" if approved.status == "active" else f" ({row.passes} of {PASSES_FOR_ACTIVE} passes in a row)"
    if not approval.written:
        say(f"{shown_path(file)} says so already ({approved.status})")
    else:
        typer.echo(printable(f"{_baseline_id(file)} {approved.status}{note}: {shown_path(file)}"))
    if row.broken_by and approved.status != "active":
        say(f"no earlier passes count: {row.broken_by}")


@app.command("retire")
def retire_baseline(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Scenarios' ids, baselines' ids, or DATASET/LABEL/ID.")
    ],
    *,
    notes: NotesOption = "",
    approver: ApproverOption = None,
    baselines: BaselinesOption = None,
) -> None:
    """Let baselines count no longer. They stay on disk, and in the log; retiring is final.

    A scenario's id names its baselines of all agents.
    """
    from pytest_terminalbench.baselines.approval import retire

    folder = baselines_folder(baselines)
    with refusing(folder):
        records = retire(*names, baselines=folder, by=permitted(approver, deed="retire"), notes=notes)
    for record in records:
        typer.echo(printable(f"{record.baseline_id} retired"))


@app.command("migrate")
def migrate(
    *,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="OLD=NEW",
            help="What a model is called that a folder calls OLD, or that of the one baseline OLD; may be repeated.",
        ),
    ] = None,
    dry_run: DryRunOption = False,
    approver: ApproverOption = None,
    results: ResultsOption = None,
    baselines: BaselinesOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Rewrite baselines of earlier versions so that each says its agent and model in full, in a place of its own.

    Exit code 4 says that a model is not known from the runs in the results folder, and how to name it.
    """
    from pytest_terminalbench.baselines.migrate import plan_migration
    from pytest_terminalbench.baselines.rewrite import write_rewrites
    from pytest_terminalbench.runs.cells_by_run import cells_by_run

    folder = baselines_folder(baselines)
    with refusing(folder):
        by = permitted(approver, deed="migrate")
        moves = plan_migration(folder, runs=cells_by_run(results_folder(results)), models=_models(model or ()))
        if not dry_run:
            write_rewrites(moves, folder, by=by, again="migrate")
    if output is Format.JSON:
        print_json(
            [{"baseline_id": move.record.baseline_id, "from": move.old.place, "to": move.name} for move in moves]
        )
    elif moves:
        print_table([Whole("before"), Whole("now")], [[move.old.place, move.name] for move in moves])
    if not moves:
        say(f"nothing to rewrite: every baseline in {shown_path(folder)} says its cell in full")
    else:
        say(f"{counted(len(moves), 'baseline')} {'to rewrite' if dry_run else 'rewritten'}")


@app.command("audit")
def audit_log(baselines: BaselinesOption = None, output: FormatOption = Format.TABLE) -> None:
    """Check the log of approvals against itself and the baselines, and write it for reading (AUDIT.md).

    Exit code 4 says that a line or a baseline was changed, moved or removed.
    """
    from pytest_terminalbench.baselines.audit import AUDIT, contradictions, entries, place, problems, readable
    from pytest_terminalbench.documents import write_atomically

    folder = baselines_folder(baselines)
    log = folder / AUDIT
    with refusing(folder):
        lines = list(entries(log))
        broken = [*problems(log), *contradictions(folder)]
    if output is Format.JSON:
        print_json(lines)
    elif lines:
        facts = ("ts", "action", "baseline_id", "by", "how")
        rows = [[*(str(entry.get(fact) or "") for fact in facts), place(entry)] for entry in lines]
        print_table(["when", "what", Whole("baseline"), "by", "how", "cell"], rows)
    elif not broken:
        say(f"{shown_path(log)} has no entries")
        return
    if lines:
        try:
            write_atomically(folder / "AUDIT.md", readable(log))
        except OSError as error:
            broken.append(f"{folder / 'AUDIT.md'} cannot be written: {error.strerror}")
    for problem in broken:
        complain(problem)
    _tell_orphans(folder)
    if broken:
        raise typer.Exit(EXIT_REFUSED)
    say(f"the chain of {len(lines)} entries is whole; {shown_path(folder / 'AUDIT.md')} is written")


def _tell_orphans(folder: Path, *, among: Sequence[StoredBaseline] | None = None) -> None:
    """Say which baselines (of those in `among`) have no scenario, or no dataset, in a project that has some.

    A dataset that cannot be read may have any name: then nobody can tell of a dataset that is not known.
    """
    from pytest_terminalbench.baselines.orphans import orphans, orphans_cure

    datasets = known_datasets()
    asked = None if among is None else {stored.name for stored in among}
    found = [stored for stored in orphans(folder, datasets.scenarios) if asked is None or stored.name in asked]
    unclear = [stored for stored in found if not datasets.tells_of(stored.cell.dataset)]
    gone = [stored.name for stored in found if stored not in unclear]
    if gone:
        say(f"{counted(len(gone), 'baseline')} without a scenario: {', '.join(gone)}; fix it by {orphans_cure(folder)}")
    if unclear:
        of_datasets = ", ".join(sorted({stored.cell.dataset for stored in unclear}))
        say(
            f"{counted(len(unclear), 'baseline')} of {of_datasets} not looked at: nobody can tell whether there are "
            f"scenarios for what was approved until these datasets can be read: {', '.join(datasets.unreadable)}"
        )


def _models(pairs: Sequence[str]) -> dict[str, str]:
    """``OLD=NEW`` texts; raises BaselineError for a text of another form."""
    models = {}
    for pair in pairs:
        old, equals, new = pair.partition("=")
        if not equals or not old or not new:
            raise BaselineError(f"--model {pair!r} is not OLD=NEW, as in openai-gpt-5=openai/gpt-5")
        models[old] = new
    return models


def _baseline_id(file: Path) -> str:
    from pytest_terminalbench.baselines.record import read_record

    record = read_record(file)
    return record.baseline_id if record else file.stem


def chosen_baselines(folder: Path, dataset: str | None, agent: str | None) -> tuple[list[StoredBaseline], bool]:
    """The baselines asked for, and whether some could not be read (which has been said then).

    Raises SettingsError for a dataset or an agent that nothing here is called.
    """
    from pytest_terminalbench.agents.registry import AgentRegistry
    from pytest_terminalbench.baselines.folder import read_baselines

    stored_baselines, wrong = read_baselines(folder)
    for error in wrong:
        complain(str(error))
    datasets = {stored.cell.dataset for stored in stored_baselines}
    agents = {name for stored in stored_baselines for name in (stored.cell.agent, stored.cell.label)}
    # What is known and not approved yet has no baselines, which is no mistake.
    _check_known("--dataset", dataset, datasets, lambda: catalog().names(), folder)
    _check_known("--agent", agent, agents, lambda: AgentRegistry().names(), folder)
    chosen = [
        stored
        for stored in stored_baselines
        if dataset in (None, stored.cell.dataset) and agent in (None, stored.cell.agent, stored.cell.label)
    ]
    return chosen, bool(wrong)


def _check_known(
    option: str, asked: str | None, approved: Collection[str], others: Callable[[], Collection[str]], folder: Path
) -> None:
    """Raises SettingsError for a name that neither `approved` nor `others` have; those are asked only then."""
    if asked is None or asked in approved or asked in (known := others()):
        return
    has = f"there are some of: {listed(sorted(approved))}" if approved else "there are none"
    raise SettingsError(
        f"{option} {asked!r}: no baseline in {shown_path(folder)} is of it{nearest(asked, {*approved, *known})}; {has}"
    )


def _as_json(stored: StoredBaseline) -> dict[str, object]:
    return {
        "name": stored.name,
        "dataset": stored.cell.dataset,
        "agent": stored.cell.agent,
        "model": stored.cell.model,
        "file": str(stored.file),
        **stored.record.model_dump(),
    }


def _row(stored: StoredBaseline) -> list[str]:
    from pytest_terminalbench.baselines.cell_side import CellSide
    from pytest_terminalbench.statistics import is_counted

    record = stored.record
    approved = CellSide.approved(record)
    # Of fractions the number of solved attempts says little.
    mean = "" if is_counted(approved.shares) else f" (mean {fmean(approved.shares):.2f})"
    return [
        stored.name,
        record.status,
        f"{record.solved}/{record.attempts}{mean}",
        _median(record, "runtime_s"),
        _median(record, "memory_peak_mb"),
        record.approved_on,
        record.approved_by,
    ]


def _median(record: BaselineRecord, name: str) -> str:
    measure = record.metrics.get(name)
    return f"{measure.median:.1f}" if measure else "-"


def _plain(value: object) -> str:
    """A fact of a fingerprint, for people: ``agent_s 600, cpus 1``."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(fact)}" for name, fact in sorted(value.items())) or "none"
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return "not known" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _card(stored: StoredBaseline) -> Iterator[str]:
    record = stored.record
    yield stored.name
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
        yield f"  {name:<15} {_plain(value)}"
    yield f"  file       {shown_path(stored.file)}"
