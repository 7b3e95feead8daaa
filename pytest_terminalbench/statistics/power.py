"""What a comparison on a fixed set of tasks can see, by the normal approximation.

Effects are shares of 1 (0.05 is five points) of the mean solve rate over the tasks.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from pytest_terminalbench.statistics.tallies import checked_share


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


def minimum_detectable_effect(standard_error: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """The smallest drop that a one-sided test at `alpha` finds with probability `power`.

    Formula: (z_{1-alpha} + z_power) SE: 2.49 SE at 5 % and 80 %; 2.80 SE at 2.5 %, as in two-sided tables. With few
    tasks or attempts the exact test finds less than this says: `planning` is for numbers that are relied on beforehand.
    Raises ValueError on a negative standard error, alpha or power outside (0, 1).
    """
    if not standard_error >= 0:
        raise ValueError(f"standard_error is {standard_error}; needs a number from 0")
    normal = NormalDist()
    quantiles = normal.inv_cdf(1 - checked_share(alpha, what="alpha")) + normal.inv_cdf(
        checked_share(power, what="power")
    )
    return quantiles * standard_error
