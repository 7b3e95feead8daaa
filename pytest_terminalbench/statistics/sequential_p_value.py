"""The exact law of one cell's walk: baseline attempts, then fresh trials one by one until a rule stops them.

A *walk* is what happens to a cell: its baseline (a of n), then fresh trials looked at after `Plan.first`, first + 1,
… up to
`Plan.maximum`. At each look the *predictive probability* T of so few solved fresh trials given the baseline says how
bad it looks; the walk ends as fine when T is large. All walks of one (n, plan) are counted here, so the chance of
any set of them is a polynomial in the cell's solve rate p, with no simulation and no approximation.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from pytest_terminalbench.statistics.tallies import checked_share, checked_tally

# The grid is uniform in arcsin(sqrt(p)), where a binomial share has the same spread everywhere: 400 points are 12
# per standard deviation at 100 attempts, so the highest grid point is next to the highest peak, which the ternary
# search then climbs.
GRID = 400
CLIMB_STEPS = 60

# More ways than this are near the end of what a float holds: of some 1,000 attempts. Their logarithms are added.
MOST_WAYS = 10**300

# Two states with the same T up to rounding are equally bad.
SAME = 1 + 1e-9


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How trials are spent on a cell and when it is called.

    The defaults (table in benchmarks/gate_calibration.py): maximum and alpha are the contract's. look_again 0.3 and
    fine 0.1 cost 0.03 trials per cell more than tighter ones and buy that a 4/5 task that broke is not waved through
    after one or two failures (T = 0.25, 0.09). suspicious 0.05 keeps doubtful cells rare when nothing changed.

    first        trials every cell gets before anyone looks
    maximum      trials no cell exceeds; first == maximum is the fixed design
    look_again   at the first look a cell is fine, and stops, unless T is below this
    fine         the same at the looks between
    suspicious   the same at the last look, where the alternative is no longer another trial but "inconclusive"
    blind        a cell that never failed before and stops as fine with at most this T, at the last look or without a
                 solved trial, is "inconclusive" where even failing every trial could not be called regressed: with one
                 attempt on each side nobody can tell, and 1/1 then 0/1 has T = 0.25
    alpha        chance, over the whole session, that any unchanged cell is called regressed
    """

    first: int = 1
    maximum: int = 5
    look_again: float = 0.3
    fine: float = 0.1
    suspicious: float = 0.05
    blind: float = 0.25
    alpha: float = 0.05

    def __post_init__(self) -> None:
        if not 1 <= self.first <= self.maximum:
            raise ValueError(f"first is {self.first}, maximum {self.maximum}; needs 1 <= first <= maximum")
        for name in ("look_again", "fine", "suspicious", "blind", "alpha"):
            checked_share(getattr(self, name), what=name)

    def fine_from(self, attempts: int) -> float:
        """The T from which a cell with this many fresh trials is fine."""
        if attempts >= self.maximum:
            return self.suspicious
        return self.look_again if attempts == self.first else self.fine


def predictive_probability(baseline: tuple[int, int], fresh: tuple[int, int]) -> float:
    """T: the probability of at most this many solved fresh trials, given the baseline's attempts.

    Formula: beta-binomial, P(C <= c) for C of m trials with solve rate ~ Beta(a + 1/2, n - a + 1/2), the posterior
    of the baseline (a of n) under Jeffreys' prior. 5/5 then 0/1: 0.083; 4/5 then 0/1: 0.25; 5/5 then 0/5: 0.001.
    Jeffreys' prior because a uniform one finds a 5/5 cell failing once unremarkable (0.14) and T only has to rank
    outcomes: whether one is called regressed is decided by `regression_p`, which holds whatever the prior.
    Raises ValueError on a baseline without attempts or a tally that makes no sense; 1.0 for no fresh trial.
    Source: Gelman et al., Bayesian Data Analysis, 3rd ed., sect. 2.4 and 6.3 (posterior predictive check).
    """
    a, n = checked_tally(baseline, what="baseline")
    c, m = checked_tally(fresh, what="fresh", least=0)
    return _predictive_probability(a, n, c, m)


# Every walk of a plan asks for the same few: 961 where 30 attempts are compared with 30.
@lru_cache(maxsize=65536)
def _predictive_probability(a: int, n: int, c: int, m: int) -> float:
    if c == m:
        return 1.0
    alpha, beta = a + 0.5, n - a + 0.5
    return min(1.0, math.fsum(math.comb(m, k) * _beta_ratio(alpha, beta, k, m - k) for k in range(c + 1)))


def is_unsteady(baseline: tuple[int, int]) -> bool:
    """Was this cell seen both to solve and to fail? With a single attempt nobody can say, so it counts as
    unsteady.
    """
    a, n = checked_tally(baseline, what="baseline")
    return n == 1 or 0 < a < n


def regression_p(baseline: tuple[int, int], fresh: tuple[int, int], plan: Plan) -> float:
    """The chance, if nothing changed, of a walk that at some look is at least this bad, per chance of an unsteady
    baseline.

    Formula: sup over p of P_p(some look has T <= t) / P_p(is_unsteady), t the T observed, both over fresh *and*
    baseline outcomes, fresh and baseline having the same p and the walk being stopped as `plan` says. At most 1.
    1.0 for fresh trials no walk of this plan arrives at (some were run after it had stopped as fine): such a tally
    is not among the events whose chance is computed, so nothing may be concluded from it.
    A p-value in the usual sense is the numerator alone; why the denominator is right is written at the top of
    `sequential`.
    Assumes independent trials; a number of baseline attempts that did not depend on their outcomes; trials looked at
    one by one.
    Raises ValueError when a tally makes no sense or there are more fresh trials than plan.maximum.
    """
    a, n = checked_tally(baseline, what="baseline")
    c, m = checked_tally(fresh, what="fresh", least=0)
    if m > plan.maximum:
        raise ValueError(f"{m} fresh trials; the plan has at most {plan.maximum}")
    return _regression_p(a, n, c, m, plan)


@lru_cache(maxsize=4096)
def _regression_p(a: int, n: int, c: int, m: int, plan: Plan) -> float:
    if m < plan.first or c not in _walks_arriving(a, n, m, plan):
        return 1.0
    threshold = predictive_probability((a, n), (c, m)) * SAME
    numerator = _as_terms(_crossings(n, plan, threshold))
    denominator = _as_terms({(k, n): math.comb(n, k) for k in range(n + 1) if is_unsteady((k, n))})
    return min(1.0, _supremum(lambda p: _chance(numerator, p) / _chance(denominator, p)))


def _crossings(n: int, plan: Plan, threshold: float) -> dict[tuple[int, int], int]:
    """How many sequences of outcomes reach T <= threshold before they stop, by (solved, attempts) in total."""
    crossed: dict[tuple[int, int], int] = {}
    for a in range(n + 1):
        alive = {c: math.comb(n, a) * math.comb(plan.first, c) for c in range(plan.first + 1)}
        for m in range(plan.first, plan.maximum + 1):
            going_on: dict[int, int] = {}
            for c, ways in alive.items():
                badness = predictive_probability((a, n), (c, m))
                if badness <= threshold:
                    crossed[a + c, n + m] = crossed.get((a + c, n + m), 0) + ways
                elif badness < plan.fine_from(m):
                    going_on[c] = going_on.get(c, 0) + ways
                    going_on[c + 1] = going_on.get(c + 1, 0) + ways
            alive = going_on
    return crossed


def _walks_arriving(a: int, n: int, m: int, plan: Plan) -> set[int]:
    """The numbers of solved trials with which a walk from this baseline can be at the look after m trials."""
    arriving = set(range(plan.first + 1))
    for look in range(plan.first, m):
        going_on = {c for c in arriving if predictive_probability((a, n), (c, look)) < plan.fine_from(look)}
        arriving = going_on | {c + 1 for c in going_on}
    return arriving


def _as_terms(ways: dict[tuple[int, int], int]) -> list[tuple[int, int, int]]:
    return [(count, solved, attempts - solved) for (solved, attempts), count in ways.items()]


def _chance(terms: list[tuple[int, int, int]], p: float) -> float:
    return math.fsum(
        count * p**solved * (1 - p) ** failed
        if count < MOST_WAYS
        else math.exp(math.log(count) + solved * math.log(p) + failed * math.log1p(-p))
        for count, solved, failed in terms
    )


def _supremum(ratio: Callable[[float], float]) -> float:
    """The largest value of a smooth ratio over 0 < p < 1, by a grid and a ternary search around its best point.

    The ends are left out by one step of 1e-6 in the angle: there both chances vanish and only their ratio's limit
    exists.
    """
    edge = 1e-6
    step = (math.pi / 2 - 2 * edge) / GRID

    def at(angle: float) -> float:
        return ratio(math.sin(angle) ** 2)

    values = [at(edge + i * step) for i in range(GRID + 1)]
    best = max(range(GRID + 1), key=values.__getitem__)
    low = edge + max(0, best - 1) * step
    high = edge + min(GRID, best + 1) * step
    for _ in range(CLIMB_STEPS):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        if at(left) < at(right):
            low = left
        else:
            high = right
    return max(values[best], at((low + high) / 2))


def _beta_ratio(alpha: float, beta: float, solved: int, failed: int) -> float:
    """B(alpha + solved, beta + failed) / B(alpha, beta), as a product: exact enough for any number of attempts we
    see.
    """
    log = math.lgamma
    if solved + failed > 200:
        return math.exp(
            log(alpha + solved) - log(alpha) + log(beta + failed) - log(beta) + log(alpha + beta)
            - log(alpha + beta + solved + failed)
        )  # fmt: skip
    value = 1.0
    for i in range(solved):
        value *= (alpha + i) / (alpha + beta + i)
    for i in range(failed):
        value *= (beta + i) / (alpha + beta + solved + i)
    return value
