"""What the fixtures do in their item's turn: one cell from its environment to its comparison."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pytest_terminalbench.agents.base import Agent
from pytest_terminalbench.agents.registry import AgentSpec
from pytest_terminalbench.baselines.strict_comparison import Comparison
from pytest_terminalbench.cells.cell_trials import Trials
from pytest_terminalbench.environments.base import EnvironmentFactory
from pytest_terminalbench.plugin.cell_runner import CellRunner
from pytest_terminalbench.plugin.cell_state import STATE, CellState, PutAside
from pytest_terminalbench.plugin.second_turns import FIRST_RESULTS
from pytest_terminalbench.plugin.session import BenchSession
from pytest_terminalbench.plugin.stash_keys import CELL, DEFERRAL
from pytest_terminalbench.scenarios.model import Scenario
from pytest_terminalbench.status import Status
from pytest_terminalbench.trials.cell import Cell

__all__ = ["agent_of", "baseline_of", "environments_of", "make_agent", "run_trials", "scenario_of"]


class _Elsewhere:
    """Stands for the agent and the environments of an item whose trials run ahead: nobody else asks for them."""


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


def make_agent(request: pytest.FixtureRequest) -> Any:
    state = _state(request)
    if state is None:
        return agent_of(request).make()
    return _Elsewhere() if _runs_ahead(request) else _runner(request, state).make_agent()


def environments_of(request: pytest.FixtureRequest) -> Iterator[Any]:
    """What ``tb_environment`` yields."""
    bench = BenchSession.of(request.config)
    bench.guard()
    state = _state(request)
    if state is None:
        yield bench.scheduler.environment
    elif _runs_ahead(request):
        yield _Elsewhere()
    else:
        lease = _runner(request, state).lease()
        try:
            yield lease
        finally:
            lease.close()


def run_trials(request: pytest.FixtureRequest, agent: Agent, environments: EnvironmentFactory) -> Trials:
    """All attempts of the cell; raises CellVoid at the first that is void."""
    state = _required_state(request)
    BenchSession.of(request.config).open_run()
    stash = request.node.stash
    earlier = stash.get(FIRST_RESULTS, ())
    may_be_put_aside = CELL in stash and not earlier and request.config.pluginmanager.has_plugin(DEFERRAL)
    try:
        if _runs_ahead(request):
            _take_over(request, state)
        else:
            runner = _runner(request, state)
            runner.run(agent, environments, earlier=earlier, may_be_put_aside=may_be_put_aside)
    except PutAside as aside:
        stash[FIRST_RESULTS] = aside.results
        raise
    return state.trials


def _runs_ahead(request: pytest.FixtureRequest) -> bool:
    ahead = BenchSession.of(request.config).ahead
    return ahead is not None and ahead.has(request.node)


def _take_over(request: pytest.FixtureRequest, state: CellState) -> None:
    """Wait for what runs ahead, and go on as if it had been run here."""
    ahead = BenchSession.of(request.config).ahead
    assert ahead is not None
    done = ahead.take(request.node)
    state.take_over(done.state)
    state.publish(request.node)
    if done.error is not None:
        raise done.error


def baseline_of(request: pytest.FixtureRequest) -> Any:
    """A snapshot assertion of syrupy's that compares with the cell's baseline."""
    from syrupy.assertion import SnapshotAssertion
    from syrupy.location import PyTestLocation

    from pytest_terminalbench.plugin.syrupy_baseline import BaselineExtension

    state = _required_state(request)
    bench = BenchSession.of(request.config)
    # A damaged file is an error before anything runs, not a comparison that fails.
    _runner(request, state).read_baseline()

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
    if comparison.status.is_pass or not bench.options.update_baselines:
        return comparison
    return Comparison(status=Status.AS_BASELINE, text=f"{comparison.text}; being approved now")


def _runner(request: pytest.FixtureRequest, state: CellState) -> CellRunner:
    return CellRunner(BenchSession.of(request.config), state, publish=lambda: state.publish(request.node))


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
    return Cell(scenario=bench.datasets.find(str(named)), agent=bench.agents[0])
