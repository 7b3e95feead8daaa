"""The walk of one cell with partial rewards: when it gets further trials, and what it is called.

**The rule.** What decides is settled before the first trial, by the numbers of attempts and the session's correction:

- *The permutation test*, where it can call a cell whose `plan.maximum` trials are all lower than everything approved.
  A trial has kept what was approved if it is no lower than the lowest approved one. By the tally of kept trials, and
  the limits that counted trials have (`sequential`), a cell is fine, or gets one more. Only with `maximum` trials is it
  tested: *regressed* where the p of all its rewards, times the correction, is at most `plan.alpha`; *inconclusive*
  where the uncorrected p is at most `plan.suspicious`.
- *Counts of halves*, where the permutation test can call nothing: the walk of `sequential`, of trials with a reward of
  at least 1/2. What is neither called nor tried again by that is looked at by the tally of trials that have at least
  half of the approved mean, by the same rules but for calling: more trials, or *inconclusive*. So one attempt with 0.3
  approved, and one with 0 now, is nothing that anybody could tell, and a dip to 0.29 is fine. *Inconclusive*, too, is
  what the permutation test finds suspicious at the end.

**Why the error rate is held.** Which of the two decides does not depend on the cell's rewards, so each holds its own
level. Of counts `sequential` has the argument; a walk that went on for another reason is not in their law and then
calls nothing. For the permutation test, imagine each walk continued to `maximum` trials, whether or not it stopped. Its
p then is at most x with a chance of at most x, for baseline and trials are exchangeable where nothing changed. A cell
is called regressed only if its walk came that far and this p is at most alpha / correction; stopping early only takes
away from that, so that the rules of stopping may be any. A cell with partial rewards counts as unsteady in the
correction whatever they are (G = 1 in the argument in `sequential`), so that the sum over the session's cells is at
most alpha.

**What it costs.** By the permutation test a cell is never called before its last trial, and of unchanged cells whose
rewards never tie 1 of n + 1 looks worse at first.
`tests/statistics/test_sequential_rewards.py` simulates false alarms, and what is seen beside counts of halves alone.

Source: as `permutation` and `sequential`; stopping for futility leaves a test's level alone (Jennison & Turnbull, Group
Sequential Methods, 2000, ch. 10).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from statistics import fmean

from pytest_terminalbench.statistics.permutation import permutation_test_rewards
from pytest_terminalbench.statistics.sequential import Fine, Inconclusive, NeedsMore, Regressed, Step, next_step
from pytest_terminalbench.statistics.sequential_p_value import SAME, Plan, predictive_probability
from pytest_terminalbench.statistics.tallies import checked_rewards

# The same reward, computed another way.
_ROUNDING = 1e-9

# So large a correction that the walk of counts calls nothing.
_CALLS_NOTHING = sys.maxsize


def next_step_of_rewards(
    *, baseline: Sequence[float], fresh: Sequence[float], corrected_for: int, plan: Plan | None = None
) -> Step:
    """What to do with a cell of partial rewards now, or what to call it: see the module's text.

    `baseline`, `fresh`: rewards from 0 to 1, void trials in neither; `fresh` in the order in which they were made.
    `corrected_for` as for `next_step`. Raises ValueError when a reward makes no sense, nothing was approved, fresh
    trials exceed the plan's, or corrected_for < 1.
    """
    plan = plan or Plan()
    before = checked_rewards(baseline, what="baseline rewards")
    if corrected_for < 1 or len(fresh) > plan.maximum:
        raise ValueError(
            f"corrected_for is {corrected_for}, of {len(fresh)} trials; needs at least 1, and at most {plan.maximum}"
        )
    if len(fresh) < plan.first:
        return NeedsMore(adjusted_p=1.0, more=plan.first - len(fresh))
    after = checked_rewards(fresh, what="fresh rewards")
    if not _permutations_can_tell(len(before), corrected_for, plan):
        return _by_halves(before, after, corrected_for, plan)
    if len(after) == plan.maximum:
        return _by_permutations(before, after, corrected_for, plan)
    return _on_the_way(before, after, corrected_for, plan)


def _permutations_can_tell(approved: int, corrected_for: int, plan: Plan) -> bool:
    """Whether a reward lower than all that was approved, throughout, would be called worse."""
    arrangements = math.comb(approved + plan.maximum, plan.maximum)
    return corrected_for <= plan.alpha * SAME * arrangements


def _by_permutations(before: Sequence[float], after: Sequence[float], corrected_for: int, plan: Plan) -> Step:
    luck = _luck(before, after, corrected_for, plan)
    adjusted = min(1.0, corrected_for * luck)
    if adjusted <= plan.alpha * SAME:
        return Regressed(adjusted_p=adjusted)
    return (Inconclusive if _is_suspicious(before, after, plan) else Fine)(adjusted_p=adjusted)


def _is_suspicious(before: Sequence[float], after: Sequence[float], plan: Plan) -> bool:
    """Looks are not corrected: other cells make this one look no worse."""
    return permutation_test_rewards([before], [after], limit=plan.suspicious).p <= plan.suspicious * SAME


def _on_the_way(before: Sequence[float], after: Sequence[float], corrected_for: int, plan: Plan) -> Step:
    if _looks_fine(before, after, plan):
        return Fine(adjusted_p=1.0)
    left = plan.maximum - len(after)
    at_worst = _luck(before, (*after, *[0.0] * left), corrected_for, plan)
    may_be_called = corrected_for * at_worst <= plan.alpha * SAME
    may_be_fine = any(_looks_fine(before, (*after, *[1.0] * more), plan) for more in range(1, left + 1))
    return NeedsMore(adjusted_p=1.0, more=1) if may_be_called or may_be_fine else Inconclusive(adjusted_p=1.0)


def _by_halves(before: Sequence[float], after: Sequence[float], corrected_for: int, plan: Plan) -> Step:
    of_full = _step_of_kept(before, after, 0.5, corrected_for, plan)
    if isinstance(of_full, Regressed | NeedsMore):
        return of_full
    of_approved = _step_of_kept(before, after, fmean(before) / 2, _CALLS_NOTHING, plan)
    if isinstance(of_approved, NeedsMore):
        return of_approved
    is_last = len(after) == plan.maximum
    is_doubtful = isinstance(of_approved, Inconclusive) or (is_last and _is_suspicious(before, after, plan))
    return (Inconclusive if is_doubtful else Fine)(adjusted_p=of_full.adjusted_p)


def _step_of_kept(
    before: Sequence[float], after: Sequence[float], least: float, corrected_for: int, plan: Plan
) -> Step:
    """Of trials with at least so much reward, counted."""
    return next_step(baseline=_kept(before, least), fresh=_kept(after, least), corrected_for=corrected_for, plan=plan)


def _looks_fine(before: Sequence[float], after: Sequence[float], plan: Plan) -> bool:
    lowest = min(before)
    predictive = predictive_probability(_kept(before, lowest), _kept(after, lowest))
    return predictive >= plan.fine_from(len(after))


def _kept(rewards: Sequence[float], least: float) -> tuple[int, int]:
    return sum(reward >= least - _ROUNDING for reward in rewards), len(rewards)


def _luck(before: Sequence[float], after: Sequence[float], corrected_for: int, plan: Plan) -> float:
    return permutation_test_rewards([before], [after], limit=plan.alpha / corrected_for).p
