"""pass@k: solved at least once in k attempts. pass^k: solved every time in k attempts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import comb
from statistics import fmean
from typing import Literal

from pytest_terminalbench.statistics.intervals import Interval, cluster_bootstrap
from pytest_terminalbench.statistics.tallies import checked_tally


@dataclass(frozen=True, kw_only=True)
class PassK:
    """Mean over the `tasks` that had at least k attempts; `left_out` had fewer. `interval` speaks of tasks like these
    and is None with fewer than two tasks.
    """

    kind: Literal["pass@k", "pass^k"]
    k: int
    value: float
    interval: Interval | None
    tasks: int
    left_out: int


def pass_at_k(tally: tuple[int, int], k: int) -> float:
    """Chance that at least one of k attempts solves the task, estimated without bias from n >= k attempts.

    Formula: 1 - C(n-c, k)/C(n, k), c solved of n. Assumes independent attempts.
    Raises ValueError when k < 1 or n < k. Source: Chen et al., arXiv 2107.03374, eq. 1.
    """
    solved, attempts = _checked(tally, k)
    return 1 - comb(attempts - solved, k) / comb(attempts, k)


def pass_hat_k(tally: tuple[int, int], k: int) -> float:
    """Chance that all of k attempts solve the task, estimated without bias from n >= k attempts.

    Formula: C(c, k)/C(n, k). Not (c/n)^k, which is too high in the middle and never zero; never (mean over tasks)^k.
    Assumes independent attempts. Raises ValueError when k < 1 or n < k. Source: Yao et al. (tau-bench), arXiv
    2406.12045.
    """
    solved, attempts = _checked(tally, k)
    return comb(solved, k) / comb(attempts, k)


def suite_pass_k(
    tallies: Iterable[tuple[int, int]],
    *,
    k: int,
    kind: Literal["pass@k", "pass^k"] = "pass@k",
    level: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> PassK:
    """Mean of pass@k or pass^k over the tasks with at least k attempts, with a BCa interval over tasks.

    `tallies`: (solved, attempts) per task. Raises ValueError when k < 1, when a tally makes no sense, when no task
    has k attempts.
    """
    every = [checked_tally(tally) for tally in tallies]
    single = pass_at_k if kind == "pass@k" else pass_hat_k
    values = [single(tally, k) for tally in every if tally.attempts >= k]
    if not values:
        raise ValueError(f"no task has the {k} attempts {kind} with k={k} needs")
    interval = cluster_bootstrap(values, level=level, resamples=resamples, seed=seed) if len(values) > 1 else None
    return PassK(
        kind=kind, k=k, value=fmean(values), interval=interval, tasks=len(values), left_out=len(every) - len(values)
    )


def _checked(tally: tuple[int, int], k: int) -> tuple[int, int]:
    solved, attempts = checked_tally(tally)
    if not 1 <= k <= attempts:
        raise ValueError(f"k is {k}; needs 1 <= k <= {attempts}, the number of attempts")
    return solved, attempts
