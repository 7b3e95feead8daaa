"""What the fixtures give, in their item's turn: the cell that the item means, its agent, environments and trials."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pytest_terminalbench.agents.base import Agent
from pytest_terminalbench.agents.registry import AgentSpec
from pytest_terminalbench.cells.cell_run import CellRun, NeedsMoreTrials
from pytest_terminalbench.cells.cell_trials import Trials
from pytest_terminalbench.cells.executors import CellThreads
from pytest_terminalbench.environments.base import EnvironmentFactory
from pytest_terminalbench.errors import SettingsError
from pytest_terminalbench.plugin.adaptive_attempts import FIRST_TRIALS, PLUGIN_NAME
from pytest_terminalbench.plugin.cell_property import publish
from pytest_terminalbench.plugin.pytest_internals import baseline_snapshots
from pytest_terminalbench.plugin.session import PluginSession
from pytest_terminalbench.plugin.stash_keys import CELL, CELL_RUN
from pytest_terminalbench.scenarios.model import Scenario
from pytest_terminalbench.trials.cell import Cell

__all__ = ["agent_of", "baseline_of", "environments_of", "make_agent", "run_trials", "scenario_of"]


class _InThread:
    """Stands for the agent and the environments of an item whose trials run in a thread: nobody else asks for them."""


def scenario_of(request: pytest.FixtureRequest) -> Scenario:
    return _required_run(request).cell.scenario


def agent_of(request: pytest.FixtureRequest) -> AgentSpec:
    run = _run(request)
    return run.cell.agent if run else PluginSession.of(request.config).bench.agents[0]


def make_agent(request: pytest.FixtureRequest) -> Any:
    run = _run(request)
    if run is None:
        return agent_of(request).make()
    return _InThread() if _threads_with(request, run) else run.make_agent()


def environments_of(request: pytest.FixtureRequest) -> Iterator[Any]:
    """What ``tb_environment`` yields."""
    session = PluginSession.of(request.config)
    session.guard()
    run = _run(request)
    if run is None:
        try:
            yield session.bench.image_provider().environment
        except SettingsError as error:
            raise pytest.UsageError(str(error)) from None
    elif _threads_with(request, run):
        yield _InThread()
    else:
        environments = run.prepare()
        try:
            yield environments
        finally:
            environments.close()


def run_trials(request: pytest.FixtureRequest, agent: Agent, environments: EnvironmentFactory) -> Trials:
    """All attempts of the cell; raises CellVoid at the first that is void."""
    run = _required_run(request)
    PluginSession.of(request.config).open_run()
    stash = request.node.stash
    threads = _threads_with(request, run)
    _name_actor(request, run, agent)
    try:
        if threads is not None:
            _take(request, threads, run)
        else:
            run.run(
                agent, environments, may_wait=request.config.pluginmanager.has_plugin(PLUGIN_NAME) and CELL in stash
            )
    except NeedsMoreTrials:
        stash[FIRST_TRIALS] = tuple(run.trials)
        raise
    return Trials(cell=run.cell, results=tuple(run.trials))


def _threads_with(request: pytest.FixtureRequest, run: CellRun) -> CellThreads | None:
    """The threads that run the trials of this item, if they do and these were not taken yet."""
    items = PluginSession.of(request.config).items_in_threads
    threads = items.threads if items is not None and CELL in request.node.stash else None
    return threads if threads is not None and threads.has(run.cell.key) else None


def _take(request: pytest.FixtureRequest, threads: CellThreads, run: CellRun) -> None:
    """Wait for what runs in a thread, and go on as if it had been run here."""
    turn = threads.take(run.cell.key)
    run.take_over(turn.run)
    publish(request.node, run)
    if turn.error is not None:
        raise turn.error


def _name_actor(request: pytest.FixtureRequest, run: CellRun, agent: Agent) -> None:
    """Call the cell by the name of `agent`, which a fixture of the user's may have given."""
    if isinstance(agent, _InThread):
        return
    asked = run.cell
    run.acted_by(agent)
    if CELL not in request.node.stash and run.cell is not asked:
        _refuse_twin(request, run.cell)


def baseline_of(request: pytest.FixtureRequest, agent: Agent) -> Any:
    """A snapshot assertion of syrupy's that compares with the cell's baseline."""
    from syrupy.assertion import SnapshotAssertion
    from syrupy.location import PyTestLocation

    from pytest_terminalbench.plugin.syrupy_baseline import BaselineExtension

    run = _required_run(request)
    _name_actor(request, run, agent)
    # A damaged file is an error before anything runs, not a comparison that fails.
    run.read_baseline()

    file = PluginSession.of(request.config).bench.baseline_file(run.cell)
    return SnapshotAssertion(
        session=baseline_snapshots(request.session),
        extension_class=BaselineExtension.of(file, run.compare),
        test_location=PyTestLocation(request.node),
        # Whatever --snapshot-update says: the controller alone writes baselines.
        update_snapshots=False,
    )


def _required_run(request: pytest.FixtureRequest) -> CellRun:
    run = _run(request)
    if run is None:
        raise pytest.UsageError(
            f"{request.node.nodeid} uses a scenario but names none; add "
            '@pytest.mark.parametrize("tb_scenario", ["DATASET/ID"], indirect=True)'
        )
    return run


def _run(request: pytest.FixtureRequest) -> CellRun | None:
    """The cell of this item, or of a user's test that names a scenario; None for any other test."""
    node: pytest.Item = request.node
    if CELL_RUN not in node.stash:
        cell = node.stash.get(CELL, None) or _cell_of_test(request)
        if cell is None:
            return None
        bench = PluginSession.of(request.config).bench
        run = CellRun(bench, cell, on_change=lambda: publish(node, run))
        node.stash[CELL_RUN] = run
    return node.stash[CELL_RUN]


def _cell_of_test(request: pytest.FixtureRequest) -> Cell | None:
    named = getattr(getattr(request.node, "callspec", None), "params", {}).get("tb_scenario")
    if named is None:
        return None
    session = PluginSession.of(request.config)
    try:
        cell = Cell(scenario=session.bench.datasets.find(str(named)), agent=session.agents_for(request.node)[0])
    except SettingsError as error:
        raise pytest.UsageError(str(error)) from None
    _refuse_twin(request, cell)
    return cell


def _refuse_twin(request: pytest.FixtureRequest, cell: Cell) -> None:
    """Raise UsageError where the session has the cell as an item of its own: one's trials would replace the other's."""
    for item in request.session.items:
        if CELL in item.stash and item.stash[CELL].id == cell.id:
            raise pytest.UsageError(
                f"{request.node.nodeid} runs {cell.id.key}, which this session runs as {item.nodeid} too, and one "
                "would overwrite the other's results; deselect one of the two, or run them in two sessions"
            )
