"""Who hears what happens to cells: pytest's plugin, a web page, nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pytest_terminalbench.trials.cell import Cell
    from pytest_terminalbench.trials.result import TrialResult

__all__ = ["Observer", "Unobserved"]


class Observer(Protocol):
    """Is told by the thread that runs the trial. What it raises ends the cell."""

    def trial_started(self, cell: Cell) -> None:
        """A trial of `cell` is about to start."""

    def trial_ended(self, cell: Cell, result: TrialResult) -> None:
        """A trial of `cell` has ended and its folder is written."""


class Unobserved:
    """Nobody listens."""

    def trial_started(self, cell: Cell) -> None:
        pass

    def trial_ended(self, cell: Cell, result: TrialResult) -> None:
        pass
