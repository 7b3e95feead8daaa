"""A baseline's file: written for diffs, read with care."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.baselines.record import BaselineRecord, Measure, measure, read_record, serialised, tallies
from pytest_terminalbench.errors import BaselineError

CURE = "restore it from version control, or remove it and approve anew with --update-baselines"


def a_record(**changes: Any) -> BaselineRecord:
    facts: dict[str, Any] = {
        "baseline_id": "make-it-2026-01-02",
        "scenario_id": "make-it",
        "status": "active",
        "approved_on": "2026-01-02",
        "approved_by": "Zoë",
        "attempts": 2,
        "solved": 1,
        "rewards": [1.0, 0.0],
        "metrics": {"runtime_s": Measure(median=1.5, spread=1.0, values=[1.0, 2.0])},
        "fingerprint": {"scenario": "sha256:1", "limits": {"cpus": 1.0}},
    }
    return BaselineRecord(**{**facts, **changes})


def test_a_file_has_sorted_keys_and_a_final_newline() -> None:
    assert serialised(a_record()) == (
        """\
{
  "approved_by": "Zoë",
  "approved_on": "2026-01-02",
  "attempts": 2,
  "baseline_id": "make-it-2026-01-02",
  "fingerprint": {
    "limits": {
      "cpus": 1.0
    },
    "scenario": "sha256:1"
  },
  "metrics": {
    "runtime_s": {
      "median": 1.5,
      "spread": 1.0,
      "values": [
        1.0,
        2.0
      ]
    }
  },
  "notes": "",
  "rewards": [
    1.0,
    0.0
  ],
  "scenario_id": "make-it",
  "schema_version": 1,
  "solved": 1,
  "status": "active",
  "supersedes": null
}
"""
    )


def test_what_was_written_is_read(tmp_path: Path) -> None:
    (tmp_path / "make-it.json").write_text(serialised(a_record()), encoding="utf-8")

    assert read_record(tmp_path / "make-it.json") == a_record()


def test_a_reward_above_1_is_solved(tmp_path: Path) -> None:
    (tmp_path / "make-it.json").write_text(damaged(rewards=[2.5, 0.0]))

    record = read_record(tmp_path / "make-it.json")
    assert record is not None
    assert record.solved == 1


def test_without_a_file_there_is_no_record(tmp_path: Path) -> None:
    assert read_record(tmp_path / "a.json") is None


def damaged(**changes: Any) -> str:
    return json.dumps({**json.loads(serialised(a_record())), **changes})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "is damaged: not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("<<<<<<< ours\n", "is damaged: not JSON: Expecting value: line 1 column 1 (char 0)"),
        (damaged(attempts=3), "is damaged: record: Value error, attempts is 3, but there are 2 rewards"),
        (damaged(solved=3), "is damaged: record: Value error, solved is 3 of 2 attempts"),
        (damaged(solved=-1), "is damaged: record: Value error, solved is -1 of 2 attempts"),
        (
            damaged(attempts=0, rewards=[], solved=0),
            "is damaged: record: Value error, attempts is 0, but there are 0 rewards",
        ),
        (damaged(colour="red"), "is damaged: colour: Extra inputs are not permitted"),
        (damaged(attempts="2"), "is damaged: attempts: Input should be a valid integer"),
        (damaged(solved=True), "is damaged: solved: Input should be a valid integer"),
        (damaged(rewards=["1", 0.0]), "is damaged: rewards.0: Input should be a valid number"),
        (damaged(rewards=[math.nan, 0.0]), "is damaged: rewards.0: Input should be a finite number"),
        (damaged(rewards=[math.inf, 0.0]), "is damaged: rewards.0: Input should be a finite number"),
        (
            damaged(metrics={"runtime_s": {"median": math.inf, "spread": 0.0, "values": [1.0, math.nan]}}),
            (
                "is damaged: metrics.runtime_s.median: Input should be a finite number; "
                "metrics.runtime_s.values.1: Input should be a finite number"
            ),
        ),
        (
            damaged(rewards=[0.0, 0.0]),
            "is damaged: record: Value error, solved is 1, but there are 0 rewards of 1 or more",
        ),
        (
            damaged(scenario_id="make-that"),
            "is damaged: scenario_id is 'make-that', but the file is named for another",
        ),
        ("[" * 200 + "]" * 200, "is damaged: not JSON: nested too deeply"),
        ("[" * 100_000 + "]" * 100_000, "is damaged: not JSON: nested too deeply"),
        (damaged(status="lost"), "is damaged: status: Input should be 'active', 'provisional' or 'retired'"),
    ],
)
def test_damage_is_told_with_the_cure(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "a.json"
    file.write_text(text)

    with pytest.raises(BaselineError) as error:
        read_record(file)
    assert str(error.value) == f"{file} {problem}; {CURE}"


@pytest.mark.parametrize(("text", "version"), [(damaged(schema_version=2), "2"), ("[]", "None"), ("{}", "None")])
def test_another_version_is_told_with_the_cure(tmp_path: Path, text: str, version: str) -> None:
    file = tmp_path / "a.json"
    file.write_text(text)

    with pytest.raises(BaselineError) as error:
        read_record(file)
    assert str(error.value) == (
        f"{file} has schema_version {version}, and this version of pytest-terminalbench reads 1; "
        f"upgrade pytest-terminalbench, or {CURE}"
    )


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "binary.json").write_bytes(b"\xff")

    for name in ("folder.json", "binary.json"):
        with pytest.raises(BaselineError, match=f"^{tmp_path / name} cannot be read: "):
            read_record(tmp_path / name)


class TestMeasure:
    def test_median_and_spread(self) -> None:
        assert measure([3.0, 1.0, 2.0004]) == Measure(median=2.0, spread=2.0, values=[3.0, 1.0, 2.0])

    def test_one_value_has_no_spread(self) -> None:
        assert measure([1.23456], digits=1) == Measure(median=1.2, spread=0.0, values=[1.2])

    @pytest.mark.parametrize("values", [[], [None], [1.0, None]])
    def test_where_one_is_not_known_there_is_none(self, values: list[float | None]) -> None:
        assert measure(values) is None


def test_tallies_are_of_what_counts(tmp_path: Path) -> None:
    """Neither of what is retired nor of what cannot be read."""
    records = {
        "b": a_record(scenario_id="b", solved=2, rewards=[1.0, 1.0]),
        "a": a_record(scenario_id="a"),
        "c": a_record(scenario_id="c", status="retired"),
        "d": a_record(scenario_id="d", status="provisional"),
    }
    for name, record in records.items():
        (tmp_path / f"{name}.json").write_text(serialised(record), encoding="utf-8")
    (tmp_path / "e.json").write_text("broken")

    assert tallies(tmp_path) == [(1, 2), (2, 2), (1, 2)]
