"""The card of a suite gate: what it proposes to type."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_terminalbench.plugin.suite_gate_report import failed_gate
from tests.comparing.test_session_gate import approve, cells, judged


def card(folder: Path, *, approved: dict[str, Sequence[float]], now: dict[str, Sequence[float]], attempts: int) -> str:
    approve(folder, approved)
    call, _ = failed_gate(
        judged(folder, cells(now), attempts=attempts, inconclusive="fail"), folder / "results", attempts
    )
    return str(call.longrepr)


def test_where_nobody_can_tell_no_change_is_there_to_be_intended(tmp_path: Path) -> None:
    said = card(tmp_path, approved={"a": [1, 1, 1]}, now={"a": [1, 1, 0]}, attempts=3)

    assert said.startswith("nobody can tell: ")
    assert "if intended" not in said


def test_a_thin_run_that_is_worse_is_not_to_be_approved_with_fewer_attempts_than_before(tmp_path: Path) -> None:
    tasks = [f"task-{number}" for number in range(8)]
    thin = card(tmp_path, approved={task: [1] for task in tasks}, now={task: [0] for task in tasks}, attempts=1)
    thick = card(tmp_path, approved={task: [1] * 5 for task in tasks}, now={task: [0] for task in tasks}, attempts=1)

    assert thin.endswith("--update-baselines --tb-attempts 3")
    assert thick.endswith("--update-baselines --tb-attempts 5")


def test_an_agent_for_which_nothing_is_approved_cannot_be_told_either(tmp_path: Path) -> None:
    said = card(tmp_path, approved={}, now={"a": [1, 1]}, attempts=2)

    assert said == (
        "nobody can tell: demo mine: nothing is approved for it yet, so nothing was compared\n"
        "  approve with --tb-attempts 3 --update-baselines"
    )
