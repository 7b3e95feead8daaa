"""Runs of one agent that differ as wholes: what a session's gate and `compare` say of them, and what they allow for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.baselines.approval import CellToApprove, approve
from pytest_terminalbench.baselines.comparison_policy import ComparisonPolicy
from pytest_terminalbench.comparing.compare_records import Comparison, compare_records
from pytest_terminalbench.comparing.comparison_json import as_json
from pytest_terminalbench.comparing.page import html
from pytest_terminalbench.comparing.run_record import RunRecord, TaskRecord
from pytest_terminalbench.comparing.session_gate import gate_run
from pytest_terminalbench.comparing.text import lines, markdown
from pytest_terminalbench.importing.own_baselines import import_baselines
from pytest_terminalbench.runs.gate_result import GateResult
from pytest_terminalbench.status import Status
from tests.cell_results import OUTCOMES, a_cell, a_cell_id
from tests.samples import a_record
from tests.statistics.test_session_spread import RUNS, a_bad_night, five_runs

DIFFER = (
    "sessions of the baseline differ more than chance (p = 0.023): 45, 45, 38, 41, 30 %, "
    "and the comparison allows for it"
)


def attempts(rewards: list[float], sessions: list[str]) -> tuple[AttemptResult, ...]:
    return tuple(
        AttemptResult(attempt=number, outcome=OUTCOMES["✓" if reward else "✗"], session=session)
        for number, (reward, session) in enumerate(zip(rewards, sessions, strict=True), start=1)
    )


def approved() -> RunRecord:
    tasks = {task: TaskRecord(attempts=attempts(rewards, list(RUNS))) for task, rewards in five_runs().items()}
    return a_record(tasks, run_id="approved")


def tonight(session: str = "tonight") -> RunRecord:
    tasks = {task: TaskRecord(attempts=attempts(rewards, [session] * 3)) for task, rewards in a_bad_night().items()}
    return a_record(tasks, run_id="tonight")


def without_sessions(record: RunRecord) -> RunRecord:
    return replace(
        record,
        tasks={
            name: TaskRecord(attempts=tuple(replace(attempt, session=None) for attempt in task.attempts))
            for name, task in record.tasks.items()
        },
    )


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compare_records(approved(), tonight())


def test_a_bad_night_is_no_regression_where_sessions_differ(comparison: Comparison) -> None:
    blind = compare_records(without_sessions(approved()), without_sessions(tonight())).whole.suite

    assert comparison.whole.suite is not None
    assert blind is not None
    assert (blind.verdict, comparison.whole.suite.verdict) == ("fail", "pass")


def test_every_rendering_says_that_sessions_differ(comparison: Comparison) -> None:
    assert f"  {DIFFER}" in list(lines(comparison))
    assert f"- {DIFFER}" in markdown(comparison)
    assert DIFFER in html(comparison)


def test_json_has_each_sessions_score_and_what_was_found(comparison: Comparison) -> None:
    sessions = as_json(comparison)["suite"]["sessions"]

    assert sessions["says"] == DIFFER
    assert sessions["baseline"] == dict(zip(RUNS, (0.45, 0.45, 0.375, 0.4125, 0.3), strict=True))
    assert sessions["candidate"] == {"tonight": 0.3}
    assert (sessions["is_allowed_for"], sessions["p"]) == (True, pytest.approx(0.023, abs=0.006))
    assert sessions["between_sd"] == pytest.approx(0.05, abs=0.002)


def test_of_one_session_each_a_failure_says_that_nothing_can_be_told() -> None:
    one = replace(
        approved(),
        tasks={
            name: TaskRecord(attempts=tuple(replace(attempt, session="monday") for attempt in task.attempts))
            for name, task in approved().tasks.items()
        },
    )
    said = list(lines(compare_records(one, tonight())))

    assert (
        "  each side is one session, so that a bad night looks the same as a worse agent: run it again to tell" in said
    )


def test_where_nobody_kept_sessions_none_are_spoken_of() -> None:
    blind = compare_records(without_sessions(approved()), without_sessions(tonight()))

    assert as_json(blind)["suite"]["sessions"] is None
    assert not any("session" in line for line in lines(blind))


# -- a session's gate ------------------------------------------------------------------------------------------------


@pytest.fixture
def baselines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As approved from five runs."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cells = [
        CellToApprove(cell=a_cell_id(name, agent="mine"), attempts=task.attempts, fingerprint={})
        for name, task in approved().tasks.items()
    ]
    approve(cells, run_id="imported", baselines=tmp_path / "baselines", approver="me")
    return tmp_path / "baselines"


def test_the_gate_of_a_session_says_what_compare_says(baselines: Path) -> None:
    cells = [
        a_cell(name, Status.SOLVED, agent="mine", gate="statistical", attempts=task.attempts)
        for name, task in tonight().tasks.items()
    ]
    gate = gate_run(cells, baselines=baselines, policy=ComparisonPolicy(attempts=3))
    assert gate is not None
    (approved_record,) = import_baselines(baselines)
    compared = compare_records(approved_record, tonight(), policy=ComparisonPolicy(attempts=3))

    (suite,) = gate.result.agents.values()
    assert DIFFER in suite.reason
    assert suite.sessions is not None
    assert suite.sessions.to_json() == as_json(compared)["suite"]["sessions"]
    assert GateResult.from_json(gate.result.to_json()) == gate.result
