"""The gate of one cell: how many trials it gets, and what they are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from pytest_terminalbench.baselines.record import BaselineRecord
from pytest_terminalbench.statistics import (
    Fine,
    Inconclusive,
    NeedsMore,
    Plan,
    Regressed,
    Step,
    correction,
    fisher,
    how_often,
    next_step,
)
from pytest_terminalbench.status import Change, Status

__all__ = [
    "CellComparison",
    "CellGate",
    "GateSettings",
    "StatisticalGate",
    "StrictGate",
    "cell_gate",
    "compare_strictly",
]


@dataclass(frozen=True, kw_only=True)
class GateSettings:
    """How cells are judged. `attempts` None: `auto`, one trial and more where it looks worse, up to `max_attempts`."""

    attempts: int | None = 1
    max_attempts: int = 5
    alpha: float = 0.05
    inconclusive: Literal["pass", "fail"] = "pass"

    @property
    def plan(self) -> Plan:
        if self.attempts is None:
            return Plan(first=1, maximum=self.max_attempts, alpha=self.alpha)
        return Plan(first=self.attempts, maximum=self.attempts, alpha=self.alpha)


@dataclass(frozen=True, kw_only=True)
class CellComparison:
    """The verdict on a cell and one sentence of why.

    ``change``: beside its baseline; None without one. ``tolerated``: inconclusive, and the session lets that pass.
    ``adjusted_p``: of the statistical gate, corrected for all cells of the session.
    """

    status: Status
    text: str
    change: Change | None = None
    tolerated: bool = False
    adjusted_p: float | None = None
    baseline_id: str | None = None

    @property
    def passes(self) -> bool:
        """Whether the cell is what was expected of it, or in doubt and tolerated."""
        return self.status.is_pass or (self.status is Status.INCONCLUSIVE and self.tolerated)


class CellGate(Protocol):
    """Decides for one cell after every trial."""

    def more(self, *, solved: int, attempts: int) -> int:
        """How many further trials to run before asking again; 0: enough."""

    def judge(self, *, solved: int, rewards: Sequence[float]) -> CellComparison:
        """The verdict on the trials run."""


def cell_gate(
    kind: str, baseline: BaselineRecord | None, settings: GateSettings, *, approved: Sequence[tuple[int, int]]
) -> CellGate:
    """The gate of kind ``strict`` or ``statistical`` for a cell with `baseline`.

    `approved`: (solved, attempts) of all baselines that were approved for the same agent and dataset, also of cells
    that do not run today; the error rate of the session is held over all of them.
    """
    if kind == "statistical" and baseline is not None:
        return StatisticalGate(baseline, settings, approved)
    return StrictGate(baseline, settings.attempts or 1)


class StrictGate:
    """Every trial counts, and no chance is allowed for: for agents that always do the same, and without a baseline."""

    def __init__(self, baseline: BaselineRecord | None, attempts: int) -> None:
        self._baseline = baseline
        self._attempts = attempts

    def more(self, *, solved: int, attempts: int) -> int:
        return max(0, self._attempts - attempts)

    def judge(self, *, solved: int, rewards: Sequence[float]) -> CellComparison:
        return compare_strictly(self._baseline, solved=solved, rewards=list(rewards))


def compare_strictly(baseline: BaselineRecord | None, *, solved: int, rewards: list[float]) -> CellComparison:
    """Compare `solved` of ``len(rewards)`` attempts, and their mean reward, with what was approved.

    Without a baseline every attempt has to solve. With one, a smaller share of solved attempts, or a smaller mean
    reward, is a regression. Raises ValueError when there is no attempt: nothing was judged.
    """
    if not rewards:
        raise ValueError("there is no attempt to compare")
    attempts = len(rewards)
    seen = f"solved {solved} of {attempts}"
    if baseline is None:
        if solved == attempts:
            return CellComparison(status=Status.SOLVED, text=f"{seen}; no baseline yet")
        return CellComparison(status=Status.UNSOLVED, text=f"{seen}, and no baseline allows that")
    approved = f"the baseline {baseline.baseline_id} approved {baseline.solved} of {baseline.attempts}"
    # Cross-multiplied: shares as fractions of integers compare exactly.
    difference = solved * baseline.attempts - baseline.solved * attempts
    reward_difference = sum(rewards) / attempts - sum(baseline.rewards) / baseline.attempts
    if difference < 0 or reward_difference < -1e-9:
        reward = f" (mean reward lower by {-reward_difference:.3g})" if difference >= 0 else ""
        return CellComparison(
            status=Status.REGRESSED,
            text=f"{seen}{reward}, but {approved}",
            change=Change.REGRESSED,
            baseline_id=baseline.baseline_id,
        )
    return CellComparison(
        status=Status.SOLVED if solved == attempts else Status.AS_BASELINE,
        text=f"{seen}; {approved}",
        change=Change.IMPROVED if difference > 0 or reward_difference > 1e-9 else Change.SAME,
        baseline_id=baseline.baseline_id,
    )


class StatisticalGate:
    """Worse only when chance is an unlikely reason; see docs/statistics.md and `statistics.sequential`."""

    def __init__(self, baseline: BaselineRecord, settings: GateSettings, approved: Sequence[tuple[int, int]]) -> None:
        self._baseline = baseline
        self._settings = settings
        self._tally = (baseline.solved, baseline.attempts)
        self._corrected_for = correction(self._tally, approved)

    def more(self, *, solved: int, attempts: int) -> int:
        step = self._step(solved, attempts)
        return step.more if isinstance(step, NeedsMore) else 0

    def judge(self, *, solved: int, rewards: Sequence[float]) -> CellComparison:
        attempts = len(rewards)
        step = self._step(solved, attempts)
        seen = f"solved {solved} of {attempts}, approved {self._baseline.solved} of {self._baseline.attempts}"
        match step:
            case Regressed():
                status, change = Status.REGRESSED, Change.REGRESSED
                text = f"{seen}: worse than chance explains, all cells considered ({self._p(step.adjusted_p)})"
            case Inconclusive():
                status, change = Status.INCONCLUSIVE, Change.INCONCLUSIVE
                text = f"{seen}: looks worse, but so few trials cannot tell ({self._p(step.adjusted_p)})"
            case Fine() | NeedsMore():
                status = Status.SOLVED if solved == attempts else Status.AS_BASELINE
                change = self._harmless_change(solved, attempts)
                text = f"{seen}: within what the baseline lets one expect"
        return CellComparison(
            status=status,
            text=text,
            change=change,
            tolerated=status is Status.INCONCLUSIVE and self._settings.inconclusive == "pass",
            adjusted_p=step.adjusted_p,
            baseline_id=self._baseline.baseline_id,
        )

    def _p(self, adjusted_p: float) -> str:
        said = f"luck alone does this {how_often(adjusted_p)}"
        return f"{said}; adjusted p = {adjusted_p:.2g}, limit {self._settings.alpha:g}"

    def _step(self, solved: int, attempts: int) -> Step:
        return next_step(
            baseline=self._tally,
            fresh=(solved, attempts),
            corrected_for=self._corrected_for,
            plan=self._settings.plan,
        )

    def _harmless_change(self, solved: int, attempts: int) -> Change:
        difference = solved * self._baseline.attempts - self._baseline.solved * attempts
        if difference <= 0:
            return Change.LOWER if difference else Change.SAME
        # The exact test the other way round: is the baseline worse than this session?
        is_sure = fisher((solved, attempts), self._tally) <= self._settings.alpha
        return Change.IMPROVED if is_sure else Change.HIGHER
