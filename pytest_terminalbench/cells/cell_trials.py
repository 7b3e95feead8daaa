"""The trials of one cell, as a session saw them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_terminalbench.outcome import Solved, Void
from pytest_terminalbench.trials.cell import Cell
from pytest_terminalbench.trials.result import TrialResult

__all__ = ["Trials"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Trials:
    """What the fixture ``tb_trials`` gives: compare it with ``tb_baseline`` by ``==``.

    `results` are in the order of their attempts; none is void.
    """

    cell: Cell
    results: Sequence[TrialResult]

    @property
    def attempts(self) -> int:
        return len(self.results)

    @property
    def solved(self) -> int:
        return sum(isinstance(result.outcome, Solved) for result in self.results)

    @property
    def rewards(self) -> list[float]:
        return [result.outcome.reward for result in self.results if not isinstance(result.outcome, Void)]
