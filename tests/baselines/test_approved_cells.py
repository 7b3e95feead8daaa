"""The cells that were approved together, and what a cell's p is multiplied by for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from pytest_terminalbench.baselines.approved_cells import ApprovedCells
from pytest_terminalbench.baselines.cell_gate import cell_gate, compare_cells
from pytest_terminalbench.baselines.cell_side import CellSide
from pytest_terminalbench.baselines.comparison_policy import ComparisonPolicy

STEADY, UNSTEADY, PARTIAL = (1.0, 1.0, 1.0), (1.0, 0.0, 1.0), (0.5, 0.5, 0.5)


class LookedAt(Sequence[Sequence[float]]):
    """The same rewards so many times over; `looks`: how often one of them was looked at."""

    def __init__(self, rewards: Sequence[float], cells: int) -> None:
        self._rewards = rewards
        self._cells = cells
        self.looks = 0

    def __len__(self) -> int:
        return self._cells

    def __getitem__(self, index: int | slice) -> Sequence[float]:  # type: ignore[override]  # Nobody slices it.
        return self._rewards

    def __iter__(self) -> Iterator[Sequence[float]]:
        for _ in range(self._cells):
            self.looks += 1
            yield self._rewards


@pytest.mark.parametrize(
    ("before", "others", "factor"),
    [
        (STEADY, [STEADY, STEADY], 1),
        (STEADY, [UNSTEADY, UNSTEADY], 3),
        (UNSTEADY, [STEADY, UNSTEADY], 2),
        (UNSTEADY, [PARTIAL, PARTIAL], 3),
        ((1.0,), [(0.0,)], 2),
        (STEADY, [], 1),
    ],
)
def test_a_cell_is_corrected_for_the_others_that_chance_can_make_look_bad(
    before: Sequence[float], others: list[Sequence[float]], factor: int
) -> None:
    assert ApprovedCells([before, *others]).corrected_for(CellSide(rewards=tuple(before))) == factor


def test_each_is_looked_at_once_however_many_cells_are_compared() -> None:
    rewards = LookedAt(UNSTEADY, 30)
    approved, policy, side = ApprovedCells(rewards), ComparisonPolicy(attempts=3), CellSide(rewards=UNSTEADY)

    for _ in range(30):
        compare_cells(side, side, kind="statistical", approved=approved, policy=policy)
        cell_gate("statistical", side, policy, approved=approved).judge(side)

    assert rewards.looks == 30
