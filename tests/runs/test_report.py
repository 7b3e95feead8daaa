"""A run for people."""

from __future__ import annotations

import textwrap

from pytest_terminalbench.runs.report import category_rows, headline, listed, markdown, slowest
from pytest_terminalbench.runs.summary import summarise
from tests.runs.test_summary import MIXED, a_cell, an_attempt


def test_every_category_has_a_row_and_all_of_them_the_last() -> None:
    cells = [*MIXED, a_cell("z", "solved", "✓✓", category="git"), a_cell("y", "lost", "", category="git")]

    assert [tuple(row) for row in category_rows(cells)] == [
        ("files", 6, 1, 1, 1, 1, 2, 10.0),
        ("git", 2, 1, 0, 0, 0, 1, 4.0),
        ("all", 8, 2, 1, 1, 1, 3, 14.0),
    ]


def test_the_headline_counts_each_cell_once() -> None:
    assert headline(summarise("run", MIXED, lost=["x"])["totals"]) == (
        "7 cells: 1 solved, 1 unsolved, 1 as baseline, 1 regressed, 1 void, 1 blocked, 1 lost"
    )


def test_what_did_not_happen_is_not_in_it() -> None:
    assert headline(summarise("run", [a_cell("a", "solved")])["totals"]) == "1 cell: 1 solved"


def test_the_slowest_come_first_and_equals_by_name() -> None:
    def taking(name: str, seconds: float) -> dict[str, object]:
        return a_cell(name, "solved", attempts=[an_attempt("✓", wall_s=seconds)])

    cells = [taking("d", 1.0), taking("b", 2.0), taking("a", 2.0), taking("c", 3.0)]

    assert slowest(cells) == [("demo/c[oracle]", 3.0), ("demo/a[oracle]", 2.0), ("demo/b[oracle]", 2.0)]


def test_a_reason_is_listed_by_its_first_line() -> None:
    cells = [a_cell("a", "void", text="first\nsecond"), a_cell("b", "void", text=""), a_cell("c", "solved")]

    assert list(listed(cells, "void")) == ["demo/a[oracle]: first", "demo/b[oracle]: "]


def test_the_report_tells_it_all() -> None:
    summary = summarise("run-1", MIXED, lost=["scenarios/demo/g.json::g[oracle]"])

    lines = markdown(summary).splitlines()
    score = next(line for line in lines if line.startswith("Mean 25.0% of 4 cells with 1 attempt each; "))
    assert "\n".join(line for line in lines if line != score) == textwrap.dedent("""\
        # Run run-1

        7 cells: 1 solved, 1 unsolved, 1 as baseline, 1 regressed, 1 void, 1 blocked, 1 lost.


        | category | cells | solved | unsolved | as baseline | regressed | void | seconds |
        |---|---:|---:|---:|---:|---:|---:|---:|
        | files | 6 | 1 | 1 | 1 | 1 | 2 | 10.0 |
        | all | 6 | 1 | 1 | 1 | 1 | 2 | 10.0 |

        ## Regressed

        - demo/d[oracle]: d is regressed

        ## Unsolved

        - demo/c[oracle]: c is unsolved

        ## Void

        - demo/e[oracle]: e is void
        - demo/f[oracle]: f is blocked

        ## As baseline

        - demo/b[oracle]: b is as-baseline

        ## Lost (collected, never reported)

        - scenarios/demo/g.json::g[oracle]

        ## Improved: approve with --update-baselines

        - demo/b[oracle]: b is as-baseline

        ## Cells

        | cell | status | attempts | agent s | wall s | peak MiB |
        |---|---|---|---:|---:|---:|
        | demo/a[oracle] | solved | ✓ | 1.00 | 2.00 | 8.0 |
        | demo/b[oracle] | as-baseline | ✗ | 1.00 | 2.00 | 8.0 |
        | demo/c[oracle] | unsolved | ✗ | 1.00 | 2.00 | 8.0 |
        | demo/d[oracle] | regressed | ✗ | 1.00 | 2.00 | 8.0 |
        | demo/e[oracle] | void | · | 1.00 | 2.00 | 8.0 |
        | demo/f[oracle] | blocked |  | 0.00 | 0.00 |  |""")
