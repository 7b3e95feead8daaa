"""What people are told to type where a suite is inconclusive: never less than they have done already."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest

from pytest_terminalbench.baselines.cell_side import CellSide
from pytest_terminalbench.baselines.comparison_policy import ComparisonPolicy
from pytest_terminalbench.comparing.suite_comparison import CellPair, SuiteComparison, compare_suite
from pytest_terminalbench.status import Change

Rewards = Sequence[Sequence[float]]


def compared(
    before: Rewards, after: Rewards, *, sessions: Sequence[str | None] | None = None, **policy: Any
) -> SuiteComparison:
    """`sessions`: which one made each approved attempt at a cell; those of `after` are of one session."""
    pairs = [
        CellPair(
            name=f"task-{number:02}",
            kind="statistical",
            before=CellSide(rewards=tuple(approved), sessions=tuple(sessions or ())),
            after=CellSide(rewards=tuple(tried), sessions=("tonight",) * len(tried) if sessions else ()),
            change=Change.SAME,
        )
        for number, (approved, tried) in enumerate(zip(before, after, strict=True))
    ]
    return compare_suite(pairs, policy=ComparisonPolicy(**policy))


def attempts_in(advice: str) -> list[int]:
    return [int(number) for number in re.findall(r"--tb-attempts (\d+)", advice)]


def row(solved: int, attempts: int) -> list[float]:
    return [1.0] * solved + [0.0] * (attempts - solved)


def test_where_sessions_differ_more_of_them_are_wanted_and_not_fewer_attempts() -> None:
    """Three approved sessions of four attempts each: 91, 66 and 37 % solved; tonight's solves 50 %."""
    approved = [[*row(4 - (n % 3 == 0), 4), *row(3 - (n % 3 == 0), 4), *row(1 + (n % 2), 4)] for n in range(12)]
    comparison = compared(
        approved, [row(6, 12)] * 12, sessions=[session for session in "abc" for _ in range(4)], attempts=12
    )

    assert comparison.suite is not None
    assert comparison.suite.verdict == "inconclusive"
    assert comparison.suite.reason.endswith(": more sessions would tell")
    assert attempts_in(comparison.advice) == []
    assert comparison.advice == (
        "to see a drop of 30 points: more sessions, for they differ more than chance and no number of attempts in "
        "these is enough; approve several runs together with `terminalbench baseline approve --run RUN --run RUN`"
    )


def test_a_run_that_was_large_enough_is_to_be_made_again_and_not_with_fewer_attempts() -> None:
    """Ten attempts on both sides see a drop of ten points, and this one came out between none and that."""
    comparison = compared([row(9, 10)] * 20, [row(9, 10)] * 10 + [row(8, 10)] * 10, attempts=10, min_visible=0.1)

    assert comparison.suite is not None
    assert comparison.suite.verdict == "inconclusive"
    assert comparison.suite.reason.endswith(": more attempts or tasks would tell")
    assert comparison.advice == (
        "to rule out a drop of 10 points: run it again, for sessions of this size mostly do, and this one came out in "
        "between"
    )


def test_of_trials_added_where_it_looked_bad_only_the_first_are_there_already() -> None:
    """Five trials of each cell, of which one counts: four that count are more."""
    approved = [row(n % 2 + 4, 5) for n in range(10)]
    comparison = compared(approved, [row(4, 5)] * 10, attempts=None, min_visible=0.25)

    assert comparison.suite is not None
    assert comparison.suite.verdict == "inconclusive"
    assert comparison.advice == "to see a drop of 25 points: your pytest command again with --tb-attempts 4"


def test_the_drop_to_be_seen_is_the_one_that_the_gate_asks_for() -> None:
    """Not below twice the margin, however small a drop the project would like to see."""
    comparison = compared([row(4, 5)] * 4, [row(4, 5)] * 4, attempts=5, margin=0.2, min_visible=0.05)

    assert comparison.suite is not None
    assert comparison.suite.verdict == "inconclusive"
    assert comparison.advice.startswith("to see a drop of 40 points: ")
    (wanted,) = attempts_in(comparison.advice)
    enough = compared(
        [row(4, 5)] * 4, [row(wanted * 4 // 5, wanted)] * 4, attempts=wanted, margin=0.2, min_visible=0.05
    )
    assert enough.suite is not None
    assert enough.suite.mde is not None
    assert enough.suite.mde <= 0.4


def test_what_is_advised_and_done_leads_out_of_doubt() -> None:
    """With one threshold, and something to spare: also where the next session differs a little from this one."""
    before = [row(3, 3), row(2, 3), row(1, 3)]
    doubtful = compared(before, before, attempts=3)

    attempts, again = attempts_in(doubtful.advice)
    as_before = [row(again, again), row(round(again * 0.6), again), row(round(again * 0.45), again)]
    told = compared(as_before, as_before, attempts=attempts)

    assert doubtful.suite is not None
    assert told.suite is not None
    assert (doubtful.suite.verdict, told.suite.verdict, told.advice) == ("inconclusive", "pass", "")


def test_one_number_is_named_whatever_a_run_falls_short_of() -> None:
    said = compared([row(2, 3)] * 2, [row(1, 3)] * 2, attempts=3, min_visible=0.2)

    assert said.suite is not None
    assert "a drop of 20 points cannot be ruled out" in said.suite.reason
    assert said.advice.startswith("to see a drop of 20 points: ")


def test_a_single_task_judges_its_cell_only() -> None:
    comparison = compared([row(1, 1)], [row(0, 1)], attempts=1)

    assert comparison.advice == "a single task judges its own cell only: more scenarios would judge the agent"


@pytest.mark.parametrize("approved", [1, 2, 3, 5, 10, 20])
@pytest.mark.parametrize("tried", [1, 2, 5, 10, 20])
@pytest.mark.parametrize("tasks", [2, 4, 10, 40])
def test_no_number_at_or_below_what_is_there_is_ever_proposed(approved: int, tried: int, tasks: int) -> None:
    before = [row(max(1, approved - n % 2), approved) for n in range(tasks)]
    after = [row(tried - (n % 3 == 0), tried) for n in range(tasks)]

    advice = compared(before, after, attempts=tried, min_visible=0.1).advice

    proposed = attempts_in(advice)
    if "--update-baselines" in advice:
        approve, compare = proposed
        assert approve > approved
        assert compare >= max(approve, tried)
    elif proposed:
        assert min(proposed) > tried
