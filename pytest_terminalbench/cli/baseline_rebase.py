"""`terminalbench baseline rebase`: what differs from what was approved is accepted without a run."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pytest_terminalbench.baselines.baseline_command import baseline_command
from pytest_terminalbench.cli.baseline import AgentOption, DatasetOption, chosen_baselines
from pytest_terminalbench.cli.baseline_writing import (
    ApproverOption,
    DryRunOption,
    NotesOption,
    permitted,
    refuse,
    refusing,
)
from pytest_terminalbench.cli.output import Format, FormatOption, complain, print_json, printable, say, shown_path
from pytest_terminalbench.cli.project import (
    BaselinesOption,
    ResultsOption,
    baselines_folder,
    known_datasets,
    results_folder,
)
from pytest_terminalbench.errors import BaselineError, ScenarioError, SettingsError
from pytest_terminalbench.naming import counted, listed, nearest

if TYPE_CHECKING:
    from pytest_terminalbench.baselines.folder import StoredBaseline
    from pytest_terminalbench.baselines.rebase import Rebase
    from pytest_terminalbench.runs.rebase_baselines import BaselineAndScenario, RebasePlan
    from pytest_terminalbench.scenarios.model import Scenario

__all__ = ["rebase"]


def rebase(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Scenarios' ids, baselines' ids, or DATASET/LABEL/ID; default: all."),
    ] = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Accept what is shown without being asked.")] = False,
    dry_run: DryRunOption = False,
    dataset: DatasetOption = None,
    agent: AgentOption = None,
    notes: NotesOption = "",
    approver: ApproverOption = None,
    results: ResultsOption = None,
    baselines: BaselinesOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Show how scenarios differ from what their baselines were approved for, and accept it: no run, same outcomes.

    What only a run knows (image, platform, --tb-timeout-multiplier) comes from the newest run that put the scenario as
    it is now, be it one that was blocked. Exit code 4 says that nothing was written, and why.
    """
    from pytest_terminalbench.baselines.rewrite import write_rewrites
    from pytest_terminalbench.runs.rebase_baselines import plan_rebases

    folder = baselines_folder(baselines)
    stored, is_damaged = chosen_baselines(folder, dataset, agent)
    if is_damaged:
        refuse("nothing was written")
    with refusing(folder):
        by = permitted(approver, deed="rebase")
        pairs = list(_with_scenarios(_selected(stored, names or (), folder), folder))
        plan = plan_rebases(pairs, folder=folder, results=results_folder(results), notes=notes)
    scenarios = {pair.baseline.name: pair.scenario for pair in pairs}
    if output is Format.JSON:
        print_json([_as_json(rebase, scenarios[rebase.rewrite.old.name]) for rebase in plan.rebases])
    else:
        for rebase in plan.rebases:
            typer.echo(printable("\n".join(_shown(rebase, scenarios[rebase.rewrite.old.name]))))
    if not plan.rebases:
        say(f"nothing differs from what was approved in {shown_path(folder)}")
        return
    _tell_unseen(plan)
    if dry_run:
        say(f"{counted(len(plan.rebases), 'baseline')} to rebase")
        return
    if not yes and not _is_accepted(plan):
        refuse("nothing was written; accept what is shown with --yes")
    with refusing(folder):
        write_rewrites([rebase.rewrite for rebase in plan.rebases], folder, by=by, again="rebase")
    say(f"{counted(len(plan.rebases), 'baseline')} rebased")


def _selected(stored: Sequence[StoredBaseline], names: Sequence[str], folder: Path) -> list[StoredBaseline]:
    """Those that are named and count, all that count where none is named; raises SettingsError for an unknown name."""
    known = {called for baseline in stored for called in baseline.names}
    for name in names:
        if name not in known:
            shown_by = baseline_command("list", folder)
            raise SettingsError(f"no baseline {name!r}{nearest(name, known)}; `{shown_by}` shows them")
    chosen = [baseline for baseline in stored if not names or baseline.names & set(names)]
    retired = [baseline.name for baseline in chosen if names and not baseline.counts]
    if retired:
        raise BaselineError(f"{retired[0]} is retired: it is not compared with, so there is nothing to rebase")
    return [baseline for baseline in chosen if baseline.counts]


def _with_scenarios(stored: Sequence[StoredBaseline], folder: Path) -> Iterator[BaselineAndScenario]:
    """Each with its scenario; says which have none. Raises BaselineError for scenarios that are wrong."""
    from pytest_terminalbench.runs.rebase_baselines import BaselineAndScenario
    from pytest_terminalbench.scenarios.formats import load_scenario

    scenarios = known_datasets().scenarios
    missing, wrong = [], []
    for baseline in stored:
        place = scenarios.get(baseline.cell.dataset, {}).get(baseline.cell.scenario)
        if place is None:
            missing.append(baseline.name)
            continue
        dataset, file = place
        try:
            scenario = load_scenario(file, dataset=dataset.name)
        except ScenarioError as error:
            wrong.append(str(error))
            continue
        yield BaselineAndScenario(baseline, scenario, dataset.version)
    if wrong:
        raise BaselineError("\n".join(dict.fromkeys(wrong)))
    if missing:
        complain(
            f"{counted(len(missing), 'baseline')} without a scenario here: {listed(missing)}; "
            f"see `{baseline_command('list', folder)}`"
        )


def _tell_unseen(plan: RebasePlan) -> None:
    if plan.unseen:
        say(
            f"{listed(plan.unseen)}: no run has put the scenario as it is now, so the image stays as it was approved; "
            "should it be another, the next session says so before any trial, and you rebase again"
        )


def _is_accepted(plan: RebasePlan) -> bool:
    return sys.stdin.isatty() and typer.confirm(f"Accept {counted(len(plan.rebases), 'changed baseline')}?", err=True)


def _as_json(rebase: Rebase, scenario: Scenario) -> dict[str, object]:
    return {
        "name": rebase.rewrite.name,
        "baseline_id": rebase.rewrite.record.baseline_id,
        "differences": [
            {
                **difference._asdict(),
                "blocks": difference.blocks,
                **({"changed_in": str(scenario.source_of(difference.field)[0])} if difference.is_of_digests else {}),
            }
            for difference in rebase.differences
        ],
    }


def _shown(rebase: Rebase, scenario: Scenario) -> Iterator[str]:
    yield f"{rebase.rewrite.name} ({rebase.rewrite.record.baseline_id})"
    for difference in rebase.differences:
        yield f"  {difference}"
        if difference.is_of_digests:
            # Digests tell nobody what has changed, and a baseline keeps no texts; version control does.
            source, field = scenario.source_of(difference.field)
            of_field = f" ({field})" if field else ""
            yield f"    what has changed: git log -p {shlex.quote(shown_path(source))}{of_field}"
