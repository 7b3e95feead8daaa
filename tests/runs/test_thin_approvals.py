"""The warning that an approval is too thin."""

from __future__ import annotations

from pathlib import Path

from pytest_terminalbench.baselines.comparison_policy import ComparisonPolicy
from pytest_terminalbench.runs.thin_approvals import shrunk_approvals, thin_approvals
from tests.cell_results import a_cell
from tests.comparing.test_session_gate import approve
from tests.counted_calls import calls_into


def test_one_attempt_of_an_agent_that_varies_is_approved_with_a_warning() -> None:
    cells = [a_cell(name, marks="✓", agent="mine", gate="statistical") for name in "abcd"]

    (warning,) = thin_approvals(cells, ComparisonPolicy())

    assert warning == (
        "warning: demo mine: 4 cells approved with fewer than 3 attempts: sessions of as many can see no drop at all; "
        "approve with --tb-attempts 7"
    )


def test_what_many_cells_can_see_is_told_in_points() -> None:
    cells = [a_cell(f"t{n}", marks="✓✓" if n % 2 else "✓✗", agent="mine", gate="statistical") for n in range(60)]

    (warning,) = thin_approvals(cells, ComparisonPolicy())

    assert warning == (
        "warning: demo mine: 60 cells approved with fewer than 3 attempts: sessions of as many can see a drop of "
        "16 points, and hardly a smaller one; approve with --tb-attempts 3"
    )


def test_three_attempts_and_agents_that_always_do_the_same_are_no_matter() -> None:
    enough = a_cell("a", marks="✓✓✓", agent="mine", gate="statistical")

    assert thin_approvals([enough, a_cell("b"), a_cell("c", marks="✓✗✓", gate="strict")], ComparisonPolicy()) == []


def test_what_the_project_wants_to_see_and_lets_pass_is_what_is_advised() -> None:
    cells = [a_cell(name, marks="✓✗", agent="mine", gate="statistical") for name in "abcdefgh"]

    advised = [
        thin_approvals(cells, policy)[0].rpartition("; ")[2]
        for policy in (
            ComparisonPolicy(),
            ComparisonPolicy(min_visible=0.15),
            ComparisonPolicy(min_visible=0.15, alpha=0.01),
            ComparisonPolicy(min_visible=0.15, margin=0.1),
        )
    ]

    assert advised == [f"approve with --tb-attempts {attempts}" for attempts in (6, 23, 36, 13)]


def test_where_no_number_of_attempts_is_enough_more_scenarios_are_advised() -> None:
    cells = [a_cell(name, marks="✓✗", agent="mine", gate="statistical") for name in "ab"]

    (warning,) = thin_approvals(cells, ComparisonPolicy(min_visible=0.05))

    assert warning.endswith(
        "; to see a drop of 5 points: more scenarios, for no number of attempts is enough with 2 scenarios"
    )


def test_where_nothing_was_solved_nothing_is_advised() -> None:
    cells = [a_cell(name, marks="✗", agent="mine", gate="statistical") for name in "abcd"]

    (warning,) = thin_approvals(cells, ComparisonPolicy())

    assert warning.endswith(": sessions of as many can see no drop at all, for nothing was solved")


def test_no_cell_is_to_lose_attempts() -> None:
    """One cell of sixty has two; the others have eight."""
    marks = {f"t{n}": "✓✓✓✓✓✓✓✗" for n in range(59)} | {"thin": "✓✗"}
    cells = [a_cell(name, marks=each, agent="mine", gate="statistical") for name, each in marks.items()]

    (warning,) = thin_approvals(cells, ComparisonPolicy())

    assert warning.endswith("; approve with --tb-attempts 8")


def test_an_approval_of_fewer_attempts_says_what_it_replaces(tmp_path: Path) -> None:
    approve(tmp_path, {"a": [1, 1, 1], "b": [1]})
    cells = [a_cell(name, marks="✓", agent="mine", gate="statistical") for name in "abc"]

    (warning,) = shrunk_approvals(cells, tmp_path)

    assert warning == (
        "warning: demo/a[mine]: 3 attempts approved before, 1 now: that tells less of later sessions; approve again "
        "with --tb-attempts 3"
    )


def test_what_is_advised_is_of_all_that_is_approved_of_the_agent(tmp_path: Path) -> None:
    approve(tmp_path, {name: [1] for name in "abcd"})
    cells = [a_cell(name, marks="✓", agent="mine", gate="statistical") for name in "abcd"]

    assert thin_approvals(cells[:1], ComparisonPolicy(), baselines=tmp_path) == thin_approvals(
        cells, ComparisonPolicy()
    )


def test_twice_as_many_cells_cost_twice_as_much(tmp_path: Path) -> None:
    """What is approved by now is read once, not for every cell."""
    costs = []
    for number in (20, 40):
        names, baselines = [f"t{n}" for n in range(number)], tmp_path / str(number)
        approve(baselines, {name: [1.0, 1.0, 1.0] for name in names})
        cells = [a_cell(name, marks="✓✓✓", agent="mine", gate="statistical") for name in names]
        package = "pytest_terminalbench.baselines"
        costs.append(calls_into(package, thin_approvals, cells, ComparisonPolicy(), baselines=baselines))

    assert costs[1] <= 2.2 * costs[0]
