from __future__ import annotations

import itertools
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_terminalbench.statistics import pass_at_k, pass_hat_k


def test_golden_values() -> None:
    assert pass_at_k((2, 5), 3) == pytest.approx(0.9)
    assert pass_at_k((3, 10), 5) == pytest.approx(0.916667, abs=5e-7)
    assert pass_hat_k((4, 5), 3) == pytest.approx(0.4)
    assert pass_hat_k((8, 10), 4) == pytest.approx(0.333333, abs=5e-7)
    assert pass_hat_k((2, 5), 3) == 0


@given(n=st.integers(1, 8), c=st.integers(0, 8), k=st.integers(1, 8))
def test_against_every_choice_of_attempts(n: int, c: int, k: int) -> None:
    c, k = min(c, n), min(k, n)
    chosen = list(itertools.combinations([True] * c + [False] * (n - c), k))

    assert pass_at_k((c, n), k) == pytest.approx(fmean(map(any, chosen)))
    assert pass_hat_k((c, n), k) == pytest.approx(fmean(map(all, chosen)))


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="k is 4; needs 1 <= k <= 3"):
        pass_at_k((1, 3), 4)
