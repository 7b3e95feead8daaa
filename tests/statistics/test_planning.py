from __future__ import annotations

import math
import random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_terminalbench.statistics import (
    MOST_TASKS,
    TYPICAL_RATES,
    PlannedComparison,
    SessionNoise,
    SolveRates,
    SuiteSettings,
    attempts_needed,
    chance_to_see,
    smallest_visible_drop,
    solve_rates,
    suite_gate,
    tasks_needed,
    with_room_to_spare,
    within_task_variance,
)

SETTINGS = SuiteSettings()


def planned(tasks: int, attempts: int, *, approved: float | None = None, rates: SolveRates = TYPICAL_RATES) -> float:
    comparison = PlannedComparison(rates=rates, tasks=tasks, baseline_attempts=approved or attempts, attempts=attempts)
    drop = smallest_visible_drop(comparison, SETTINGS)
    assert drop is not None
    return drop


@pytest.mark.parametrize(
    ("tasks", "attempts", "points"),
    [(10, 5, 19.1), (20, 1, 36.2), (20, 3, 17.2), (20, 5, 12.5), (80, 1, 14.7), (80, 3, 7.4), (80, 5, 5.5)],
)
def test_golden_visible_drops(tasks: int, attempts: int, points: float) -> None:
    assert 100 * planned(tasks, attempts) == pytest.approx(points, abs=0.06)


def test_by_hand() -> None:
    """50 tasks always solved once; a drop of 20 points. Pooled: E S(2-S)/2 = 0.1; after it q(1-q) = 0.16."""
    comparison = PlannedComparison(
        rates=SolveRates(mean=1, within_variance=0), tasks=50, baseline_attempts=1, attempts=1
    )
    fails_from = 1.644854 * math.sqrt(0.1 * 2 / 50) + 2 / 100
    z = (0.2 - fails_from) / math.sqrt(0.16 / 50)

    assert chance_to_see(0.2, comparison, SETTINGS) == pytest.approx((1 + math.erf(z / math.sqrt(2))) / 2, abs=1e-6)


@pytest.mark.parametrize("tasks", [20, 40, 200])
def test_spotless_tasks_against_the_exact_chance(tasks: int) -> None:
    """With one attempt a side the gate fails from five failures on; promised are 80 %, and never less."""
    drop = planned(tasks, 1, rates=SolveRates(mean=1, within_variance=0))
    chance = 1 - sum(math.comb(tasks, k) * drop**k * (1 - drop) ** (tasks - k) for k in range(5))

    assert 0.8 <= chance <= 0.92


@pytest.mark.parametrize(("tasks", "approved", "attempts"), [(12, 3, 3), (20, 5, 1), (20, 3, 3)])
def test_the_gate_sees_what_is_planned(tasks: int, approved: int, attempts: int) -> None:
    """Agents whose solve rates are spread as on Terminal-Bench; planned as the truth is known, run 250 times."""
    rng = random.Random(1)
    seen = 0
    for _ in range(250):
        before = [rng.betavariate(0.3, 0.2) for _ in range(tasks)]
        rates = SolveRates(mean=fmean(before), within_variance=fmean(p * (1 - p) for p in before))
        lost = planned(tasks, attempts, approved=approved, rates=rates) / rates.mean
        baseline = {str(i): [float(rng.random() < p) for _ in range(approved)] for i, p in enumerate(before)}
        candidate = {
            str(i): [float(rng.random() < p * (1 - lost)) for _ in range(attempts)] for i, p in enumerate(before)
        }
        seen += suite_gate(baseline, candidate).verdict == "fail"
    assert 0.74 <= seen / 250 <= 0.92


@given(tasks=st.integers(5, 60), attempts=st.integers(1, 8), drop=st.floats(0.03, 0.45))
def test_more_tasks_see_more(tasks: int, attempts: int, drop: float) -> None:
    def chance(tasks: int) -> float:
        comparison = PlannedComparison(rates=TYPICAL_RATES, tasks=tasks, baseline_attempts=attempts, attempts=attempts)
        return chance_to_see(drop, comparison, SETTINGS)

    few, many = chance(tasks), chance(2 * tasks)
    # What is seen less than half of the time may be seen a little less by a surer test.
    assert many >= few - 1e-9 or many < 0.5


def test_the_attempts_needed_are_the_fewest_that_do() -> None:
    needed = attempts_needed(0.06, rates=TYPICAL_RATES, tasks=80, baseline_attempts=5, settings=SETTINGS)

    assert needed is not None
    assert planned(80, needed, approved=5) <= 0.06 < planned(80, needed - 1, approved=5)


def test_a_baseline_of_few_attempts_is_a_limit_that_no_candidate_overcomes() -> None:
    assert attempts_needed(0.03, rates=TYPICAL_RATES, tasks=80, baseline_attempts=5, settings=SETTINGS) is None
    assert attempts_needed(0.03, rates=TYPICAL_RATES, tasks=80, baseline_attempts=None, settings=SETTINGS) is not None


def test_sessions_that_differ_need_more_attempts_up_to_where_none_are_enough() -> None:
    def needed(variance: float, *, least: int = 1) -> int | None:
        noise = SessionNoise(variance=variance, degrees=20)
        return attempts_needed(
            0.1,
            rates=TYPICAL_RATES,
            tasks=40,
            baseline_attempts=5,
            settings=SETTINGS,
            noise_of=lambda _: noise,
            least=least,
        )

    quiet, loud = needed(0.0001), needed(0.0006)
    assert quiet is not None
    assert loud is not None
    assert quiet < loud
    assert needed(0.01) is None
    assert needed(0.0001, least=loud) == loud


def test_of_a_baseline_still_to_be_approved_there_is_room_to_spare_and_a_least_number() -> None:
    def needed(drop: float, tasks: int, *, least_approved: int = 1) -> int | None:
        return attempts_needed(
            drop,
            rates=TYPICAL_RATES,
            tasks=tasks,
            baseline_attempts=None,
            settings=SETTINGS,
            least_approved=least_approved,
        )

    fewest = needed(0.1, 20)
    assert fewest is not None
    assert planned(20, fewest) <= 0.09 < planned(20, fewest - 1)
    assert planned(40, 1, approved=3) <= 0.9 * 0.2 < planned(40, 1)
    assert (needed(0.2, 40, least_approved=3), needed(0.2, 40)) == (1, 2)


@pytest.mark.parametrize("drop", [0.021, 0.03, 0.04, 0.3])
def test_room_to_spare_leaves_a_drop_above_the_margin(drop: float) -> None:
    assert SETTINGS.margin < with_room_to_spare(drop, SETTINGS) < drop


def test_the_tasks_needed_are_the_fewest_that_do() -> None:
    needed = tasks_needed(0.1, rates=TYPICAL_RATES, baseline_attempts=3, attempts=3, settings=SETTINGS)

    assert needed is not None
    # Nine tenths of the drop, for the baseline of these tasks is still to come.
    assert planned(needed, 3) <= 0.09 < planned(needed - 1, 3)
    assert tasks_needed(0.001, rates=TYPICAL_RATES, baseline_attempts=1, attempts=1, settings=SETTINGS) is None


def test_no_number_of_tasks_sees_a_drop_below_the_margin() -> None:
    comparison = PlannedComparison(rates=TYPICAL_RATES, tasks=MOST_TASKS, baseline_attempts=9, attempts=9)

    assert chance_to_see(0.019, comparison, SETTINGS) < 0.5
    assert chance_to_see(0.021, comparison, SETTINGS) > 0.5


def test_too_little_to_see_even_a_total_loss() -> None:
    comparison = PlannedComparison(rates=TYPICAL_RATES, tasks=5, baseline_attempts=1, attempts=1)
    unsolved = PlannedComparison(rates=solve_rates([[0.0, 0.0]]), tasks=5, baseline_attempts=2, attempts=2)

    assert smallest_visible_drop(comparison, SETTINGS) is None
    assert smallest_visible_drop(unsolved, SETTINGS) is None


def test_within_task_variance_is_unbiased_over_two_attempts() -> None:
    assert within_task_variance([[0, 0], [1, 0], [0, 1], [1, 1]]) == 0.25
    assert within_task_variance([[0.5, 1.0]]) == 0.125
    assert within_task_variance([[1]]) is None


def test_solve_rates_are_estimated_from_rewards() -> None:
    assert solve_rates([[1, 0], [1, 1], [1, 1], [0, 0]]) == SolveRates(mean=0.625, within_variance=0.125)
    assert solve_rates([[1], [0]]) == TYPICAL_RATES


def test_attempts_cannot_vary_more_than_their_mean_lets_them() -> None:
    """One task, solved once of twice: an unbiased variance of 1/2 would be no coin's."""
    assert solve_rates([[1, 0]]) == SolveRates(mean=0.5, within_variance=0.25)


def test_nonsense_is_refused() -> None:
    comparison = PlannedComparison(rates=TYPICAL_RATES, tasks=10, baseline_attempts=1, attempts=1)
    for drop in (0, 0.51):
        with pytest.raises(ValueError, match=r"at most the mean solve rate of 0\.5"):
            chance_to_see(drop, comparison, SETTINGS)
    with pytest.raises(ValueError, match=r"within_variance 0\.3"):
        SolveRates(mean=0.5, within_variance=0.3)
