"""The exact law of a shuffled sum of rewards, where its arrangements, or the values that it can take, are few.

Rewards are read as fractions, so that sums are whole multiples of one step: equal sums are equal, and tenths, thirds
and halves share a lattice on which many tasks are convolved quickly.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np

    Lattice: TypeAlias = np.ndarray[tuple[int], np.dtype[np.float64]]

# Fractions of at most this denominator stand for rewards: each reward moves by less than any real step.
FINEST = 1_000_000

# Sums of one task's chosen attempts, counted one by one in some hundredths of a second: eight of sixteen different
# rewards are 12,870.
MOST_SUMS = 2**14

# Additions by which the laws of several tasks become one: about 0.1 s one by one, 0.3 s on a lattice.
MOST_STEPS = 2**18
MOST_LATTICE_STEPS = 2**28
LARGEST_LATTICE = 2**18

# Rewards that share no larger step than this part of 1 hardly ever add up to the same sum, so that nothing but few
# arrangements helps.
FINEST_SHARED_STEP = 2**40


@dataclass(frozen=True, kw_only=True)
class RewardTask:
    """One task: the rewards of both sides' attempts, and what a reward of the candidate weighs."""

    baseline: tuple[float, ...]
    candidate: tuple[float, ...]
    weight: Fraction = Fraction(1)


@dataclass(frozen=True, kw_only=True)
class TailChances:
    """Of the sum that was seen: the chance of a smaller one, of the same, and of a larger one."""

    below: float
    same: float
    above: float


def exact_tails(tasks: Sequence[RewardTask]) -> TailChances | None:
    """Where the candidate's weighted sum lies among all arrangements; None where there are too many to count."""
    weighted = [
        (
            [fraction_of(reward) * task.weight for reward in task.baseline],
            [fraction_of(reward) * task.weight for reward in task.candidate],
        )
        for task in tasks
    ]
    step = math.lcm(*{value.denominator for sides in weighted for side in sides for value in side})
    arrangements = math.prod(math.comb(len(before) + len(after), len(after)) for before, after in weighted)
    if step > FINEST_SHARED_STEP and arrangements > MOST_STEPS:
        return None
    laws: list[tuple[int, dict[int, int]]] = []
    seen = 0
    for before, after in weighted:
        pool = sorted(int(value * step) for value in (*before, *after))
        law = _law_of_choice(tuple(pool), len(after))
        if law is None:
            return None
        laws.append(law)
        seen += sum(int(value * step) for value in after)
    return _tails(laws, seen)


@lru_cache(maxsize=65536)
def fraction_of(reward: float) -> Fraction:
    """The simple fraction that `reward` stands for: 1/3 for 0.3333333333333333."""
    return Fraction(reward).limit_denominator(FINEST)


# Worse and better, and both sides' attempts in any order, ask for the same law.
@lru_cache(maxsize=64)
def _law_of_choice(pool: tuple[int, ...], chosen: int) -> tuple[int, dict[int, int]] | None:
    """In how many ways so many of `pool` are chosen, and in how many of them they add up to each sum.

    None where there are more than MOST_SUMS sums. Counted by distinct value, so that equal rewards cost nothing.
    """
    ways: list[dict[int, int]] = [{0: 1}, *({} for _ in range(chosen))]
    for value, times in Counter(pool).items():
        for taken in range(chosen, 0, -1):
            for here in range(1, min(times, taken) + 1):
                pick = math.comb(times, here)
                for total, count in ways[taken - here].items():
                    reached = total + here * value
                    ways[taken][reached] = ways[taken].get(reached, 0) + pick * count
            if len(ways[taken]) > MOST_SUMS:
                return None
    return math.comb(len(pool), chosen), ways[chosen]


def _tails(laws: Sequence[tuple[int, dict[int, int]]], seen: int) -> TailChances | None:
    if len(laws) == 1:
        whole, ways = laws[0]
        # Whole numbers up to here: 1 of 20 is 0.05, and not a little more.
        below = sum(count for total, count in ways.items() if total < seen)
        same = ways[seen]
        return TailChances(below=below / whole, same=same / whole, above=(whole - below - same) / whole)
    # The same tasks in another order are rounded alike.
    shares = [{total: count / whole for total, count in sorted(ways.items())} for whole, ways in laws]
    ordered = sorted(shares, key=list)
    return _tails_on_lattice(ordered, seen) or _tails_one_by_one(ordered, seen)


def _tails_on_lattice(laws: Sequence[dict[int, float]], seen: int) -> TailChances | None:
    """With the sums as places of an array; None where that is too long."""
    import numpy as np

    starts = [min(law) for law in laws]
    step = math.gcd(*(total - start for law, start in zip(laws, starts, strict=True) for total in law)) or 1
    spans = [(max(law) - start) // step for law, start in zip(laws, starts, strict=True)]
    if sum(spans) > LARGEST_LATTICE or sum(spans) * sum(map(len, laws)) > MOST_LATTICE_STEPS:
        return None
    whole: Lattice = np.ones(1)
    for law, start, span in zip(laws, starts, spans, strict=True):
        wider: Lattice = np.zeros(whole.size + span)
        for total, chance in law.items():
            place = (total - start) // step
            wider[place : place + whole.size] += whole * chance
        whole = wider
    at = (seen - sum(starts)) // step
    return TailChances(
        below=math.fsum(whole[:at].tolist()), same=float(whole[at]), above=math.fsum(whole[at + 1 :].tolist())
    )


def _tails_one_by_one(laws: Sequence[dict[int, float]], seen: int) -> TailChances | None:
    whole = {0: 1.0}
    for law in sorted(laws, key=len):
        if len(whole) * len(law) > MOST_STEPS:
            return None
        wider: dict[int, float] = {}
        for total, chance in whole.items():
            for further, its_chance in law.items():
                wider[total + further] = wider.get(total + further, 0.0) + chance * its_chance
        whole = wider
    return TailChances(
        below=math.fsum(chance for total, chance in whole.items() if total < seen),
        same=whole[seen],
        above=math.fsum(chance for total, chance in whole.items() if total > seen),
    )
