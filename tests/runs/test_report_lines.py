"""A run for people: the lines that all reports have in common."""

from __future__ import annotations

import textwrap
from dataclasses import replace

import pytest

from pytest_terminalbench.runs.gate_result import GateResult, MetricResult, SuiteResult
from pytest_terminalbench.runs.report_lines import (
    Section,
    attention,
    attention_lines,
    category_table,
    gate_lines,
    listed,
    score_line,
    slowest,
)
from pytest_terminalbench.runs.report_markdown import markdown
from pytest_terminalbench.runs.score_intervals import score_intervals
from pytest_terminalbench.runs.summary import RunSummary, summarise
from pytest_terminalbench.status import Status
from tests.cell_results import MIXED, a_cell, a_cell_id, an_attempt


def test_every_category_has_a_row_and_all_of_them_the_last() -> None:
    cells = [*MIXED, a_cell("z", marks="✓✓", category="git"), a_cell("y", Status.LOST, "", category="git")]

    assert category_table(cells) == (
        (
            "category",
            "cells",
            "solved",
            "as baseline",
            "unsolved",
            "regressed",
            "void",
            "blocked",
            "lost",
            "seconds",
        ),
        (
            ("files", "6", "1", "1", "1", "1", "1", "1", "-", "10.0"),
            ("git", "2", "1", "-", "-", "-", "-", "-", "1", "4.0"),
            ("all", "8", "2", "1", "1", "1", "1", "1", "1", "14.0"),
        ),
    )


def test_a_status_that_no_cell_has_is_no_column() -> None:
    assert category_table([a_cell("a")]).heading == ("category", "cells", "solved", "seconds")


def test_the_slowest_come_first_and_equals_by_name() -> None:
    taking = {"d": 1.0, "b": 2.0, "a": 2.0, "c": 3.0}
    cells = [a_cell(name, attempts=(an_attempt(wall_s=seconds),)) for name, seconds in taking.items()]

    assert slowest(cells) == [("demo/c[oracle]", 3.0), ("demo/a[oracle]", 2.0), ("demo/b[oracle]", 2.0)]


def test_a_reason_is_listed_by_its_first_line() -> None:
    cells = [a_cell("a", text="first\nsecond"), a_cell("b", text="")]

    assert list(listed(cells)) == ["demo/a[oracle]: first", "demo/b[oracle]: "]


class TestAttention:
    """What somebody should look at: the same in the terminal, in report.md and in JSON."""

    def test_the_worst_comes_first_and_all_is_well_is_left_out(self) -> None:
        summary = summarise("run", MIXED, lost=[a_cell_id("g")])

        assert list(attention_lines(summary)) == [
            "regressed: demo/d[oracle]: d is regressed",
            "unsolved: demo/c[oracle]: c is unsolved",
            "void: demo/e[oracle]: e is void",
            "blocked: demo/f[oracle]: f is blocked",
            "lost: demo/g[oracle]: was collected and never reported",
            "improved: demo/b[oracle]: b is as-baseline (approve with --update-baselines)",
        ]

    @pytest.mark.parametrize("tolerated", [True, False])
    def test_what_nobody_can_tell_is_listed_whatever_the_session_made_of_it(self, *, tolerated: bool) -> None:
        cell = a_cell("a", Status.INCONCLUSIVE, "✗", tolerated=tolerated, text="looks worse")
        summary = summarise("run", [cell])

        assert summary.totals.in_words == "1 cell: 0 solved, 1 inconclusive"

        assert attention(summary) == [Section("inconclusive", ("demo/a[oracle]: looks worse",))]
        assert "## Inconclusive\n\n- demo/a[oracle]: looks worse\n" in markdown(summary)
        assert "## Unsolved" not in markdown(summary)
        assert "## As baseline" not in markdown(summary)


class TestGateLines:
    """One verdict comes first, with why; what else there is to say stands below it."""

    def test_a_cure_stands_on_a_line_of_its_own(self) -> None:
        suite = SuiteResult(
            verdict="inconclusive", reason="lower; p; power", headline="lower", advice="approve with --tb-attempts 7"
        )
        gate = GateResult.of_agents({"demo mine": suite}, metrics={}, failures=[])

        assert list(gate_lines(gate)) == [
            "suite gate: INCONCLUSIVE: demo mine: lower",
            "  approve with --tb-attempts 7",
        ]

    def test_a_metric_that_fails_is_the_verdict_whatever_the_suite_says(self) -> None:
        cost = MetricResult(verdict="fail", reason="cost: +50.0 %, allowed +20.0 %")
        memory = MetricResult(verdict="inconclusive", reason="peak memory: +20.0 %")
        gate = GateResult.of_agents(
            {"demo mine": SuiteResult(verdict="inconclusive", reason="higher; p")},
            verdicts={"demo mine": "fail"},
            metrics={"demo mine": {"cost_usd": cost, "memory_peak_mb": memory}},
            failures=[],
        )

        assert list(gate_lines(gate)) == [
            "suite gate: FAIL: demo mine: cost: +50.0 %, allowed +20.0 %",
            "  all together inconclusive: higher",
            "  cannot tell: peak memory: +20.0 %",
        ]
        summary = summarise("run", [a_cell("a")], gate=gate)
        assert "\n\nsuite gate: FAIL: demo mine: cost: +50.0 %, allowed +20.0 %.\n" in markdown(summary)

    def test_cells_that_regress_by_themselves_fail_though_the_suite_passes(self) -> None:
        gate = GateResult.of_agents(
            {"demo mine": SuiteResult(verdict="pass", reason="the same")},
            verdicts={"demo mine": "fail"},
            metrics={},
            failures=[],
        )

        assert list(gate_lines(gate)) == [
            "suite gate: FAIL: demo mine: single cells regressed",
            "  all together pass: the same",
        ]

    def test_of_a_strict_comparison_only_worse_metrics_are_told(self) -> None:
        cost = MetricResult(verdict="fail", reason="cost: +50.0 %")
        metrics = {"demo oracle": {"cost_usd": cost}, "demo nop": {"cost_usd": replace(cost, verdict="pass")}}
        gate = GateResult.of_agents(
            {}, verdicts={"demo oracle": "fail", "demo nop": "pass"}, metrics=metrics, failures=[]
        )

        assert list(gate_lines(gate)) == ["suite gate: FAIL: demo oracle: cost: +50.0 %"]


class TestScoreLine:
    def test_void_cells_are_not_among_the_cells_of_the_mean(self) -> None:
        cells = [a_cell("a"), a_cell("b", Status.UNSOLVED, "✗"), a_cell("c", Status.VOID, "·")]

        line = score_line(summarise("r", cells))

        assert line is not None
        assert line.startswith("mean 50.0% of 2 cells with 1 attempt each; ")

    def test_unequal_numbers_of_attempts_are_told_as_such(self) -> None:
        line = score_line(summarise("r", [a_cell("a", marks="✓✓"), a_cell("b", Status.UNSOLVED, "✗")]))

        assert line is not None
        assert line.startswith("mean 50.0% of 2 cells with 1 to 2 attempts each; ")

    def test_a_score_is_never_shown_bare(self) -> None:
        bare = replace(summarise("r", [a_cell("a")]), intervals=())

        assert (
            score_line(bare) == "mean 100.0% of 1 cell with 1 attempt each; no interval from so few cells and attempts"
        )

    def test_partial_rewards_have_their_mean(self) -> None:
        partial = summarise("r", [a_cell("a", Status.UNSOLVED, "◐◐")])
        above_one = summarise("r", [a_cell("a", marks="★"), a_cell("b", Status.UNSOLVED, "◐")])

        assert score_line(partial) == (
            "mean 50.0% of 1 cell with 2 attempts each; no interval from so few cells and attempts"
        )
        # What is above 1 is solved, and no more than that: as `compare` says of the same run.
        line = score_line(above_one)
        assert line is not None
        assert line.startswith("mean 75.0% of 2 cells with 1 attempt each; 95 % interval ")


def test_the_report_tells_it_all() -> None:
    summary = summarise("run-1", MIXED, lost=[a_cell_id("g")])

    lines = markdown(summary).splitlines()
    score = next(line for line in lines if line.startswith("Mean 25.0% of 4 cells with 1 attempt each; "))
    assert "\n".join(line for line in lines if line != score) == textwrap.dedent("""\
        # Run run-1

        7 cells: 1 solved, 1 as baseline, 1 unsolved, 1 regressed, 1 void, 1 blocked, 1 lost; 1 of these improved.


        | category | cells | solved | as baseline | unsolved | regressed | void | blocked | lost | seconds |
        |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|
        | (not known) | 1 | - | - | - | - | - | - | 1 | 0.0 |
        | files | 6 | 1 | 1 | 1 | 1 | 1 | 1 | - | 10.0 |
        | all | 7 | 1 | 1 | 1 | 1 | 1 | 1 | 1 | 10.0 |

        ## Regressed

        - demo/d[oracle]: d is regressed

        ## Unsolved

        - demo/c[oracle]: c is unsolved

        ## Void

        - demo/e[oracle]: e is void

        ## Blocked

        - demo/f[oracle]: f is blocked

        ## Lost

        - demo/g[oracle]: was collected and never reported

        ## Improved: approve with --update-baselines

        - demo/b[oracle]: b is as-baseline

        ## As baseline

        - demo/b[oracle]: b is as-baseline

        ## Cells

        | cell | status | attempts | median agent s | median peak MiB | total wall s |
        |---|---|---|---:|---:|---:|
        | demo/a[oracle] | solved | ✓ | 1.00 | 8.0 | 2.00 |
        | demo/b[oracle] | as baseline | ✗ | 1.00 | 8.0 | 2.00 |
        | demo/c[oracle] | unsolved | ✗ | 1.00 | 8.0 | 2.00 |
        | demo/d[oracle] | regressed | ✗ | 1.00 | 8.0 | 2.00 |
        | demo/e[oracle] | void | · | 1.00 | 8.0 | 2.00 |
        | demo/f[oracle] | blocked |  | - | - | 0.00 |
        | demo/g[oracle] | lost |  | - | - | 0.00 |""")


def test_where_further_attempts_were_made_for_the_bad_alone_the_first_ones_count() -> None:
    cells = [a_cell("a", marks="✓"), a_cell("b", Status.UNSOLVED, "✗✓"), a_cell("c", Status.UNSOLVED, "✗✗✓")]

    summary = summarise("r", cells, counts_first_alone=True)

    assert (summary.mean, summary.pass_at_k) == (0.333333, {1: 0.333333})
    assert summary.intervals == score_intervals([[1.0], [0.0], [0.0]])
    assert RunSummary.from_json(summary.to_json()).counts_first_alone
    line = score_line(summary)
    assert line is not None
    assert line.startswith("mean 33.3% of 3 cells with 1 to 3 attempts each, of which the first counts; ")


def test_a_cell_is_told_by_its_typical_attempt_and_by_its_time_as_a_whole() -> None:
    """The same as `terminalbench report` tells, and compares with other runs."""
    attempts = [
        an_attempt(mark, number=number, agent_s=seconds, wall_s=10.0, memory_peak_mb=memory)
        for number, (mark, seconds, memory) in enumerate([("★", 1.0, 8.0), ("◐", 9.0, 64.0), ("✗", 2.0, 16.0)], start=1)
    ]

    last = markdown(summarise("r", [a_cell("a", Status.UNSOLVED, attempts=tuple(attempts))])).splitlines()[-1]

    assert last == "| demo/a[oracle] | unsolved | ✓◐✗ | 2.00 | 16.0 | 30.00 |"
