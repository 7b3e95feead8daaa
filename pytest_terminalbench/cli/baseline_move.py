"""`terminalbench baseline move`: a dataset, a scenario or an agent has another name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from pytest_terminalbench.cli.baseline_writing import ApproverOption, DryRunOption, NotesOption, permitted, refusing
from pytest_terminalbench.cli.output import Format, FormatOption, Whole, print_json, print_table, say
from pytest_terminalbench.cli.project import BaselinesOption, baselines_folder, known_datasets
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.naming import counted, nearest

if TYPE_CHECKING:
    from pytest_terminalbench.baselines.rewrite import Rewrite

__all__ = ["move"]


def move(
    old: Annotated[str, typer.Argument(metavar="OLD", help="DATASET, DATASET/LABEL or DATASET/LABEL/ID.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="What it is called now, in the same form.")],
    *,
    dry_run: DryRunOption = False,
    notes: NotesOption = "",
    approver: ApproverOption = None,
    baselines: BaselinesOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Let baselines follow a dataset, a scenario or an agent that was renamed: same outcomes, logged.

    Exit code 4 says that nothing was written, and why.
    """
    from pytest_terminalbench.baselines.move import plan_move
    from pytest_terminalbench.baselines.rewrite import write_rewrites

    folder = baselines_folder(baselines)
    with refusing(folder):
        by = permitted(approver, deed="move")
        rewrites = plan_move(folder, old, new, notes=notes)
        _check_scenarios(rewrites)
        if not dry_run:
            write_rewrites(rewrites, folder, by=by, again="move")
    if output is Format.JSON:
        print_json(
            [{"baseline_id": each.record.baseline_id, "from": each.old.name, "to": each.name} for each in rewrites]
        )
    else:
        print_table([Whole("before"), Whole("now")], [[each.old.name, each.name] for each in rewrites])
    say(f"{counted(len(rewrites), 'baseline')} {'to move' if dry_run else 'moved'}")


def _check_scenarios(rewrites: Sequence[Rewrite]) -> None:
    """Raise BaselineError where a dataset that is here has no scenario of the new name; retired ones need none."""
    scenarios = known_datasets().scenarios
    for rewrite in rewrites:
        dataset, scenario = rewrite.cell.dataset, rewrite.cell.scenario
        if rewrite.old.counts and dataset in scenarios and scenario not in scenarios[dataset]:
            near = nearest(scenario, scenarios[dataset])
            raise BaselineError(
                f"{rewrite.name} would have no scenario: dataset {dataset} has no {scenario!r}{near}; give "
                f"{rewrite.old.name} another name, or retire it"
            )
    elsewhere = sorted({rewrite.cell.dataset for rewrite in rewrites} - scenarios.keys())
    if elsewhere:
        say(f"no dataset {elsewhere[0]!r} is here, so nobody can tell whether it has these scenarios")
