"""Intervals of scores and of one task's difference, each with its population."""

from __future__ import annotations

import pytest

from pytest_terminalbench.runs.scores import (
    TASKS_LIKE_THESE,
    THESE_TASKS,
    LabelledInterval,
    difference_interval,
    score_intervals,
)
from pytest_terminalbench.statistics import cluster_bootstrap, effect_of_rewards, fixed_task_standard_error, wilson

MIXED = [[1.0, 1.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 1.0]]


def test_one_attempt_each_has_the_interval_of_a_share() -> None:
    assert score_intervals([[1.0], [0.0], [1.0]]) == (LabelledInterval(wilson((2, 3)), TASKS_LIKE_THESE),)


def test_several_attempts_have_an_interval_for_tasks_like_these_and_one_for_these() -> None:
    half = 1.959963984540054 * fixed_task_standard_error(MIXED).value
    mean = (2 / 3 + 1 / 3 + 1) / 3

    over_tasks, of_these = score_intervals(MIXED)

    assert over_tasks == (cluster_bootstrap([2 / 3, 1 / 3, 1.0]), TASKS_LIKE_THESE)
    assert of_these.population == THESE_TASKS
    assert of_these.interval[:2] == pytest.approx((mean - half, mean + half))


def test_a_task_judged_once_is_taken_to_vary_as_the_others_do() -> None:
    """Variances 1/3 and 1/3, so 1/3 too for the third."""
    half = 1.959963984540054 * (1 / 3 / 3 + 1 / 3 / 3 + 1 / 3) ** 0.5 / 3

    _, of_these = score_intervals([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0], [1.0]])

    assert of_these.interval[:2] == pytest.approx((2 / 3 - half, min(1.0, 2 / 3 + half)))


def test_tasks_that_never_varied_have_no_interval_of_width_nothing() -> None:
    assert [one.population for one in score_intervals([[1.0, 1.0], [0.0, 0.0]])] == [TASKS_LIKE_THESE]


def test_no_task_has_no_interval() -> None:
    assert score_intervals([]) == ()


@pytest.mark.parametrize(
    ("baseline", "candidate", "low", "high"),
    [
        # Newcombe 1998, table II, method 10: 56/70 - 48/80, 9/10 - 3/10, 10/10 - 0/10.
        ((48, 80), (56, 70), 0.0524, 0.3339),
        ((3, 10), (9, 10), 0.1705, 0.8090),
        ((0, 10), (10, 10), 0.6075, 1.0),
    ],
)
def test_the_interval_of_a_difference_is_newcombes(
    baseline: tuple[int, int], candidate: tuple[int, int], low: float, high: float
) -> None:
    before, after = ([1.0] * k + [0.0] * (n - k) for k, n in (baseline, candidate))

    interval = difference_interval(before, after)

    assert interval[:2] == pytest.approx((low, high), abs=5e-5)
    assert interval[2:] == (0.95, "Newcombe")


def test_fractional_rewards_have_the_wide_interval_of_an_effect() -> None:
    assert difference_interval([0.5, 1.0], [0.0]) == effect_of_rewards([[0.5, 1.0]], [[0.0]]).interval


def test_an_interval_never_leaves_what_is_possible() -> None:
    interval = difference_interval([1.0], [0.0])

    assert interval.low == -1.0
    assert interval.high == pytest.approx(0.1221, abs=5e-5)
