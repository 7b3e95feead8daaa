"""The gate of one cell: how many trials it gets, and what they are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from pytest_terminalbench.baselines.record import BaselineRecord
from pytest_terminalbench.baselines.strict_comparison import Comparison, compare
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
from pytest_terminalbench.status import Status

__all__ = ["CellGate", "GateSettings", "StatisticalGate", "StrictGate", "cell_gate"]


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


class CellGate(Protocol):
    """Decides for one cell after every trial."""

    def more(self, *, solved: int, attempts: int) -> int:
        """How many further trials to run before asking again; 0: enough."""

    def judge(self, *, solved: int, rewards: Sequence[float]) -> Comparison:
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

    def judge(self, *, solved: int, rewards: Sequence[float]) -> Comparison:
        return compare(self._baseline, solved=solved, rewards=list(rewards))


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

    def judge(self, *, solved: int, rewards: Sequence[float]) -> Comparison:
        attempts = len(rewards)
        step = self._step(solved, attempts)
        seen = f"solved {solved} of {attempts}, approved {self._baseline.solved} of {self._baseline.attempts}"
        match step:
            case Regressed():
                status = Status.REGRESSED
                text = f"{seen}: worse than chance explains, all cells considered ({self._p(step.adjusted_p)})"
            case Inconclusive():
                allowed = self._settings.inconclusive == "pass"
                status = Status.AS_BASELINE if allowed else Status.INCONCLUSIVE
                text = f"{seen}: looks worse, but so few trials cannot tell ({self._p(step.adjusted_p)})"
            case Fine() | NeedsMore():
                status = Status.SOLVED if solved == attempts else Status.AS_BASELINE
                text = f"{seen}: within what the baseline lets one expect"
        return Comparison(
            status=status,
            text=text,
            improved=self._improved(solved, attempts),
            inconclusive=isinstance(step, Inconclusive),
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

    def _improved(self, solved: int, attempts: int) -> bool:
        if solved * self._baseline.attempts <= self._baseline.solved * attempts:
            return False
        # The exact test the other way round: is the baseline worse than this session?
        return fisher((solved, attempts), self._tally) <= self._settings.alpha
