from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_terminalbench.statistics import Interval, clopper_pearson, cluster_bootstrap, newcombe, wilson

GOLDEN = [
    (wilson, (0, 5), (0, 0.4345)),
    (wilson, (5, 5), (0.5655, 1)),
    (wilson, (8, 10), (0.4902, 0.9433)),
    (wilson, (10, 10), (0.7225, 1)),
    (clopper_pearson, (0, 5), (0, 0.5218)),
    (clopper_pearson, (5, 5), (0.4782, 1)),
    (clopper_pearson, (8, 10), (0.4439, 0.9748)),
    (clopper_pearson, (10, 10), (0.6915, 1)),
]


@pytest.mark.parametrize(("method", "tally", "ends"), GOLDEN)
def test_golden_values(
    method: Callable[[tuple[int, int]], Interval], tally: tuple[int, int], ends: tuple[float, float]
) -> None:
    assert method(tally)[:2] == pytest.approx(ends, abs=5e-5)


def coverage(method: Callable[[tuple[int, int]], Interval], n: int, p: float) -> float:
    return sum(
        math.comb(n, k) * p**k * (1 - p) ** (n - k)
        for k in range(n + 1)
        if method((k, n)).low <= p <= method((k, n)).high
    )


@given(n=st.integers(1, 25), p=st.floats(0.001, 0.999))
def test_clopper_pearson_covers_always(n: int, p: float) -> None:
    assert coverage(clopper_pearson, n, p) >= 0.95 - 1e-9


@pytest.mark.parametrize("n", [5, 20])
def test_wilson_covers_on_average(n: int) -> None:
    rates = [(i + 0.5) / 200 for i in range(200)]
    mean = sum(coverage(wilson, n, p) for p in rates) / len(rates)
    assert mean == pytest.approx(0.95, abs=0.015)


@given(n=st.integers(1, 40), k=st.integers(0, 40), level=st.floats(0.5, 0.999))
def test_they_mirror_and_hold_the_share(n: int, k: int, level: float) -> None:
    k = min(k, n)
    for method in (wilson, clopper_pearson):
        here, mirrored = method((k, n), level=level), method((n - k, n), level=level)
        assert here.low == pytest.approx(1 - mirrored.high, abs=1e-9)
        assert 0 <= here.low <= k / n <= here.high <= 1
        assert here.low < here.high


def test_the_bootstrap_is_seeded_and_blind_to_order() -> None:
    values = [0.0, 0.2, 1.0, 1.0, 0.8, 0.4, 0.6, 1.0, 0.0, 1.0]
    interval = cluster_bootstrap(values, resamples=2000, seed=3)

    assert interval == cluster_bootstrap(values[::-1], resamples=2000, seed=3)
    assert interval[:2] != cluster_bootstrap(values, resamples=2000, seed=4)[:2]
    assert interval.low < 0.6 < interval.high


def test_the_bootstrap_is_about_as_wide_as_the_clustered_standard_error_says() -> None:
    values = [i % 6 / 5 for i in range(60)]
    sd = (sum((v - 0.5) ** 2 for v in values) / 59) ** 0.5
    low, high, *_ = cluster_bootstrap(values)

    assert (low, high) == pytest.approx((0.5 - 1.96 * sd / 60**0.5, 0.5 + 1.96 * sd / 60**0.5), abs=0.01)


@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_it_never_says_plus_minus_nothing(value: float) -> None:
    interval = cluster_bootstrap([value] * 20)

    assert interval.low <= value <= interval.high
    assert interval.high - interval.low > 0.1


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="0 solved of 0"):
        wilson((0, 0))
    with pytest.raises(ValueError, match=r"level is 1.0"):
        clopper_pearson((1, 2), level=1.0)
    with pytest.raises(ValueError, match="needs 2 or more"):
        cluster_bootstrap([0.5])


@pytest.mark.parametrize(
    ("baseline", "candidate", "low", "high"),
    [
        # Newcombe 1998, table II, method 10: 56/70 - 48/80, 9/10 - 3/10, 10/10 - 0/10.
        ((48, 80), (56, 70), 0.0524, 0.3339),
        ((3, 10), (9, 10), 0.1705, 0.8090),
        ((0, 10), (10, 10), 0.6075, 1.0),
    ],
)
def test_newcombes_own_examples(baseline: tuple[int, int], candidate: tuple[int, int], low: float, high: float) -> None:
    interval = newcombe(baseline, candidate)

    assert interval[:2] == pytest.approx((low, high), abs=5e-5)
    assert interval[2:] == (0.95, "Newcombe")


def test_an_interval_of_a_change_never_leaves_what_is_possible() -> None:
    interval = newcombe((1, 1), (0, 1))

    assert interval.low == -1.0
    assert interval.high == pytest.approx(0.1221, abs=5e-5)


@pytest.mark.parametrize(("baseline", "candidate"), [((0, 0), (1, 2)), ((1, 2), (3, 2))])
def test_a_change_from_or_to_nothing_is_refused(baseline: tuple[int, int], candidate: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="attempts"):
        newcombe(baseline, candidate)
