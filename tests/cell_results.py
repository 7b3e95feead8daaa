"""What cells came to, drawn as strips."""

from __future__ import annotations

from typing import Any

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.outcome import Outcome, Phase, Solved, Unsolved, Void
from pytest_terminalbench.status import Change, Status

OUTCOMES: dict[str, Outcome] = {
    "✓": Solved(),
    "★": Solved(reward=2.5),
    "◐": Unsolved(reward=0.5, reason="half of it"),
    "✗": Unsolved(reason="1 of 2 checks did not pass"),
    "·": Void(reason="the engine is gone", phase=Phase.START),
}


def an_attempt(mark: str = "✓", *, number: int = 1, **changes: Any) -> AttemptResult:
    """An attempt that ended as `mark` says, `changes` over some plain measures."""
    facts: dict[str, Any] = {
        "attempt": number,
        "outcome": OUTCOMES[mark],
        "folder": f"trials/x/oracle/{number}",
        "agent_s": 1.0,
        "wall_s": 2.0,
        "memory_peak_mb": 8.0,
        "cost_usd": 0.5,
        "tokens": 0,
    }
    return AttemptResult(**{**facts, **changes})


def a_cell_id(scenario: str, **changes: Any) -> CellId:
    return CellId(**{"dataset": "demo", "scenario": scenario, "agent": "oracle", **changes})


def a_cell(scenario: str, status: Status = Status.SOLVED, marks: str = "✓", **changes: Any) -> CellResult:
    """A cell whose attempts went as `marks` say; `changes` may be of its identity, too."""
    who = {key: changes.pop(key) for key in ("dataset", "agent", "model") if key in changes}
    facts: dict[str, Any] = {
        "id": a_cell_id(scenario, **who),
        "status": status,
        "text": f"{scenario} is {status}",
        "category": "files",
        "difficulty": "easy",
        "attempts": tuple(an_attempt(mark, number=number) for number, mark in enumerate(marks, start=1)),
    }
    return CellResult(**{**facts, **changes})


MIXED = [
    a_cell("e", Status.VOID, "·"),
    a_cell("d", Status.REGRESSED, "✗"),
    a_cell("c", Status.UNSOLVED, "✗"),
    a_cell("b", Status.AS_BASELINE, "✗", change=Change.IMPROVED),
    a_cell("a", Status.SOLVED, "✓"),
    a_cell("f", Status.BLOCKED, ""),
]
