"""The two shapes every function here takes: how often a cell was solved, and the same before and after."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import NamedTuple


class Tally(NamedTuple):
    """`solved` of `attempts` scored attempts at one task. Void attempts are in neither number.

    A plain `(solved, attempts)` tuple does wherever a tally is asked for.
    """

    solved: int
    attempts: int


class Pair(NamedTuple):
    """One task on both sides of a comparison."""

    baseline: tuple[int, int]
    candidate: tuple[int, int]


def checked_tally(tally: tuple[int, int], *, what: str = "tally", least: int = 1) -> Tally:
    """`tally` as a `Tally`, or ValueError when it counts fewer than `least` attempts or more solved than
    attempted.
    """
    solved, attempts = tally
    if attempts < least or not 0 <= solved <= attempts:
        raise ValueError(
            f"{what} is {solved} solved of {attempts}; needs at least {least} attempts, 0 <= solved <= attempts"
        )
    return Tally(solved, attempts)


def checked_pairs(pairs: Iterable[tuple[tuple[int, int], tuple[int, int]]]) -> list[tuple[Tally, Tally]]:
    """`pairs` as tallies; ValueError when there is none, or when one side of a task has no attempt."""
    checked = [
        (checked_tally(baseline, what="baseline"), checked_tally(candidate, what="candidate"))
        for baseline, candidate in pairs
    ]
    if not checked:
        raise ValueError("no task to compare: baseline and candidate have none in common")
    return checked


def checked_rewards(rewards: Sequence[float], *, what: str = "rewards") -> tuple[float, ...]:
    """`rewards` as floats; ValueError when there is none or one lies outside [0, 1] (NaN included)."""
    checked = tuple(float(reward) for reward in rewards)
    if not checked or not all(0.0 <= reward <= 1.0 for reward in checked):
        raise ValueError(f"{what} are {list(rewards)}; needs one or more numbers from 0 to 1")
    return checked


def checked_share(value: float, *, what: str) -> float:
    """`value`, or ValueError unless it lies strictly between 0 and 1."""
    if not 0.0 < value < 1.0:
        raise ValueError(f"{what} is {value}; needs a number between 0 and 1, both excluded")
    return value


def is_counted(*tasks: Iterable[float]) -> bool:
    """Whether all rewards are 0 or 1, so that counts of solved attempts say everything."""
    return all(reward in (0.0, 1.0) for rewards in tasks for reward in rewards)


def score_name(*tasks: Iterable[float]) -> str:
    """What a mean of these rewards is a share of: ``solved``, or where some are fractions only a ``mean reward``."""
    return "solved" if is_counted(*tasks) else "mean reward"


def variance_of(rewards: Sequence[float]) -> float:
    """The sample variance of two or more rewards: `statistics.variance`, thirty times as fast."""
    mean = fmean(rewards)
    return math.fsum((reward - mean) ** 2 for reward in rewards) / (len(rewards) - 1)
