"""One cell from its environment to its verdict, whoever runs it: pytest in the item's turn, a thread, a script."""

from __future__ import annotations

import bisect
import shlex
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from pytest_terminalbench.agents.base import Agent
from pytest_terminalbench.baselines.baseline_command import baseline_command
from pytest_terminalbench.baselines.cell_gate import CellComparison, CellGate, StrictGate
from pytest_terminalbench.baselines.cell_side import CellSide
from pytest_terminalbench.baselines.parity import Mismatch, check_parity
from pytest_terminalbench.baselines.record import BaselineRecord
from pytest_terminalbench.cells.bench import Bench
from pytest_terminalbench.cells.result import CellResult, short_attempt, short_text
from pytest_terminalbench.environments.base import EnvironmentFactory
from pytest_terminalbench.environments.provider import Prepared, as_prepared
from pytest_terminalbench.errors import (
    AgentSetupError,
    EnvironmentFailure,
    ImageBuildError,
    ImageUnavailable,
    SettingsError,
    TerminalBenchError,
)
from pytest_terminalbench.host_class import host_class
from pytest_terminalbench.outcome import Phase, Void
from pytest_terminalbench.scenarios.kinds import kind_named
from pytest_terminalbench.status import Status
from pytest_terminalbench.trials.cell import Cell
from pytest_terminalbench.trials.fingerprint import conditions
from pytest_terminalbench.trials.request import AttemptRequest
from pytest_terminalbench.trials.result import TrialResult
from pytest_terminalbench.trials.trial import record_void, run_trial
from pytest_terminalbench.trials.trial_store import TrialFolders

__all__ = ["CellBlocked", "CellRun", "CellVoid", "NeedsMoreTrials", "RunAttempts", "in_turn"]

# Runs all of these calls, each of which is an attempt, and returns when they have ended.
RunAttempts = Callable[[Sequence[Callable[[], None]]], None]


def in_turn(attempts: Sequence[Callable[[], None]]) -> None:
    """Run `attempts` one after the other."""
    for attempt in attempts:
        attempt()


class CellVoid(TerminalBenchError):
    """A cell could not run, or was not judged: it has no score."""


class CellBlocked(TerminalBenchError):
    """A cell runs under other conditions than its baseline was approved under."""


class NeedsMoreTrials(TerminalBenchError):
    """A cell needs more trials, which may wait until all other cells have had their first."""


class CellRun:
    """A cell on its way: its baseline, its trials so far, and the verdict once there is one.

    ``trouble`` says why there is none. ``xfailed``: its test was expected to fail, and did. ``on_change`` is called
    whenever `result` says something new. The calls come in this order: `make_agent` and, where somebody else may have
    made it, `acted_by`; `read_baseline`, `prepare`, `run` (again after NeedsMoreTrials), `compare`.
    """

    def __init__(self, bench: Bench, cell: Cell, *, on_change: Callable[[], None] = lambda: None) -> None:
        self.cell = cell
        self.baseline: BaselineRecord | None = None
        self.mismatches: Sequence[Mismatch] = ()
        self.trials: list[TrialResult] = []
        self.comparison: CellComparison | None = None
        self.trouble = ""
        self.xfailed = False
        self._bench = bench
        self._gate: CellGate = StrictGate(None, bench.policy)
        self._own_agent: Agent | None = None
        self._on_change = on_change
        # Attempts may run beside each other.
        self._adding = threading.Lock()

    # -- before its trials -------------------------------------------------------------------------------------------

    def read_baseline(self) -> None:
        """Find out what the cell is compared with, and how; raises BaselineError for a damaged file."""
        self.baseline = self._bench.baseline(self.cell)
        self._gate = self._bench.gate(self.cell, self.baseline)

    def make_agent(self) -> Agent:
        """The cell's agent; raises CellVoid."""
        kind = kind_named(self.cell.scenario.kind)
        try:
            agent = self.cell.agent.make()
        except AgentSetupError as error:
            raise self._void(Phase.AGENT, str(error)) from None
        if not callable(getattr(agent, kind.agent_method, None)):
            reason = (
                f"agent {self.cell.agent.name!r} has no method `{kind.agent_method}`, by which agents act at scenarios "
                f"of kind {kind.name!r}; name another agent for this dataset"
            )
            raise self._void(Phase.AGENT, reason)
        self._own_agent = agent
        return agent

    def acted_by(self, agent: Agent) -> None:
        """`agent` is going to act, whoever made it: the cell is called by its name from here on; raises CellVoid."""
        try:
            # A function that makes agents tells nothing of what it makes but by making it.
            is_own = agent is self._own_agent
            spec = self._bench.own_spec(self.cell.agent) if is_own else self._bench.acting(agent, self.cell.agent)
        except SettingsError as error:
            raise self._void(Phase.AGENT, str(error)) from None
        if spec.name != self.cell.agent.name:
            self.cell = Cell(scenario=self.cell.scenario, agent=spec)
            self._on_change()

    def prepare(self) -> Prepared:
        """The scenario's environments, the first already started; raises CellVoid."""
        try:
            return self._bench.prepare(self.cell.scenario)
        except (ImageBuildError, ImageUnavailable) as error:
            raise self._void(Phase.BUILD, str(error)) from None
        except EnvironmentFailure as error:
            raise self._void(Phase.START, str(error)) from None

    # -- its trials --------------------------------------------------------------------------------------------------

    def run(
        self,
        agent: Agent,
        environments: EnvironmentFactory,
        *,
        may_wait: bool = False,
        run_attempts: RunAttempts = in_turn,
    ) -> None:
        """All attempts that the gate asks for, beyond those that are there already.

        After one that is void no other begins. Raises CellVoid then, CellBlocked where the baseline's conditions are
        others, and, if the cell `may_wait`, NeedsMoreTrials where its first are not enough.
        """
        prepared = as_prepared(environments)
        fingerprint = self._conditions(prepared)
        self._check_parity(fingerprint)
        has_first = bool(self.trials)
        while more := self._gate.more(self._rewards):
            if self.trials and may_wait and not has_first:
                raise NeedsMoreTrials(f"{self.cell.key} is tried again after all others")
            first = len(self.trials) + 1
            run_attempts([partial(self._run_one, n, fingerprint, agent, prepared) for n in range(first, first + more)])
            void = self._void_outcome
            if void is not None:
                raise CellVoid(f"void in phase {void.phase}: {void.reason}")

    def _run_one(self, attempt: int, fingerprint: Mapping[str, Any], agent: Agent, prepared: Prepared) -> None:
        if self._void_outcome is not None:
            return
        observer = self._bench.observer
        observer.trial_started(self.cell)
        result = run_trial(
            self._request(attempt, fingerprint),
            scenario=self.cell.scenario,
            environments=prepared,
            store=self._store,
            journal=self._bench.journal,
            # The agent is for the first attempt, each further one makes its own; one that somebody else made (a user's
            # conftest.py) is used again.
            agent=None if attempt > 1 and agent is self._own_agent else agent,
            # The first environment was started for the first attempt.
            build_s=prepared.build_s if attempt == 1 else 0.0,
            start_s=prepared.start_s if attempt == 1 else 0.0,
        )
        with self._adding:
            bisect.insort(self.trials, result, key=lambda trial: trial.attempt)
        self._on_change()
        observer.trial_ended(self.cell, result)

    def _check_parity(self, now: Mapping[str, Any]) -> None:
        """Refuse, or note, a comparison under other conditions than the baseline's."""
        settings, baseline = self._bench.settings, self.baseline
        policy = "off" if settings.update_baselines else settings.parity
        parity = check_parity(baseline, now, configuration=self.cell.configuration, policy=policy)
        self.mismatches = parity.mismatches
        if baseline is None or not parity.why_blocked:
            return
        self.comparison = CellComparison(
            status=Status.BLOCKED, text=parity.why_blocked, baseline_id=baseline.baseline_id
        )
        self._on_change()
        # A baseline of fewer attempts would tell less.
        attempts = f" --tb-attempts {baseline.attempts}" if baseline.attempts > 1 else ""
        rebase = baseline_command(f"rebase {shlex.quote(self.cell.id.baseline_name)}", settings.baselines)
        raise CellBlocked(
            f"{parity.why_blocked}\n"
            f"Accept it without a run: {rebase}\n"
            f"Or approve again with --update-baselines{attempts}, or compare all the same with --tb-parity warn"
        )

    def _void(self, phase: Phase, reason: str) -> CellVoid:
        """Record that the next attempt could not begin; the error to raise."""
        request = self._request(len(self.trials) + 1, self._conditions(None))
        result = record_void(request, store=self._store, journal=self._bench.journal, phase=phase, reason=reason)
        self.trials.append(result)
        self._on_change()
        # The recorded reason, which tells no secrets.
        return CellVoid(f"void in phase {phase}: {result.outcome.reason}")

    @property
    def _store(self) -> TrialFolders:
        return TrialFolders(self._bench.folder)

    def _request(self, attempt: int, fingerprint: Mapping[str, Any]) -> AttemptRequest:
        return AttemptRequest.of(
            self.cell,
            run_id=self._bench.run_id,
            attempt=attempt,
            limits=self._bench.limits(self.cell.scenario),
            fingerprint=fingerprint,
        )

    def _conditions(self, prepared: Prepared | None) -> dict[str, Any]:
        """The fingerprint of the trials; without environments that of a trial that came to nothing."""
        bench, scenario = self._bench, self.cell.scenario
        return conditions(
            scenario,
            image=prepared.recipe if prepared else "",
            platform=prepared.platform if prepared else None,
            dataset_version=bench.datasets.version(scenario.dataset),
            timeout_multiplier=bench.settings.timeout_multiplier,
        )

    @property
    def _rewards(self) -> list[float]:
        """Of the trials that were judged."""
        outcomes = [trial.outcome for trial in self.trials]
        return [outcome.reward for outcome in outcomes if not isinstance(outcome, Void)]

    # -- its verdict -------------------------------------------------------------------------------------------------

    def compare(self, rewards: Sequence[float]) -> CellComparison:
        """The gate's verdict on attempts with these rewards, and on what the trials took."""
        comparison = self._gate.judge(self._side(rewards))
        # What is to be approved is no failure; whether it will be is known when all cells have reported.
        approving = self._bench.settings.update_baselines and not comparison.status.is_pass
        self.comparison = replace(comparison, approving=approving)
        self._on_change()
        return self.comparison

    def _side(self, rewards: Sequence[float]) -> CellSide:
        """What the cell did: these rewards, and what its trials took."""
        done = CellSide.of_attempts((trial.attempt_result() for trial in self.trials), host=host_class())
        return CellSide(rewards=tuple(map(float, rewards)), measures=done.measures, host=done.host)

    def compare_trials(self) -> CellComparison:
        """The gate's verdict on the trials that were made; to be asked when `run` has come to its end."""
        return self.compare(self._rewards)

    def take_over(self, other: CellRun) -> None:
        """Go on from where `other`, of the same cell, has come to."""
        self.trials[:] = other.trials
        self.mismatches, self.comparison = other.mismatches, other.comparison

    @property
    def result(self) -> CellResult:
        """What has become of the cell so far; without a verdict it is void."""
        comparison = self.comparison or CellComparison(status=Status.VOID, text=self._why_void())
        scenario = self.cell.scenario
        return CellResult(
            id=self.cell.id,
            status=comparison.status,
            text=short_text(comparison.text),
            category=scenario.category,
            difficulty=scenario.difficulty,
            attempts=tuple(short_attempt(trial.attempt_result()) for trial in self.trials),
            gate=self._bench.gate_kind(self.cell.agent),
            change=comparison.change,
            tolerated=comparison.tolerated,
            approving=comparison.approving,
            xfailed=self.xfailed,
            adjusted_p=comparison.adjusted_p,
            baseline_id=comparison.baseline_id,
            worse_in=comparison.worse_in,
            configuration=self.cell.configuration,
            mismatches=tuple(self.mismatches),
        )

    def _why_void(self) -> str:
        void = self._void_outcome
        return void.reason if void is not None else self.trouble or "no trial was made"

    @property
    def _void_outcome(self) -> Void | None:
        """Of the attempt that was void, if one was."""
        return next((trial.outcome for trial in self.trials if isinstance(trial.outcome, Void)), None)
