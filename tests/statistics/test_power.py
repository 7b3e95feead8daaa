from __future__ import annotations

import pytest

from pytest_terminalbench.statistics import difference_standard_error, minimum_detectable_effect


@pytest.mark.parametrize(
    ("tasks", "attempts", "points"),
    [(80, 5, 5.2), (80, 3, 6.8), (80, 1, 11.7), (20, 5, 10.5), (20, 3, 13.5), (10, 5, 14.8)],
)
def test_golden_minimum_detectable_effects(tasks: int, attempts: int, points: float) -> None:
    """Of a two-sided test at 5 %, with the spread of attempts on Terminal-Bench core."""
    error = difference_standard_error(
        tasks=tasks, baseline_attempts=attempts, candidate_attempts=attempts, within_variance=0.07
    )
    assert 100 * minimum_detectable_effect(error, alpha=0.025) == pytest.approx(points, abs=0.06)


def test_of_one_sided_tests_it_is_two_and_a_half_standard_errors() -> None:
    assert minimum_detectable_effect(0.02) == pytest.approx(2.4865 * 0.02, abs=1e-6)


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        difference_standard_error(tasks=0, baseline_attempts=1, candidate_attempts=1, within_variance=0.07)
    with pytest.raises(ValueError, match="standard_error is -1"):
        minimum_detectable_effect(-1)
    with pytest.raises(ValueError, match="power is 1"):
        minimum_detectable_effect(0.1, power=1)
