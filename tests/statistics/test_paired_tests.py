from __future__ import annotations

import itertools
import math
from statistics import NormalDist, fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_terminalbench.statistics import mcnemar, paired_interval, sign_flip_test
from tests.counted_calls import calls_into


@pytest.mark.parametrize(
    ("flips", "p"), [((8, 2), 0.1094), ((10, 1), 0.0117), ((5, 0), 0.0625), ((6, 0), 0.0312), ((12, 4), 0.0768)]
)
def test_golden_mcnemar(flips: tuple[int, int], p: float) -> None:
    assert mcnemar(*flips).p == pytest.approx(p, abs=6e-5)
    assert mcnemar(*flips[::-1]) == mcnemar(*flips)


def test_golden_mid_p() -> None:
    assert mcnemar(12, 4).mid_p == pytest.approx(0.049, abs=5e-4)
    assert mcnemar(0, 0) == (1, 1)


@given(differences=st.lists(st.integers(-3, 3), min_size=1, max_size=7))
def test_sign_flips_against_every_pattern(differences: list[int]) -> None:
    observed = sum(differences)
    flipped = [
        sum(s * d for s, d in zip(signs, differences, strict=True))
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    as_far = fmean(abs(total) >= abs(observed) for total in flipped)

    assert sign_flip_test(differences).p == pytest.approx(as_far)


def test_many_tasks_are_exact_where_their_differences_are_of_few_sizes() -> None:
    result = sign_flip_test([-0.2] * 12 + [0.2] * 6 + [0.0] * 40)

    assert result.method == "exact"
    assert result.p == pytest.approx(2 * 0.118942, abs=1e-6)  # 2 P(Bin(18, 1/2) >= 12)


def test_differences_of_many_sizes_are_drawn_and_repeat() -> None:
    differences = [(-1 if n % 3 else 1) * math.sqrt(n) / 10 for n in range(2, 60)]
    result = sign_flip_test(differences, seed=1)

    assert result.method == "monte carlo"
    assert result == sign_flip_test(differences[::-1], seed=1)
    assert result != sign_flip_test(differences, seed=2)
    z = abs(sum(differences)) / math.hypot(*differences)
    assert result.p == pytest.approx(2 * (1 - NormalDist().cdf(z)), abs=0.01)


def test_differences_of_as_many_sizes_as_tasks_cost_little() -> None:
    """As partial rewards have them; their sums are thousands."""
    differences = [(-1 if n % 3 else 1) * n / 1000 for n in range(1, 60)] + [0.0005, 0.0015] * 5

    assert sign_flip_test(differences).method == "exact"
    assert calls_into("pytest_terminalbench.statistics", sign_flip_test, differences) < 100 * len(differences)


@given(lost=st.integers(0, 8), gained=st.integers(0, 8))
def test_of_single_attempts_sign_flips_are_mcnemars_test(lost: int, gained: int) -> None:
    differences = [-1.0] * lost + [1.0] * gained + [0.0]

    assert sign_flip_test(differences).p == pytest.approx(mcnemar(lost, gained).p)


def test_paired_interval_by_hand() -> None:
    interval = paired_interval([0.0, 0.1, 0.2])

    assert interval is not None
    assert interval[:2] == pytest.approx((0.1 - 4.302653 * 0.1 / 3**0.5, 0.1 + 4.302653 * 0.1 / 3**0.5), abs=1e-6)


def test_an_interval_stays_within_what_is_possible() -> None:
    interval = paired_interval([1.0, -1.0, 1.0])

    assert interval is not None
    assert interval[:2] == (-1.0, 1.0)


@pytest.mark.parametrize("differences", [[], [0.5], [0.2, 0.2, 0.2]])
def test_without_spread_there_is_no_interval(differences: list[float]) -> None:
    assert paired_interval(differences) is None


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="-1 lost"):
        mcnemar(-1, 0)
    for differences in ([], [0.1, float("nan")]):
        with pytest.raises(ValueError, match="needs one or more finite numbers"):
            sign_flip_test(differences)
