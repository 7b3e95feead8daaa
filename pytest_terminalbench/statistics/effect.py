"""How big is the difference, and how sure is that: candidate minus baseline on the same tasks, with an interval."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist, fmean

from pytest_terminalbench.statistics.intervals import Interval, z_value
from pytest_terminalbench.statistics.session_spread import SessionNoise
from pytest_terminalbench.statistics.tallies import checked_pairs, checked_rewards, checked_share, variance_of


@dataclass(frozen=True, kw_only=True)
class Effect:
    """Candidate minus baseline, mean over tasks; negative is worse. Everything in shares of 1 (0.02 is two
    points). `noise`: what sessions that differ add to it, which standard error and interval contain.
    """

    difference: float
    standard_error: float
    interval: Interval
    baseline_mean: float
    candidate_mean: float
    tasks: int
    population: str = "these tasks, this agent"
    noise: SessionNoise | None = None

    def drop_below(self, confidence: float = 0.95) -> float:
        """The one-sided upper bound of the drop: with `confidence`, the candidate lost no more than this.

        Raises ValueError for a confidence that is not between 0 and 1.
        """
        checked_share(confidence, what="confidence")
        quantile = self.noise.quantile(confidence) if self.noise else NormalDist().inv_cdf(confidence)
        return min(self.baseline_mean, -self.difference + quantile * self.standard_error)

    def allowing_for(self, noise: SessionNoise) -> Effect:
        """The same difference, known less well because sessions differ: d ± t sqrt(SE² + the noise's variance)."""
        standard_error = math.sqrt(self.standard_error**2 + noise.variance)
        level = self.interval.level
        half = noise.quantile(0.5 + level / 2) * standard_error
        method = "Student's t over sessions, fixed tasks"
        interval = _interval(self.difference, half, level, method, baseline_mean=self.baseline_mean)
        return replace(self, standard_error=standard_error, interval=interval, noise=noise)


def effect(pairs: Iterable[tuple[tuple[int, int], tuple[int, int]]], *, level: float = 0.95) -> Effect:
    """Mean over tasks of the change in solve rate, with an interval for these tasks.

    Formula: d = mean_t(c_t/m_t - a_t/n_t), SE = sqrt(sum_t v_t (1/n_t + 1/m_t))/T, interval d ± z SE, cut to what can
    be: nobody loses more than the baseline has, nor wins more than it lacks.
    v_t = S(N-S)/(N(N-1)), S solved of N attempts on both sides together, is unbiased when nothing changed and too large
    after a change. One coin-flipping task (v = 1/4, with the mean 1/n + 1/m) joins the sum, so that a suite without a
    single mixed task gets about the rule of three and not ±0. The alternative, each side's own Jeffreys variance, is
    never too narrow but twice as wide as need be where most tasks always or never succeed:
    benchmarks/gate_calibration.py prints coverage and width of both.
    `pairs`: per task ((solved, attempts) baseline, (solved, attempts) candidate); attempts may be unequal.
    Assumes independent attempts and enough tasks for the sum to be near normal (some 10 informative ones).
    Raises ValueError on no task or a side without attempts.
    Source: Miller, arXiv 2411.00640, sect. 4, tasks held fixed.
    """
    tallies = checked_pairs(pairs)
    total = _pooled_total(
        [((a + c) * (n + m - a - c) / ((n + m) * (n + m - 1)), 1 / n + 1 / m) for (a, n), (c, m) in tallies]
    )
    return _effect(
        [a / n for (a, n), _ in tallies], [c / m for _, (c, m) in tallies], math.sqrt(total) / len(tallies), level
    )


def effect_of_rewards(
    baseline: Sequence[Sequence[float]], candidate: Sequence[Sequence[float]], *, level: float = 0.95
) -> Effect:
    """`effect` for fractional rewards: v is the unbiased variance of a task's pooled rewards.

    `baseline[t]`, `candidate[t]`: rewards in [0, 1] of task t's attempts. For rewards of 0 and 1 exactly what
    `effect` says.
    Raises ValueError on no task, unequal numbers of tasks, an empty side, or a reward outside [0, 1].
    """
    if not baseline or len(baseline) != len(candidate):
        raise ValueError(f"{len(baseline)} baseline and {len(candidate)} candidate tasks")
    pairs = [(checked_rewards(b), checked_rewards(c)) for b, c in zip(baseline, candidate, strict=True)]
    total = _pooled_total([(variance_of(b + c), 1 / len(b) + 1 / len(c)) for b, c in pairs])
    return _effect([fmean(b) for b, _ in pairs], [fmean(c) for _, c in pairs], math.sqrt(total) / len(pairs), level)


def _pooled_total(tasks: list[tuple[float, float]]) -> float:
    """Variance of the sum of the tasks' differences, from each task's variance and 1/n + 1/m."""
    coin = 0.25 * fmean(weight for _, weight in tasks)
    return math.fsum(v * weight for v, weight in tasks) + coin


def _effect(before: list[float], after: list[float], standard_error: float, level: float) -> Effect:
    baseline_mean, candidate_mean = fmean(before), fmean(after)
    difference = candidate_mean - baseline_mean
    half = z_value(level) * standard_error
    return Effect(
        difference=difference,
        standard_error=standard_error,
        interval=_interval(difference, half, level, "normal, fixed tasks", baseline_mean=baseline_mean),
        baseline_mean=baseline_mean,
        candidate_mean=candidate_mean,
        tasks=len(before),
    )


def _interval(difference: float, half: float, level: float, method: str, *, baseline_mean: float) -> Interval:
    """Cut to what can be, given what there was."""
    return Interval(max(-baseline_mean, difference - half), min(1.0 - baseline_mean, difference + half), level, method)
