"""Intervals of scores and of one task's difference, each with its population."""

from __future__ import annotations

import pytest

from pytest_terminalbench.runs.score_intervals import (
    TASKS_LIKE_THESE,
    THESE_TASKS,
    LabelledInterval,
    difference_interval,
    score_intervals,
)
from pytest_terminalbench.statistics import cluster_bootstrap, effect_of_rewards, newcombe, wilson

MIXED = [[1.0, 1.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 1.0]]


def test_one_attempt_each_has_the_interval_of_a_share() -> None:
    assert score_intervals([[1.0], [0.0], [1.0]]) == (LabelledInterval(wilson((2, 3)), TASKS_LIKE_THESE),)


def test_several_attempts_have_an_interval_for_tasks_like_these_and_one_for_these() -> None:
    """Variances 1/3, 1/3 and 0."""
    half = 1.959963984540054 * ((1 / 3 + 1 / 3 + 0) / 3) ** 0.5 / 3
    mean = (2 / 3 + 1 / 3 + 1) / 3

    over_tasks, of_these = score_intervals(MIXED)

    assert over_tasks == (cluster_bootstrap([2 / 3, 1 / 3, 1.0]), TASKS_LIKE_THESE)
    assert of_these.population == THESE_TASKS
    assert of_these.interval[:2] == pytest.approx((mean - half, mean + half))


def test_golden_standard_error_for_these_tasks() -> None:
    """0.0791, where attempts taken for tasks would give 0.1141, and tasks like these 0.2217."""
    rewards = [[float(mark) for mark in task] for task in ("11111", "11011", "01001", "00000")]

    (_, of_these) = score_intervals(rewards)

    assert of_these.interval.high == pytest.approx(0.55 + 1.959963984540054 * 0.0791, abs=1e-4)


def test_a_task_judged_once_is_taken_to_vary_as_the_others_do() -> None:
    """Variances 1/3 and 1/3, so 1/3 too for the third."""
    half = 1.959963984540054 * (1 / 3 / 3 + 1 / 3 / 3 + 1 / 3) ** 0.5 / 3

    _, of_these = score_intervals([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0], [1.0]])

    assert of_these.interval[:2] == pytest.approx((2 / 3 - half, min(1.0, 2 / 3 + half)))


def test_tasks_that_never_varied_have_no_interval_of_width_nothing() -> None:
    assert [one.population for one in score_intervals([[1.0, 1.0], [0.0, 0.0]])] == [TASKS_LIKE_THESE]


def test_no_task_has_no_interval() -> None:
    assert score_intervals([]) == ()


def test_rewards_of_zero_and_one_have_newcombes_interval() -> None:
    assert difference_interval([1.0, 0.0, 0.0], [1.0]) == newcombe((1, 3), (1, 1))


def test_fractional_rewards_have_the_wide_interval_of_an_effect() -> None:
    assert difference_interval([0.5, 1.0], [0.0]) == effect_of_rewards([[0.5, 1.0]], [[0.0]]).interval


def test_tasks_like_these_are_never_surer_than_these() -> None:
    """Two tasks that happen to be alike: the bootstrap over them knows next to nothing of other tasks."""
    intervals = score_intervals([[1, 1, 0], [1, 1, 0], [1, 1, 1, 1, 1, 0, 0], [1, 0, 1]])

    (wide, _), (narrow, _) = intervals
    assert [population for _, population in intervals] == [TASKS_LIKE_THESE, THESE_TASKS]
    assert wide.low <= narrow.low
    assert narrow.high <= wide.high
