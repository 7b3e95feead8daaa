"""The gate of a whole run, on cells as a summary has them and baselines on disk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.baselines.comparison_policy import ComparisonPolicy
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.comparing.session_gate import RunGate, gate_run
from pytest_terminalbench.outcome import Outcome, Solved, Unsolved
from pytest_terminalbench.runs.gate_result import GateResult
from pytest_terminalbench.statistics import SuiteVerdict
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
            "host": "here",
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
    policy = ComparisonPolicy(**{"attempts": 4, **settings})
    gate = gate_run(given, baselines=folder, policy=policy, host="here")
    assert gate is not None
    return gate


def suite_of(gate: RunGate) -> SuiteVerdict:
    suite = gate.actors["demo mine"].comparison.suite
    assert suite is not None
    return suite


GOOD: Tasks = {f"task-{n}": [1, 1, 1, 1] for n in range(6)}


def test_what_did_worse_is_told_the_lowest_first(tmp_path: Path) -> None:
    approve(tmp_path, {"a": [1, 1, 1], "b": [1, 0, 1], "c": [0.5, 1], "d": [0, 1], "e": [1, 1]})

    gate = judged(tmp_path, cells({"a": [1, 1, 0], "b": [0, 0, 0], "c": [0.25, 0.25], "d": [1, 1], "e": [1]}))

    assert gate.actors["demo mine"].lower == ("b 2/3 → 0/3", "c 0.75 → 0.25", "a 3/3 → 2/3")


def test_a_worse_agent_fails_and_another_does_not(tmp_path: Path) -> None:
    approve(tmp_path, GOOD)
    approve(tmp_path, GOOD, agent="other")
    bad: Tasks = {name: [0, 0, 1, 0] for name in GOOD}

    gate = judged(tmp_path, [*cells(bad), *cells(GOOD, agent="other")])

    assert gate.result.verdict == "fail"
    assert gate.failed == ["demo mine"]
    assert gate.actors["demo mine"].baselines == tmp_path / "demo" / "mine"
    assert len(gate.failures) == 1


@pytest.mark.parametrize(("seconds", "failed"), [(11.0, []), (13.0, ["demo mine"])])
def test_a_slower_agent_fails_although_it_solves_all(tmp_path: Path, seconds: float, failed: list[str]) -> None:
    approve(tmp_path, GOOD)

    gate = judged(tmp_path, cells(GOOD, seconds=seconds))

    assert gate.failed == failed
    assert suite_of(gate).verdict != "fail"
    assert gate.actors["demo mine"].lower == ()


def test_what_took_more_than_is_allowed_is_told_the_largest_ratio_first(tmp_path: Path) -> None:
    approve(tmp_path, GOOD)
    slow = {"task-1": 20.0, "task-4": 25.0, "task-2": 11.0}
    now = [cell for name, rewards in GOOD.items() for cell in cells({name: rewards}, seconds=slow.get(name, 10.0))]

    worse = judged(tmp_path, now).actors["demo mine"].worse["runtime_s"]

    assert [task.text for task in worse] == ["task-4 agent's time 10 → 25 s", "task-1 agent's time 10 → 20 s"]


def test_times_of_cells_that_were_tried_too_seldom_are_not_among_those_judged(tmp_path: Path) -> None:
    once: Tasks = {f"once-{n}": [1] for n in range(20)}
    approve(tmp_path, {**GOOD, **once})

    gate = judged(tmp_path, [*cells(GOOD), *cells(once, seconds=100.0)])

    assert [metric.verdict for metric in gate.actors["demo mine"].comparison.metrics] == ["pass"]


def test_void_cells_are_not_counted(tmp_path: Path) -> None:
    approve(tmp_path, GOOD)
    bad: Tasks = {"task-0": [0, 0, 0, 0]}

    gate = judged(tmp_path, [*cells(bad, status=Status.VOID), *cells({k: v for k, v in GOOD.items() if k != "task-0"})])

    assert gate.failed == []
    assert suite_of(gate).tasks == 5


def test_after_further_trials_only_the_first_counts(tmp_path: Path) -> None:
    approve(tmp_path, GOOD)
    looked_bad: Tasks = {name: [1, 0, 0, 0, 0] for name in GOOD}

    assert judged(tmp_path, cells(looked_bad)).failed == ["demo mine"]
    assert judged(tmp_path, cells(looked_bad), attempts=None).failed == []


def test_cells_that_are_compared_strictly_have_no_suite_and_without_baselines_no_gate(tmp_path: Path) -> None:
    strict = [replace(cell, gate="strict") for cell in cells(GOOD)]

    assert gate_run(strict, baselines=tmp_path, policy=ComparisonPolicy()) is None

    approve(tmp_path, GOOD)
    assert (judged(tmp_path, strict).verdict, judged(tmp_path, strict).result.agents) == ("pass", {})


def test_a_strict_agent_that_got_slower_fails_too(tmp_path: Path) -> None:
    approve(tmp_path, GOOD)
    slower = [replace(cell, gate="strict") for cell in cells(GOOD, seconds=13.0)]

    gate = judged(tmp_path, slower)

    assert gate.failed == ["demo mine"]
    assert gate.failures[0].startswith("demo mine: agent's time: +30.0 %")
    assert gate.result.metrics["demo mine"]["runtime_s"].verdict == "fail"


def test_times_of_another_class_of_host_are_noted_and_not_judged(tmp_path: Path) -> None:
    approve(tmp_path, GOOD)

    gate = gate_run(cells(GOOD, seconds=99.0), baselines=tmp_path, policy=ComparisonPolicy(), host="there")

    assert gate is not None
    assert gate.failures == []
    assert gate.result.notes == ("demo mine: time and memory are not judged: measured on here, and now on there",)


def test_two_attempts_are_too_few_for_times(tmp_path: Path) -> None:
    approve(tmp_path, {name: [1, 1] for name in GOOD})

    assert judged(tmp_path, cells(GOOD, seconds=99.0)).failures == []


def test_one_approved_attempt_each_that_all_fail_now_is_no_pass(tmp_path: Path) -> None:
    """4 of 4 solved, now 0 of 4: luck does that once in 16 runs, and nobody can tell."""
    tasks: Tasks = {f"task-{n}": [1] for n in range(4)}
    approve(tmp_path, tasks)
    broken = cells({name: [0] for name in tasks})

    lenient = judged(tmp_path, broken, attempts=1)
    strict = judged(tmp_path, broken, attempts=1, inconclusive="fail")

    assert (lenient.verdict, lenient.failures) == ("inconclusive", [])
    (doubt,) = lenient.doubts
    assert "this run could have seen no drop at all: it is too small" in doubt
    assert doubt.endswith(
        "to see a drop of 30 points: approve with --tb-attempts 7 --update-baselines, then compare with --tb-attempts 7"
    )
    assert strict.failures == [doubt]


def test_a_run_that_could_not_have_seen_the_drop_asked_for_is_inconclusive(tmp_path: Path) -> None:
    approve(tmp_path, GOOD)

    assert suite_of(judged(tmp_path, cells(GOOD))).verdict == "pass"
    blind = judged(tmp_path, cells(GOOD), min_visible=0.05)
    assert suite_of(blind).verdict == "inconclusive"
    assert "this run could have seen a drop of" in blind.doubts[0]


def test_a_damaged_baseline_is_passed_over_here_for_its_cell_is_an_error(tmp_path: Path) -> None:
    approve(tmp_path, GOOD)
    (tmp_path / "demo" / "mine" / "task-0.json").write_text("{")

    assert suite_of(judged(tmp_path, cells(GOOD))).tasks == 5


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


@pytest.mark.parametrize("policy", ["pass", "fail"])
def test_where_nothing_is_approved_there_is_no_verdict_but_a_line(policy: str, tmp_path: Path) -> None:
    """A mistyped folder of baselines is not green where doubt is to fail."""
    gate = judged(tmp_path / "mistyped", cells(GOOD), inconclusive=policy)

    (note,) = gate.result.notes
    assert note == (
        "demo mine: nothing is approved for it yet, so nothing was compared; approve with --tb-attempts 4 "
        "--update-baselines"
    )
    assert (gate.result.verdict, gate.result.agents, gate.doubts) == (None, {}, [])
    assert (gate.failures, gate.failed) == (([note], ["demo mine"]) if policy == "fail" else ([], []))


def test_an_agent_without_baselines_takes_no_verdict_from_another(tmp_path: Path) -> None:
    approve(tmp_path, GOOD)

    gate = judged(tmp_path, [*cells(GOOD), *cells(GOOD, agent="other")])

    assert (gate.result.verdict, list(gate.result.agents)) == ("pass", ["demo mine"])


def test_where_all_cells_were_blocked_the_gate_says_so_and_why(tmp_path: Path) -> None:
    approve(tmp_path, GOOD)
    blocked = a_cell("task-0", Status.BLOCKED, "", agent="mine", gate="statistical", text="another image\nsha256:aa")

    suite = judged(tmp_path, [blocked]).result.agents["demo mine"]

    told = "nothing was compared: 1 task selected, 6 approved: 1 blocked (task-0: another image)"
    assert (suite.verdict, suite.headline, suite.reason) == ("inconclusive", told, told)


def test_partial_rewards_are_no_share_that_is_solved(tmp_path: Path) -> None:
    approve(tmp_path, GOOD)
    partly: Tasks = {name: [1, 1, 1, 0.5] for name in GOOD}

    assert suite_of(judged(tmp_path, cells(GOOD))).headline.startswith("100.0 % → 100.0 % solved on 6 tasks (")
    assert suite_of(judged(tmp_path, cells(partly))).headline.startswith("100.0 % → 87.5 % mean reward on 6 tasks (")


@pytest.mark.parametrize("selected", [1, 3])
def test_a_selection_judges_cells_only_and_no_number_of_attempts_is_proposed(tmp_path: Path, selected: int) -> None:
    approve(tmp_path, GOOD)
    chosen = dict(list(GOOD.items())[:selected])

    suite = judged(tmp_path, cells({name: [0, 1, 1, 1] for name in chosen})).result.agents["demo mine"]

    assert suite.verdict == "inconclusive"
    assert suite.advice == f"a selection of {selected} of 6 tasks judges cells only: run them all to judge the agent"


def test_baselines_for_none_of_what_ran_leave_it_in_doubt(tmp_path: Path) -> None:
    approve(tmp_path, {"elsewhere": [1, 1, 1]})

    assert judged(tmp_path, cells(GOOD)).result.verdict == "inconclusive"
