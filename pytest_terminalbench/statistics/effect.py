"""How big is the difference, and how sure is which number for whom: standard errors by name of the population."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, variance
from typing import Literal

from pytest_terminalbench.statistics.intervals import Interval, z_value
from pytest_terminalbench.statistics.tallies import checked_pairs, checked_rewards

Smoothing = Literal["pooled", "jeffreys"]


@dataclass(frozen=True, kw_only=True)
class StandardError:
    """One standard error of a mean score and the population about which it speaks."""

    value: float
    population: str
    degrees_of_freedom: int | None = None


@dataclass(frozen=True, kw_only=True)
class Effect:
    """Candidate minus baseline, mean over tasks; negative is worse. Everything in shares of 1 (0.02 is two
    points).
    """

    difference: float
    standard_error: float
    interval: Interval
    baseline_mean: float
    candidate_mean: float
    tasks: int
    population: str = "these tasks, this agent"

    def drop_below(self, confidence: float = 0.95) -> float:
        """The one-sided upper bound of the drop: with `confidence`, the candidate lost less than this."""
        return -self.difference + z_value(2 * confidence - 1) * self.standard_error


def iid_standard_error(rewards: Sequence[Sequence[float]]) -> StandardError:
    """Standard error of the mean of all attempts, as if each were its own task: too small once tasks are repeated.

    Formula: sqrt(sum (s_i - s̄)² / (n(n-1))). Assumes independent attempts: one attempt per task, tasks drawn at
    random.
    Raises ValueError on fewer than 2 attempts. Source: Miller, Adding Error Bars to Evals, arXiv 2411.00640, sect. 2.
    """
    attempts = [reward for task in rewards for reward in checked_rewards(task)]
    if len(attempts) < 2:
        raise ValueError(f"{len(attempts)} attempts; a standard error needs at least 2")
    return StandardError(
        value=math.sqrt(variance(attempts) / len(attempts)), population="independent attempts at random tasks"
    )


def clustered_standard_error(rewards: Sequence[Sequence[float]], *, finite_clusters: bool = True) -> StandardError:
    """Standard error of the mean of all attempts for a claim about *tasks like these*; use Student's t with T - 1.

    Formula: sqrt(sum_t (sum_k (s_tk - s̄))²)/n, times sqrt(T/(T-1)) with `finite_clusters`. With equally many
    attempts per task that is sd(task means)/sqrt(T).
    Assumes tasks drawn independently from what they stand for; attempts within a task may hang together in any way.
    Raises ValueError on fewer than 2 tasks. Source: Miller, arXiv 2411.00640, sect. 2.2; the finite-cluster factor:
    Cameron & Miller, J. Human Resources 50 (2015), 317-372 (and inspect_ai).
    """
    tasks = [checked_rewards(task) for task in rewards]
    if len(tasks) < 2:
        raise ValueError(f"{len(tasks)} tasks; a clustered standard error needs at least 2")
    count = sum(map(len, tasks))
    mean = math.fsum(map(math.fsum, tasks)) / count
    value = math.sqrt(math.fsum(math.fsum(s - mean for s in task) ** 2 for task in tasks)) / count
    if finite_clusters:
        value *= math.sqrt(len(tasks) / (len(tasks) - 1))
    return StandardError(value=value, population="tasks like these", degrees_of_freedom=len(tasks) - 1)


def fixed_task_standard_error(rewards: Sequence[Sequence[float]]) -> StandardError:
    """Standard error of the mean over tasks for a claim about *these tasks*: only the agent's luck varies.

    Formula: (1/T) sqrt(sum_t var_t / K_t), var_t = sum_k (s_tk - p_t)² / (K_t - 1), so at least 2 attempts per task.
    Assumes independent attempts within a task. Zero when no task ever varied, which says too few attempts and not
    certainty: intervals come from `effect`, which never says ±0.
    Raises ValueError on no task or a task with fewer than 2 attempts.
    Source: Miller, arXiv 2411.00640, sect. 3 (conditional variance), with the task set held fixed.
    """
    tasks = [checked_rewards(task) for task in rewards]
    if not tasks or min(map(len, tasks)) < 2:
        raise ValueError("needs at least one task and two attempts at each")
    total = math.fsum(variance(task) / len(task) for task in tasks)
    return StandardError(value=math.sqrt(total) / len(tasks), population="these tasks, this agent")


def effect(
    pairs: Iterable[tuple[tuple[int, int], tuple[int, int]]], *, level: float = 0.95, smoothing: Smoothing = "pooled"
) -> Effect:
    """Mean over tasks of the change in solve rate, with an interval for these tasks.

    Formula: d = mean_t(c_t/m_t - a_t/n_t), SE = sqrt(sum_t(v_at/n_t + v_ct/m_t))/T, interval d ± z SE, cut to [-1,
    1]. "jeffreys": v = p(1-p), p = (k + 1/2)/(N + 1) on each side alone, so that 5 of 5 is not taken for certainty.
    It is never too narrow but twice as wide as need be where most tasks always or never succeed.
    "pooled": v_at = v_ct = S(N-S)/(N(N-1)), S solved of N attempts on both sides together, which is unbiased when
    nothing changed and too large after a change; and one coin-flipping task (v = 1/4, with the mean 1/n + 1/m) joins
    the sum, so that a suite without a single mixed task gets about the rule of three and not ±0.
    The default is "pooled": benchmarks/gate_calibration.py prints coverage and width of both.
    `pairs`: per task ((solved, attempts) baseline, (solved, attempts) candidate); attempts may be unequal.
    Assumes independent attempts and enough tasks for the sum to be near normal (some 10 informative ones).
    Raises ValueError on no task or a side without attempts.
    Source: Miller, arXiv 2411.00640, sect. 4, tasks held fixed.
    """
    tallies = checked_pairs(pairs)
    if smoothing == "jeffreys":
        total = math.fsum(_jeffreys_variance(a, n) / n + _jeffreys_variance(c, m) / m for (a, n), (c, m) in tallies)
    else:
        total = _pooled_total(
            [((a + c) * (n + m - a - c) / ((n + m) * (n + m - 1)), 1 / n + 1 / m) for (a, n), (c, m) in tallies]
        )
    return _effect(
        [a / n for (a, n), _ in tallies], [c / m for _, (c, m) in tallies], math.sqrt(total) / len(tallies), level
    )


def effect_of_rewards(
    baseline: Sequence[Sequence[float]], candidate: Sequence[Sequence[float]], *, level: float = 0.95
) -> Effect:
    """`effect` for fractional rewards, with "pooled" smoothing: v is the unbiased variance of a task's pooled
    rewards.

    `baseline[t]`, `candidate[t]`: rewards in [0, 1] of task t's attempts. For rewards of 0 and 1 exactly what
    `effect` says.
    Raises ValueError on no task, unequal numbers of tasks, an empty side, or a reward outside [0, 1].
    """
    if not baseline or len(baseline) != len(candidate):
        raise ValueError(f"{len(baseline)} baseline and {len(candidate)} candidate tasks")
    pairs = [(checked_rewards(b), checked_rewards(c)) for b, c in zip(baseline, candidate, strict=True)]
    total = _pooled_total([(variance(b + c), 1 / len(b) + 1 / len(c)) for b, c in pairs])
    return _effect([fmean(b) for b, _ in pairs], [fmean(c) for _, c in pairs], math.sqrt(total) / len(pairs), level)


def _pooled_total(tasks: list[tuple[float, float]]) -> float:
    """Variance of the sum of the tasks' differences, from each task's variance and 1/n + 1/m."""
    coin = 0.25 * fmean(weight for _, weight in tasks)
    return math.fsum(v * weight for v, weight in tasks) + coin


def _jeffreys_variance(solved: int, attempts: int) -> float:
    share = (solved + 0.5) / (attempts + 1)
    return share * (1 - share)


def _effect(before: list[float], after: list[float], standard_error: float, level: float) -> Effect:
    baseline_mean, candidate_mean = fmean(before), fmean(after)
    difference = candidate_mean - baseline_mean
    half = z_value(level) * standard_error
    return Effect(
        difference=difference,
        standard_error=standard_error,
        interval=Interval(max(-1.0, difference - half), min(1.0, difference + half), level, "normal, fixed tasks"),
        baseline_mean=baseline_mean,
        candidate_mean=candidate_mean,
        tasks=len(before),
    )
