"""A run in numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.documents import write_json
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.runs.gate_result import GateResult, SuiteResult
from pytest_terminalbench.runs.report_markdown import markdown
from pytest_terminalbench.runs.summary import RunSummary, read_summary, summarise
from pytest_terminalbench.status import Change, Status
from tests.cell_results import MIXED, a_cell, a_cell_id, an_attempt


class TestTotals:
    def test_cells_are_counted_by_what_became_of_them(self) -> None:
        assert summarise("run", MIXED, lost=[a_cell_id("g")]).totals.to_json() == {
            "cells": 7,
            "solved": 1,
            "as_baseline": 1,
            "unsolved": 1,
            "regressed": 1,
            "inconclusive": 0,
            "void": 1,
            "blocked": 1,
            "lost": 1,
            "improved": 1,
            "xfailed": 0,
        }

    def test_a_run_of_nothing_has_no_score(self) -> None:
        summary = summarise("run", []).to_json()

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
        assert summarise("run", MIXED).mean == 0.25

    def test_only_void_cells_have_no_mean(self) -> None:
        assert summarise("run", [a_cell("a", Status.VOID, "·")]).mean is None

    def test_a_cell_counts_once_however_many_attempts_it_has(self) -> None:
        """Else the scenarios with most attempts would decide."""
        cells = [a_cell("a", Status.SOLVED, "✓✓✓✓"), a_cell("b", Status.UNSOLVED, "✗")]

        assert summarise("run", cells).mean == 0.5

    def test_a_void_attempt_beside_others_is_in_no_mean(self) -> None:
        assert summarise("run", [a_cell("a", Status.AS_BASELINE, "✓·✗")]).mean == 0.5

    def test_pass_at_k_and_pass_hat_k(self) -> None:
        """1 of 2 and 2 of 2: any of two always solves, both do in one cell of two."""
        summary = summarise("run", [a_cell("a", Status.AS_BASELINE, "✓✗"), a_cell("b", Status.SOLVED, "✓✓")])

        assert summary.pass_at_k == {1: 0.75, 2: 1.0}
        assert summary.pass_hat_k == {1: 0.75, 2: 0.5}

    def test_cells_with_fewer_attempts_are_not_in_the_larger_k(self) -> None:
        summary = summarise("run", [a_cell("a", Status.AS_BASELINE, "✓✗"), a_cell("b", Status.UNSOLVED, "✗")])

        assert summary.pass_at_k == {1: 0.25, 2: 1.0}


class TestCost:
    def test_it_is_added_up(self) -> None:
        assert summarise(
            "run", [a_cell("a", Status.SOLVED, "✓"), a_cell("b", Status.UNSOLVED, "✗✗")]
        ).cost.to_json() == {
            "total_usd": 1.5,
            "per_solved_usd": 1.5,
            "unknown": 0,
        }

    def test_what_is_not_known_is_not_nothing(self) -> None:
        cells = [a_cell("a", Status.SOLVED), a_cell("b", Status.SOLVED, attempts=(an_attempt("✓", cost_usd=None),))]

        assert summarise("run", cells).cost.to_json() == {"total_usd": None, "per_solved_usd": None, "unknown": 1}

    def test_where_nothing_was_solved_nothing_has_a_price(self) -> None:
        assert summarise("run", [a_cell("a", Status.UNSOLVED, "✗")]).cost.per_solved_usd is None


@pytest.mark.parametrize(("verdict", "expected"), [("pass", "inconclusive"), ("fail", "fail")])
def test_the_gate_of_a_run_of_some_cells_passes_nothing(verdict: str, expected: str) -> None:
    """Neither as a whole nor for an agent."""
    gate = GateResult.of_agents({"oracle": SuiteResult(verdict=verdict, reason="so")}, metrics={}, failures=[])

    summary = summarise("run", [a_cell("a")], not_run=[a_cell_id("b")], gate=gate)

    assert (summary.gate.verdict, summary.gate.verdicts) == (expected, {"oracle": expected})
    assert summarise("run", [a_cell("a")], gate=gate).gate == gate


def test_the_order_of_reports_does_not_matter() -> None:
    assert summarise("run", MIXED) == summarise("run", MIXED[::-1])


def test_names_are_in_order() -> None:
    summary = summarise(
        "run", [*MIXED, a_cell("z", Status.SOLVED, dataset="also", agent="nop")], lost=[a_cell_id("y"), a_cell_id("g")]
    )

    assert [cell.id.scenario for cell in summary.cells] == ["z", "a", "b", "c", "d", "e", "f", "g", "y"]
    assert summary.lost == ("demo/g[oracle]", "demo/y[oracle]")
    content = summary.to_json()
    assert (content["dataset"], content["agent"]) == (["also", "demo"], ["nop", "oracle"])


def test_a_lost_cell_is_among_the_cells_with_its_status() -> None:
    (cell,) = summarise("run", [], lost=[a_cell_id("g", model="openai/gpt-5")]).cells

    assert (cell.key, cell.status, cell.attempts) == ("demo/g[oracle,openai%2Fgpt-5]", Status.LOST, ())


def test_a_cell_in_doubt_is_counted_so_and_as_nothing_else_though_its_session_let_it_pass() -> None:
    cells = [a_cell("a", Status.INCONCLUSIVE, "✗", tolerated=True), a_cell("b", Status.INCONCLUSIVE, "✗")]

    totals = summarise("run", cells).totals
    assert (totals[Status.INCONCLUSIVE], totals[Status.AS_BASELINE], totals[Status.UNSOLVED]) == (2, 0, 0)


def test_a_cell_in_doubt_that_an_earlier_version_let_pass_is_inconclusive_and_tolerated() -> None:
    before = {**a_cell("a", Status.AS_BASELINE, "✗").to_json(), "inconclusive": True}
    del before["change"], before["tolerated"]

    cell = CellResult.from_json(before)

    assert (cell.status, cell.change, cell.tolerated) == (Status.INCONCLUSIVE, Change.INCONCLUSIVE, True)
    assert cell.passes


class TestReading:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        return tmp_path / "run" / "summary.json"

    def test_what_was_written_is_read(self, file: Path) -> None:
        summary = summarise("run", [*MIXED, a_cell("z", marks="✓✗✓", model="openai/gpt-5")], lost=[a_cell_id("g")])
        write_json(file, summary.to_json())

        again = read_summary(file)
        assert (again.cells, again.totals, again.lost) == (summary.cells, summary.totals, summary.lost)
        assert again.to_json() == summary.to_json()

    def test_a_run_without_one_has_not_ended(self, file: Path) -> None:
        with pytest.raises(RunFolderError) as error:
            read_summary(file)
        assert str(error.value) == (
            f"{file.parent} has no summary.json: its session has not ended yet, or was killed before it could write "
            "one; `terminalbench report run --rebuild` makes one of the cells that had reported"
        )

    @pytest.mark.parametrize("text", ["", "{", "\xff"])
    def test_damage_is_told(self, tmp_path: Path, text: str) -> None:
        file = tmp_path / "summary.json"
        file.write_text(text, encoding="latin-1")

        with pytest.raises(RunFolderError, match=f"^{file} is damaged: "):
            read_summary(file)

    @pytest.mark.parametrize("content", [{}, {"schema_version": 4}, {"schema_version": "1"}])
    def test_another_version_is_told(self, tmp_path: Path, content: Any) -> None:
        write_json(tmp_path / "summary.json", content)

        with pytest.raises(
            RunFolderError, match="and this version of pytest-terminalbench reads 1 and 2 and 3; update "
        ):
            read_summary(tmp_path / "summary.json")

    @pytest.mark.parametrize(
        ("change", "damage"),
        [
            ({"cells": None}, "cells is None, not a list"),
            ({"totals": {}}, "totals.cells is missing"),
            ({"cells": [3]}, "cells[0] is no object"),
            ({"cells": [{**a_cell("a").to_json(), "attempts": [{}]}]}, "cells[0].attempts[0].outcome is missing"),
            (
                {"cells": [{**a_cell("a").to_json(), "cell": "demo/b[oracle]"}]},
                "cells[0].cell is 'demo/b[oracle]', but its other fields make it demo/a[oracle]",
            ),
        ],
    )
    def test_what_a_report_needs_is_looked_for(self, file: Path, change: dict[str, Any], damage: str) -> None:
        write_json(file, {**summarise("run", MIXED).to_json(), **change})

        with pytest.raises(RunFolderError) as error:
            read_summary(file)
        assert str(error.value) == f"{file} is damaged: {damage}; restore it from where the run was made, or run again"


class TestSchema1:
    """Summaries of earlier versions: a file as version 0.1 wrote it."""

    @pytest.fixture
    def summary(self) -> RunSummary:
        return read_summary(Path(__file__).parents[1] / "data" / "run-of-schema-1" / "summary.json")

    def test_a_cell_is_known_by_its_fields_and_not_by_its_name(self, summary: RunSummary) -> None:
        """In which ``openai/gpt-5`` and ``openai-gpt-5`` were the same."""
        assert [cell.id for cell in summary.cells] == [
            CellId(dataset="demo", scenario="alpha", agent="terminal", model="openai/gpt-5"),
            CellId(dataset="demo", scenario="beta", agent="terminal", model="openai/gpt-5"),
        ]
        assert [attempt.attempt for attempt in summary.cells[0].attempts] == [1, 2]

    def test_what_it_came_to_is_read(self, summary: RunSummary) -> None:
        assert [cell.status for cell in summary.cells] == [Status.AS_BASELINE, Status.VOID]
        assert (summary.totals.cells, summary.totals[Status.LOST], summary.mean) == (3, 1, 0.5)
        assert summary.lost == ("scenarios/demo/gamma.json::gamma[terminal-openai-gpt-5]",)
        assert summary.intervals[0].population == "these tasks, this agent"

    def test_its_report_can_be_drawn(self, summary: RunSummary) -> None:
        lines = markdown(summary).splitlines()

        assert "- scenarios/demo/gamma.json::gamma[terminal-openai-gpt-5]: was collected and never reported" in lines
        assert "3 cells: 0 solved, 1 as baseline, 1 void, 1 lost." in lines
