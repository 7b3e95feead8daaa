"""The cells that were approved together: over all of them a comparison holds its error rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from pytest_terminalbench.attempt_result import as_share
from pytest_terminalbench.baselines.cell_side import CellSide
from pytest_terminalbench.statistics import correction_among, is_counted, is_unsteady

__all__ = ["ApprovedCells"]


@dataclass(frozen=True)
class ApprovedCells:
    """`rewards`: of each cell, also of those that do not run. One value for all that are compared with it."""

    rewards: Sequence[Sequence[float]] = ()

    def __len__(self) -> int:
        return len(self.rewards)

    def corrected_for(self, before: CellSide) -> int:
        """By what the p of a cell is multiplied, so that the error rate of the session is held over all cells.

        `before`: what was approved of it; it is one of these. A cell with fractional rewards counts as one that chance
        can make look bad.
        """
        return correction_among(_steadiness(before.rewards), unsteady=self._unsteady)

    @cached_property
    def _unsteady(self) -> int:
        # Counted once: asked for each of thousands of cells, it would grow with their square.
        return sum(is_unsteady(_steadiness(rewards)) for rewards in self.rewards)


def _steadiness(rewards: Sequence[float]) -> tuple[int, int]:
    """A tally that is as steady as `rewards` are."""
    shares = [as_share(reward) for reward in rewards]
    tally = sum(share >= 1 for share in shares), len(shares)
    return tally if is_counted(shares) or is_unsteady(tally) else (1, 2)
