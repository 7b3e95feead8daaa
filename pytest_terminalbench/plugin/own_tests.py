"""Trials in tests of a user's own, under xdist: how the controller hears of a run that only its workers know of."""

from __future__ import annotations

from typing import Any

import pytest

__all__ = ["hear_of_cell", "hear_of_run", "tell_run"]

WORKER_OUTPUT = "terminalbench_has_run"


def tell_run(config: pytest.Config) -> None:
    """In a worker that makes a trial: let the controller know, in case no report tells of a cell."""
    config.workeroutput[WORKER_OUTPUT] = True  # type: ignore[attr-defined]


def hear_of_run(node: Any) -> None:
    """In the controller, when the worker of `node` has ended: a run with trials has its summary."""
    if getattr(node, "workeroutput", {}).get(WORKER_OUTPUT):
        from pytest_terminalbench.plugin.session import PluginSession

        PluginSession.of(node.config).open_run()


def hear_of_cell(report: pytest.TestReport, config: pytest.Config) -> None:
    """In the controller, at the first report of a cell; from then on its own plugin hears of them."""
    from pytest_terminalbench.plugin.cell_property import cell_of
    from pytest_terminalbench.plugin.session import PluginSession

    cell = cell_of(report)
    if cell is not None:
        PluginSession.of(config).book(report, cell.id)
