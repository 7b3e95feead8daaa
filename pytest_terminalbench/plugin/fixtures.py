"""Fixtures of scenario items; users may override them in conftest.py and use them in their own tests.

This module is imported by pytest in every project: it imports nothing heavy before a fixture is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_terminalbench.agents.base import Agent
    from pytest_terminalbench.cells.cell_trials import Trials
    from pytest_terminalbench.environments.base import EnvironmentFactory
    from pytest_terminalbench.scenarios.model import Scenario

__all__ = ["tb_agent", "tb_baseline", "tb_environment", "tb_model", "tb_scenario", "tb_trials"]


@pytest.fixture
def tb_scenario(request: pytest.FixtureRequest) -> Scenario:
    """The scenario of this item.

    In a test of your own name one by
    ``@pytest.mark.parametrize("tb_scenario", ["DATASET/ID"], indirect=True)``.
    """
    from pytest_terminalbench.plugin.fixture_values import scenario_of

    return scenario_of(request)


@pytest.fixture
def tb_model(request: pytest.FixtureRequest) -> str | None:
    """The name of the model that this item's agent uses; None for agents that use none."""
    from pytest_terminalbench.plugin.fixture_values import agent_of

    return agent_of(request).model


@pytest.fixture
def tb_agent(request: pytest.FixtureRequest) -> Agent:
    """The agent that acts, newly made. Override it to act with an agent of your own: the cell is called by its name."""
    from pytest_terminalbench.plugin.fixture_values import make_agent

    agent: Agent = make_agent(request)
    return agent


@pytest.fixture
def tb_environment(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A factory of started environments.

    For a scenario (an item, or a test with ``tb_scenario``): called without arguments, gives the scenario's
    environment as a context; the first is started already, so that what fails here is pytest's ERROR. In any other
    test: called with an image, ``with tb_environment("debian:bookworm-slim") as env: env.run(["true"])``.
    """
    from pytest_terminalbench.plugin.fixture_values import environments_of

    yield from environments_of(request)


@pytest.fixture
def tb_trials(
    request: pytest.FixtureRequest, tb_baseline: Any, tb_agent: Agent, tb_environment: EnvironmentFactory
) -> Trials:
    """The trials of this cell, run now. A void one is pytest's ERROR: there is nothing to compare."""
    from pytest_terminalbench.plugin.fixture_values import run_trials

    return run_trials(request, tb_agent, tb_environment)


@pytest.fixture
def tb_baseline(request: pytest.FixtureRequest, tb_agent: Agent) -> Any:
    """The approved baseline of this cell, to be compared with ``tb_trials`` by ``==``; a syrupy snapshot."""
    from pytest_terminalbench.plugin.fixture_values import baseline_of

    return baseline_of(request, tb_agent)
