from __future__ import annotations

import pytest

from pytest_terminalbench.statistics import (
    attempts_needed,
    difference_standard_error,
    minimum_detectable_effect,
    power_of,
    tasks_needed,
    within_task_variance,
)


@pytest.mark.parametrize(
    ("tasks", "attempts", "points"),
    [(80, 5, 5.2), (80, 3, 6.8), (80, 1, 11.7), (20, 5, 10.5), (20, 3, 13.5), (10, 5, 14.8)],
)
def test_golden_minimum_detectable_effects(tasks: int, attempts: int, points: float) -> None:
    error = difference_standard_error(tasks=tasks, baseline_attempts=attempts, candidate_attempts=attempts)
    assert 100 * minimum_detectable_effect(error, sides=2) == pytest.approx(points, abs=0.06)


def test_power_at_the_minimum_detectable_effect_is_the_power_asked_for() -> None:
    assert power_of(minimum_detectable_effect(0.02, power=0.9), 0.02) == pytest.approx(0.9)
    assert power_of(0.0, 0.02) == pytest.approx(0.05)


def test_attempts_needed_is_the_least_number_that_does() -> None:
    needed = attempts_needed(0.06, tasks=80, baseline_attempts=5)
    assert needed is not None

    def mde(attempts: int) -> float:
        return minimum_detectable_effect(
            difference_standard_error(tasks=80, baseline_attempts=5, candidate_attempts=attempts)
        )

    assert mde(needed) <= 0.06 < mde(needed - 1)
    assert attempts_needed(0.02, tasks=80, baseline_attempts=5) is None


def test_three_points_on_tasks_like_these_take_about_a_thousand_tasks() -> None:
    """Miller's example: omega² = 1/9, one attempt each, no within-task variance -> 969 questions."""
    assert tasks_needed(0.03, between_variance=1 / 9, within_variance=0.0) == 969


def test_within_task_variance_is_unbiased_over_two_attempts() -> None:
    assert within_task_variance([(0, 2), (1, 2), (1, 2), (2, 2)]) == 0.25
    assert within_task_variance([(1, 1)]) is None


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        difference_standard_error(tasks=0, baseline_attempts=1, candidate_attempts=1)
    with pytest.raises(ValueError, match="needs a drop above 0"):
        attempts_needed(0, tasks=1, baseline_attempts=1)
    with pytest.raises(ValueError, match="standard_error is 0"):
        power_of(0.1, 0.0)
