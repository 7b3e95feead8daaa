"""Trials in tests of a user's own, under xdist: how the controller hears of a run that only its workers know of."""

from __future__ import annotations

from typing import Any

import pytest

__all__ = ["has_run", "tell_run"]

WORKER_OUTPUT = "terminalbench_has_run"


def tell_run(config: pytest.Config) -> None:
    """In a worker that makes a trial: let the controller know, in case no report tells of a cell."""
    config.workeroutput[WORKER_OUTPUT] = True  # type: ignore[attr-defined]


def has_run(node: Any) -> bool:
    """In the controller, when the worker of `node` has ended: whether it made trials, whose run wants a summary."""
    return bool(getattr(node, "workeroutput", {}).get(WORKER_OUTPUT))
