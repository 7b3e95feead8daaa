"""Intervals: Wilson and Clopper-Pearson for one solve rate, Newcombe for its change, cluster bootstrap (BCa) for
suites.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log, sqrt
from statistics import NormalDist
from typing import NamedTuple

from pytest_terminalbench.statistics.tallies import checked_share, checked_tally


class Interval(NamedTuple):
    """Both ends in the unit of what was estimated; `level` is the confidence (0.95), `method` for the reader."""

    low: float
    high: float
    level: float
    method: str


def z_value(level: float) -> float:
    """Half-width, in standard errors, of a two-sided normal interval: 1.96 for 0.95. Raises ValueError outside (0,
    1).
    """
    return NormalDist().inv_cdf(0.5 + checked_share(level, what="level") / 2)


def wilson(tally: tuple[int, int], *, level: float = 0.95) -> Interval:
    """Score interval for a share; close to its level on average, also for few attempts and at 0 or 1.

    Formula: centre (p + z²/2n)/(1 + z²/n), half-width z sqrt(p(1-p)/n + z²/4n²)/(1 + z²/n).
    Assumes independent attempts with one solve rate: one task, or one attempt each at tasks drawn at random.
    Raises ValueError on no attempt or a level outside (0, 1). Source: Wilson, JASA 22 (1927), 209-212.
    """
    solved, n = checked_tally(tally)
    z = z_value(level)
    share = solved / n
    shrink = 1 + z * z / n
    centre = (share + z * z / (2 * n)) / shrink
    half = z * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5 / shrink
    # The formula gives 0 and 1 exactly at the ends; rounding does not.
    low = 0.0 if solved == 0 else max(0.0, centre - half)
    high = 1.0 if solved == n else min(1.0, centre + half)
    return Interval(low, high, level, "Wilson")


def newcombe(baseline: tuple[int, int], candidate: tuple[int, int], *, level: float = 0.95) -> Interval:
    """Interval for the change of a share, candidate minus baseline, from both sides' Wilson intervals (l, u).

    Formula: d - sqrt((p_c - l_c)² + (u_b - p_b)²) to d + sqrt((u_c - p_c)² + (p_b - l_b)²), d = p_c - p_b.
    Assumes independent attempts with one solve rate on each side. Raises ValueError on no attempt or a level outside
    (0, 1). Source: Newcombe, Statist. Med. 17 (1998), 873-890, method 10.
    """
    share_b, share_c = (solved / n for solved, n in map(checked_tally, (baseline, candidate)))
    before, after = wilson(baseline, level=level), wilson(candidate, level=level)
    down = sqrt((share_c - after.low) ** 2 + (before.high - share_b) ** 2)
    up = sqrt((after.high - share_c) ** 2 + (share_b - before.low) ** 2)
    change = share_c - share_b
    return Interval(max(-1.0, change - down), min(1.0, change + up), level, "Newcombe")


def clopper_pearson(tally: tuple[int, int], *, level: float = 0.95) -> Interval:
    """Exact interval for a share: covers at least `level` of the time, mostly more; for hard promises.

    Formula: from the alpha/2 quantile of Beta(k, n-k+1) to the 1-alpha/2 quantile of Beta(k+1, n-k).
    Assumes independent attempts with one solve rate. Raises ValueError on no attempt or a level outside (0, 1).
    Source: Clopper & Pearson, Biometrika 26 (1934), 404-413.
    """
    from scipy.special import betaincinv

    solved, n = checked_tally(tally)
    tail = (1 - checked_share(level, what="level")) / 2
    low = float(betaincinv(solved, n - solved + 1, tail)) if solved else 0.0
    high = float(betaincinv(solved + 1, n - solved, 1 - tail)) if solved < n else 1.0
    return Interval(low, high, level, "Clopper-Pearson")


def cluster_bootstrap(
    values: Sequence[float], *, level: float = 0.95, resamples: int = 10_000, seed: int = 0
) -> Interval:
    """BCa bootstrap interval of the mean over tasks, whole tasks drawn with replacement: speaks of tasks like these.

    `values`: one number in [0, 1] per task (its solve rate, its pass@k, …). Drawing attempts within the drawn tasks
    as well would count their noise twice, since it is already in the spread of the tasks' values.
    Assumes tasks drawn independently from what they stand for. Needs some 20 tasks to hold its level.
    When all tasks have the same value the bootstrap says ±0, which is never true: Clopper-Pearson is returned for 0
    and 1, on one attempt per task, and a Hoeffding interval (mean ± sqrt(ln(2/alpha)/2T)) for a value between.
    The same data, seed and resamples give the same interval, whatever the order of the tasks.
    Raises ValueError on fewer than 2 tasks, a value outside [0, 1], a level outside (0, 1).
    Source: Efron, JASA 82 (1987), 171-185 (BCa); Davison & Hinkley, Bootstrap Methods, 1997, sect. 3.8 (clusters).
    """
    if len(values) < 2 or not all(0.0 <= value <= 1.0 for value in values):
        raise ValueError(f"values of {len(values)} tasks; needs 2 or more, each from 0 to 1")
    checked_share(level, what="level")
    if min(values) == max(values):
        return _interval_without_spread(values[0], len(values), level)

    import numpy as np
    from scipy import stats

    result = stats.bootstrap(
        (np.sort(np.array(values, dtype=float)),),
        np.mean,
        confidence_level=level,
        n_resamples=resamples,
        method="BCa",
        batch=1000,
        rng=np.random.default_rng(seed),
    )
    return Interval(
        float(result.confidence_interval.low),
        float(result.confidence_interval.high),
        level,
        "BCa bootstrap over tasks",
    )


def _interval_without_spread(value: float, tasks: int, level: float) -> Interval:
    if value in (0.0, 1.0):
        low, high, _, method = clopper_pearson((int(value) * tasks, tasks), level=level)
        return Interval(low, high, level, f"{method} over tasks")
    half = sqrt(log(2 / (1 - level)) / (2 * tasks))
    return Interval(max(0.0, value - half), min(1.0, value + half), level, "Hoeffding over tasks")
