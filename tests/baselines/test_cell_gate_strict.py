"""The strict comparison of a cell with its baseline."""

from __future__ import annotations

import pytest

from pytest_terminalbench.baselines.cell_gate import CellComparison, cell_gate
from pytest_terminalbench.baselines.cell_side import CellSide
from pytest_terminalbench.baselines.comparison_policy import ComparisonPolicy
from pytest_terminalbench.baselines.record import BaselineRecord
from pytest_terminalbench.status import Change, Status
from tests.baselines.test_record import a_record

ID = "make-it-2026-01-02"


def compare_strictly(baseline: BaselineRecord | None, rewards: list[float]) -> CellComparison:
    before = CellSide.approved(baseline) if baseline else None
    return cell_gate("strict", before, ComparisonPolicy()).judge(CellSide(rewards=tuple(rewards)))


class TestWithoutBaseline:
    @pytest.mark.parametrize("attempts", [1, 3])
    def test_every_attempt_has_to_solve(self, attempts: int) -> None:
        assert compare_strictly(None, [1.0] * attempts) == CellComparison(
            status=Status.SOLVED, text=f"solved {attempts} of {attempts}; no baseline yet"
        )

    @pytest.mark.parametrize("solved", [0, 2])
    def test_one_that_does_not_is_a_failure(self, solved: int) -> None:
        assert compare_strictly(None, [1.0] * solved + [0.0] * (3 - solved)) == CellComparison(
            status=Status.UNSOLVED, text=f"solved {solved} of 3, and no baseline allows that"
        )

    def test_with_the_gate_off_it_is_not_said_that_nothing_is_approved(self) -> None:
        gate = cell_gate("off", CellSide.approved(a_record()), ComparisonPolicy())

        assert gate.judge(CellSide(rewards=(0.0,))) == CellComparison(
            status=Status.UNSOLVED, text="solved 0 of 1; compared with nothing (--tb-gate off)"
        )

    def test_no_attempt_is_no_success(self) -> None:
        with pytest.raises(ValueError, match="there is no attempt to compare"):
            compare_strictly(None, [])


class TestWithBaseline:
    def test_the_same_share_is_as_the_baseline(self) -> None:
        baseline = a_record(attempts=2, solved=1, rewards=[1.0, 0.0])

        assert compare_strictly(baseline, [1.0, 0.0, 1.0, 0.0]) == CellComparison(
            status=Status.AS_BASELINE,
            text=f"solved 2 of 4; the baseline {ID} approved 1 of 2",
            change=Change.SAME,
            baseline_id=ID,
        )

    def test_a_cell_that_is_solved_is_solved_whatever_was_approved(self) -> None:
        baseline = a_record(attempts=1, solved=1, rewards=[1.0])

        assert compare_strictly(baseline, [1.0]) == CellComparison(
            status=Status.SOLVED,
            text=f"solved 1 of 1; the baseline {ID} approved 1 of 1",
            change=Change.SAME,
            baseline_id=ID,
        )

    def test_a_smaller_share_is_a_regression(self) -> None:
        baseline = a_record(attempts=2, solved=2, rewards=[1.0, 1.0])

        assert compare_strictly(baseline, [1.0, 1.0, 0.0]) == CellComparison(
            status=Status.REGRESSED,
            text=f"solved 2 of 3, but the baseline {ID} approved 2 of 2",
            change=Change.REGRESSED,
            worse_in=("solve_rate",),
            baseline_id=ID,
        )

    def test_a_smaller_reward_is_too(self) -> None:
        baseline = a_record(attempts=1, solved=0, rewards=[0.5])

        assert compare_strictly(baseline, [0.25]) == CellComparison(
            status=Status.REGRESSED,
            text=f"solved 0 of 1 (mean reward 0.25), but the baseline {ID} approved 0 of 1 (mean reward 0.5)",
            change=Change.REGRESSED,
            worse_in=("solve_rate",),
            baseline_id=ID,
        )

    @pytest.mark.parametrize(("solved", "reward"), [(1, 1.0), (0, 0.75)])
    def test_better_is_told(self, solved: int, reward: float) -> None:
        baseline = a_record(attempts=1, solved=0, rewards=[0.5])

        found = compare_strictly(baseline, [reward])
        assert (found.change, found.status.is_pass) == (Change.IMPROVED, True)

    def test_rounding_is_no_regression(self) -> None:
        """The mean of three tenths is not three tenths."""
        baseline = a_record(attempts=1, solved=0, rewards=[0.3])

        found = compare_strictly(baseline, [0.1 + 0.2, 0.3, 0.3])
        assert (found.status, found.change) == (Status.AS_BASELINE, Change.SAME)

    def test_thirds_compare_exactly(self) -> None:
        baseline = a_record(attempts=3, solved=1, rewards=[1.0, 0.0, 0.0])

        found = compare_strictly(baseline, [1.0, 1.0, 0.0, 0.0, 0.0, 0.0])
        assert (found.status, found.change) == (Status.AS_BASELINE, Change.SAME)


def test_only_solved_and_as_approved_pass() -> None:
    assert {status for status in Status if status.is_pass} == {Status.SOLVED, Status.AS_BASELINE}


class TestRewardsBeyond1:
    """What the verifier gave is what is compared, though all of it is solved."""

    @pytest.mark.parametrize(
        ("approved", "now", "change"),
        [
            (2.0, 1.0, Change.REGRESSED),
            (2.0, 2.0, Change.SAME),
            (2.0, 3.5, Change.IMPROVED),
            (1250.5, 1250.0, Change.REGRESSED),
            (-1.0, -2.0, Change.REGRESSED),
        ],
    )
    def test_a_lower_one_has_regressed(self, approved: float, now: float, change: Change) -> None:
        baseline = a_record(attempts=1, solved=int(approved >= 1), rewards=[approved])

        assert compare_strictly(baseline, [now]).change is change

    def test_both_means_are_said(self) -> None:
        baseline = a_record(attempts=1, solved=1, rewards=[2.0])

        assert compare_strictly(baseline, [1.0]).text == (
            f"solved 1 of 1 (mean reward 1), but the baseline {ID} approved 1 of 1 (mean reward 2)"
        )
