"""result.json, read again."""

from __future__ import annotations

import json
import math
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
        ({"schema_version": 3}, "ValueError: schema_version 3; this version reads 1 and 2"),
        ({"outcome": "lucky"}, "ValueError: outcome 'lucky' is none of solved, unsolved, void"),
        ({"outcome": "unsolved", "phase": "lunch"}, "ValueError: 'lunch' is not a valid Phase"),
        ({"reward": None}, "TypeError: "),
        ({"timing": {"lunch_s": 1}}, "TypeError: "),
        ({"usage": None}, "TypeError: "),
        (
            {"schema_version": 99},
            "ValueError: schema_version 99; this version reads 1 and 2; update pytest-terminalbench; ",
        ),
        ({"timing": {"agent_s": "fast"}}, "TypeError: timing has no usable 'agent_s'"),
        ({"timing": {"agent_s": math.nan}}, "TypeError: timing has no usable 'agent_s'"),
        ({"usage": {"input_tokens": None}}, "TypeError: usage has no usable 'input_tokens'"),
        ({"usage": {"cost_usd": "much"}}, "TypeError: usage has no usable 'cost_usd'"),
        ({"fingerprint": None}, "TypeError: result has no usable 'fingerprint'"),
        ({"fingerprint": ["x"]}, "TypeError: result has no usable 'fingerprint'"),
        ({"memory_peak_mb": "x"}, "TypeError: result has no usable 'memory_peak_mb'"),
        ({"reward": math.nan}, "TypeError: result has no usable 'reward'"),
        ({"reward": "1"}, "TypeError: result has no usable 'reward'"),
        ({"reward": 0.5}, "ValueError: outcome 'solved' contradicts reward 0.5"),
        ({"outcome": "unsolved", "phase": "verify"}, "ValueError: outcome 'unsolved' contradicts reward 1.0"),
        ({"run_id": 3}, "TypeError: result has no usable 'run_id'"),
        ({"checks": {"x": 1}}, "TypeError: checks has no usable 'x'"),
        ({"retries": [1]}, "TypeError: retries holds something else than text"),
    ],
)
def test_damage_is_told(tmp_path: Path, change: dict[str, Any], problem: str) -> None:
    file = tmp_path / "result.json"
    write_json(file, {**a_result(Solved()).to_json(), **change})

    with pytest.raises(RunFolderError) as error:
        read_result(file)
    assert str(error.value).startswith(f"{file} is damaged or missing: {problem}")
    assert str(error.value).endswith("; restore it from where the run was made, or run again")


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "{", '"x"', '{"a":' * 100_000])
def test_what_is_no_result_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "result.json").write_text(text)

    with pytest.raises(RunFolderError):
        read_result(tmp_path / "result.json")


def test_a_result_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="is damaged or missing: FileNotFoundError"):
        read_result(tmp_path / "result.json")


def test_it_is_plain_json() -> None:
    json.dumps(a_result(Solved()).to_json(), allow_nan=False)
