from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pytest_terminalbench.statistics import Plan, is_unsteady, predictive_probability, regression_p
from tests.counted_calls import calls_into

PLAN = Plan()


def chance_of_a_walk_this_bad(n: int, plan: Plan, t: float, p: float) -> float:
    """By going through every sequence of n baseline and `maximum` fresh outcomes, stopping as the plan says."""
    total = 0.0
    for outcomes in itertools.product((0, 1), repeat=n + plan.maximum):
        a, fresh = sum(outcomes[:n]), outcomes[n:]
        for m in range(plan.first, plan.maximum + 1):
            now = predictive_probability((a, n), (sum(fresh[:m]), m))
            if now <= t * (1 + 1e-9):
                total += p ** sum(outcomes) * (1 - p) ** (n + plan.maximum - sum(outcomes))
                break
            if now >= plan.fine_from(m):
                break
    return total


plans = st.builds(
    Plan,
    first=st.integers(1, 2),
    maximum=st.integers(2, 4),
    look_again=st.sampled_from([0.15, 0.3, 0.6]),
    fine=st.sampled_from([0.05, 0.1, 0.3]),
)


@hypothesis_settings(max_examples=40)
@given(n=st.integers(1, 4), plan=plans, data=st.data())
def test_regression_p_is_the_supremum_over_every_sequence(n: int, plan: Plan, data: st.DataObject) -> None:
    a = data.draw(st.integers(0, n))
    m = data.draw(st.integers(plan.first, plan.maximum))
    c = data.draw(st.integers(0, m))
    found = regression_p((a, n), (c, m), plan)
    t = predictive_probability((a, n), (c, m))

    def ratio(p: float) -> float:
        unsteady = sum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1) if is_unsteady((k, n)))
        return chance_of_a_walk_this_bad(n, plan, t, p) / unsteady

    for p in (0.02, 0.2, 0.37, 0.5, 0.61, 0.8, 0.97):
        assert ratio(p) <= found * (1 + 1e-9) or found == 1.0


def test_five_of_five_then_none_of_five_by_hand() -> None:
    """Only one sequence is that bad: p^5 (1-p)^5, highest at 1/2, over 1 - p^5 - (1-p)^5 = 30/32."""
    assert regression_p((5, 5), (0, 5), PLAN) == pytest.approx(2**-10 / (30 / 32))
    assert regression_p((5, 5), (0, 1), PLAN) == pytest.approx(0.2, abs=1e-3)  # the limit of p^5 q / 5q


def test_predictive_probability_by_hand() -> None:
    assert predictive_probability((5, 5), (0, 1)) == pytest.approx(0.5 / 6)
    assert predictive_probability((4, 5), (0, 1)) == pytest.approx(1.5 / 6)
    assert predictive_probability((5, 5), (1, 2)) == pytest.approx(1 - 5.5 * 6.5 / (6 * 7))
    assert predictive_probability((5, 5), (0, 0)) == 1


@given(n=st.integers(1, 8), m=st.integers(1, 8), data=st.data())
def test_predictive_probability_is_a_distribution_and_monotone(n: int, m: int, data: st.DataObject) -> None:
    a = data.draw(st.integers(0, n))
    values = [predictive_probability((a, n), (c, m)) for c in range(m + 1)]

    assert values == sorted(values)
    assert values[-1] == 1
    if a < n:
        better = [predictive_probability((a + 1, n), (c, m)) for c in range(m + 1)]
        assert all(x <= y + 1e-12 for x, y in zip(better, values, strict=True))


def test_many_attempts_do_not_overflow() -> None:
    assert 0 < predictive_probability((190, 200), (150, 201)) < 1e-6
    assert predictive_probability((190, 200), (150, 200)) == pytest.approx(
        predictive_probability((190, 200), (150, 201)), rel=0.7
    )


@given(m=st.integers(1, 5), c=st.integers(0, 5), a=st.integers(0, 5))
def test_one_more_failure_in_place_of_a_success_never_raises_p(m: int, c: int, a: int) -> None:
    c = min(c, m)
    if c and regression_p((a, 5), (c - 1, m), PLAN) < 1:
        assert regression_p((a, 5), (c - 1, m), PLAN) <= regression_p((a, 5), (c, m), PLAN) + 1e-12


def test_trials_run_past_a_stop_prove_nothing() -> None:
    """1/1 then 0/2 stops as fine (T = 0.125); three further failures are not part of any walk."""
    assert regression_p((1, 1), (0, 5), PLAN) == 1.0
    assert regression_p((1, 1), (0, 2), PLAN) < 1.0


@pytest.mark.parametrize("change", [{"first": 0}, {"first": 6}, {"alpha": 0.0}, {"fine": 1.0}])
def test_plans_that_make_no_sense_cannot_be_built(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="needs"):
        Plan(**change)  # type: ignore[arg-type]  # wrong on purpose


def test_more_trials_than_planned_are_refused() -> None:
    with pytest.raises(ValueError, match="6 fresh trials; the plan has at most 5"):
        regression_p((5, 5), (0, 6), PLAN)


def test_how_bad_a_look_is_is_computed_once() -> None:
    """The laws of all walks of a plan are made of the same few hundred."""
    look = (17, 41), (12, 37)

    first, again = (calls_into("pytest_terminalbench.statistics", predictive_probability, *look) for _ in "12")

    assert again < first / 10


def test_more_attempts_than_a_float_can_count_the_ways_of_are_compared() -> None:
    few, many = (regression_p((n, n), (0, 1), Plan(first=1, maximum=1)) for n in (100, 1050))

    # One failure after so many solved attempts: about one of as many.
    assert few == pytest.approx(1 / 100, rel=0.3)
    assert many == pytest.approx(1 / 1050, rel=0.3)
