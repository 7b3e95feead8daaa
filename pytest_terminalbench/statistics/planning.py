"""Which drop does the suite gate see, with how many attempts at how many tasks?

Asked before anything runs (`terminalbench plan`), and by the gate itself of what a run could have seen.

The gate is an exact test, and plain normal power formulas promise too much for it: for 20 tasks with one attempt on
each side they name a drop that is found in fewer than half of the sessions, not in 80 %
(`benchmarks/gate_calibration.py` prints a table). Three corrections keep what is promised, and too little is promised
rather than too much:

* half a step of continuity, since the number of solved attempts is whole;
* the spread that the *test* sees, which pools both sides and so counts the drop itself as spread;
* the spread of the candidate after its drop: a task that was always solved is then one that fails at times.

The drop is taken to hit all tasks in proportion to their solve rates. Tasks that break altogether are easier to see.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean

from pytest_terminalbench.statistics.session_spread import SessionNoise
from pytest_terminalbench.statistics.suite_settings import SuiteSettings
from pytest_terminalbench.statistics.tallies import checked_rewards, variance_of

# Mean of p(1-p) over tasks on 13 Terminal-Bench core submissions: 0.034 to 0.103. Used where no task was tried twice.
TYPICAL_WITHIN_TASK_VARIANCE = 0.07

# Of a drop, where the baseline is still to be approved: it will be estimated anew what comparisons with it see, and
# that is not to miss by a hair.
PLANNED_SHARE = 0.9

# Nobody runs more, and the search has to end.
MOST_ATTEMPTS = 100
MOST_TASKS = 10_000

# Halvings of the interval in which the smallest visible drop lies: below a thousandth of a point.
HALVINGS = 20


@dataclass(frozen=True, kw_only=True)
class SolveRates:
    """An agent on some tasks: the mean of its solve rates p, and the mean of p(1-p), what varies within a task."""

    mean: float
    within_variance: float

    def __post_init__(self) -> None:
        if not 0 <= self.mean <= 1 or not 0 <= self.within_variance <= self.mean * (1 - self.mean) + 1e-9:
            raise ValueError(
                f"mean is {self.mean} and within_variance {self.within_variance}; "
                "needs 0 <= mean <= 1 and 0 <= within_variance <= mean (1 - mean)"
            )

    def variance_at(self, factor: float) -> float:
        """The mean of q(1-q) when every solve rate p has become q = `factor` p."""
        mean_square = self.mean - self.within_variance
        return max(0.0, factor * self.mean - factor**2 * mean_square)


# Nothing is known of the agent: as often right as wrong, which is where a mean has most room.
TYPICAL_RATES = SolveRates(mean=0.5, within_variance=TYPICAL_WITHIN_TASK_VARIANCE)


@dataclass(frozen=True, kw_only=True)
class PlannedComparison:
    """Attempts at each of `tasks` on both sides; of unequal numbers the harmonic mean.

    `noise`: what sessions that differ add; None where they do not, or where nothing is known of it.
    """

    rates: SolveRates
    tasks: int
    baseline_attempts: float
    attempts: float
    noise: SessionNoise | None = None


def difference_standard_error(
    *, tasks: int, baseline_attempts: float, candidate_attempts: float, within_variance: float
) -> float:
    """Fixed-task standard error of the difference of two means.

    Formula: sqrt(w (1/K_b + 1/K_c)/T), w the mean of p(1-p). Attempts are per task; harmonic means when they differ.
    Raises ValueError on no task or attempt, or a negative variance. Source: Miller, arXiv 2411.00640, sect. 5, without
    the between-task part.
    """
    if not (tasks >= 1 and baseline_attempts > 0 and candidate_attempts > 0 and within_variance >= 0):
        raise ValueError("tasks and attempts must be positive, within_variance not negative")
    return math.sqrt(within_variance * (1 / baseline_attempts + 1 / candidate_attempts) / tasks)


def within_task_variance(rewards: Iterable[Sequence[float]]) -> float | None:
    """Mean of p(1-p) over the tasks tried at least twice, estimated without bias; None when there is none.

    Formula: mean over tasks of the sample variance of their rewards, which for s solved of n is s(n-s)/(n(n-1)). Zero
    is possible and means that no task was seen to vary. Raises ValueError on a reward outside [0, 1].
    """
    variances = [variance_of(checked_rewards(task)) for task in rewards if len(task) >= 2]
    return fmean(variances) if variances else None


def solve_rates(rewards: Sequence[Sequence[float]]) -> SolveRates:
    """Estimated from the rewards of each task's attempts; the typical spread where no task was tried twice.

    Raises ValueError on no task, a task without attempts, or a reward outside [0, 1].
    """
    mean = fmean(fmean(checked_rewards(task)) for task in rewards)
    spread = within_task_variance(rewards)
    if spread is None:
        spread = TYPICAL_WITHIN_TASK_VARIANCE
    return SolveRates(mean=mean, within_variance=min(spread, mean * (1 - mean)))


def chance_to_see(drop: float, comparison: PlannedComparison, settings: SuiteSettings) -> float:
    """How often the suite gate fails a candidate that solves `drop` less, as a share of 1.

    Formula: Phi((drop - c)/SE_1). c = z_{1-alpha} SE_0 + (1/n + 1/k)/2T, at least `settings.margin`, is the drop from
    which the gate fails; SE_0² = v (1/n + 1/k)/T with v the expected pooled variance within tasks, S(N-S)/(N(N-1)) for
    S of N = n + k solved; SE_1² = (w/n + w'/k)/T with w and w' the mean of p(1-p) before and after. Sessions that
    differ add their variance to both squares, and z is then a quantile of Student's t.
    Raises ValueError when the drop is not above 0, or larger than the mean solve rate.
    """
    rates, tasks, n, k = comparison.rates, comparison.tasks, comparison.baseline_attempts, comparison.attempts
    if not 0 < drop <= rates.mean + 1e-12:
        raise ValueError(f"drop is {drop}; needs a number above 0, at most the mean solve rate of {rates.mean}")
    lost = min(1.0, drop / rates.mean)
    total = n + k
    after = rates.variance_at(1 - lost)
    pooled_spread = rates.variance_at(1 - lost * k / total)
    pooled = (total**2 * pooled_spread - (n * rates.within_variance + k * after)) / (total * (total - 1))
    under_null = difference_standard_error(
        tasks=tasks, baseline_attempts=n, candidate_attempts=k, within_variance=max(0.0, pooled)
    )
    half_a_step = (1 / n + 1 / k) / (2 * tasks)
    noise, between = comparison.noise, comparison.noise.variance if comparison.noise else 0.0
    quantile = noise.quantile(1 - settings.alpha) if noise else NormalDist().inv_cdf(1 - settings.alpha)
    fails_from = max(quantile * math.hypot(under_null, math.sqrt(between)) + half_a_step, settings.margin)
    standard_error = math.sqrt((rates.within_variance / n + after / k) / tasks + between)
    if standard_error == 0:
        # No luck is left: the agent always did, and never does.
        return float(drop > fails_from)
    return NormalDist().cdf((drop - fails_from) / standard_error)


def with_room_to_spare(drop: float, settings: SuiteSettings) -> float:
    """What to plan for, so that `drop` is seen though something is estimated anew; above the margin, as `drop` is."""
    return max(PLANNED_SHARE * drop, (drop + settings.margin) / 2)


def smallest_visible_drop(comparison: PlannedComparison, settings: SuiteSettings) -> float | None:
    """The drop that is seen with probability `settings.power`; None when even losing every task is seen less often."""
    invisible, visible = 0.0, comparison.rates.mean
    if visible == 0 or chance_to_see(visible, comparison, settings) < settings.power:
        return None
    for _ in range(HALVINGS):
        middle = (invisible + visible) / 2
        if chance_to_see(middle, comparison, settings) < settings.power:
            invisible = middle
        else:
            visible = middle
    return visible


def attempts_needed(
    drop: float,
    *,
    rates: SolveRates,
    tasks: int,
    baseline_attempts: float | None,
    settings: SuiteSettings,
    noise_of: Callable[[int], SessionNoise | None] | None = None,
    least: int = 1,
    least_approved: int = 1,
) -> int | None:
    """The fewest attempts at each task, from `least` on, that see `drop` with probability `settings.power`.

    `baseline_attempts` None: the baseline is still to be approved, with as many and at least `least_approved`, and
    there is room to spare.
    `noise_of`: what sessions that differ add to a comparison of so many attempts. None when `MOST_ATTEMPTS` are too
    few. Raises ValueError as `chance_to_see`.
    """
    planned = with_room_to_spare(drop, settings) if baseline_attempts is None else drop
    for attempts in range(least, MOST_ATTEMPTS + 1):
        comparison = PlannedComparison(
            rates=rates,
            tasks=tasks,
            baseline_attempts=baseline_attempts or max(attempts, least_approved),
            attempts=attempts,
            noise=noise_of(attempts) if noise_of else None,
        )
        if chance_to_see(planned, comparison, settings) >= settings.power:
            return attempts
    return None


def tasks_needed(
    drop: float, *, rates: SolveRates, baseline_attempts: float, attempts: int, settings: SuiteSettings
) -> int | None:
    """The fewest tasks like these on which `drop` is seen with probability `settings.power`; None above `MOST_TASKS`.

    Their baseline is still to be approved, so there is room to spare. Raises ValueError as `chance_to_see`.
    """
    planned = with_room_to_spare(drop, settings)

    def is_seen(tasks: int) -> bool:
        comparison = PlannedComparison(rates=rates, tasks=tasks, baseline_attempts=baseline_attempts, attempts=attempts)
        return chance_to_see(planned, comparison, settings) >= settings.power

    fewest = 1 + bisect_left(range(1, MOST_TASKS + 1), True, key=is_seen)
    return fewest if fewest <= MOST_TASKS else None
