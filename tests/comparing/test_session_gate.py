"""The gate of a whole run, on cells as a summary has them and baselines on disk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.comparing.session_gate import RunGate, RunGateSettings, gate_run
from pytest_terminalbench.outcome import Outcome, Solved, Unsolved
from pytest_terminalbench.runs.gate_result import GateResult
from pytest_terminalbench.status import Status
from tests.cell_results import a_cell, an_attempt

Tasks = dict[str, Sequence[float]]


def approve(folder: Path, tasks: Tasks, *, agent: str = "mine", seconds: float = 10.0) -> None:
    for name, rewards in tasks.items():
        file = folder / "demo" / agent / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        record = {
            "schema_version": 1,
            "baseline_id": f"{name}-1",
            "scenario_id": name,
            "status": "active",
            "approved_on": "2026-11-01",
            "approved_by": "me",
            "attempts": len(rewards),
            "solved": sum(reward >= 1 for reward in rewards),
            "rewards": list(rewards),
            "metrics": {"runtime_s": {"median": seconds, "spread": 0.0, "values": [seconds] * len(rewards)}},
            "fingerprint": {},
        }
        file.write_text(json.dumps(record))


def cells(
    tasks: Tasks, *, agent: str = "mine", seconds: float = 10.0, status: Status = Status.SOLVED
) -> list[CellResult]:
    return [
        a_cell(
            name,
            status,
            agent=agent,
            gate="statistical",
            attempts=tuple(
                an_attempt(number=number, outcome=outcome_of(reward), agent_s=seconds)
                for number, reward in enumerate(rewards, start=1)
            ),
        )
        for name, rewards in tasks.items()
    ]


def outcome_of(reward: float) -> Outcome:
    return Solved(reward=reward) if reward >= 1 else Unsolved(reward=reward, reason="no")


def judged(folder: Path, given: Sequence[CellResult], **settings: Any) -> RunGate:
    gate = gate_run(given, baselines=folder, settings=RunGateSettings(**settings))
    assert gate is not None
    return gate


GOOD: Tasks = {f"task-{n}": [1, 1, 1, 1] for n in range(6)}


def test_what_did_worse_is_told_the_lowest_first(tmp_path: Path) -> None:
    approve(tmp_path, {"a": [1, 1, 1], "b": [1, 0, 1], "c": [0.5, 1], "d": [0, 1], "e": [1, 1]})

    gate = judged(tmp_path, cells({"a": [1, 1, 0], "b": [0, 0, 0], "c": [0.25, 0.25], "d": [1, 1], "e": [1]}))

    assert gate.lower["demo mine"] == ["b 2/3 → 0/3", "c 0.75 → 0.25", "a 3/3 → 2/3"]


def test_a_worse_agent_fails_and_another_does_not(tmp_path: Path) -> None:
    approve(tmp_path, GOOD)
    approve(tmp_path, GOOD, agent="other")
    bad: Tasks = {name: [0, 0, 1, 0] for name in GOOD}

    gate = judged(tmp_path, [*cells(bad), *cells(GOOD, agent="other")])

    assert gate.result.verdict == "fail"
    assert gate.failed == ["demo mine"]
    assert gate.baselines["demo mine"] == tmp_path / "demo" / "mine"
    assert len(gate.failures) == 1


@pytest.mark.parametrize(("seconds", "failed"), [(11.0, []), (13.0, ["demo mine"])])
def test_a_slower_agent_fails_although_it_solves_all(tmp_path: Path, seconds: float, failed: list[str]) -> None:
    approve(tmp_path, GOOD)

    gate = judged(tmp_path, cells(GOOD, seconds=seconds))

    assert gate.failed == failed
    assert gate.suites["demo mine"].verdict != "fail"
    assert gate.lower["demo mine"] == []


def test_void_cells_are_not_counted(tmp_path: Path) -> None:
    approve(tmp_path, GOOD)
    bad: Tasks = {"task-0": [0, 0, 0, 0]}

    gate = judged(tmp_path, [*cells(bad, status=Status.VOID), *cells({k: v for k, v in GOOD.items() if k != "task-0"})])

    assert gate.failed == []
    assert gate.suites["demo mine"].tasks == 5


def test_after_further_trials_only_the_first_counts(tmp_path: Path) -> None:
    approve(tmp_path, GOOD)
    looked_bad: Tasks = {name: [1, 0, 0, 0, 0] for name in GOOD}

    assert judged(tmp_path, cells(looked_bad)).failed == ["demo mine"]
    assert judged(tmp_path, cells(looked_bad), adaptive=True).failed == []


def test_cells_that_are_compared_strictly_have_no_gate(tmp_path: Path) -> None:
    strict = [replace(cell, gate="strict") for cell in cells(GOOD)]

    assert gate_run(strict, baselines=tmp_path, settings=RunGateSettings()) is None


def test_a_damaged_baseline_is_passed_over_here_for_its_cell_is_an_error(tmp_path: Path) -> None:
    approve(tmp_path, GOOD)
    (tmp_path / "demo" / "mine" / "task-0.json").write_text("{")

    assert judged(tmp_path, cells(GOOD)).suites["demo mine"].tasks == 5


def test_what_it_came_to_is_read_as_it_was_written(tmp_path: Path) -> None:
    approve(tmp_path, GOOD)
    gate = judged(tmp_path, cells({name: [0, 0, 1, 0] for name in GOOD}))

    assert gate.result.failures == tuple(gate.failures)
    assert gate.result.agents["demo mine"].verdict == "fail"
    assert GateResult.from_json(gate.result.to_json()) == gate.result


def test_the_order_of_cells_does_not_matter(tmp_path: Path) -> None:
    approve(tmp_path, GOOD)
    given = cells({name: [1, 0, 1, number % 2] for number, name in enumerate(GOOD)})

    assert judged(tmp_path, given) == judged(tmp_path, given[::-1])
