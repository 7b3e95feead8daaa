"""Judging the trials of a cell again, and comparing the cell again with its baseline. No agent acts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_terminalbench.baselines.cell_gate import CellComparison, CellGate
from pytest_terminalbench.baselines.cell_side import CellSide
from pytest_terminalbench.baselines.parity import check_parity
from pytest_terminalbench.baselines.record import BaselineRecord
from pytest_terminalbench.cells.result import CellResult, short_attempt, short_text
from pytest_terminalbench.environments.provider import Prepared
from pytest_terminalbench.errors import EngineUnreachable, EnvironmentFailure, RunFolderError, VerifierError
from pytest_terminalbench.limits import Limits
from pytest_terminalbench.outcome import Outcome, Void
from pytest_terminalbench.scenarios.model import Scenario
from pytest_terminalbench.status import Status
from pytest_terminalbench.trials.journal import Journal
from pytest_terminalbench.trials.regrading import regrade_trial, why_not_regradable
from pytest_terminalbench.trials.result import TrialResult, read_result
from pytest_terminalbench.trials.snapshot import SNAPSHOT_FOLDER, read_snapshot

__all__ = ["CellRegrader", "RegradedCell", "RegradedTrial", "compared_again"]


@dataclass(frozen=True, kw_only=True)
class RegradedTrial:
    """What became of a trial: its outcomes before and now (None: the one before stands), and why not.

    `has_failed`: its work is kept, and still nothing was judged.
    """

    folder: str
    attempt: int
    before: Outcome
    after: Outcome | None = None
    problem: str = ""
    has_failed: bool = False


@dataclass(frozen=True, kw_only=True)
class RegradedCell:
    """A cell before and now, with its trials. One of which no trial was judged again is as it was."""

    before: CellResult
    after: CellResult
    trials: tuple[RegradedTrial, ...]

    @property
    def was_judged(self) -> bool:
        return any(trial.after is not None for trial in self.trials)


@dataclass(frozen=True, kw_only=True)
class CellRegrader:
    """Judges the trials of cells of the run in the folder `root` again.

    `prepare` gives a scenario's environments. `ignores_conditions`: judge also where the agent was told something else,
    or acted in another image, than the scenario says now.
    """

    root: Path
    prepare: Callable[[Scenario, Limits], Prepared]
    journal: Journal
    ignores_conditions: bool = False

    def regrade(
        self,
        cell: CellResult,
        scenario: Scenario,
        *,
        dataset_version: str,
        compare: Callable[[CellResult, Sequence[TrialResult]], CellResult],
    ) -> RegradedCell:
        """Judge every trial of `cell` that can be judged again; `compare` gives the cell's verdict on all of them.

        Raises RunFolderError for a result that is missing or damaged, and EngineUnreachable where no environment can be
        had. What else goes wrong is reported for each trial.
        """
        trials = [read_result(self.root / attempt.folder / "result.json") for attempt in cell.attempts]
        whys = [why_not_regradable(trial, scenario) for trial in trials]
        told = [_left(trial, why or "") for trial, why in zip(trials, whys, strict=True)]
        chosen = [place for place, why in enumerate(whys) if why is None]
        if chosen:
            self._judge(trials, told, chosen, scenario, dataset_version)
        regraded = RegradedCell(before=cell, after=cell, trials=tuple(told))
        return replace(regraded, after=compare(cell, trials)) if regraded.was_judged else regraded

    def _judge(
        self,
        trials: list[TrialResult],
        told: list[RegradedTrial],
        chosen: Sequence[int],
        scenario: Scenario,
        dataset_version: str,
    ) -> None:
        """Judge the `chosen` of `trials` and replace them there, and what is `told` of them."""
        try:
            prepared = self.prepare(scenario, _limits(trials[chosen[0]], scenario))
        except EngineUnreachable:
            raise  # Nor will there be one for the next cell.
        except EnvironmentFailure as failure:
            for place in chosen:
                told[place] = replace(told[place], problem=str(failure), has_failed=True)
            return
        with closing(prepared):
            for place in chosen:
                trial = trials[place]
                try:
                    self._check_conditions(trial, scenario, prepared)
                    trials[place] = self._judge_one(trial, scenario, prepared, dataset_version)
                    told[place] = replace(told[place], after=trials[place].outcome)
                except (EnvironmentFailure, VerifierError, RunFolderError) as error:
                    told[place] = replace(told[place], problem=str(error), has_failed=True)

    def _judge_one(
        self, trial: TrialResult, scenario: Scenario, prepared: Prepared, dataset_version: str
    ) -> TrialResult:
        return regrade_trial(
            trial,
            root=self.root,
            scenario=scenario,
            environments=prepared,
            limits=_limits(trial, scenario),
            fingerprint=_fingerprint(trial, scenario, dataset_version),
            journal=self.journal,
        )

    def _check_conditions(self, trial: TrialResult, scenario: Scenario, prepared: Prepared) -> None:
        """Raise RunFolderError where the verdict would be on another question than the agent was asked."""
        if self.ignores_conditions:
            return
        image = trial.fingerprint.get("image")
        if not read_snapshot(self.root / trial.folder / SNAPSHOT_FOLDER).was_told(scenario):
            raise RunFolderError("the scenario's instruction is another now: its agent was told something else")
        if image and image != prepared.recipe:
            raise RunFolderError("the scenario's image is another now: its agent acted in something else")


def compared_again(
    cell: CellResult,
    trials: Sequence[TrialResult],
    *,
    baseline: BaselineRecord | None,
    gate: CellGate,
    parity: str = "block",
    host: str | None = None,
) -> CellResult:
    """`cell` with the verdict of `gate` on `trials`, made on this class of `host`, by the same rules as its session."""
    attempts = tuple(short_attempt(trial.attempt_result()) for trial in trials)
    # The configuration is the cell's: what its agent was like when it acted.
    checked = check_parity(baseline, trials[-1].fingerprint, configuration=cell.configuration, policy=parity)
    outcomes = [trial.outcome for trial in trials]
    void = next((outcome for outcome in outcomes if isinstance(outcome, Void)), None)
    if void is not None:
        comparison = CellComparison(status=Status.VOID, text=void.reason)
    elif baseline is not None and checked.why_blocked:
        text = checked.why_blocked
        comparison = CellComparison(status=Status.BLOCKED, text=text, baseline_id=baseline.baseline_id)
    else:
        comparison = gate.judge(CellSide.of_attempts((trial.attempt_result() for trial in trials), host=host))
    return replace(
        cell,
        status=comparison.status,
        text=short_text(comparison.text),
        attempts=attempts,
        change=comparison.change,
        tolerated=comparison.tolerated,
        approving=False,
        adjusted_p=comparison.adjusted_p,
        baseline_id=comparison.baseline_id,
        worse_in=comparison.worse_in,
        mismatches=checked.mismatches,
    )


def _left(trial: TrialResult, problem: str) -> RegradedTrial:
    return RegradedTrial(folder=trial.folder, attempt=trial.attempt, before=trial.outcome, problem=problem)


def _limits(trial: TrialResult, scenario: Scenario) -> Limits:
    """The scenario's own now, for as patient a session; what the agent had is as it was."""
    limits = Limits.of(scenario.timeouts, timeout_multiplier=_multiplier(trial))
    return replace(limits, agent_s=trial.limits.agent_s) if trial.limits else limits


def _fingerprint(trial: TrialResult, scenario: Scenario, dataset_version: str) -> Mapping[str, Any]:
    """What judged is new; what the agent had to work with is as it was."""
    before = trial.fingerprint
    return {
        **before,
        "scenario": scenario.digest,
        "verifier": scenario.verifier_digest,
        "judging": dict(scenario.judging_facts) or None,
        "dataset": f"{scenario.dataset}=={dataset_version}",
        "limits": {**before.get("limits", {}), "verifier_s": scenario.timeouts.verifier_s},
    }


def _multiplier(trial: TrialResult) -> float:
    limits = trial.fingerprint.get("limits", {})
    multiplier = limits.get("timeout_multiplier", 1.0) if isinstance(limits, Mapping) else None
    if isinstance(multiplier, bool) or not isinstance(multiplier, int | float) or not multiplier > 0:
        raise RunFolderError(f"{trial.folder}/result.json is damaged: its timeout_multiplier is {multiplier!r}")
    return float(multiplier)
