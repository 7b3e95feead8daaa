"""One task at a time: Fisher and Boschloo, and what many such tests together may claim.

With few attempts these have little power (a task falling from 95 % to 50 %, 5 attempts a side: found 15 % of the
time at a level of 5 %, before any correction for many tasks). They tell where to look; the suite's verdict is
`suite_gate`, the verdict on cells whose trials were added one by one is `sequential`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

from pytest_terminalbench.statistics.permutation import permutation_test_rewards
from pytest_terminalbench.statistics.tallies import checked_tally

# Ways to choose that `rank_sum` counts one by one: up to eight of sixteen, a hundredth of a second.
MOST_WAYS = 20_000


def fisher(baseline: tuple[int, int], candidate: tuple[int, int]) -> float:
    """One-sided p that the candidate solves the task less often. Exact given the totals; always valid, conservative.

    Formula: P(C <= c), C ~ Hypergeometric(n + m, a + c, m). `baseline`, `candidate`: (solved, attempts).
    Assumes independent attempts. Raises ValueError on a side without attempts.
    Source: Fisher, Statistical Methods for Research Workers, 5th ed., 1934, sect. 21.02.
    """
    from scipy import stats

    (a, n), (c, m) = checked_tally(baseline, what="baseline"), checked_tally(candidate, what="candidate")
    return float(stats.hypergeom.cdf(c, n + m, a + c, m))


def boschloo(baseline: tuple[int, int], candidate: tuple[int, int]) -> float:
    """One-sided p that the candidate solves the task less often; uniformly more powerful than Fisher.

    Formula: sup over the common solve rate of P(Fisher's p at most the one observed). 1.0 where the totals allow no
    other table.
    Assumes independent attempts whose numbers were fixed in advance: not for attempts added because of earlier ones.
    Raises ValueError on a side without attempts. Source: Boschloo, Statist. Neerlandica 24 (1970), 1-35.
    """
    from scipy import stats

    (a, n), (c, m) = checked_tally(baseline, what="baseline"), checked_tally(candidate, what="candidate")
    if a + c in (0, n + m):
        return 1.0  # SciPy answers NaN
    # SciPy takes the *columns* as the two groups; rows are solved and unsolved.
    table = [[a, c], [n - a, m - c]]
    return min(1.0, float(stats.boschloo_exact(table, alternative="greater").pvalue))


def rank_sum(before: Sequence[float], after: Sequence[float]) -> float:
    """One-sided p that the values `after` are higher; exact, with ties, whatever the values' distribution.

    Formula: the share of all ways to choose which of the pooled values are `after` whose sum of ranks (ties by their
    mean) is at least the one seen; from 20,000 ways up, of 20,000 seeded draws. Three against three without overlap:
    1/20. Assumes independent values. Raises ValueError on an empty side.
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


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p, in the order given: reporting those at most q keeps the expected share of false reports at most q.

    Formula: with m values sorted ascending, p_adj(i) = min over j >= i of m p(j)/j, at most 1.
    Assumes independent (or positively dependent) tests. Discrete p make it conservative. Empty in, empty out.
    Raises ValueError on a value outside [0, 1]. Source: Benjamini & Hochberg, J. R. Statist. Soc. B 57 (1995),
    289-300.
    """
    for p in p_values:
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"{p} is not a p-value; needs a number from 0 to 1")
    if not p_values:
        return []
    import numpy as np
    from scipy import stats

    return [float(p) for p in stats.false_discovery_control(np.array(p_values, dtype=float), method="bh")]
