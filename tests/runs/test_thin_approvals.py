"""The warning that an approval is too thin."""

from __future__ import annotations

from pytest_terminalbench.runs.thin_approvals import thin_approvals
from tests.cell_results import a_cell


def test_one_attempt_of_an_agent_that_varies_is_approved_with_a_warning() -> None:
    cells = [a_cell(name, marks="✓", agent="mine", gate="statistical") for name in "abcd"]

    (warning,) = thin_approvals(cells)

    assert warning == (
        "warning: demo mine: 4 cells approved with fewer than 3 attempts: sessions of as many can see no drop at all; "
        "approve with --tb-attempts 6"
    )


def test_what_many_cells_can_see_is_told_in_points() -> None:
    cells = [a_cell(f"t{n}", marks="✓✓" if n % 2 else "✓✗", agent="mine", gate="statistical") for n in range(60)]

    (warning,) = thin_approvals(cells)

    assert warning == (
        "warning: demo mine: 60 cells approved with fewer than 3 attempts: sessions of as many can see a drop of "
        "16 points, and hardly a smaller one; approve with --tb-attempts 3"
    )


def test_three_attempts_and_agents_that_always_do_the_same_are_no_matter() -> None:
    enough = a_cell("a", marks="✓✓✓", agent="mine", gate="statistical")

    assert thin_approvals([enough, a_cell("b"), a_cell("c", marks="✓✗✓", gate="strict")]) == []
