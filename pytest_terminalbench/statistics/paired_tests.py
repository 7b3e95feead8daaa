"""Two runs over the same tasks: McNemar for one attempt each, sign flips for differences of any kind."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Literal, NamedTuple

from pytest_terminalbench.statistics.intervals import Interval

# 2**16 sign patterns enumerate in about 0.1 s; beyond, seeded draws answer as well.
EXACT_SIGN_FLIP_TASKS = 16


class McNemar(NamedTuple):
    """Two-sided: `p` exact and conservative, `mid_p` close to its level, the one to prefer."""

    p: float
    mid_p: float


@dataclass(frozen=True, kw_only=True)
class SignFlip:
    """`p` for mean difference zero against `alternative`; `informative` tasks differ at all."""

    p: float
    mean: float
    informative: int
    alternative: Literal["less", "greater", "two-sided"]
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


def sign_flip_test(
    differences: Sequence[float],
    *,
    alternative: Literal["less", "greater", "two-sided"] = "less",
    resamples: int = 20_000,
    seed: int = 0,
) -> SignFlip:
    """Is the mean of the per-task differences (candidate minus baseline) zero? Flips their signs in all ways.

    Formula: p = share of the 2^T sign patterns whose mean is at least as extreme; up to 16 tasks with a difference
    exactly, beyond by `resamples` seeded draws, p = (1 + #)/(1 + resamples).
    Assumes each task's difference as likely to be +d as -d under the null: the same number of attempts on both sides
    (with unequal numbers use `permutation_test`), tasks independent. Independent of the order of the tasks.
    Raises ValueError on no task or a difference that is not finite. Source: Fisher, The Design of Experiments, 1935,
    sect. 21.
    """
    if not differences or not all(map(math.isfinite, differences)):
        raise ValueError(f"differences of {len(differences)} tasks; needs one or more finite numbers")
    # Tasks without a difference never change the mean, but would double the patterns to go through.
    informative = sorted(d for d in differences if d != 0)
    mean = math.fsum(differences) / len(differences)
    exact = len(informative) <= EXACT_SIGN_FLIP_TASKS
    if len(informative) < 2:
        p = _p_of_one(informative, alternative)
    else:
        import numpy as np
        from scipy import stats

        p = float(
            stats.permutation_test(
                (np.array(informative),),
                lambda values, axis: np.mean(values, axis=axis),
                permutation_type="samples",
                vectorized=True,
                n_resamples=2 ** len(informative) if exact else resamples,
                batch=4096,
                alternative=alternative,
                rng=np.random.default_rng(seed),
            ).pvalue
        )
    return SignFlip(
        p=p,
        mean=mean,
        informative=len(informative),
        alternative=alternative,
        method="exact" if exact else "monte carlo",
    )


def paired_interval(differences: Sequence[float], *, level: float = 0.95) -> Interval:
    """Interval of the mean difference for *tasks like these*, from the spread of the tasks' differences.

    Formula: mean ± t(T-1) sd(d)/sqrt(T). Assumes tasks drawn independently and enough of them (some 20).
    Raises ValueError on fewer than 2 tasks. Source: Miller, arXiv 2411.00640, sect. 4 (paired differences).
    """
    if len(differences) < 2:
        raise ValueError(f"differences of {len(differences)} tasks; needs at least 2")
    from scipy.special import stdtrit

    mean = fmean(differences)
    half = float(stdtrit(len(differences) - 1, 0.5 + level / 2)) * stdev(differences) / math.sqrt(len(differences))
    return Interval(mean - half, mean + half, level, "Student's t over tasks")


def _p_of_one(informative: list[float], alternative: str) -> float:
    if not informative or alternative == "two-sided":
        return 1.0
    return 0.5 if (informative[0] < 0) == (alternative == "less") else 1.0
