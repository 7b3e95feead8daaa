"""`--tb-attempts auto`: one trial per cell, more only where it looks worse, and a verdict the session can stand by.

**The rule.** Every cell gets `plan.first` fresh trials. T, the predictive probability of so few solved given the
baseline (`predictive_probability`), says how bad that looks. A cell whose T is not below `plan.look_again` is
*fine*. The others get one more trial at a time, until T is back at `plan.fine` (*fine*; at the last look
`plan.suspicious` will do), the adjusted p is at most `plan.alpha` (*regressed*), `plan.maximum` is reached or neither
can happen any more (*inconclusive*). A cell that never failed in its baseline stops as *inconclusive* instead of *fine*
where even failing every trial could not be called regressed, T is at most `plan.blind`, and it is the last look or
every fresh trial has failed: that nobody could tell is no reason to call it fine. 1/1 then 0/2 is such a cell.

**Why selecting and deciding with the same trials is sound.** The first trial both selects a cell and counts against
it, and the baseline that made 0/1 look bad counts too. So the decision does not pretend that the walk began after
the selection: the chance computed is that of the whole walk (baseline outcome, first look, every stop), under
"baseline and fresh trials have the same solve rate p", for the worst p (`regression_p`, numerator f(p)).
Looking again at every step is part of the event ("some look is at least this bad"), so is being stopped as fine.
Nothing is used twice; everything is used once, together.

**Why the correction counts unsteady cells and not all cells.** A task that always succeeds or always fails cannot
raise a false alarm; one that does both will mostly be *seen* to do both in its baseline. Let M_i = 1 when cell i's
baseline is unsteady (0 < a < n, or n = 1), G_i(p) = P(M_i = 1), P_i = sup_p f/G_i, so that P(P_i <= x) <= x G_i(p_i)
for the cell's true p_i and every x. Cell i is called regressed when P_i (1 + M_-i) <= alpha, M_-i the number of
*other* unsteady cells. M_-i depends on other cells only, so for independent cells the chance that any unchanged cell
is called regressed is at most

    sum_i E[alpha G_i / (1 + M_-i)] = alpha sum_i E[M_i / (1 + M_-i)] = alpha E[sum_i M_i / M] <= alpha,

sums over unchanged cells, M the number of all unsteady ones (1 + M_-i = M where M_i = 1). That is the family-wise
error rate, in the strong sense: other cells may have regressed or improved. The false discovery rate is never larger,
so it is held too. This is Bonferroni with a number of hypotheses learnt from the baselines; the leave-one-out weight
is what makes the learning free (as in Storey, Taylor & Siegmund 2004 for the false discovery rate). It also holds
for "not worse" instead of "unchanged": turning a failed fresh trial into a solved one never turns another verdict
into regressed.

**What it buys.** On 80 tasks the correction is 13 to 35 instead of 80, so one 5/5 task that breaks is found (0.00104
x 35 = 0.036); Benjamini-Hochberg over all cells, with the usual p (1/1024), could not (0.078). And each cell's
threshold is known before its first trial, so workers need not talk to each other, and a verdict never changes
because of another cell's trials.

**What it assumes.** Trials independent, of one solve rate per side. All baselines count that were approved together,
also those not run today: choosing by hand the cells with spotless baselines and correcting only for these would undo
the argument. The number of baseline attempts did not depend on their outcomes: never approve the trials of an `auto`
session as they are, only each cell's first ones. A baseline approved because it looked lucky flatters the agent, and
no test can know that. Trials of a cell run one at a time after the first look: one in flight too many is not in the
law (`regression_p` answers 1 where it can tell).

Sources: Boschloo 1970 and Barnard 1947 (unconditional p-values by supremum); Jennison & Turnbull, Group Sequential
Methods, 2000, ch. 12 (exact binomial walks); Storey, Taylor & Siegmund, J. R. Statist. Soc. B 66 (2004), 187-205.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from pytest_terminalbench.statistics.sequential_p_value import (
    SAME,
    Plan,
    is_unsteady,
    predictive_probability,
    regression_p,
)
from pytest_terminalbench.statistics.tallies import checked_tally


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a cell looks. `adjusted_p` is corrected for the session's cells; at most alpha where it has regressed."""

    adjusted_p: float


@dataclass(frozen=True, kw_only=True)
class Fine(Standing):
    """Within what the baseline lets one expect."""


@dataclass(frozen=True, kw_only=True)
class Regressed(Standing):
    """Worse than the baseline, with the session's error rate held."""


@dataclass(frozen=True, kw_only=True)
class Inconclusive(Standing):
    """Looks worse, and the trials allowed can show neither that it is nor that it is not."""


@dataclass(frozen=True, kw_only=True)
class NeedsMore(Standing):
    """`more` further trials before the next look. Run no further ones: a trial past a look breaks the walk's law."""

    more: int


Verdict: TypeAlias = Fine | Regressed | Inconclusive
Step: TypeAlias = Verdict | NeedsMore


def correction(baseline: tuple[int, int], baselines: Iterable[tuple[int, int]]) -> int:
    """1 + the number of other unsteady cells, for a cell with `baseline`, which is one of `baselines`.

    `baselines`: all cells' (solved, attempts) that were approved together. Raises ValueError when one makes no sense.
    """
    return correction_among(baseline, unsteady=sum(map(is_unsteady, baselines)))


def correction_among(baseline: tuple[int, int], *, unsteady: int) -> int:
    """The same, where the unsteady ones of all cells, this one among them, are counted already."""
    return max(1, unsteady + (not is_unsteady(baseline)))


def next_step(
    *, baseline: tuple[int, int], fresh: tuple[int, int], corrected_for: int, plan: Plan | None = None
) -> Step:
    """What to do with a cell now, or what to call it. The module's text has rule, formula, assumptions and sources.

    `baseline`, `fresh`: (solved, attempts), void trials in neither. `corrected_for`: the cell's `correction`, known
    beforehand.
    Raises ValueError when a tally makes no sense, fresh attempts exceed the plan's, or corrected_for < 1.
    """
    plan = plan or Plan()
    if corrected_for < 1:
        raise ValueError(f"corrected_for is {corrected_for}; needs at least 1")
    c, m = checked_tally(fresh, what="fresh", least=0)
    predictive = predictive_probability(baseline, fresh)
    adjusted = min(1.0, corrected_for * regression_p(baseline, fresh, plan))
    if m < plan.first:
        return NeedsMore(adjusted_p=1.0, more=plan.first - m)
    if adjusted <= plan.alpha:
        return Regressed(adjusted_p=adjusted)
    if _is_fine(baseline, (c, m), corrected_for, plan):
        return Fine(adjusted_p=adjusted)
    stops = predictive >= plan.fine_from(m)
    if not stops and m < plan.maximum and _can_still_end(baseline, c, m, corrected_for, plan):
        return NeedsMore(adjusted_p=adjusted, more=1)
    return Inconclusive(adjusted_p=adjusted)


def _is_blind(baseline: tuple[int, int], fresh: tuple[int, int], corrected_for: int, plan: Plan) -> bool:
    """Whether a walk that has stopped as fine looks bad, and the plan could not have told.

    What a walk that has stopped is called, fine or inconclusive, is not in its law, so that it may depend on this.
    """
    (solved_before, attempts_before), (solved, attempts) = baseline, fresh
    never_failed_before = solved_before == attempts_before
    ends_badly = attempts >= plan.maximum or solved == 0
    return (
        never_failed_before
        and ends_badly
        and predictive_probability(baseline, fresh) <= plan.blind * SAME
        and not _can_be_called(baseline, corrected_for, plan)
    )


def _is_fine(baseline: tuple[int, int], fresh: tuple[int, int], corrected_for: int, plan: Plan) -> bool:
    """Whether so bad a look is within what the baseline lets one expect."""
    stops = predictive_probability(baseline, fresh) >= plan.fine_from(fresh[1])
    return stops and not _is_blind(baseline, fresh, corrected_for, plan)


def _can_be_called(baseline: tuple[int, int], corrected_for: int, plan: Plan) -> bool:
    """Whether the plan would call a cell regressed that fails every trial."""
    return corrected_for * regression_p(baseline, (0, plan.maximum), plan) <= plan.alpha


def _can_still_end(baseline: tuple[int, int], c: int, m: int, corrected_for: int, plan: Plan) -> bool:
    """Can trials still to come make it regressed (all fail) or fine (all succeed)? If not, they are not worth their
    price.

    Stopping here only takes chances of "regressed" away that do not exist, so it leaves the walk's law alone.
    """
    left = range(1, plan.maximum - m + 1)
    return any(
        corrected_for * regression_p(baseline, (c, m + i), plan) <= plan.alpha
        or _is_fine(baseline, (c + i, m + i), corrected_for, plan)
        for i in left
    )
