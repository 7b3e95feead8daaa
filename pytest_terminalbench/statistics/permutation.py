"""Is the candidate worse than the baseline on these tasks? The task-stratified permutation test.

Null hypothesis: within each task, baseline and candidate attempts are exchangeable (same agent, same day's luck).
Given a task's N attempts, S of them solved, the candidate's m attempts then hold C ~ Hypergeometric(N, S, m) solved
ones, whatever the task's difficulty. Convolving the tasks' laws gives the exact law of the sum: no normal
approximation, no estimate of any task's solve rate, and tasks solved always or never add nothing but a constant.

Source: the exact conditional form of the Cochran-Mantel-Haenszel test (Mantel & Haenszel 1959; Cox & Snell, Analysis
of Binary Data, 2nd ed., 1989, ch. 2). Mid-p: Lancaster, JASA 56 (1961), 223-234. Monte Carlo p: Phipson & Smyth,
Stat. Appl. Genet. Mol. Biol. 9 (2010), article 39.

Not for attempts whose *number* depended on their outcome (`--tb-attempts auto`): give it the planned first attempts
only.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, TypeAlias

from pytest_terminalbench.statistics.reward_law import RewardTask, exact_tails
from pytest_terminalbench.statistics.tallies import Tally, checked_pairs, checked_rewards

if TYPE_CHECKING:
    import numpy as np

    Law: TypeAlias = np.ndarray[tuple[int], np.dtype[np.float64]]

Alternative = Literal["worse", "better"]
Weighting = Literal["attempts", "tasks"]

# Points of the lattice on which the macro variant is still convolved exactly: 2**18 float64 are 2 MB and, with 100
# tasks, about 0.2 s. Only suites of 40 and more tasks that mix all attempt numbers from 1 to 10 (some 6000 points
# per task) exceed it.
EXACT_LATTICE_LIMIT = 2**18

# Sums of rewards closer than this are the same sum: far above rounding (1e-13 for 1000 rewards), far below any real
# step.
REWARD_TOLERANCE = 1e-9

# Where so many draws leave p near the limit, more decide: 25 times as many have a fifth of the standard error. No more
# than MOST_DRAWN rewards are shuffled for that, some seconds.
DRAWS_AT_A_TIME = 20_000
DRAWS_NEAR_LIMIT = 25
MOST_DRAWN = 2**28


@dataclass(frozen=True, kw_only=True)
class PermutationResult:
    """`p` never understates the evidence's chance; `mid_p` counts half of the observed value, so it is less
    conservative and holds its level only on average.
    """

    p: float
    mid_p: float
    method: Literal["exact", "monte carlo"]


def permutation_test(
    pairs: Iterable[tuple[tuple[int, int], tuple[int, int]]],
    *,
    alternative: Alternative = "worse",
    weighting: Weighting = "attempts",
    resamples: int = 20_000,
    seed: int = 0,
    limit: float = 0.05,
) -> PermutationResult:
    """Exact one-sided p of the candidate's solved attempts given each task's totals.

    Formula: p = P(sum_t w_t C_t <= sum_t w_t c_t), C_t ~ Hypergeometric(n_t + m_t, a_t + c_t, m_t) independent;
    mid-p is P(<) + P(=)/2; for `better`, >= and >. w_t = 1 with weighting "attempts", 1/n_t + 1/m_t with "tasks":
    given a task's total, its change in solve rate is c_t (1/n_t + 1/m_t) less a constant, so that the sum is that of
    `effect`, in which each task counts once however often it was tried. The two are the same test where all tasks
    have the same numbers of attempts.
    `pairs`: per task ((a_t, n_t), (c_t, m_t)), (solved, attempts) of baseline and candidate; numbers of attempts may
    differ from task to task and between the sides.
    Assumes attempts exchangeable within a task under the null, tasks independent, numbers of attempts fixed in
    advance. Costs O(tasks * sum m * m). The "tasks" variant falls back to `permutation_test_rewards`, with its
    `resamples` and `limit`, where the attempt numbers' common multiple makes the lattice huge.
    Raises ValueError when there is no task or a side of one has no attempt.
    """
    tallies = checked_pairs(pairs)
    weights = [_weight(n, m, weighting) for (_, n), (_, m) in tallies]
    # Whole numbers in the same proportion.
    shared = Fraction(math.lcm(*(w.denominator for w in weights)), math.gcd(*(w.numerator for w in weights)))
    strides = [int(w * shared) for w in weights]
    if sum(m * stride for (_, (_, m)), stride in zip(tallies, strides, strict=True)) > EXACT_LATTICE_LIMIT:
        return permutation_test_rewards(
            [_as_rewards(baseline) for baseline, _ in tallies],
            [_as_rewards(candidate) for _, candidate in tallies],
            alternative=alternative, weighting=weighting, resamples=resamples, seed=seed, limit=limit,
        )  # fmt: skip
    strata = Counter(
        (n + m, a + c, m, w) for ((a, n), (c, m)), w in zip(tallies, strides, strict=True) if 0 < a + c < n + m
    )
    law = _law_of_the_sum(strata)
    observed = sum(c * w for (_, (c, _)), w in zip(tallies, strides, strict=True))
    constant = sum(c * w for ((a, n), (c, m)), w in zip(tallies, strides, strict=True) if not 0 < a + c < n + m)
    at = observed - constant
    tail = law[:at] if alternative == "worse" else law[at + 1 :]
    beyond, here = math.fsum(tail.tolist()), float(law[at])
    return PermutationResult(
        p=min(1.0, beyond + here),
        mid_p=min(1.0, beyond + here / 2),
        method="exact",
    )


def permutation_test_rewards(
    baseline: Sequence[Sequence[float]],
    candidate: Sequence[Sequence[float]],
    *,
    alternative: Alternative = "worse",
    weighting: Weighting = "attempts",
    resamples: int = 20_000,
    seed: int = 0,
    limit: float = 0.05,
) -> PermutationResult:
    """The same test for fractional rewards: exact where `exact_tails` can count, else by seeded permutations.

    Formula of the draws: p = (1 + #{draws with a sum at least as extreme}) / (1 + draws), which is valid for any number
    of draws (standard error sqrt(p(1-p)/draws): 0.0015 at p = 0.05 of 20,000). First `resamples` are drawn. Where that
    leaves p within four standard errors of `limit`, by which somebody decides, DRAWS_NEAR_LIMIT times as many decide
    instead (0.0003), or as many as MOST_DRAWN allows.
    `baseline[t]`, `candidate[t]`: rewards in [0, 1] of task t's attempts, the same tasks in the same order.
    The result does not depend on the order of the tasks: they are sorted before anything is drawn.
    Raises ValueError on no task, unequal numbers of tasks, an empty side, or a reward outside [0, 1].
    """
    if not baseline or len(baseline) != len(candidate) or resamples < 1:
        raise ValueError(f"{len(baseline)} baseline and {len(candidate)} candidate tasks, {resamples} resamples")
    # Sorted rewards, not the order they came in: draws then depend on the data alone.
    tasks = [
        RewardTask(baseline=before, candidate=after, weight=_weight(len(before), len(after), weighting))
        for before, after in sorted(
            (
                tuple(sorted(checked_rewards(b, what="baseline rewards"))),
                tuple(sorted(checked_rewards(c, what="candidate rewards"))),
            )
            for b, c in zip(baseline, candidate, strict=True)
        )
    ]
    tails = exact_tails(tasks)
    if tails is not None:
        beyond = tails.below if alternative == "worse" else tails.above
        return PermutationResult(
            p=min(1.0, beyond + tails.same), mid_p=min(1.0, beyond + tails.same / 2), method="exact"
        )
    drawn = _drawn_p(tasks, alternative, resamples, seed)
    if abs(drawn.p - limit) <= 4 * math.sqrt(drawn.p * (1 - drawn.p) / resamples):
        attempts = sum(len(task.baseline) + len(task.candidate) for task in tasks)
        most = max(resamples, min(DRAWS_NEAR_LIMIT * resamples, MOST_DRAWN // attempts))
        return _drawn_p(tasks, alternative, most, seed)
    return drawn


def _drawn_p(tasks: Sequence[RewardTask], alternative: Alternative, draws: int, seed: int) -> PermutationResult:
    import numpy as np

    rng = np.random.default_rng(seed)
    beyond, here = 0, 1  # The observed arrangement is one of the draws.
    for start in range(0, draws, DRAWS_AT_A_TIME):
        times = min(DRAWS_AT_A_TIME, draws - start)
        sums = np.zeros(times)
        observed = constant = 0.0
        for task in tasks:
            weight, pool = float(task.weight), np.array(task.baseline + task.candidate)
            observed += math.fsum(task.candidate) * weight
            if pool.min() == pool.max():
                constant += math.fsum(task.candidate) * weight
                continue
            shuffled = rng.permuted(np.broadcast_to(pool, (times, pool.size)), axis=1)
            sums += shuffled[:, : len(task.candidate)].sum(axis=1) * weight
        distance = sums + constant - observed if alternative == "worse" else observed - sums - constant
        beyond += int((distance < -REWARD_TOLERANCE).sum())
        here += int((np.abs(distance) <= REWARD_TOLERANCE).sum())
    return PermutationResult(
        p=(beyond + here) / (draws + 1), mid_p=(beyond + here / 2) / (draws + 1), method="monte carlo"
    )


def _weight(before: int, after: int, weighting: Weighting) -> Fraction:
    """What a solved attempt of the candidate weighs, given both sides' numbers of attempts at its task."""
    return Fraction(1, before) + Fraction(1, after) if weighting == "tasks" else Fraction(1)


def _as_rewards(tally: Tally) -> tuple[float, ...]:
    return (1.0,) * tally.solved + (0.0,) * (tally.attempts - tally.solved)


def _law_of_the_sum(strata: Counter[tuple[int, int, int, int]]) -> Law:
    """Probabilities of 0, 1, 2 … for the sum of stride * Hypergeometric over the strata, each taken its number of
    times.
    """
    import numpy as np

    law: Law = np.ones(1)
    # Sorted, so that rounding too is the same for every order of the tasks.
    for (total, solved, drawn, stride), times in sorted(strata.items()):
        pmf: Law = np.zeros(drawn * stride + 1)
        pmf[::stride] = _hypergeometric(total, solved, drawn)
        for _ in range(times):
            law = np.convolve(law, pmf) if stride == 1 else _convolve_sparse(law, pmf, stride)
    return law


def _hypergeometric(total: int, solved: int, drawn: int) -> list[float]:
    whole = math.comb(total, drawn)
    return [math.comb(solved, k) * math.comb(total - solved, drawn - k) / whole for k in range(drawn + 1)]


def _convolve_sparse(law: Law, pmf: Law, stride: int) -> Law:
    """`np.convolve` for a pmf that is zero except at multiples of `stride`."""
    import numpy as np

    out: Law = np.zeros(law.size + pmf.size - 1)
    for shift in range(0, pmf.size, stride):
        if pmf[shift]:
            out[shift : shift + law.size] += law * pmf[shift]
    return out
