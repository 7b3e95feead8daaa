"""The one line with the score: what it counts."""

from __future__ import annotations

from typing import Any

from pytest_terminalbench.runs.report import score_line
from pytest_terminalbench.runs.summary import summarise


def cell(name: str, status: str) -> dict[str, Any]:
    outcome = "void" if status == "void" else "solved" if status == "solved" else "unsolved"
    reward = {"solved": 1.0, "unsolved": 0.0, "void": None}[outcome]
    return {
        "cell": name,
        "dataset": "demo",
        "agent": "oracle",
        "status": status,
        "improved": False,
        "attempts": [{"outcome": outcome, "reward": reward, "cost_usd": 0.0}],
    }


def test_void_cells_are_not_among_the_cells_of_the_mean() -> None:
    summary = summarise("r", [cell("a", "solved"), cell("b", "unsolved"), cell("c", "void")])

    line = score_line(summary)

    assert line is not None
    assert line.startswith("mean 50.0% of 2 cells with 1 attempt each; ")


def test_unequal_numbers_of_attempts_are_told_as_such() -> None:
    twice = {**cell("a", "solved"), "attempts": cell("a", "solved")["attempts"] * 2}

    line = score_line(summarise("r", [twice, cell("b", "unsolved")]))

    assert line is not None
    assert line.startswith("mean 50.0% of 2 cells with 1 to 2 attempts each; ")
