"""What a comparison could have seen: power and minimum detectable effect for a fixed set of tasks.

Effects are shares of 1 (0.05 is five points) of the mean solve rate over the tasks. `sides` is 1 for the gate, which
only asks "worse?", and 2 for tables in papers. The normal approximation is meant: these are planning numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import NormalDist, fmean
from typing import Literal

from pytest_terminalbench.statistics.tallies import checked_share, checked_tally

# Mean of p(1-p) over tasks on 13 Terminal-Bench core submissions: 0.034 to 0.103. Used where a baseline cannot tell.
TYPICAL_WITHIN_TASK_VARIANCE = 0.07


def within_task_variance(tallies: Iterable[tuple[int, int]]) -> float | None:
    """Mean of p(1-p) over the tasks tried at least twice, estimated without bias; None when there is none.

    Formula: mean_t a(n-a)/(n(n-1)), (a, n) = (solved, attempts). Zero is possible and means no task was seen to vary.
    Raises ValueError on a tally that makes no sense.
    """
    tasks = [tally for tally in map(checked_tally, tallies) if tally.attempts >= 2]
    if not tasks:
        return None
    return fmean(a * (n - a) / (n * (n - 1)) for a, n in tasks)


def difference_standard_error(
    *,
    tasks: int,
    baseline_attempts: float,
    candidate_attempts: float,
    within_variance: float = TYPICAL_WITHIN_TASK_VARIANCE,
) -> float:
    """Fixed-task standard error of the difference of two means.

    Formula: sqrt(w (1/K_b + 1/K_c)/T), w the mean of p(1-p). Attempts are per task; harmonic means when they differ.
    Raises ValueError unless all are positive. Source: Miller, arXiv 2411.00640, sect. 5, without the between-task
    part.
    """
    if not (tasks >= 1 and baseline_attempts > 0 and candidate_attempts > 0 and within_variance > 0):
        raise ValueError("tasks, attempts and within_variance must be positive")
    return math.sqrt(within_variance * (1 / baseline_attempts + 1 / candidate_attempts) / tasks)


def minimum_detectable_effect(
    standard_error: float, *, alpha: float = 0.05, power: float = 0.8, sides: Literal[1, 2] = 1
) -> float:
    """The smallest drop a test at `alpha` finds with probability `power`.

    Formula: (z_{1-alpha/sides} + z_power) SE: 2.49 SE one-sided, 2.80 SE two-sided, at 5 % and 80 %.
    Raises ValueError on a negative standard error, alpha or power outside (0, 1).
    """
    return (_quantile(alpha, sides) + NormalDist().inv_cdf(checked_share(power, what="power"))) * _positive(
        standard_error
    )


def power_of(effect: float, standard_error: float, *, alpha: float = 0.05, sides: Literal[1, 2] = 1) -> float:
    """Probability that a test at `alpha` finds a drop of size `effect` (>= 0).

    Formula: Phi(effect/SE - z_{1-alpha/sides}); the far tail of a two-sided test is left out.
    Raises ValueError on a standard error that is not positive.
    """
    if _positive(standard_error) == 0:
        raise ValueError("standard_error is 0; no comparison is that sure")
    return NormalDist().cdf(effect / standard_error - _quantile(alpha, sides))


def attempts_needed(
    effect: float,
    *,
    tasks: int,
    baseline_attempts: float,
    within_variance: float = TYPICAL_WITHIN_TASK_VARIANCE,
    alpha: float = 0.05,
    power: float = 0.8,
    sides: Literal[1, 2] = 1,
) -> int | None:
    """Candidate attempts per task to find a drop of `effect`; None when no number is enough with this baseline.

    Formula: the least K with (z + z)² w (1/K_b + 1/K)/T <= effect². Raises ValueError when effect <= 0.
    """
    if effect <= 0:
        raise ValueError(f"effect is {effect}; needs a drop above 0")
    factor = minimum_detectable_effect(1.0, alpha=alpha, power=power, sides=sides)
    room = (effect / factor) ** 2 * tasks / within_variance - 1 / baseline_attempts
    return max(1, math.ceil(1 / room - 1e-9)) if room > 0 else None


def tasks_needed(
    effect: float,
    *,
    between_variance: float,
    within_variance: float = TYPICAL_WITHIN_TASK_VARIANCE,
    baseline_attempts: float = 1,
    candidate_attempts: float = 1,
    alpha: float = 0.05,
    power: float = 0.8,
    sides: Literal[1, 2] = 2,
) -> int:
    """Tasks to find a difference of `effect` between two agents on *tasks like these*.

    Formula: n = (z + z)² (omega² + sigma²/K_A + sigma²/K_B)/effect², omega² = `between_variance`, the variance over
    tasks of the difference in true solve rates. Raises ValueError when effect <= 0. Source: Miller, arXiv
    2411.00640, sect. 5, eq. 9.
    """
    if effect <= 0:
        raise ValueError(f"effect is {effect}; needs a difference above 0")
    factor = minimum_detectable_effect(1.0, alpha=alpha, power=power, sides=sides)
    variance = between_variance + within_variance / baseline_attempts + within_variance / candidate_attempts
    return math.ceil(factor**2 * variance / effect**2 - 1e-9)


def _quantile(alpha: float, sides: Literal[1, 2]) -> float:
    return NormalDist().inv_cdf(1 - checked_share(alpha, what="alpha") / sides)


def _positive(standard_error: float) -> float:
    if not standard_error >= 0:
        raise ValueError(f"standard_error is {standard_error}; needs a number from 0")
    return standard_error
