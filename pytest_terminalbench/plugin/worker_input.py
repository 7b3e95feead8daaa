"""What the controller tells its xdist workers when they start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pytest_terminalbench.plugin.stash_keys import RUN_ID
from pytest_terminalbench.runs.layout import new_run_id

__all__ = [
    "ENGINE_INPUT",
    "RUN_INPUT",
    "hand_over",
    "is_worker",
    "run_id",
    "unreachable_environments",
    "worker_input",
    "worker_name",
]

RUN_INPUT = "terminalbench_run_id"
ENGINE_INPUT = "terminalbench_engine"
UNREACHABLE_INPUT = "terminalbench_unreachable"


def run_id(config: pytest.Config) -> str:
    """This run's name: as asked for, as the controller says, or made from the time."""
    if RUN_ID not in config.stash:
        asked = config.getoption("tb_run_id") or config.getini("tb_run_id")
        from_controller = worker_input(config, RUN_INPUT)
        config.stash[RUN_ID] = from_controller or asked or new_run_id()
    return config.stash[RUN_ID]


def is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def worker_name(config: pytest.Config) -> str | None:
    """What xdist calls this process; None where it is no worker."""
    return worker_input(config, "workerid")


def worker_input(config: pytest.Config, key: str) -> str | None:
    value = getattr(config, "workerinput", {}).get(key)
    return str(value) if value else None


def unreachable_environments(config: pytest.Config) -> dict[str, str]:
    """Kinds of environments that the controller could not reach, and why."""
    return dict(getattr(config, "workerinput", {}).get(UNREACHABLE_INPUT, {}))


def hand_over(node: Any, *, engine_url: str | None, unreachable: Mapping[str, str]) -> None:
    """Give a worker that is about to start the run's name, the engine that answered and what did not."""
    node.workerinput[RUN_INPUT] = run_id(node.config)
    node.workerinput[ENGINE_INPUT] = engine_url or ""
    node.workerinput[UNREACHABLE_INPUT] = dict(unreachable)
