from __future__ import annotations

import itertools
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pytest_terminalbench.statistics import mcnemar, paired_interval, sign_flip_test


@pytest.mark.parametrize(
    ("flips", "p"), [((8, 2), 0.1094), ((10, 1), 0.0117), ((5, 0), 0.0625), ((6, 0), 0.0312), ((12, 4), 0.0768)]
)
def test_golden_mcnemar(flips: tuple[int, int], p: float) -> None:
    assert mcnemar(*flips).p == pytest.approx(p, abs=6e-5)
    assert mcnemar(*flips[::-1]) == mcnemar(*flips)


def test_golden_mid_p() -> None:
    assert mcnemar(12, 4).mid_p == pytest.approx(0.049, abs=5e-4)
    assert mcnemar(0, 0) == (1, 1)


@hypothesis_settings(deadline=None)  # The first call imports SciPy.
@given(differences=st.lists(st.integers(-3, 3), min_size=1, max_size=7))
def test_sign_flips_against_every_pattern(differences: list[int]) -> None:
    observed = sum(differences)
    flipped = [
        sum(s * d for s, d in zip(signs, differences, strict=True))
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    less = fmean(total <= observed for total in flipped)
    both = fmean(abs(total) >= abs(observed) for total in flipped)

    assert sign_flip_test(differences).p == pytest.approx(less)
    assert sign_flip_test(differences, alternative="two-sided").p == pytest.approx(both)


def test_many_tasks_are_drawn_and_repeat() -> None:
    differences = [-0.2] * 12 + [0.2] * 6 + [0.0] * 40
    result = sign_flip_test(differences, seed=1)

    assert (result.method, result.informative) == ("monte carlo", 18)
    assert result == sign_flip_test(differences[::-1], seed=1)
    assert result.p == pytest.approx(0.1189, abs=0.01)  # P(Bin(18, 1/2) >= 12)


def test_paired_interval_by_hand() -> None:
    low, high, *_ = paired_interval([0.0, 0.1, 0.2])
    assert (low, high) == pytest.approx((0.1 - 4.302653 * 0.1 / 3**0.5, 0.1 + 4.302653 * 0.1 / 3**0.5), abs=1e-6)
