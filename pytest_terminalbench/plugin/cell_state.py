"""What an item knows of its cell while it runs, and what of that goes to the controller."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_terminalbench.agents.base import Agent
from pytest_terminalbench.baselines.cell_gate import CellGate, StrictGate
from pytest_terminalbench.baselines.parity import Mismatch
from pytest_terminalbench.baselines.record import BaselineRecord
from pytest_terminalbench.baselines.strict_comparison import Comparison
from pytest_terminalbench.cells.cell_trials import Trials
from pytest_terminalbench.errors import TerminalBenchError
from pytest_terminalbench.outcome import Void
from pytest_terminalbench.status import Status
from pytest_terminalbench.trials.cell import Cell
from pytest_terminalbench.trials.result import TrialResult

__all__ = ["PROPERTY", "STATE", "CellBlocked", "CellState", "CellVoid", "PutAside", "trouble_text"]

PROPERTY = "tb"
# What crosses xdist and reaches every report stays small; the trial's folder has the rest.
MAX_TEXT = 1_000


class CellVoid(TerminalBenchError):
    """A cell's question could not be put."""


class CellBlocked(TerminalBenchError):
    """A cell runs under other conditions than its baseline was approved under."""


class PutAside(TerminalBenchError):
    """A cell needs more trials, which may wait until all others have had their first; it has `results` so far."""

    def __init__(self, text: str, results: Sequence[TrialResult]) -> None:
        super().__init__(text)
        self.results = tuple(results)


@dataclass(kw_only=True)
class CellState:
    """A cell, its trials so far, and the verdict once there is one; ``trouble`` is why there is none.

    ``own_agent`` is what the fixture ``tb_agent`` made, where no user's conftest.py has one of its own. ``is_item``:
    the cell is a pytest item, which has to be compared; a test of a user's own need not compare its trials.
    """

    cell: Cell
    is_item: bool = True
    gate_kind: str = "strict"
    gate: CellGate = field(default_factory=lambda: StrictGate(None, 1))
    baseline: BaselineRecord | None = None
    mismatches: Sequence[Mismatch] = ()
    results: list[TrialResult] = field(default_factory=list)
    comparison: Comparison | None = None
    trouble: str = ""
    own_agent: Agent | None = None

    @property
    def status(self) -> Status:
        return self.comparison.status if self.comparison else Status.VOID

    @property
    def trials(self) -> Trials:
        return Trials(cell=self.cell, results=tuple(self.results))

    def take_over(self, other: CellState) -> None:
        """Go on from where `other`, of the same cell, has come to."""
        self.results[:] = other.results
        self.mismatches, self.comparison = other.mismatches, other.comparison

    def publish(self, item: pytest.Item) -> None:
        """Put what the controller needs into the item's one property: a JSON string, for execnet takes no objects.

        A test of a user's own is told of when it compares; else it is a test like any other, and no void cell.
        """
        if not self.is_item and self.comparison is None:
            return
        kept = [pair for pair in item.user_properties if pair[0] != PROPERTY]
        item.user_properties[:] = [*kept, (PROPERTY, json.dumps(self.payload(), ensure_ascii=True))]

    def payload(self) -> dict[str, Any]:
        scenario = self.cell.scenario
        comparison = self.comparison
        return {
            "cell": self.cell.key,
            "scenario": scenario.id,
            "dataset": scenario.dataset,
            "category": scenario.spec.category,
            "difficulty": scenario.spec.difficulty,
            "agent": self.cell.agent.name,
            "model": self.cell.agent.model,
            "status": self.status.value,
            "improved": bool(comparison and comparison.improved),
            "inconclusive": bool(comparison and comparison.inconclusive),
            "adjusted_p": comparison.adjusted_p if comparison else None,
            "gate": self.gate_kind,
            "mismatches": [mismatch._asdict() for mismatch in self.mismatches],
            "baseline_id": comparison.baseline_id if comparison else None,
            "text": _short(comparison.text if comparison else self._why_void()),
            "attempts": [_attempt(result) for result in self.results],
        }

    def _why_void(self) -> str:
        last = self.results[-1].outcome if self.results else None
        return last.reason if isinstance(last, Void) else self.trouble or "no trial was made"


def trouble_text(error: BaseException) -> str:
    """`error` in a line or two; our own errors explain themselves, any other's type says more than its text."""
    return str(error) if isinstance(error, TerminalBenchError) else f"{type(error).__name__}: {error}"


def _attempt(result: TrialResult) -> dict[str, Any]:
    content = result.to_json()
    return {
        "outcome": content["outcome"],
        "reason": _short(content["reason"]),
        "reward": content["reward"],
        "phase": content["phase"],
        "agent_s": content["timing"]["agent_s"],
        "wall_s": content["timing"]["wall_s"],
        "memory_peak_mb": result.memory_peak_mb,
        "cost_usd": result.usage.cost_usd,
        "tokens": result.usage.input_tokens + result.usage.output_tokens,
        "folder": result.folder,
    }


def _short(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


STATE: pytest.StashKey[CellState] = pytest.StashKey()
