"""Hooks that pytest-terminalbench calls; implement them in conftest.py or in a plugin of your own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_terminalbench.agents.registry import AgentRegistry
    from pytest_terminalbench.scenarios.catalog import Catalog
    from pytest_terminalbench.trials.cell import Cell
    from pytest_terminalbench.trials.result import TrialResult


@pytest.hookspec(historic=False)
def pytest_terminalbench_agents(registry: AgentRegistry) -> None:
    """Add agents: ``registry.register("mine", MyAgent)`` makes ``--tb-agent mine`` work.

    Called once in every process (controller and xdist workers), before options that name agents are read.
    """


@pytest.hookspec(historic=False)
def pytest_terminalbench_datasets(catalog: Catalog) -> None:
    """Add datasets: ``catalog.add("mine", folder)`` makes ``--tb-dataset mine`` work.

    Called once in every process, before options that name datasets are read, so it must give the same answer in all.
    """


@pytest.hookspec(historic=False)
def pytest_terminalbench_trial_start(cell: Cell) -> None:
    """A trial of `cell` is about to start. Called in the process that runs it (under ``-n``: a worker).

    With ``--tb-concurrency`` the thread of the trial calls it, one at a time.
    """


@pytest.hookspec(historic=False)
def pytest_terminalbench_trial_end(cell: Cell, outcome: TrialResult) -> None:
    """A trial of `cell` has ended and its folder is written. Called in the process, and by the thread, that ran it.

    `outcome` is the whole result; ``outcome.outcome`` is ``Solved``, ``Unsolved`` or ``Void``.
    """


@pytest.hookspec(historic=False)
def pytest_terminalbench_incident(incident: dict[str, Any]) -> None:
    """Something got worse and a ticket has been written; `incident` is its content.

    Called on the controller at the end of the session, after the webhook (if one is configured) was told. What it
    raises is told of in the summary, and changes nothing else.
    """
