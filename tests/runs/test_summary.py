"""A run in numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.documents import write_json
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.runs.summary import read_summary, summarise

OUTCOMES = {"✓": ("solved", 1.0), "✗": ("unsolved", 0.0), "·": ("void", None)}


def an_attempt(mark: str, *, number: int = 1, **changes: Any) -> dict[str, Any]:
    outcome, reward = OUTCOMES[mark]
    facts = {
        "attempt": number,
        "outcome": outcome,
        "reward": reward,
        "folder": f"trials/x/oracle/{number}",
        "agent_s": 1.0,
        "wall_s": 2.0,
        "memory_peak_mb": 8.0,
        "cost_usd": 0.5,
    }
    return {**facts, **changes}


def a_cell(name: str, status: str, marks: str = "✓", **changes: Any) -> dict[str, Any]:
    """A cell as its item published it; `marks` draw its attempts."""
    facts = {
        "cell": f"demo/{name}[oracle]",
        "scenario": name,
        "dataset": "demo",
        "category": "files",
        "difficulty": "easy",
        "agent": "oracle",
        "model": None,
        "status": status,
        "improved": False,
        "baseline_id": None,
        "text": f"{name} is {status}",
        "attempts": [an_attempt(mark, number=number) for number, mark in enumerate(marks, start=1)],
    }
    return {**facts, **changes}


MIXED = [
    a_cell("e", "void", "·"),
    a_cell("d", "regressed", "✗"),
    a_cell("c", "unsolved", "✗"),
    a_cell("b", "as-baseline", "✗", improved=True),
    a_cell("a", "solved", "✓"),
    a_cell("f", "blocked", ""),
]


class TestTotals:
    def test_cells_are_counted_by_what_became_of_them(self) -> None:
        assert summarise("run", MIXED, lost=["g.json::g[oracle]"])["totals"] == {
            "cells": 7,
            "solved": 1,
            "unsolved": 3,
            "as_baseline": 1,
            "regressed": 1,
            "improved": 1,
            "inconclusive": 0,
            "void": 1,
            "blocked": 1,
            "lost": 1,
        }

    def test_a_run_of_nothing_has_no_score(self) -> None:
        summary = summarise("run", [])

        facts = {key: summary[key] for key in ("mean", "interval", "pass_at_k", "pass_hat_k", "cells", "dataset")}
        assert facts == {
            "mean": None,
            "interval": None,
            "pass_at_k": {},
            "pass_hat_k": {},
            "cells": [],
            "dataset": [],
        }


class TestScore:
    def test_void_and_blocked_cells_are_not_averaged(self) -> None:
        assert summarise("run", MIXED)["mean"] == 0.25

    def test_only_void_cells_have_no_mean(self) -> None:
        assert summarise("run", [a_cell("a", "void", "·")])["mean"] is None

    def test_a_cell_counts_once_however_many_attempts_it_has(self) -> None:
        """Else the scenarios with most attempts would decide."""
        cells = [a_cell("a", "solved", "✓✓✓✓"), a_cell("b", "unsolved", "✗")]

        assert summarise("run", cells)["mean"] == 0.5

    def test_a_void_attempt_beside_others_is_in_no_mean(self) -> None:
        assert summarise("run", [a_cell("a", "as-baseline", "✓·✗")])["mean"] == 0.5

    def test_pass_at_k_and_pass_hat_k(self) -> None:
        """1 of 2 and 2 of 2: any of two always solves, both do in one cell of two."""
        summary = summarise("run", [a_cell("a", "as-baseline", "✓✗"), a_cell("b", "solved", "✓✓")])

        assert summary["pass_at_k"] == {"1": 0.75, "2": 1.0}
        assert summary["pass_hat_k"] == {"1": 0.75, "2": 0.5}

    def test_cells_with_fewer_attempts_are_not_in_the_larger_k(self) -> None:
        summary = summarise("run", [a_cell("a", "as-baseline", "✓✗"), a_cell("b", "unsolved", "✗")])

        assert summary["pass_at_k"] == {"1": 0.25, "2": 1.0}


class TestCost:
    def test_it_is_added_up(self) -> None:
        assert summarise("run", [a_cell("a", "solved", "✓"), a_cell("b", "unsolved", "✗✗")])["cost"] == {
            "total_usd": 1.5,
            "per_solved_usd": 1.5,
            "unknown": 0,
        }

    def test_what_is_not_known_is_not_nothing(self) -> None:
        cells = [a_cell("a", "solved"), a_cell("b", "solved", attempts=[an_attempt("✓", cost_usd=None)])]

        assert summarise("run", cells)["cost"] == {"total_usd": None, "per_solved_usd": None, "unknown": 1}

    def test_where_nothing_was_solved_nothing_has_a_price(self) -> None:
        assert summarise("run", [a_cell("a", "unsolved", "✗")])["cost"]["per_solved_usd"] is None


def test_the_order_of_reports_does_not_matter() -> None:
    assert json.dumps(summarise("run", MIXED)) == json.dumps(summarise("run", MIXED[::-1]))


def test_names_are_in_order() -> None:
    summary = summarise("run", [*MIXED, a_cell("z", "solved", dataset="also", agent="nop")], lost=["y", "x"])

    assert [cell["scenario"] for cell in summary["cells"]] == ["a", "b", "c", "d", "e", "f", "z"]
    assert (summary["dataset"], summary["agent"], summary["lost"]) == (["also", "demo"], ["nop", "oracle"], ["x", "y"])


class TestReading:
    def test_what_was_written_is_read(self, tmp_path: Path) -> None:
        summary = summarise("run", MIXED)
        write_json(tmp_path / "summary.json", summary)

        assert read_summary(tmp_path / "summary.json") == summary

    def test_a_run_without_one_has_not_ended(self, tmp_path: Path) -> None:
        with pytest.raises(RunFolderError) as error:
            read_summary(tmp_path / "summary.json")
        assert str(error.value) == (
            f"{tmp_path} has no summary.json: its session has not ended yet, or was killed before it could write one"
        )

    @pytest.mark.parametrize("text", ["", "{", "\xff"])
    def test_damage_is_told(self, tmp_path: Path, text: str) -> None:
        file = tmp_path / "summary.json"
        file.write_text(text, encoding="latin-1")

        with pytest.raises(RunFolderError, match=f"^{file} is damaged: "):
            read_summary(file)

    @pytest.mark.parametrize("content", [[], {}, {"schema_version": 2}])
    def test_another_version_is_told(self, tmp_path: Path, content: Any) -> None:
        write_json(tmp_path / "summary.json", content)

        with pytest.raises(RunFolderError, match="is not a summary that this version of pytest-terminalbench reads"):
            read_summary(tmp_path / "summary.json")

    @pytest.mark.parametrize(
        ("change", "damage"),
        [
            ({"cells": None}, "summary has no usable 'cells'"),
            ({"totals": {}}, "totals has no usable 'cells'"),
            ({"cells": [3]}, "cells[0] is no object"),
            ({"cells": [a_cell("a", "solved", attempts=[{}])]}, "cells[0].attempts[0] has no usable 'outcome'"),
        ],
    )
    def test_what_a_report_needs_is_looked_for(self, tmp_path: Path, change: dict[str, Any], damage: str) -> None:
        file = tmp_path / "summary.json"
        write_json(file, {**summarise("run", MIXED), **change})

        with pytest.raises(RunFolderError) as error:
            read_summary(file)
        assert str(error.value) == f"{file} is damaged: {damage}; restore it from where the run was made, or run again"
