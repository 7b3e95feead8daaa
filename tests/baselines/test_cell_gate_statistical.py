"""The statistical comparison of a cell with its baseline, among the cells approved with it."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

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
    few, many = (among_many((0.8, 0.9, 0.7), (0.1, 0.2, 0.3), cells=cells) for cells in (10, 40))

    assert (few.change, many.change) == (Change.INCONCLUSIVE, Change.INCONCLUSIVE)
    assert few.text.endswith(
        "looks worse, but so few trials cannot tell "
        "(luck alone does this in about 21 of 100 runs; adjusted p = 0.21, limit 0.05)"
    )
    # What luck does to one of so many cells in most runs is told by no share of runs.
    assert many.text.endswith("looks worse, but so few trials cannot tell (adjusted p = 0.83, limit 0.05)")


def test_the_loss_of_all_partial_reward_has_regressed_as_that_of_a_whole_one_has() -> None:
    """Three approved and three compared are one arrangement of 20, which is the limit."""
    for approved in (1.0, 0.9):
        found = among_many((approved,) * 3, (0.0,) * 3, cells=1)

        assert (found.change, found.passes) == (Change.REGRESSED, False)


@pytest.mark.parametrize("approved", [1, 3])
@pytest.mark.parametrize("before", [1.0, 0.9, 0.3])
def test_one_attempt_that_lost_everything_is_nothing_that_anybody_could_tell(before: float, approved: int) -> None:
    found = among_many((before,) * approved, (0.0,), cells=3)

    assert found.change is Change.INCONCLUSIVE
    # What luck does to some cell in most runs is no reason to say that it looks worse.
    assert found.adjusted_p is not None
    assert found.adjusted_p < 0.5 or "luck" not in found.text


@pytest.mark.parametrize("approved", [1, 3])
@pytest.mark.parametrize(("before", "after"), [(0.9, 0.5), (0.51, 0.49)])
def test_one_attempt_that_kept_half_is_lower(approved: int, before: float, after: float) -> None:
    assert among_many((before,) * approved, (after,), cells=3).change is Change.LOWER


def test_a_lesser_loss_that_luck_seldom_makes_is_inconclusive_among_however_many_cells() -> None:
    assert among_many((0.8, 0.9, 0.7), (0.6, 0.6, 0.6), cells=40).change is Change.INCONCLUSIVE


def test_auto_tries_partial_rewards_again_where_they_look_worse() -> None:
    before = CellSide(rewards=(0.9,) * 3)
    gate = cell_gate(
        "statistical", before, ComparisonPolicy(attempts=None), approved=ApprovedCells([before.rewards] * 2)
    )

    asked = [gate.more([0.0] * made) for made in range(6)]

    assert asked == [1, 1, 1, 1, 1, 0]
    assert (gate.more([0.9]), gate.more([0.0, 0.9])) == (0, 0)
    assert gate.judge(CellSide(rewards=(0.0,) * 5)).change is Change.REGRESSED


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

    assert (gate.more([0.0]), gate.more([0.0, 0.0])) == (1, 0)
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

    judged = gate.judge(after)
    assert (judged.change, judged.worse_in) == (change, ("runtime_s",) if change is Change.REGRESSED else ())


_REWARDS = st.lists(st.sampled_from([0.1, 0.25, 0.5, 0.75, 0.9]), min_size=1, max_size=4)


@given(before=_REWARDS, after=_REWARDS, few=st.integers(1, 30), more=st.integers(1, 30))
def test_cells_beside_it_make_none_look_worse(before: list[float], after: list[float], few: int, more: int) -> None:
    alone, crowded = (among_many(before, after, cells=cells).change for cells in (few, few + more))

    if crowded is Change.REGRESSED:
        assert alone is Change.REGRESSED
    # So frequent a look is never doubtful, not even where a reward of 0 throughout could not be called worse, unless
    # half of what was approved is lost.
    is_frequent = permutation_test_rewards([before], [after]).p > Plan().suspicious
    if is_frequent and min(after) >= fmean(before) / 2:
        assert Change.INCONCLUSIVE not in (alone, crowded)
