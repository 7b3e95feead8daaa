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


def as_rewards(side: int) -> list[list[float]]:
    return [[1.0] * pair[side][0] + [0.0] * (pair[side][1] - pair[side][0]) for pair in GOLDEN]


def test_rewards_of_0_and_1_have_the_golden_values_too() -> None:
    result = permutation_test_rewards(as_rewards(0), as_rewards(1))

    assert (result.p, result.mid_p) == pytest.approx((0.110817, 0.064815), abs=5e-7)
    assert result.method == "exact"


def many_different_rewards(*, lost: float = 0.0) -> tuple[list[list[float]], list[list[float]]]:
    """Six tasks of five and five attempts: more arrangements than anybody counts."""
    drawn = random.Random(3)
    before, after = ([[drawn.uniform(0.5, 1.0) for _ in range(5)] for _ in range(6)] for _ in range(2))
    return before, [[reward - lost for reward in task] for task in after]


def test_too_many_different_rewards_are_drawn_and_the_draws_repeat() -> None:
    before, after = many_different_rewards()
    result = permutation_test_rewards(before, after, seed=7)

    assert result.method == "monte carlo"
    assert result == permutation_test_rewards(before, after, seed=7)
    assert result == permutation_test_rewards(before[::-1], [task[::-1] for task in after[::-1]], seed=7)
    other = permutation_test_rewards(before, after, seed=8)
    assert result.p != other.p
    assert result.p == pytest.approx(other.p, abs=0.02)  # four standard errors of either


def test_near_the_limit_more_draws_decide() -> None:
    before, after = many_different_rewards(lost=0.1)
    rough = permutation_test_rewards(before, after, resamples=2_000, limit=0.9)

    sure = [permutation_test_rewards(before, after, resamples=2_000, seed=seed, limit=rough.p).p for seed in (1, 2, 3)]

    # Four standard errors of 50,000 draws are a fifth of those of 2,000.
    assert max(sure) - min(sure) <= 8 * math.sqrt(rough.p * (1 - rough.p) / 50_000)


@given(
    tasks=st.lists(
        st.tuples(*[st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.3, 1 / 3, 0.7316, 1.0]), min_size=1, max_size=3)] * 2),
        min_size=1,
        max_size=3,
    ),
    by_task=st.booleans(),
)
def test_fractional_rewards_against_every_arrangement(
    tasks: list[tuple[list[float], list[float]]], by_task: bool
) -> None:
    def weight(before: list[float], after: list[float]) -> float:
        return 1 / len(before) + 1 / len(after) if by_task else 1.0

    sums = [
        [sum(chosen) * weight(before, after) for chosen in itertools.combinations(before + after, len(after))]
        for before, after in tasks
    ]
    seen = sum(sum(after) * weight(before, after) for before, after in tasks)
    every = [sum(chosen) for chosen in itertools.product(*sums)]
    result = permutation_test_rewards(
        [before for before, _ in tasks], [after for _, after in tasks], weighting="tasks" if by_task else "attempts"
    )
    better = permutation_test_rewards(
        [before for before, _ in tasks],
        [after for _, after in tasks],
        alternative="better",
        weighting="tasks" if by_task else "attempts",
    )

    assert result.method == "exact"
    assert result.p == pytest.approx(sum(total <= seen + 1e-9 for total in every) / len(every))
    assert better.p == pytest.approx(sum(total >= seen - 1e-9 for total in every) / len(every))


@pytest.mark.parametrize(("attempts", "p"), [(1, 0.25), (3, 0.05)])
def test_the_loss_of_everything_has_the_p_of_its_one_arrangement(attempts: int, p: float) -> None:
    """To the last digit: it is compared with limits of 0.25 and 0.05."""
    assert permutation_test_rewards([[0.9] * 3], [[0.0] * attempts]).p == p


def test_tenths_of_many_tasks_are_counted_exactly() -> None:
    before, after = [[0.9, 0.8, 0.7, 1.0, 0.3]] * 80, [[0.2, 0.5, 0.9, 0.8, 0.7]] * 80

    assert permutation_test_rewards(before, after).method == "exact"


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
