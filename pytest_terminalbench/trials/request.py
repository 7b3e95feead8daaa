"""What is asked of whoever runs a trial: one value that can be sent to another process or machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_terminalbench.agents.registry import AgentSpec
from pytest_terminalbench.errors import ScenarioError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.limits import Limits
from pytest_terminalbench.scenarios.formats import load_scenario
from pytest_terminalbench.scenarios.model import Scenario
from pytest_terminalbench.trials.cell import Cell
from pytest_terminalbench.trials.fingerprint import conditions

__all__ = ["AttemptRequest"]


@dataclass(frozen=True, kw_only=True)
class AttemptRequest:
    """One attempt at a cell. `attempt` counts from 1.

    `configuration`: the digest of what may change how the agent behaves beyond its identity. `fingerprint`: what must
    be the same for two results to be comparable; see `conditions`.
    """

    run_id: str
    cell: CellId
    attempt: int
    limits: Limits
    scenario_file: Path
    scenario_digest: str
    agent: AgentSpec
    configuration: str | None = None
    fingerprint: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        cell: Cell,
        *,
        run_id: str,
        attempt: int = 1,
        limits: Limits | None = None,
        fingerprint: Mapping[str, Any] | None = None,
    ) -> AttemptRequest:
        """An attempt at `cell`, with the scenario's own limits unless there are others."""
        scenario = cell.scenario
        return cls(
            run_id=run_id,
            cell=cell.id,
            attempt=attempt,
            limits=limits or Limits.of(scenario.timeouts),
            scenario_file=scenario.file,
            scenario_digest=scenario.digest,
            agent=cell.agent,
            configuration=cell.configuration,
            fingerprint=conditions(scenario) if fingerprint is None else fingerprint,
        )

    @property
    def key(self) -> str:
        """The same for two requests whose results are interchangeable: cell, attempt and configuration."""
        return f"{self.cell.key}/{self.attempt}/{self.configuration or 'unknown'}"

    def load_scenario(self) -> Scenario:
        """The scenario that is meant; raises ScenarioError, also where the file is another than was asked for."""
        scenario = load_scenario(self.scenario_file, dataset=self.cell.dataset)
        if scenario.digest != self.scenario_digest:
            raise ScenarioError(
                self.scenario_file,
                [f"is not what {self.key} was asked for: its digest is {scenario.digest}, not {self.scenario_digest}"],
                cure="bring the dataset up to date where the trial is to run, or ask again",
            )
        return scenario

    def to_json(self) -> dict[str, Any]:
        """Everything in plain values; raises SettingsError for an agent that cannot be sent."""
        return {
            "run_id": self.run_id,
            "cell": self.cell.to_json(),
            "attempt": self.attempt,
            "limits": self.limits.to_json(),
            "scenario_file": str(self.scenario_file),
            "scenario_digest": self.scenario_digest,
            "agent": self.agent.to_json(),
            "configuration": self.configuration,
            "fingerprint": dict(self.fingerprint),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> AttemptRequest:
        """The opposite of `to_json`; raises KeyError, TypeError or ValueError for what is no request."""
        return cls(
            run_id=content["run_id"],
            cell=CellId.from_json(content["cell"]),
            attempt=content["attempt"],
            limits=Limits.from_json(content["limits"]),
            scenario_file=Path(content["scenario_file"]),
            scenario_digest=content["scenario_digest"],
            agent=AgentSpec.from_json(content["agent"]),
            configuration=content["configuration"],
            fingerprint=content["fingerprint"],
        )
