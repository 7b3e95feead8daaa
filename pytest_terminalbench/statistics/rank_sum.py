"""Whether what a task takes has become more: an exact test of few values, of any distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

from pytest_terminalbench.statistics.permutation import permutation_test_rewards

# Ways to choose that `rank_sum` counts one by one: up to eight of sixteen, a hundredth of a second.
MOST_WAYS = 20_000


def rank_sum(before: Sequence[float], after: Sequence[float]) -> float:
    """One-sided p that the values `after` are higher; exact, with ties, whatever the values' distribution.

    Formula: the share of all ways to choose which of the pooled values are `after` whose sum of ranks (ties by their
    mean) is at least the one seen; from 20,000 ways up as `permutation_test_rewards` counts or draws. Three against
    three without overlap: 1/20. Assumes independent values. Raises ValueError on an empty side.
    Source: Wilcoxon, Biometrics Bull. 1 (1945), 80-83.
    """
    if not before or not after:
        raise ValueError("a side has no value")
    pooled = sorted((*before, *after))
    # Twice the mean rank of equal values: whole numbers, whose sums compare exactly.
    ranks = [2 * pooled.index(value) + pooled.count(value) for value in (*before, *after)]
    if math.comb(len(ranks), len(after)) > MOST_WAYS:
        highest = max(ranks)
        shares = [rank / highest for rank in ranks]
        first, second = shares[: len(before)], shares[len(before) :]
        return permutation_test_rewards([first], [second], alternative="better", resamples=MOST_WAYS).p
    seen = sum(ranks[len(before) :])
    sums = [sum(chosen) for chosen in combinations(ranks, len(after))]
    return sum(total >= seen for total in sums) / len(sums)
