from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_terminalbench.statistics import effect, effect_of_rewards


def test_effect_by_hand() -> None:
    """One task 4/4 -> 2/4 (pooled variance 6*2/(8*7)), one 0/4 -> 0/4, and the coin 1/4; each times 1/4 + 1/4."""
    result = effect([((4, 4), (2, 4)), ((0, 4), (0, 4))])

    assert result.difference == -0.25
    error = math.sqrt((12 / 56 + 1 / 4) / 2) / 2
    assert result.standard_error == pytest.approx(error)
    # Cut to what can be: there was a mean of 0.5 to lose.
    assert result.interval[:2] == pytest.approx((-0.5, -0.25 + 1.959964 * error), abs=1e-6)
    assert result.drop_below(0.95) == 0.5
    assert result.drop_below(0.6) == pytest.approx(0.25 + 0.253347 * error, abs=1e-6)


def test_a_drop_is_bounded_with_whatever_confidence() -> None:
    change = effect([((4, 4), (2, 4)), ((0, 4), (0, 4))])

    assert change.drop_below(0.5) == pytest.approx(0.25)
    assert change.drop_below(0.1) < change.drop_below(0.4) < change.drop_below(0.5) < change.drop_below(0.6)
    with pytest.raises(ValueError, match=r"confidence is 1\.0"):
        change.drop_below(1.0)


def test_a_spotless_suite_is_not_certain() -> None:
    result = effect([((5, 5), (5, 5))] * 20)
    assert result.difference == 0
    assert -0.05 < result.interval.low < -0.02
    assert result.interval.high == 0.0


counts = st.tuples(st.integers(0, 3), st.integers(0, 3))


@given(pairs=st.lists(st.tuples(counts, counts), min_size=1, max_size=6))
def test_rewards_of_zero_and_one_are_counts(pairs: list[tuple[tuple[int, int], tuple[int, int]]]) -> None:
    def rewards(solved: int, failed: int) -> list[float]:
        return [1.0] * (solved + 1) + [0.0] * failed

    by_count = effect([((a + 1, a + b + 1), (c + 1, c + d + 1)) for (a, b), (c, d) in pairs])
    by_reward = effect_of_rewards([rewards(*b) for b, _ in pairs], [rewards(*c) for _, c in pairs])

    assert by_reward.standard_error == pytest.approx(by_count.standard_error)
    assert by_reward.difference == pytest.approx(by_count.difference)
    assert by_reward.interval[:2] == pytest.approx(by_count.interval[:2])


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="no task to compare"):
        effect([])
