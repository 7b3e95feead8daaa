"""Which baselines differ from their scenarios as these are now, and what they become without a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pytest_terminalbench.baselines.baseline_command import baseline_command
from pytest_terminalbench.baselines.folder import StoredBaseline
from pytest_terminalbench.baselines.rebase import Rebase, plan_rebase
from pytest_terminalbench.baselines.rewrite import hindrances, log_lines
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.runs.newest_conditions import AskedCell, newest_conditions
from pytest_terminalbench.scenarios.model import Scenario
from pytest_terminalbench.trials.fingerprint import conditions

__all__ = ["BaselineAndScenario", "RebasePlan", "plan_rebases"]


class BaselineAndScenario(NamedTuple):
    """A baseline, and its scenario as it is now in its dataset of this version."""

    baseline: StoredBaseline
    scenario: Scenario
    dataset_version: str


@dataclass(frozen=True, kw_only=True)
class RebasePlan:
    """The baselines that differ. `unseen`: names of those among them whose scenario no run has put as it is now.

    Image and platform of the unseen ones stay as they were approved: nobody knows others.
    """

    rebases: tuple[Rebase, ...]
    unseen: tuple[str, ...]


def plan_rebases(pairs: Sequence[BaselineAndScenario], *, folder: Path, results: Path, notes: str = "") -> RebasePlan:
    """What is to be rewritten of the baselines in `folder`; `results`: where runs lie. `notes` is for the log.

    Raises BaselineError, one line for each, for baselines that are not what was approved, or of schema 1.
    """
    asked = {pair.baseline.cell: AskedCell(pair.baseline.record, pair.scenario.digest) for pair in pairs}
    told = newest_conditions(results, asked)
    lines = log_lines(folder)
    rebases, unseen, problems = [], [], []
    for pair in pairs:
        rebase = plan_rebase(pair.baseline, _conditions_now(pair, told.get(pair.baseline.cell, {})), notes=notes)
        if rebase is None:
            continue
        if pair.baseline.record.cell is None:
            migrate = baseline_command("migrate", folder)
            problems.append(f"{pair.baseline.file} is of an earlier version: `{migrate}` first")
        problems += hindrances(folder, rebase.rewrite, lines)
        rebases.append(rebase)
        if pair.baseline.cell not in told:
            unseen.append(pair.baseline.name)
    if problems:
        raise BaselineError("\n".join(problems))
    return RebasePlan(rebases=tuple(rebases), unseen=tuple(unseen))


def _conditions_now(pair: BaselineAndScenario, told: Mapping[str, Any]) -> dict[str, Any]:
    """The fingerprint of the scenario now, without what nobody knows."""
    known = conditions(pair.scenario, dataset_version=pair.dataset_version)
    limits = {**pair.scenario.limits, **told.get("limits", {})}
    return {
        **known,
        "image": told.get("image"),
        "platform": told.get("platform"),
        "limits": {name: limit for name, limit in limits.items() if limit is not None},
    }
