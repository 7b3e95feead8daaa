"""Agents written with ``async``: a base class that runs them as the agents that a trial knows."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from pytest_terminalbench.agents.base import AgentReport, Desk, Task
from pytest_terminalbench.environments.base import ExecResult

__all__ = ["AsyncAgent", "AsyncDesk"]


class AsyncAgent(ABC):
    """Implement `act_async`; several commands may run at once, with ``asyncio.gather``."""

    name: ClassVar[str]
    deterministic: ClassVar[bool] = False

    @abstractmethod
    async def act_async(self, task: Task, desk: AsyncDesk) -> AgentReport:
        """Do the work; see `Agent.act`."""

    def act(self, task: Task, environment: Desk) -> AgentReport:
        """Run `act_async` to its end, in an event loop of its own."""
        return asyncio.run(self.act_async(task, AsyncDesk(environment)))


class AsyncDesk:
    """A desk whose calls can be awaited. Each runs in a thread, so that others go on meanwhile.

    What does not wait (usage, messages, the model) is on `desk` itself.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def run(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float = 60.0,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        user: str | None = None,
    ) -> ExecResult:
        """As `Environment.run`."""
        return await asyncio.to_thread(self.desk.run, argv, timeout_s=timeout_s, env=env, cwd=cwd, user=user)

    async def put(self, files: Mapping[str, bytes | Path], *, root: str = "/") -> None:
        """As `Environment.put`."""
        await asyncio.to_thread(self.desk.put, files, root=root)

    async def get(self, path: str, target: Path) -> bool:
        """As `Environment.get`."""
        return await asyncio.to_thread(self.desk.get, path, target)
