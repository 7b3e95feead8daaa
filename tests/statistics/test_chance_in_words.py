from __future__ import annotations

import pytest

from pytest_terminalbench.statistics import how_often


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (1.0, "in nearly all runs"),
        (0.99, "in about 99 of 100 runs"),
        (0.5, "in about 50 of 100 runs"),
        (0.019, "in about 2 of 100 runs"),
        (0.01, "in about 1 of 100 runs"),
        (0.0013, "in about 1 of 800 runs"),
        (3.9e-06, "in about 1 of 300,000 runs"),
        (1e-06, "in about 1 of 1,000,000 runs"),
        (1e-08, "in fewer than 1 of 1,000,000 runs"),
        (0.0, "in fewer than 1 of 1,000,000 runs"),
    ],
)
def test_a_chance_is_a_count(p: float, words: str) -> None:
    assert how_often(p) == words
