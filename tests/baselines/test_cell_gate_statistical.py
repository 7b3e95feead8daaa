"""The statistical comparison of a cell with its baseline, among the cells approved with it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_terminalbench.baselines.approved_cells import ApprovedCells
from pytest_terminalbench.baselines.cell_gate import CellComparison, cell_gate
from pytest_terminalbench.baselines.cell_side import CellSide
from pytest_terminalbench.baselines.comparison_policy import ComparisonPolicy
from pytest_terminalbench.statistics import Plan, permutation_test_rewards
from pytest_terminalbench.status import Change, Status


def among_many(before: Sequence[float], after: Sequence[float], *, cells: int) -> CellComparison:
    """The verdict on a cell that was approved with as many others as make `cells`, all of them unsteady."""
    approved = [tuple(before), *[(0.5, 0.6)] * (cells - 1)]
    policy = ComparisonPolicy(attempts=len(after), inconclusive="fail")
    gate = cell_gate("statistical", CellSide(rewards=tuple(before)), policy, approved=ApprovedCells(approved))
    return gate.judge(CellSide(rewards=tuple(after)))


@pytest.mark.parametrize("cells", [1, 3, 4, 20, 200])
def test_a_small_dip_of_partial_rewards_is_lower_among_however_many_cells(cells: int) -> None:
    found = among_many((0.5, 0.6, 0.7), (0.5, 0.6, 0.69), cells=cells)

    assert (found.change, found.status, found.passes) == (Change.LOWER, Status.AS_BASELINE, True)
    assert found.text.endswith(": within what the baseline lets one expect")


def test_what_looks_bad_and_cannot_be_told_is_inconclusive() -> None:
    found = among_many((0.8, 0.9, 0.7), (0.1, 0.2, 0.3), cells=20)

    assert (found.change, found.adjusted_p) == (Change.INCONCLUSIVE, 1.0)
    assert found.text.endswith("looks worse, but so few trials cannot tell (adjusted p = 1, limit 0.05)")


def test_what_is_surely_better_is_not_called_expected() -> None:
    gate = cell_gate(
        "statistical", CellSide(rewards=(0.0,) * 5), ComparisonPolicy(attempts=5), approved=ApprovedCells([(0.0,) * 5])
    )

    found = gate.judge(CellSide(rewards=(1.0,) * 5))

    assert (found.change, found.status) == (Change.IMPROVED, Status.SOLVED)
    assert found.text == "solved 5 of 5, approved 0 of 5: better than chance explains, all cells considered"


def test_of_auto_what_was_approved_once_and_now_always_fails_is_inconclusive() -> None:
    """The plan stops after two failures, for further ones could tell nothing."""
    gate = cell_gate(
        "statistical", CellSide(rewards=(1.0,)), ComparisonPolicy(attempts=None), approved=ApprovedCells([(1.0,)])
    )

    found = gate.judge(CellSide(rewards=(0.0, 0.0)))

    assert (gate.more(solved=0, attempts=1), gate.more(solved=0, attempts=2)) == (1, 0)
    assert (found.change, found.status) == (Change.INCONCLUSIVE, Status.INCONCLUSIVE)


def test_of_more_trials_than_auto_makes_only_the_first_was_no_answer_to_anything() -> None:
    before, policy = CellSide(rewards=(1.0,) * 5), ComparisonPolicy(attempts=None, max_attempts=3)
    gate = cell_gate("statistical", before, policy, approved=ApprovedCells([before.rewards]))

    as_planned, further = (gate.judge(CellSide(rewards=(1.0, *[0.0] * failed))) for failed in (2, 3))

    assert (as_planned.change, further.change) == (Change.REGRESSED, Change.SAME)


@pytest.mark.parametrize(("cells", "change"), [(1, Change.REGRESSED), (2, Change.SAME)])
def test_a_cell_is_called_slower_where_chance_makes_none_of_all_cells_so_slow(cells: int, change: Change) -> None:
    """Three attempts that are all slower than three others are so by chance in one of 20 cells."""
    solved = (1.0,) * 3
    before, after = (
        CellSide(rewards=solved, measures={"runtime_s": seconds}, host="this")
        for seconds in ((10.0, 10.1, 10.2), (20.0, 20.1, 20.2))
    )
    gate = cell_gate("statistical", before, ComparisonPolicy(attempts=3), approved=ApprovedCells([solved] * cells))

    assert gate.judge(after).change == change


_REWARDS = st.lists(st.sampled_from([0.1, 0.25, 0.5, 0.75, 0.9]), min_size=1, max_size=4)


@given(before=_REWARDS, after=_REWARDS, few=st.integers(1, 30), more=st.integers(1, 30))
def test_cells_beside_it_make_none_look_worse(before: list[float], after: list[float], few: int, more: int) -> None:
    alone, crowded = (among_many(before, after, cells=cells).change for cells in (few, few + more))

    if crowded is Change.REGRESSED:
        assert alone is Change.REGRESSED
    # So frequent a look is never doubtful, not even where a reward of 0 throughout could not be called worse.
    if permutation_test_rewards([before], [after]).p > Plan().blind:
        assert Change.INCONCLUSIVE not in (alone, crowded)
