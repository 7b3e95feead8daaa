"""The comparison of one cell: how many trials it gets, and what they are called.

A session and `terminalbench compare` ask the same functions, with the same values: see `compare_cells`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Protocol

from pytest_terminalbench.attempt_result import as_share
from pytest_terminalbench.baselines.approved_cells import ApprovedCells
from pytest_terminalbench.baselines.cell_metrics import MeasuredChange, compare_measures
from pytest_terminalbench.baselines.cell_side import CellSide
from pytest_terminalbench.baselines.comparison_policy import SOLVE_RATE, ComparisonPolicy
from pytest_terminalbench.statistics import (
    SAME,
    Inconclusive,
    NeedsMore,
    Plan,
    Regressed,
    Step,
    how_often,
    is_counted,
    next_step,
    next_step_of_rewards,
    permutation_test_rewards,
    regression_p,
)
from pytest_terminalbench.status import Change, Status

__all__ = [
    "CellComparison",
    "CellGate",
    "ComparedCells",
    "StatisticalGate",
    "StrictGate",
    "cell_gate",
    "compare_cells",
]

# Sums of tenths are not tenths.
_ROUNDING = 1e-9
_OFTEN = 0.5
_NONE_APPROVED = ApprovedCells()


@dataclass(frozen=True, kw_only=True)
class ComparedCells:
    """What two sides of a cell say of each other.

    `p_worse`, `p_better`: one-sided, corrected for all cells that were approved together; None after a strict
    comparison, which allows for no chance. `slower`: the metrics that are worse. `solves_less`: the solve rate is.
    """

    change: Change
    p_worse: float | None = None
    p_better: float | None = None
    slower: tuple[MeasuredChange, ...] = ()
    solves_less: bool = False

    @property
    def worse_in(self) -> tuple[str, ...]:
        """What is worse, by name: the solve rate, metrics."""
        return (*([SOLVE_RATE] if self.solves_less else []), *(change.metric for change in self.slower))


@dataclass(frozen=True, kw_only=True)
class CellComparison:
    """The verdict on a cell and one sentence of why.

    ``change``: beside its baseline; None without one. ``tolerated``: inconclusive, and the session lets that pass.
    ``approving``: no pass, and the session lets it pass because it is to approve it.
    ``adjusted_p``: of the statistical gate, corrected for all cells of the session. ``worse_in``: what has regressed.
    """

    status: Status
    text: str
    change: Change | None = None
    tolerated: bool = False
    approving: bool = False
    adjusted_p: float | None = None
    baseline_id: str | None = None
    worse_in: tuple[str, ...] = ()

    @property
    def passes(self) -> bool:
        """Whether the cell is what was expected of it, in doubt and tolerated, or about to be approved."""
        return self.status.is_pass or self.approving or (self.status is Status.INCONCLUSIVE and self.tolerated)


def compare_cells(
    before: CellSide,
    after: CellSide,
    *,
    kind: str,
    approved: ApprovedCells,
    policy: ComparisonPolicy,
) -> ComparedCells:
    """How a cell has changed, by the gate of this `kind`: ``strict`` or ``statistical``.

    `approved`: every cell that was approved with `before`, which is one of them.
    """
    if kind == "strict":
        compared = ComparedCells(change=_strict_change(before, after))
        slower = compare_measures(before, after, alpha=policy.alpha)
    else:
        compared = _statistical_change(before, after, approved.corrected_for(before), policy)
        # Any of them may be slow by chance.
        slower = compare_measures(before, after, alpha=policy.alpha, corrected_for=max(1, len(approved)))
    worse = tuple(change for change in slower if change.is_worse)
    return ComparedCells(
        change=Change.REGRESSED if worse else compared.change,
        p_worse=compared.p_worse,
        p_better=compared.p_better,
        slower=worse,
        solves_less=compared.change is Change.REGRESSED,
    )


def _strict_change(before: CellSide, after: CellSide) -> Change:
    """Every trial counts, and no chance is allowed for."""
    (solved_before, attempts_before), (solved, attempts) = before.tally, after.tally
    # Cross-multiplied: shares as fractions of integers compare exactly.
    difference = solved * attempts_before - solved_before * attempts
    reward = after.mean - before.mean
    if difference < 0 or reward < -_ROUNDING:
        return Change.REGRESSED
    return Change.IMPROVED if difference > 0 or reward > _ROUNDING else Change.SAME


def _statistical_change(before: CellSide, after: CellSide, cells: int, policy: ComparisonPolicy) -> ComparedCells:
    """Worse, or better, only when chance is an unlikely reason; see docs/statistics.md and `statistics.sequential`."""
    if policy.is_adaptive and len(after.rewards) > policy.max_attempts:
        # More than the plan has: nobody knows why they were made. The first was no answer to anything.
        after = after.first
    plan = policy.plan if policy.is_adaptive else policy.fixed_plan(len(after.shares))
    difference = fmean(after.shares) - fmean(before.shares)
    step = _next_step(before, after.shares, cells, plan)
    if is_counted(before.shares, after.shares):
        p_better = _p_better_counted(before, after, cells, plan)
    else:
        p_better = _p_better_of_rewards(before, after, cells, plan)
    if difference < -_ROUNDING:
        change = (
            Change.REGRESSED
            if isinstance(step, Regressed)
            else Change.INCONCLUSIVE
            if isinstance(step, Inconclusive)
            else Change.LOWER
        )
    elif difference > _ROUNDING:
        change = Change.IMPROVED if p_better <= plan.alpha * SAME else Change.HIGHER
    else:
        change = Change.SAME
    return ComparedCells(change=change, p_worse=step.adjusted_p, p_better=p_better)


def _next_step(before: CellSide, shares: Sequence[float], cells: int, plan: Plan) -> Step:
    """By counts where they say everything, else by the rewards."""
    if is_counted(before.shares, shares):
        solved = sum(share >= 1 for share in shares)
        return next_step(baseline=before.tally, fresh=(solved, len(shares)), corrected_for=cells, plan=plan)
    return next_step_of_rewards(baseline=before.shares, fresh=shares, corrected_for=cells, plan=plan)


def _p_better_counted(before: CellSide, after: CellSide, cells: int, plan: Plan) -> float:
    """The test for the worse the other way round, on the trials that were planned: failing stands for solving."""
    (solved_before, attempts_before), fair = before.tally, after.shares[: plan.first]
    fresh = sum(share < 1 for share in fair), len(fair)
    fixed = Plan(first=len(fair), maximum=len(fair), alpha=plan.alpha)
    return min(1.0, cells * regression_p((attempts_before - solved_before, attempts_before), fresh, fixed))


def _p_better_of_rewards(before: CellSide, after: CellSide, cells: int, plan: Plan) -> float:
    """Of the trials that were planned: further ones, made because these looked worse, are no fair sample."""
    fair = after.shares[: plan.first]
    luck = permutation_test_rewards([before.shares], [fair], alternative="better", limit=plan.alpha / cells).p
    return min(1.0, cells * luck)


# --- the gate of a cell while it runs -------------------------------------------------------------------------------


class CellGate(Protocol):
    """Decides for one cell after every trial."""

    def more(self, rewards: Sequence[float]) -> int:
        """How many further trials to run after those with these rewards, before asking again; 0: enough."""

    def judge(self, after: CellSide) -> CellComparison:
        """The verdict on the trials run; raises ValueError when there was none."""


def cell_gate(
    kind: str, before: CellSide | None, policy: ComparisonPolicy, *, approved: ApprovedCells = _NONE_APPROVED
) -> CellGate:
    """The gate of kind ``strict``, ``statistical`` or ``off`` for a cell of which `before` was approved."""
    if kind == "statistical" and before is not None:
        return StatisticalGate(before, policy, approved)
    return StrictGate(before, policy, is_off=kind == "off")


class StrictGate:
    """For agents that always do the same, and without a baseline: then every attempt has to solve.

    `is_off`: nothing is compared, whatever is approved.
    """

    def __init__(self, before: CellSide | None, policy: ComparisonPolicy, *, is_off: bool = False) -> None:
        self._before = before
        self._policy = policy
        self._is_off = is_off

    def more(self, rewards: Sequence[float]) -> int:
        return max(0, (self._policy.attempts or 1) - len(rewards))

    def judge(self, after: CellSide) -> CellComparison:
        solved, attempts = _tally_of_any(after)
        seen, before = f"solved {after.text}", self._before
        if self._is_off:
            status = Status.SOLVED if solved == attempts else Status.UNSOLVED
            return CellComparison(status=status, text=f"{seen}; compared with nothing (--tb-gate off)")
        if before is None:
            if solved == attempts:
                return CellComparison(status=Status.SOLVED, text=f"{seen}; no baseline yet")
            return CellComparison(status=Status.UNSOLVED, text=f"{seen}, and no baseline allows that")
        compared = compare_cells(before, after, kind="strict", approved=_NONE_APPROVED, policy=self._policy)
        seen = f"solved {after.text_beside(before)}"
        approved = f"the baseline {before.baseline_id} approved {before.text_beside(after)}"
        if compared.slower:
            text = f"{seen}; {_slower(compared)}; {approved}"
        elif compared.change is Change.REGRESSED:
            text = f"{seen}, but {approved}"
        else:
            text = f"{seen}; {approved}"
        return CellComparison(
            status=_status(compared, after),
            text=text,
            change=compared.change,
            baseline_id=before.baseline_id,
            worse_in=compared.worse_in,
        )


class StatisticalGate:
    """Worse only when chance is an unlikely reason."""

    def __init__(self, before: CellSide, policy: ComparisonPolicy, approved: ApprovedCells) -> None:
        self._before = before
        self._policy = policy
        self._approved = approved
        self._corrected_for = approved.corrected_for(before)

    def more(self, rewards: Sequence[float]) -> int:
        shares = tuple(map(as_share, rewards))
        step = _next_step(self._before, shares, self._corrected_for, self._policy.plan)
        return step.more if isinstance(step, NeedsMore) else 0

    def judge(self, after: CellSide) -> CellComparison:
        _tally_of_any(after)
        compared = compare_cells(self._before, after, kind="statistical", approved=self._approved, policy=self._policy)
        return CellComparison(
            status=_status(compared, after),
            text=f"solved {after.text_beside(self._before)}, approved {self._before.text_beside(after)}: "
            f"{self._why(compared)}",
            change=compared.change,
            tolerated=compared.change is Change.INCONCLUSIVE and self._policy.inconclusive == "pass",
            adjusted_p=compared.p_worse,
            baseline_id=self._before.baseline_id,
            worse_in=compared.worse_in,
        )

    def _why(self, compared: ComparedCells) -> str:
        if compared.slower:
            return _slower(compared)
        if compared.change is Change.REGRESSED:
            return f"worse than chance explains, all cells considered ({self._p(compared)})"
        if compared.change is Change.INCONCLUSIVE:
            return f"looks worse, but so few trials cannot tell ({self._p(compared)})"
        if compared.change is Change.IMPROVED:
            return "better than chance explains, all cells considered"
        return "within what the baseline lets one expect"

    def _p(self, compared: ComparedCells) -> str:
        p = 1.0 if compared.p_worse is None else compared.p_worse
        numbers = f"adjusted p = {p:.2g}, limit {self._policy.alpha:g}"
        # What luck does to some cell in every other run is no reason to doubt one, but for the many that it is one of.
        return f"luck alone does this {how_often(p)}; {numbers}" if p < _OFTEN else numbers


def _tally_of_any(after: CellSide) -> tuple[int, int]:
    if not after.rewards:
        raise ValueError("there is no attempt to compare")
    return after.tally


def _slower(compared: ComparedCells) -> str:
    return f"took more than approved: {', '.join(change.text for change in compared.slower)}"


def _status(compared: ComparedCells, after: CellSide) -> Status:
    if compared.change is Change.REGRESSED:
        return Status.REGRESSED
    if compared.change is Change.INCONCLUSIVE:
        return Status.INCONCLUSIVE
    solved, attempts = after.tally
    return Status.SOLVED if solved == attempts else Status.AS_BASELINE
