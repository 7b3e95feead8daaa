"""The trials of one cell, whoever runs them: fixtures in their item's turn, or a thread ahead of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pytest_terminalbench.agents.base import Agent
from pytest_terminalbench.baselines.cell_gate import cell_gate
from pytest_terminalbench.baselines.parity import mismatches
from pytest_terminalbench.baselines.strict_comparison import Comparison
from pytest_terminalbench.environments.base import EnvironmentFactory
from pytest_terminalbench.environments.docker_provider import EnvironmentLease
from pytest_terminalbench.errors import AgentSetupError, EnvironmentFailure, ImageBuildError, ImageUnavailable
from pytest_terminalbench.outcome import Phase, Void
from pytest_terminalbench.plugin.cell_state import CellBlocked, CellState, CellVoid, PutAside
from pytest_terminalbench.plugin.session import BenchSession
from pytest_terminalbench.status import Status
from pytest_terminalbench.trials.result import TrialResult
from pytest_terminalbench.trials.trial import TrialSetup, record_void, run_trial

__all__ = ["CellRunner"]


class CellRunner:
    """Fills `state` with what happens to its cell; `publish` is called whenever there is something new in it."""

    def __init__(self, bench: BenchSession, state: CellState, publish: Callable[[], None] = lambda: None) -> None:
        self._bench = bench
        self._state = state
        self._publish = publish

    def read_baseline(self) -> None:
        """Find out what the cell is compared with, and how; raises BaselineError for a damaged file."""
        bench, state = self._bench, self._state
        state.baseline = bench.baseline(state.cell)
        state.gate_kind = bench.gate_kind(state.cell.agent)
        state.gate = cell_gate(
            state.gate_kind, state.baseline, bench.gate_settings, approved=bench.approved_tallies(state.cell)
        )

    def make_agent(self) -> Agent:
        """The cell's agent; raises CellVoid."""
        try:
            agent = self._state.cell.agent.make()
        except AgentSetupError as error:
            raise self._void(Phase.AGENT, str(error)) from None
        self._state.own_agent = agent
        return agent

    def lease(self) -> EnvironmentLease:
        """The scenario's environments, the first already started; raises CellVoid."""
        try:
            return self._bench.scheduler.lease(self._state.cell.scenario)
        except (ImageBuildError, ImageUnavailable) as error:
            raise self._void(Phase.BUILD, str(error)) from None
        except EnvironmentFailure as error:
            raise self._void(Phase.START, str(error)) from None

    def run(
        self, agent: Agent, environments: EnvironmentFactory, *, earlier: Sequence[TrialResult], may_be_put_aside: bool
    ) -> None:
        """All attempts of the cell that the gate asks for, one after the other.

        `earlier`: what is there from a first turn. Raises CellVoid at the first that is void, CellBlocked where the
        baseline's conditions are others, and PutAside where more are needed and may wait.
        """
        state = self._state
        setup = self._setup(environments)
        self._check_parity(setup.fingerprint(state.cell))
        state.results.extend(earlier)
        while more := state.gate.more(solved=state.trials.solved, attempts=len(state.results)):
            if state.results and may_be_put_aside:
                raise PutAside(f"{state.cell.key} is tried again after all others", state.results)
            for _ in range(more):
                self._run_one(setup, agent, environments)

    def _run_one(self, setup: TrialSetup, agent: Agent, environments: EnvironmentFactory) -> None:
        state, hook = self._state, self._bench.config.hook
        attempt = len(state.results) + 1
        lease = environments if isinstance(environments, EnvironmentLease) and attempt == 1 else None
        with self._bench.telling:
            hook.pytest_terminalbench_trial_start(cell=state.cell)
        result = run_trial(
            state.cell,
            environments=environments,
            setup=setup,
            # The fixture's agent is for the first attempt, each further one has its own; one that a user's conftest.py
            # made is used again.
            agent=state.cell.agent.make() if attempt > 1 and agent is state.own_agent else agent,
            attempt=attempt,
            build_s=lease.build_s if lease else 0.0,
            start_s=lease.start_s if lease else 0.0,
        )
        state.results.append(result)
        self._publish()
        with self._bench.telling:
            hook.pytest_terminalbench_trial_end(cell=state.cell, outcome=result)
        if isinstance(result.outcome, Void):
            raise CellVoid(f"void in phase {result.outcome.phase}: {result.outcome.reason}")

    def _check_parity(self, now: Mapping[str, Any]) -> None:
        """Refuse, or note, a comparison under other conditions than the baseline's."""
        options, state = self._bench.options, self._state
        if state.baseline is None or options.parity == "off" or options.update_baselines:
            return
        state.mismatches = mismatches(state.baseline.fingerprint, now)
        if not state.mismatches or options.parity == "warn":
            return
        differences = "\n".join(f"  {mismatch}" for mismatch in state.mismatches)
        text = f"blocked: not what the baseline {state.baseline.baseline_id} was approved for\n{differences}"
        state.comparison = Comparison(status=Status.BLOCKED, text=text, baseline_id=state.baseline.baseline_id)
        self._publish()
        raise CellBlocked(
            f"{text}\nApprove anew with --update-baselines, or compare all the same with --tb-parity warn"
        )

    def _void(self, phase: Phase, reason: str) -> CellVoid:
        """Book a cell whose question cannot be put; the error to raise."""
        state = self._state
        state.results.append(record_void(state.cell, setup=self._setup(None), phase=phase, reason=reason))
        self._publish()
        return CellVoid(f"void in phase {phase}: {reason}")

    def _setup(self, environments: EnvironmentFactory | None) -> TrialSetup:
        """The conditions of the trials; without `environments` those of a trial that came to nothing."""
        bench = self._bench
        lease = environments if isinstance(environments, EnvironmentLease) else None
        return TrialSetup(
            run_id=bench.run.id,
            root=bench.run.path,
            journal=bench.journal,
            image=lease.image.recipe if lease else "overridden" if environments else "",
            platform=bench.scheduler.platform if lease else None,
            dataset_version=bench.datasets.version(self._state.cell.scenario.dataset),
            timeout_multiplier=bench.options.timeout_multiplier,
            has_namesake=bench.datasets.has_namesake(self._state.cell.scenario),
        )
