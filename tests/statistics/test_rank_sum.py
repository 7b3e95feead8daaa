from __future__ import annotations

import pytest
from scipy import stats

from pytest_terminalbench.statistics import rank_sum


@pytest.mark.parametrize(
    ("before", "after", "p"),
    [
        ([1, 2, 3], [4, 5, 6], 1 / 20),
        ([4, 5, 6], [1, 2, 3], 1.0),
        ([1, 2, 4], [3, 5, 6], 2 / 20),
        ([1, 1, 1], [1, 1, 1], 1.0),
        ([1, 1], [1, 2], 1 / 2),
    ],
)
def test_rank_sums_by_hand(before: list[float], after: list[float], p: float) -> None:
    assert rank_sum(before, after) == pytest.approx(p)


def test_many_values_are_drawn_and_a_side_without_any_is_refused() -> None:
    assert rank_sum(range(30), range(5, 35)) == pytest.approx(0.04, abs=0.02)
    with pytest.raises(ValueError, match="a side has no value"):
        rank_sum([], [1.0])


def test_small_rank_sums_are_wilcoxons() -> None:
    before, after = [3.1, 4.0, 2.2, 5.9], [4.4, 6.0, 7.1, 3.3]

    assert rank_sum(before, after) == pytest.approx(
        stats.mannwhitneyu(after, before, alternative="greater", method="exact").pvalue
    )
