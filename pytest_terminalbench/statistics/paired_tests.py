"""Two runs over the same tasks, in pairs: McNemar for one attempt each, sign flips for differences of any kind.

They speak of *tasks like these*: is a task more likely to change one way than the other? The suite gate's permutation
test speaks of these very tasks: is it chance that their attempts went as they did? Twelve tasks that break and eight
that are fixed for good are no chance, so that the gate fails; yet the next twenty tasks may well go the other way.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Literal, NamedTuple

from pytest_terminalbench.statistics.intervals import Interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Additions for one size of difference that take about 0.02 s; each task may have another size. Beyond, seeded draws
# answer as well.
EXACT_STEPS = 2**18

# Sums closer than this are the same sum: far above rounding, far below any real difference.
SAME_SUM = 1e-6


class McNemar(NamedTuple):
    """Two-sided: `p` exact and conservative, `mid_p` close to its level, the one to prefer."""

    p: float
    mid_p: float


class SignFlip(NamedTuple):
    """Two-sided."""

    p: float
    method: Literal["exact", "monte carlo"]


def mcnemar(lost: int, gained: int) -> McNemar:
    """Do two single-attempt runs differ? Only tasks that flipped say anything.

    Formula: with b lost, c gained, n = b + c: p = min(1, 2 P(Bin(n, 1/2) >= max(b, c))); mid-p takes off P(Bin =
    max(b, c)).
    Assumes one attempt per task and run, independent tasks. With no flips both are 1.
    Raises ValueError on a negative count. Source: McNemar, Psychometrika 12 (1947), 153-157; Fagerland, Lydersen &
    Laake, BMC Med. Res. Methodol. 13 (2013), 91 (mid-p).
    """
    if lost < 0 or gained < 0:
        raise ValueError(f"{lost} lost and {gained} gained tasks; neither can be negative")
    flips, larger = lost + gained, max(lost, gained)
    tail = sum(math.comb(flips, k) for k in range(larger, flips + 1)) / 2**flips
    p = min(1.0, 2 * tail)
    return McNemar(p=p, mid_p=min(1.0, 2 * tail - math.comb(flips, larger) / 2**flips))


def sign_flip_test(differences: Sequence[float], *, resamples: int = 20_000, seed: int = 0) -> SignFlip:
    """Is the mean of the per-task differences (candidate minus baseline) zero? Flips their signs in all ways.

    Formula: p = share of the 2^T sign patterns whose sum is at least as far from zero. Differences of one size are
    counted together (how many of them are positive is binomial), so that solve rates have an exact answer for any
    number of tasks. Where there are too many sums, `resamples` seeded draws answer: p = (1 + #)/(1 + resamples).
    Assumes each task's difference as likely to be +d as -d under the null: the same number of attempts on both sides
    (with unequal numbers use `permutation_test`), tasks independent. Independent of the order of the tasks.
    Raises ValueError on no task or a difference that is not finite. Source: Fisher, The Design of Experiments, 1935,
    sect. 21.
    """
    if not differences or not all(map(math.isfinite, differences)):
        raise ValueError(f"differences of {len(differences)} tasks; needs one or more finite numbers")
    sizes = Counter(abs(difference) for difference in differences if difference != 0)
    as_far = abs(math.fsum(differences)) - SAME_SUM
    import numpy as np

    law = _law_of_the_sum(sizes)
    if law is not None:
        p = math.fsum(law.chances[np.abs(law.totals) >= as_far])
        return SignFlip(p=min(1.0, p), method="exact")
    rng = np.random.default_rng(seed)
    sums = np.zeros(resamples)
    for size, times in sorted(sizes.items()):
        sums += size * (2 * rng.binomial(times, 0.5, size=resamples) - times)
    beyond = int((np.abs(sums) >= as_far).sum())
    return SignFlip(p=(1 + beyond) / (1 + resamples), method="monte carlo")


class _Law(NamedTuple):
    """Every sum that can be, and its chance."""

    totals: NDArray[np.float64]
    chances: NDArray[np.float64]


def _law_of_the_sum(sizes: Mapping[float, int]) -> _Law | None:
    """Of the sum of `sizes`, each taken its number of times, with random signs; None for too many sums."""
    import numpy as np

    law = _Law(np.zeros(1), np.ones(1))
    for size, times in sorted(sizes.items()):
        if len(law.totals) * (times + 1) > EXACT_STEPS:
            return None
        changes = size * (2 * np.arange(times + 1) - times)
        shares = np.array([math.comb(times, k) / 2**times for k in range(times + 1)])
        totals, places = np.unique(np.add.outer(law.totals, changes).round(9), return_inverse=True)
        chances = np.multiply.outer(law.chances, shares)
        law = _Law(totals, np.bincount(places.ravel(), weights=chances.ravel()).astype(np.float64))
    return law


def paired_interval(differences: Sequence[float], *, level: float = 0.95) -> Interval | None:
    """Interval of the mean difference for *tasks like these*, from the spread of the tasks' differences.

    Formula: mean ± t(T-1) sd(d)/sqrt(T), cut to [-1, 1]. Assumes tasks drawn independently and enough of them (some
    20). None for fewer than 2 tasks, and where all differ alike, which is lack of data and not certainty.
    Source: Miller, arXiv 2411.00640, sect. 4 (paired differences).
    """
    if len(differences) < 2 or min(differences) == max(differences):
        return None
    from scipy.special import stdtrit

    mean = fmean(differences)
    half = float(stdtrit(len(differences) - 1, 0.5 + level / 2)) * stdev(differences) / math.sqrt(len(differences))
    return Interval(max(-1.0, mean - half), min(1.0, mean + half), level, "Student's t over tasks")
