"""result.json, read again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.agents.base import Usage
from pytest_terminalbench.documents import write_json
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.outcome import Outcome, Phase, Solved, Unsolved, Void
from pytest_terminalbench.trials.result import Timing, TrialResult, read_result


def a_result(outcome: Outcome, **changes: Any) -> TrialResult:
    facts: dict[str, Any] = {
        "run_id": "run",
        "cell": CellId(dataset="demo", scenario="a", agent="oracle"),
        "attempt": 1,
        "folder": "trials/a/oracle/1",
    }
    return TrialResult(outcome=outcome, **{**facts, **changes})


@pytest.mark.parametrize(
    "outcome",
    [
        Solved(reason="in spite of all"),
        Solved(reward=1.5),
        Unsolved(reason="no", reward=0.25, phase=Phase.AGENT),
        Void(reason="broke", phase=Phase.BUILD),
    ],
)
def test_what_was_written_is_read(tmp_path: Path, outcome: Outcome) -> None:
    result = a_result(
        outcome,
        checks={"x": "failed"},
        messages={"x": "ä"},
        timing=Timing(agent_s=1.5, wall_s=2.0),
        usage=Usage(input_tokens=3, cost_usd=None),
        limits_hit=("agent_s",),
        retries=("once",),
        artifacts=("a", "b"),
        fingerprint={"limits": {"cpus": 1.0}},
        memory_peak_mb=1.5,
    )
    write_json(tmp_path / "result.json", result.to_json())

    assert read_result(tmp_path / "result.json") == result


def test_a_void_trial_has_no_reward() -> None:
    assert a_result(Void(reason="x", phase=Phase.START)).to_json()["reward"] is None


def test_what_a_later_version_added_is_passed_over(tmp_path: Path) -> None:
    result = a_result(Solved())
    write_json(tmp_path / "result.json", {**result.to_json(), "added": 1})

    assert read_result(tmp_path / "result.json") == result


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"outcome": "lucky"}, "outcome 'lucky' is none of solved, unsolved, void"),
        ({"outcome": "unsolved", "phase": "lunch"}, "'lunch' is not a valid Phase"),
        ({"reward": None}, "reward is None, not a number"),
        ({"timing": {"lunch_s": 1}}, "Timing.__init__() got an unexpected keyword argument 'lunch_s'"),
        ({"usage": None}, "usage is no object"),
        ({"timing": {"agent_s": "fast"}}, "timing.agent_s is 'fast', not a number"),
        ({"usage": {"input_tokens": None}}, "usage.input_tokens is None, not a whole number"),
        ({"usage": {"cost_usd": "much"}}, "usage.cost_usd is 'much', not a number"),
        ({"fingerprint": None}, "fingerprint is no object"),
        ({"fingerprint": ["x"]}, "fingerprint is no object"),
        ({"memory_peak_mb": "x"}, "memory_peak_mb is 'x', not a number"),
        ({"reward": "1"}, "reward is '1', not a number"),
        ({"reward": 0.5}, "outcome 'solved' contradicts reward 0.5"),
        ({"outcome": "unsolved", "phase": "verify"}, "outcome 'unsolved' contradicts reward 1.0"),
        ({"run_id": 3}, "run_id is 3, not text"),
        ({"checks": {"x": 1}}, "checks.x is 1, not text"),
        ({"retries": [1]}, "retries[0] is 1, not text"),
        ({"snapshot": {}}, "snapshot.kept is missing"),
        ({"regraded": [{"at": "now"}]}, "regraded[0].outcome is missing"),
    ],
)
def test_damage_is_told(tmp_path: Path, change: dict[str, Any], problem: str) -> None:
    file = tmp_path / "result.json"
    write_json(file, {**a_result(Solved()).to_json(), **change})

    with pytest.raises(RunFolderError) as error:
        read_result(file)
    assert str(error.value) == f"{file} is damaged: {problem}; restore it from where the run was made, or run again"


def test_a_later_version_is_told(tmp_path: Path) -> None:
    write_json(tmp_path / "result.json", {**a_result(Solved()).to_json(), "schema_version": 99})

    with pytest.raises(RunFolderError, match=r"has schema_version 99, and this version .* reads 1 and 2; update"):
        read_result(tmp_path / "result.json")


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "{", '"x"', '{"a":' * 100_000])
def test_what_is_no_result_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "result.json").write_text(text)

    with pytest.raises(RunFolderError):
        read_result(tmp_path / "result.json")


def test_a_result_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="does not exist; restore it"):
        read_result(tmp_path / "result.json")


def test_it_is_plain_json() -> None:
    json.dumps(a_result(Solved()).to_json(), allow_nan=False)
