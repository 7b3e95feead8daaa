"""The agent that does nothing: a scenario it solves judges nothing."""

from __future__ import annotations

from typing import ClassVar

from pytest_terminalbench.agents.base import AgentReport, Task
from pytest_terminalbench.environments.base import Environment

__all__ = ["Nop"]


class Nop:
    """Leaves everything as it is."""

    name: ClassVar[str] = "nop"
    deterministic: ClassVar[bool] = True

    def act(self, task: Task, environment: Environment) -> AgentReport:
        return AgentReport(note="did nothing")
