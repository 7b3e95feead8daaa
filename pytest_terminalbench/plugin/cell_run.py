"""What the fixtures do: one cell from its environment to its comparison."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from pytest_terminalbench.agents.base import Agent
from pytest_terminalbench.agents.registry import AgentSpec
from pytest_terminalbench.baselines.comparison import Comparison, Status
from pytest_terminalbench.baselines.gate import cell_gate
from pytest_terminalbench.baselines.parity import mismatches
from pytest_terminalbench.environments.base import EnvironmentFactory
from pytest_terminalbench.errors import AgentSetupError, EnvironmentFailure, ImageBuildError, ImageUnavailable
from pytest_terminalbench.outcome import Phase, Void
from pytest_terminalbench.plugin.cell_state import STATE, CellBlocked, CellState, CellVoid
from pytest_terminalbench.plugin.deferral import FIRST_RESULTS, PutAside
from pytest_terminalbench.plugin.keys import CELL, DEFERRAL
from pytest_terminalbench.plugin.session import BenchSession
from pytest_terminalbench.scenarios.model import Scenario
from pytest_terminalbench.trials.cell import Cell
from pytest_terminalbench.trials.scheduler import EnvironmentLease
from pytest_terminalbench.trials.trial import TrialSetup, record_void, run_trial
from pytest_terminalbench.trials.trials import Trials

__all__ = ["agent_of", "baseline_of", "environments_of", "make_agent", "run_trials", "scenario_of"]


def scenario_of(request: pytest.FixtureRequest) -> Scenario:
    state = _state(request)
    if state is None:
        raise pytest.UsageError(
            f"{request.node.nodeid} uses a scenario but names none; add "
            '@pytest.mark.parametrize("tb_scenario", ["DATASET/ID"], indirect=True)'
        )
    return state.cell.scenario


def agent_of(request: pytest.FixtureRequest) -> AgentSpec:
    state = _state(request)
    return state.cell.agent if state else BenchSession.of(request.config).agents[0]


def make_agent(request: pytest.FixtureRequest) -> Agent:
    state = _state(request)
    try:
        agent = agent_of(request).make()
    except AgentSetupError as error:
        raise _void(request, Phase.AGENT, str(error)) from None
    if state is not None:
        state.own_agent = agent
    return agent


def environments_of(request: pytest.FixtureRequest) -> Iterator[Any]:
    """What ``tb_environment`` yields."""
    bench = BenchSession.of(request.config)
    bench.guard()
    state = _state(request)
    if state is None:
        yield bench.scheduler.environment
        return
    try:
        lease = bench.scheduler.lease(state.cell.scenario)
    except (ImageBuildError, ImageUnavailable) as error:
        raise _void(request, Phase.BUILD, str(error)) from None
    except EnvironmentFailure as error:
        raise _void(request, Phase.START, str(error)) from None
    try:
        yield lease
    finally:
        lease.close()


def run_trials(request: pytest.FixtureRequest, agent: Agent, environments: EnvironmentFactory) -> Trials:
    """All attempts of the cell, one after the other; raises CellVoid at the first that is void."""
    state = _required_state(request)
    bench = BenchSession.of(request.config)
    bench.open_run()
    setup = _setup(bench, state.cell, environments)
    _check_parity(request, state, setup.fingerprint(state.cell))
    state.results.extend(request.node.stash.get(FIRST_RESULTS, ()))
    trials = Trials(cell=state.cell, results=tuple(state.results))
    while more := state.gate.more(solved=trials.solved, attempts=trials.attempts):
        _give_way(request, trials)
        for attempt in range(trials.attempts + 1, trials.attempts + more + 1):
            _run_one(request, state, setup, agent, environments, attempt)
        trials = Trials(cell=state.cell, results=tuple(state.results))
    return trials


def _give_way(request: pytest.FixtureRequest, trials: Trials) -> None:
    """Before a cell's further trials: let all other cells have their first."""
    node = request.node
    may_wait = CELL in node.stash and request.config.pluginmanager.has_plugin(DEFERRAL)
    if may_wait and trials.attempts and FIRST_RESULTS not in node.stash:
        node.stash[FIRST_RESULTS] = trials.results
        raise PutAside(f"{trials.cell.key} is tried again after all others")


def _run_one(
    request: pytest.FixtureRequest,
    state: CellState,
    setup: TrialSetup,
    agent: Agent,
    environments: EnvironmentFactory,
    attempt: int,
) -> None:
    lease = environments if isinstance(environments, EnvironmentLease) and attempt == 1 else None
    request.config.hook.pytest_terminalbench_trial_start(cell=state.cell)
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
    state.publish(request.node)
    request.config.hook.pytest_terminalbench_trial_end(cell=state.cell, outcome=result)
    if isinstance(result.outcome, Void):
        raise CellVoid(f"void in phase {result.outcome.phase}: {result.outcome.reason}")


def _check_parity(request: pytest.FixtureRequest, state: CellState, now: Mapping[str, Any]) -> None:
    """Refuse, or note, a comparison under other conditions than the baseline's."""
    options = BenchSession.of(request.config).options
    if state.baseline is None or options.parity == "off" or options.update_baselines:
        return
    state.mismatches = mismatches(state.baseline.fingerprint, now)
    if not state.mismatches or options.parity == "warn":
        return
    differences = "\n".join(f"  {mismatch}" for mismatch in state.mismatches)
    text = f"blocked: not what the baseline {state.baseline.baseline_id} was approved for\n{differences}"
    state.comparison = Comparison(status=Status.BLOCKED, text=text, baseline_id=state.baseline.baseline_id)
    state.publish(request.node)
    raise CellBlocked(f"{text}\nApprove anew with --update-baselines, or compare all the same with --tb-parity warn")


def baseline_of(request: pytest.FixtureRequest) -> Any:
    """A snapshot assertion of syrupy's that compares with the cell's baseline."""
    from syrupy.assertion import SnapshotAssertion
    from syrupy.location import PyTestLocation

    from pytest_terminalbench.baselines.snapshot import BaselineExtension

    state = _required_state(request)
    bench = BenchSession.of(request.config)
    # A damaged file is an error before anything runs, not a comparison that fails.
    state.baseline = bench.baseline(state.cell)
    state.gate_kind = bench.gate_kind(state.cell.agent)
    state.gate = cell_gate(
        state.gate_kind, state.baseline, bench.gate_settings, approved=bench.approved_tallies(state.cell)
    )

    def judge(solved: int, rewards: list[float]) -> Comparison:
        state.comparison = _allowed(state.gate.judge(solved=solved, rewards=rewards), bench)
        state.publish(request.node)
        return state.comparison

    return SnapshotAssertion(
        session=request.config._syrupy,  # type: ignore[attr-defined]  # Where syrupy keeps it; it has no other way in.
        extension_class=BaselineExtension.of(bench.baseline_file(state.cell), judge),
        test_location=PyTestLocation(request.node),
        # Whatever --snapshot-update says: the controller alone writes baselines.
        update_snapshots=False,
    )


def _allowed(comparison: Comparison, bench: BenchSession) -> Comparison:
    """The verdict under the options: what is being approved is no failure."""
    if comparison.status.passed or not bench.options.update_baselines:
        return comparison
    return Comparison(status=Status.AS_BASELINE, text=f"{comparison.text}; being approved now")


def _setup(bench: BenchSession, cell: Cell, environments: EnvironmentFactory) -> TrialSetup:
    is_ours = isinstance(environments, EnvironmentLease)
    return TrialSetup(
        run_id=bench.run.id,
        root=bench.run.path,
        journal=bench.journal,
        image=environments.image.recipe if isinstance(environments, EnvironmentLease) else "overridden",
        platform=bench.scheduler.platform if is_ours else None,
        dataset_version=bench.dataset_version(cell.scenario.dataset),
        timeout_multiplier=bench.options.timeout_multiplier,
    )


def _void(request: pytest.FixtureRequest, phase: Phase, reason: str) -> CellVoid:
    """Book a cell whose question cannot be put; the error to raise."""
    state = _state(request)
    if state is not None:
        bench = BenchSession.of(request.config)
        setup = TrialSetup(
            run_id=bench.run.id,
            root=bench.run.path,
            journal=bench.journal,
            dataset_version=bench.dataset_version(state.cell.scenario.dataset),
            timeout_multiplier=bench.options.timeout_multiplier,
        )
        state.results.append(record_void(state.cell, setup=setup, phase=phase, reason=reason))
        state.publish(request.node)
    return CellVoid(f"void in phase {phase}: {reason}")


def _required_state(request: pytest.FixtureRequest) -> CellState:
    scenario_of(request)
    state = _state(request)
    assert state is not None
    return state


def _state(request: pytest.FixtureRequest) -> CellState | None:
    """The cell of this item, or of a user's test that names a scenario; None for any other test."""
    node: pytest.Item = request.node
    if STATE not in node.stash:
        cell = node.stash.get(CELL, None) or _cell_of_test(request)
        if cell is None:
            return None
        node.stash[STATE] = CellState(cell=cell, is_item=CELL in node.stash)
    return node.stash[STATE]


def _cell_of_test(request: pytest.FixtureRequest) -> Cell | None:
    named = getattr(getattr(request.node, "callspec", None), "params", {}).get("tb_scenario")
    if named is None:
        return None
    bench = BenchSession.of(request.config)
    return Cell(scenario=bench.find_scenario(str(named)), agent=bench.agents[0])
