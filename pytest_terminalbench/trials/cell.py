"""A cell: one scenario and who is to solve it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from pytest_terminalbench.agents.registry import AgentSpec
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.scenarios.model import Scenario

__all__ = ["Cell"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Scenario × agent × model: one pytest item."""

    scenario: Scenario
    agent: AgentSpec

    @cached_property
    def id(self) -> CellId:
        return self.agent.cell_id(dataset=self.scenario.dataset, scenario=self.scenario.id)

    @cached_property
    def configuration(self) -> str:
        """The digest of what may change how the agent behaves beyond its identity."""
        return self.agent.configuration(self.scenario.id)

    @property
    def key(self) -> str:
        """Names the cell within a run."""
        return self.id.key
