from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pytest_terminalbench.statistics import benjamini_hochberg, boschloo, fisher, rank_sum

GOLDEN = [
    ((10, 10), (5, 10), 0.01625, 0.00639),
    ((9, 10), (5, 10), 0.07043, 0.03115),
    ((5, 5), (2, 5), 0.08333, 0.03092),
    ((5, 5), (1, 5), 0.02381, 0.01074),
    ((5, 5), (0, 5), 0.003968, 0.0009766),
    ((3, 3), (0, 3), 0.05, 0.01563),
    ((10, 10), (7, 10), 0.1053, 0.05789),
]


@pytest.mark.parametrize(("baseline", "candidate", "p_fisher", "p_boschloo"), GOLDEN)
def test_golden_values(
    baseline: tuple[int, int], candidate: tuple[int, int], p_fisher: float, p_boschloo: float
) -> None:
    assert fisher(baseline, candidate) == pytest.approx(p_fisher, rel=5e-4)
    assert boschloo(baseline, candidate) == pytest.approx(p_boschloo, rel=5e-4)


def test_unequal_groups_keep_their_sides() -> None:
    """SciPy's columns are the groups; transposed, 6/6 -> 0/2 would be read as another table."""
    assert fisher((6, 6), (0, 2)) == pytest.approx(1 / 28)
    assert boschloo((6, 6), (0, 2)) < 1 / 28
    assert boschloo((0, 6), (2, 2)) == pytest.approx(1)


def test_tables_without_alternative_say_nothing() -> None:
    assert boschloo((5, 5), (5, 5)) == boschloo((0, 3), (0, 3)) == 1


def test_golden_benjamini_hochberg() -> None:
    p_values = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216]
    adjusted = [0.01, 0.04, 0.084, 0.084, 0.084, 0.1, 0.1057, 0.216, 0.216, 0.216]

    assert benjamini_hochberg(p_values) == pytest.approx(adjusted, abs=5e-5)
    assert benjamini_hochberg(p_values[::-1]) == pytest.approx(adjusted[::-1], abs=5e-5)


@given(p_values=st.lists(st.floats(0, 1), max_size=12))
def test_adjusted_values_are_what_the_definition_says(p_values: list[float]) -> None:
    m, order = len(p_values), sorted(p_values)
    for p, adjusted in zip(p_values, benjamini_hochberg(p_values), strict=True):
        at_or_after = [m * q / (j + 1) for j, q in enumerate(order) if q >= p]
        assert adjusted == pytest.approx(min(1, *at_or_after))
        assert p - 1e-12 <= adjusted


def test_nonsense_is_refused() -> None:
    assert benjamini_hochberg([]) == []
    with pytest.raises(ValueError, match="is not a p-value"):
        benjamini_hochberg([0.1, 1.1])
    with pytest.raises(ValueError, match="candidate is 0 solved of 0"):
        fisher((1, 1), (0, 0))


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
