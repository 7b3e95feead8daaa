from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_terminalbench.statistics import permutation_test, permutation_test_rewards

GOLDEN = [((5, 5), (3, 5)), ((4, 5), (4, 5)), ((3, 5), (1, 5)), ((5, 5), (5, 5))]

Pairs = list[tuple[tuple[int, int], tuple[int, int]]]


def tallies(most: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.integers(1, most).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def some_pairs(most: int = 4, tasks: int = 6) -> st.SearchStrategy[Pairs]:
    return st.lists(st.tuples(tallies(most), tallies(most)), min_size=1, max_size=tasks)


def brute_force(pairs: Pairs, *, by_task: bool) -> tuple[float, float]:
    """p and mid-p by going through every way to deal each task's attempts to the two sides."""
    laws = [{0.0: 1.0}]
    observed = 0.0
    for (a, n), (c, m) in pairs:
        solved = a + c
        pool = [1] * solved + [0] * (n + m - solved)
        hands = [sum(pool[i] for i in chosen) for chosen in itertools.combinations(range(n + m), m)]
        # By task: what the reader is told, the change in the task's solve rate.
        ways = [hand / m - (solved - hand) / n if by_task else hand for hand in hands]
        law: dict[float, float] = {}
        for total, p in laws[-1].items():
            for way in ways:
                key = round(total + way, 9)
                law[key] = law.get(key, 0.0) + p / len(ways)
        laws.append(law)
        observed += c / m - a / n if by_task else c
    below = sum(p for total, p in laws[-1].items() if total < observed - 1e-6)
    here = sum(p for total, p in laws[-1].items() if abs(total - observed) <= 1e-6)
    return below + here, below + here / 2


def test_golden_values() -> None:
    result = permutation_test(GOLDEN)

    assert result.p == pytest.approx(0.110817, abs=5e-7)
    assert result.mid_p == pytest.approx(0.064815, abs=5e-7)
    assert result.method == "exact"


@given(pairs=some_pairs())
def test_exact_against_every_arrangement(pairs: Pairs) -> None:
    for weighting in ("attempts", "tasks"):
        result = permutation_test(pairs, weighting=weighting)
        assert (result.p, result.mid_p) == pytest.approx(brute_force(pairs, by_task=weighting == "tasks"))


@given(pairs=some_pairs(), seed=st.randoms(use_true_random=False))
def test_the_order_of_tasks_changes_nothing(pairs: Pairs, seed: random.Random) -> None:
    shuffled = list(pairs)
    seed.shuffle(shuffled)

    assert permutation_test(shuffled) == permutation_test(pairs)


@given(pairs=some_pairs(), index=st.integers(0, 5))
def test_one_more_failure_never_raises_p(pairs: Pairs, index: int) -> None:
    baseline, (c, m) = pairs[index % len(pairs)]
    if c == 0:
        return
    worse = list(pairs)
    worse[index % len(pairs)] = (baseline, (c - 1, m))

    assert permutation_test(worse).p <= permutation_test(pairs).p + 1e-12


@given(pairs=some_pairs())
def test_worse_and_better_share_only_the_observed_value(pairs: Pairs) -> None:
    worse, better = permutation_test(pairs), permutation_test(pairs, alternative="better")

    assert worse.mid_p + better.mid_p == pytest.approx(1)
    assert worse.p + better.p >= 1 - 1e-12


@given(pairs=some_pairs(most=3, tasks=3), alpha=st.floats(0.01, 0.5))
def test_it_holds_its_level_exactly_under_the_null(pairs: Pairs, alpha: float) -> None:
    """Over all candidate outcomes with the same task totals, p <= alpha has a chance of at most alpha."""
    totals = [(n + m, a + c, n, m) for (a, n), (c, m) in pairs]
    ranges = [range(max(0, s - n), min(s, m) + 1) for _, s, n, m in totals]
    chance = 0.0
    for outcome in itertools.product(*ranges):
        redone = [((s - c, n), (c, m)) for c, (_, s, n, m) in zip(outcome, totals, strict=True)]
        if permutation_test(redone).p <= alpha:
            chance += math.prod(
                math.comb(s, c) * math.comb(total - s, m - c) / math.comb(total, m)
                for c, (total, s, _, m) in zip(outcome, totals, strict=True)
            )
    assert chance <= alpha + 1e-12


def test_monte_carlo_agrees_with_the_exact_law_and_repeats() -> None:
    def rewards(side: int) -> list[list[float]]:
        return [[1.0] * pair[side][0] + [0.0] * (pair[side][1] - pair[side][0]) for pair in GOLDEN]

    result = permutation_test_rewards(rewards(0), rewards(1), resamples=20_000, seed=7)

    assert result.p == pytest.approx(0.110817, abs=0.009)  # four standard errors
    assert result.mid_p == pytest.approx(0.064815, abs=0.009)
    assert result == permutation_test_rewards(rewards(0), rewards(1), resamples=20_000, seed=7)
    assert result == permutation_test_rewards(rewards(0)[::-1], rewards(1)[::-1], resamples=20_000, seed=7)
    assert result.p != permutation_test_rewards(rewards(0), rewards(1), resamples=20_000, seed=8).p


def test_fractional_rewards_against_every_arrangement() -> None:
    baseline, candidate = [[0.9, 0.8, 1.0], [0.5, 0.25]], [[0.1, 0.3], [0.25]]
    pools = [b + c for b, c in zip(baseline, candidate, strict=True)]
    sums = [
        [sum(chosen) for chosen in itertools.combinations(pool, len(c))]
        for pool, c in zip(pools, candidate, strict=True)
    ]
    every = [x + y for x in sums[0] for y in sums[1]]
    exact = sum(total <= 0.65 + 1e-9 for total in every) / len(every)

    assert permutation_test_rewards(baseline, candidate).p == pytest.approx(exact, abs=0.01)


def test_a_lattice_too_large_to_convolve_is_drawn() -> None:
    pairs: Pairs = [((m // 2 + 1, 12), (m // 3, m)) for m in range(1, 14)]
    exact = permutation_test(pairs, weighting="attempts")
    drawn = permutation_test(pairs, weighting="tasks")

    assert (exact.method, drawn.method) == ("exact", "monte carlo")


@pytest.mark.parametrize("pairs", [[], [((1, 1), (0, 0))], [((2, 1), (0, 1))], [((-1, 1), (0, 1))]])
def test_what_makes_no_sense_is_refused(pairs: Pairs) -> None:
    with pytest.raises(ValueError, match=r"no task to compare|needs at least"):
        permutation_test(pairs)


@pytest.mark.parametrize("reward", [1.5, -0.1, math.nan])
def test_rewards_outside_zero_to_one_are_refused(reward: float) -> None:
    with pytest.raises(ValueError, match="needs one or more numbers from 0 to 1"):
        permutation_test_rewards([[reward]], [[1.0]])
