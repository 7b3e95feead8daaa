"""Did it get slower, hungrier, dearer? Ratios candidate / baseline of runtime, memory, tokens and cost, with an
interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from pytest_terminalbench.naming import counted
from pytest_terminalbench.statistics.intervals import Interval
from pytest_terminalbench.statistics.metric_names import metric_name

if TYPE_CHECKING:
    import numpy as np

# What a user would grant before calling it a regression; issue "The gate", item 3.
MAX_RATIO: Mapping[str, float] = MappingProxyType(
    {"runtime_s": 1.15, "memory_peak_mb": 1.20, "cost_usd": 1.20, "tokens": 1.20}
)

LEVEL = 0.95

# Below this many tasks their ratios say too little about their own spread; attempts within the tasks are drawn
# instead.
TASKS_FOR_BOOTSTRAP = 6
# Two attempts have no inner one: every bootstrap median would be one of them or their mean.
ATTEMPTS_FOR_BOOTSTRAP = 3


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """Candidate / baseline of the typical task; 1.1 is ten per cent more. `interval` is None where the data cannot give
    one; `tasks` had positive values on both sides.
    """

    value: float
    interval: Interval | None
    tasks: int


@dataclass(frozen=True, kw_only=True)
class RatioVerdict:
    """`ratio` is None when no task had values on both sides."""

    verdict: Literal["pass", "fail", "inconclusive", "not judged"]
    metric: str
    ratio: Ratio | None
    max_ratio: float
    reason: str


def ratio_interval(
    baseline: Sequence[Sequence[float]],
    candidate: Sequence[Sequence[float]],
    *,
    resamples: int = 5_000,
    seed: int = 0,
) -> Ratio | None:
    """Ratio of the candidate's typical value to the baseline's, over tasks, with a seeded bootstrap interval.

    Formula: exp(mean_t ln(median c_t / median b_t)), the typical task's ratio, which one stuck attempt or one huge
    task does not move.
    From 6 tasks up the interval is BCa over whole tasks. Were nothing changed, the tasks' ratios would differ by
    noise alone, so for a gate that speaks of these tasks it is as wide as it must be, without a variance from two or
    three attempts. Below, it is the percentile interval over attempts drawn within each task and side, where each
    has 3 or more (and is then on the narrow side: 3 attempts cannot show a tail); else None.
    `baseline[t]`, `candidate[t]`: values >= 0 of task t's attempts in any unit. Tasks empty on a side are left out, as
    are those with a median of 0. None when none remains. Independent of the order of tasks and
    attempts.
    Raises ValueError on different numbers of tasks, a value that is negative or not finite.
    Source: Efron, JASA 82 (1987), 171-185; Davison & Hinkley, Bootstrap Methods, 1997, ch. 5.
    """
    if len(baseline) != len(candidate):
        raise ValueError(f"{len(baseline)} baseline and {len(candidate)} candidate tasks")
    for value in (value for side in (baseline, candidate) for task in side for value in task):
        if not 0 <= value < math.inf:
            raise ValueError(f"a value is {value}; needs finite numbers from 0")
    pairs = sorted((sorted(b), sorted(c)) for b, c in zip(baseline, candidate, strict=True) if b and c)
    pairs = [(b, c) for b, c in pairs if median(b) > 0 and median(c) > 0]
    if not pairs:
        return None
    before, after = [median(b) for b, _ in pairs], [median(c) for _, c in pairs]
    interval: Interval | None = None
    if len(pairs) >= TASKS_FOR_BOOTSTRAP:
        interval = _over_tasks(before, after, resamples, seed)
    elif min(len(side) for pair in pairs for side in pair) >= ATTEMPTS_FOR_BOOTSTRAP:
        interval = _over_attempts(pairs, resamples, seed)
    value = math.exp(fmean(math.log(c / b) for b, c in zip(before, after, strict=True)))
    return Ratio(value=value, interval=interval, tasks=len(pairs))


def ratio_gate(ratio: Ratio | None, *, metric: str) -> RatioVerdict:
    """Fail when the whole interval lies above the metric's allowance, pass when at or below, inconclusive when around
    it.

    At a level of 95 % an unchanged metric fails less than 2.5 % of the time: its true ratio is 1, not what is allowed.
    Raises KeyError for a metric without an allowance in `MAX_RATIO`.
    """
    limit, name = MAX_RATIO[metric], metric_name(metric)
    verdict: Literal["pass", "fail", "inconclusive"] = "inconclusive"
    if ratio is None:
        reason = f"{name}: no task has values above 0 on both sides"
    elif ratio.interval is None:
        tasks = counted(ratio.tasks, "task")
        reason = f"{name}: {_change(ratio.value)} on {tasks}; too few tasks and attempts for an interval"
    else:
        low, high, level, _ = ratio.interval
        if low > limit:
            verdict = "fail"
        elif high <= limit:
            verdict = "pass"
        reason = (
            f"{name}: {_change(ratio.value)} ({level:.0%} interval {_change(low)} to {_change(high)}), "
            f"allowed {_change(limit)}"
        )
    return RatioVerdict(verdict=verdict, metric=metric, ratio=ratio, max_ratio=limit, reason=reason)


def _change(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f} %"


def _over_tasks(before: list[float], after: list[float], resamples: int, seed: int) -> Interval:
    import numpy as np
    from scipy import stats

    b, c = np.array(before), np.array(after)
    same = float(c.sum()) / float(b.sum())
    if np.allclose(c, same * b, rtol=1e-12, atol=0):  # as replayed runs are: nothing to resample, and BCa would be NaN
        return Interval(same, same, LEVEL, "no spread over tasks")

    def log_mean(x: np.ndarray, y: np.ndarray, axis: int = -1) -> np.ndarray:
        return np.asarray(np.exp(np.mean(np.log(y / x), axis=axis)))

    interval = stats.bootstrap(
        (b, c),
        log_mean,
        paired=True,
        vectorized=True,
        confidence_level=LEVEL,
        n_resamples=resamples,
        method="BCa",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(float(interval.low), float(interval.high), LEVEL, "BCa bootstrap over tasks")


def _over_attempts(pairs: list[tuple[list[float], list[float]]], resamples: int, seed: int) -> Interval:
    import numpy as np

    rng = np.random.default_rng(seed)
    medians = [
        [np.median(rng.choice(np.array(side), size=(resamples, len(side))), axis=1) for side in pair] for pair in pairs
    ]
    tiny = np.finfo(float).tiny
    ratios = np.exp(np.mean([np.log(np.maximum(c, tiny) / np.maximum(b, tiny)) for b, c in medians], axis=0))
    low, high = np.quantile(ratios, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high), LEVEL, "percentile bootstrap over attempts")
