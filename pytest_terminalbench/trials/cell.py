"""A cell: one scenario and who is to solve it."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_terminalbench.agents.registry import AgentSpec
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.naming import folder_label, sanitised
from pytest_terminalbench.scenarios.model import Scenario

__all__ = ["Cell"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Scenario × agent × model: one pytest item."""

    scenario: Scenario
    agent: AgentSpec

    @property
    def id(self) -> CellId:
        scenario, agent = self.scenario, self.agent
        return CellId(dataset=scenario.dataset, scenario=scenario.id, agent=agent.name, model=agent.model)

    @property
    def configuration(self) -> str | None:
        return None

    @property
    def actor(self) -> str:
        """The agent, and its model if it has one, as node ids show them."""
        return sanitised(f"{self.agent.name}-{self.agent.model}" if self.agent.model else self.agent.name)

    @property
    def folder_label(self) -> str:
        """The agent, and its model if it has one, as folders are named."""
        return folder_label(self.agent.name, self.agent.model)

    @property
    def key(self) -> str:
        """Names the cell within a run."""
        return self.id.key
