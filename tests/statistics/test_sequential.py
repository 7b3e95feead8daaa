from __future__ import annotations

import itertools
import math
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pytest_terminalbench.statistics import (
    Fine,
    Inconclusive,
    NeedsMore,
    Plan,
    Regressed,
    correction,
    is_unsteady,
    next_step,
)

PLAN = Plan()


def story(
    outcomes: str, *, baseline: tuple[int, int] = (5, 5), corrected_for: int = 30, plan: Plan = PLAN
) -> list[str]:
    """The steps' names after each outcome, until the cell is decided; `outcomes` must be just as long."""
    told = []
    for m in range(len(outcomes) + 1):
        step = next_step(baseline=baseline, fresh=(outcomes[:m].count("1"), m), corrected_for=corrected_for, plan=plan)
        told.append(type(step).__name__)
        if not isinstance(step, NeedsMore):
            assert m == len(outcomes), "decided before the story's end"
    return told[1:]


MORE = "NeedsMore"


@pytest.mark.parametrize(
    ("outcomes", "baseline", "steps"),
    [
        ("1", (5, 5), ["Fine"]),
        ("01", (5, 5), [MORE, "Fine"]),
        ("00000", (5, 5), [MORE, MORE, MORE, MORE, "Regressed"]),
        ("0001", (5, 5), [MORE, MORE, MORE, "Inconclusive"]),
        ("00111", (5, 5), [MORE, MORE, MORE, MORE, "Fine"]),
        ("0", (3, 5), ["Fine"]),
        ("0", (0, 5), ["Fine"]),
        ("00000", (4, 5), [MORE, MORE, MORE, MORE, "Inconclusive"]),
        ("00", (1, 1), [MORE, "Inconclusive"]),
        ("01", (1, 1), [MORE, "Fine"]),
    ],
)
def test_how_cells_fare(outcomes: str, baseline: tuple[int, int], steps: list[str]) -> None:
    assert story(outcomes, baseline=baseline) == steps


@pytest.mark.parametrize("maximum", [1, 2, 3, 5, 10])
@pytest.mark.parametrize("attempts", [1, 2, 3, 5, 10])
@pytest.mark.parametrize("corrected_for", [1, 2, 30, 200])
def test_what_never_failed_and_now_always_fails_is_not_called_fine(
    maximum: int, attempts: int, corrected_for: int
) -> None:
    plan, baseline = Plan(maximum=maximum), (attempts, attempts)

    steps = [
        next_step(baseline=baseline, fresh=(0, m), corrected_for=corrected_for, plan=plan)
        for m in range(1, maximum + 1)
    ]
    end = next(step for step in steps if not isinstance(step, NeedsMore))

    assert isinstance(end, Regressed | Inconclusive)


def test_steady_suites_are_decided_sooner() -> None:
    assert story("00", corrected_for=1) == [MORE, "Regressed"]
    assert story("000", corrected_for=5) == [MORE, MORE, "Regressed"]
    assert story("00000", baseline=(4, 5), corrected_for=4)[-1] == "Regressed"


def test_before_the_first_look_all_planned_trials_are_asked_for() -> None:
    step = next_step(baseline=(5, 5), fresh=(0, 1), corrected_for=9, plan=Plan(first=3))
    assert isinstance(step, NeedsMore)
    assert step.more == 2


def test_a_fixed_number_of_attempts_is_decided_at_once() -> None:
    plan = Plan(first=5, maximum=5)
    verdicts = [type(next_step(baseline=(5, 5), fresh=(c, 5), corrected_for=20, plan=plan)) for c in range(6)]
    assert verdicts == [Regressed, Inconclusive, Inconclusive, Fine, Fine, Fine]


def test_the_correction_counts_the_other_unsteady_cells() -> None:
    baselines = [(5, 5), (5, 5), (0, 5), (3, 5), (4, 5), (1, 1)]
    assert [correction(baseline, baselines) for baseline in baselines] == [4, 4, 4, 3, 3, 3]
    assert correction((5, 5), [(5, 5)]) == correction((3, 5), [(3, 5)]) == 1


def test_a_verdict_is_corrected_for_cells_that_do_not_run_today() -> None:
    approved = [(5, 5), (3, 5)]
    few = next_step(baseline=(5, 5), fresh=(0, 5), corrected_for=correction((5, 5), approved))
    many = next_step(baseline=(5, 5), fresh=(0, 5), corrected_for=correction((5, 5), [*approved, *[(2, 5)] * 50]))

    assert isinstance(few, Regressed)
    assert few.adjusted_p == pytest.approx(2 * 2**-10 / (30 / 32))
    assert isinstance(many, Inconclusive)
    assert many.adjusted_p == pytest.approx(52 * 2**-10 / (30 / 32))


@cache
def chance_of_regressed(baseline: tuple[int, int], p: float, corrected_for: int, plan: Plan) -> float:
    """Exactly, by walking on from every state the cell can be in."""

    def from_here(c: int, m: int) -> float:
        step = next_step(baseline=baseline, fresh=(c, m), corrected_for=corrected_for, plan=plan)
        if not isinstance(step, NeedsMore):
            return float(isinstance(step, Regressed))
        return sum(
            math.comb(step.more, k) * p**k * (1 - p) ** (step.more - k) * from_here(c + k, m + step.more)
            for k in range(step.more + 1)
        )

    return from_here(0, 0)


def chance_of_a_false_alarm(
    rates: list[float], sizes: list[int], plan: Plan, corrected_for: int | None = None
) -> float:
    """The exact chance that any of a few unchanged cells is called regressed, over their baselines and fresh trials."""
    total = 0.0
    for solved in itertools.product(*(range(n + 1) for n in sizes)):
        baselines = list(zip(solved, sizes, strict=True))
        weight = math.prod(
            math.comb(n, a) * p**a * (1 - p) ** (n - a) for (a, n), p in zip(baselines, rates, strict=True)
        )
        quiet = math.prod(
            1 - chance_of_regressed(b, p, corrected_for or correction(b, baselines), plan)
            for b, p in zip(baselines, rates, strict=True)
        )
        total += weight * (1 - quiet)
    return total


rates = st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.85, 0.95])
ALPHAS = st.sampled_from([0.05, 0.1, 0.2])


@hypothesis_settings(max_examples=60, deadline=None)
@given(cells=st.lists(st.tuples(rates, st.sampled_from([1, 2, 3, 5])), min_size=1, max_size=4), alpha=ALPHAS)
def test_the_session_error_rate_is_held(cells: list[tuple[float, int]], alpha: float) -> None:
    plan = replace(PLAN, alpha=alpha)
    assert chance_of_a_false_alarm([p for p, _ in cells], [n for _, n in cells], plan) <= alpha


def test_without_the_correction_it_would_not_be() -> None:
    """The proof that the test above can fail."""
    plan = replace(PLAN, alpha=0.05)
    assert chance_of_a_false_alarm([0.8] * 6, [5] * 6, plan, corrected_for=1) > 0.05


@given(p=rates, better=rates, a=st.integers(0, 5), corrected_for=st.integers(1, 40))
def test_a_better_agent_is_called_regressed_less_often(p: float, better: float, a: int, corrected_for: int) -> None:
    low, high = sorted((p, better))
    worse = chance_of_regressed((a, 5), low, corrected_for, PLAN)
    assert chance_of_regressed((a, 5), high, corrected_for, PLAN) <= worse + 1e-12


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="corrected_for is 0"):
        next_step(baseline=(5, 5), fresh=(0, 1), corrected_for=0)
    with pytest.raises(ValueError, match="baseline is 0 solved of 0"):
        next_step(baseline=(0, 0), fresh=(0, 1), corrected_for=1)
    with pytest.raises(ValueError, match="fresh is 2 solved of 1"):
        next_step(baseline=(5, 5), fresh=(2, 1), corrected_for=1)
    assert not is_unsteady((5, 5))
