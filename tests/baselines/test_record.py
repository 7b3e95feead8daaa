"""A baseline's file: written for diffs, read with care."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.baselines.record import BaselineRecord, Measure, measure, read_record, serialised
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.identity import CellId, Source, identifying

CURE = "restore it from version control, or remove it and approve again with --update-baselines"


def a_record(**changes: Any) -> BaselineRecord:
    facts: dict[str, Any] = {
        "baseline_id": "make-it-2026-01-02",
        "cell": CellId(dataset="demo", scenario="make-it", agent="oracle"),
        "configuration": "sha256:2",
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
  "cell": {
    "agent": "oracle",
    "arguments": {},
    "dataset": "demo",
    "model": null,
    "profile": null,
    "scenario": "make-it",
    "source": "live"
  },
  "configuration": "sha256:2",
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
  "schema_version": 2,
  "solved": 1,
  "status": "active",
  "supersedes": null
}
"""
    )


def test_what_was_written_is_read(tmp_path: Path) -> None:
    (tmp_path / "make-it.json").write_text(serialised(a_record()), encoding="utf-8")

    assert read_record(tmp_path / "make-it.json") == a_record()


def test_a_cell_is_read_in_full(tmp_path: Path) -> None:
    cell = CellId(
        dataset="demo",
        scenario="make-it",
        agent="t",
        model="lab/x",
        profile="lean",
        source=Source.REPLAY,
        arguments=identifying({"effort": "high", "depth": 3}),
    )
    (tmp_path / "make-it.json").write_text(serialised(a_record(cell=cell)), encoding="utf-8")

    record = read_record(tmp_path / "make-it.json")
    assert record is not None
    assert record.cell == cell


def test_schema_1_is_read_and_written_as_it_was(tmp_path: Path) -> None:
    """Retiring such a baseline adds nothing to it."""
    old = a_record(schema_version=1, cell=None, configuration=None)
    text = serialised(old)
    (tmp_path / "make-it.json").write_text(text, encoding="utf-8")

    assert json.loads(text).keys().isdisjoint({"cell", "configuration"})
    assert read_record(tmp_path / "make-it.json") == old


def test_a_scenario_whose_name_is_escaped_has_that_file(tmp_path: Path) -> None:
    cell = CellId(dataset="demo", scenario="a b", agent="oracle")
    (tmp_path / "a%20b.json").write_text(serialised(a_record(cell=cell, scenario_id="a b")), encoding="utf-8")

    assert read_record(tmp_path / "a%20b.json") is not None


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
        (damaged(attempts=3), "is damaged: attempts is 3, but there are 2 rewards"),
        (damaged(solved=3), "is damaged: solved is 3 of 2 attempts"),
        (
            damaged(attempts=1001, rewards=[1.0] * 1001, solved=1001),
            "is damaged: attempts is 1001; a baseline has at most 1000",
        ),
        (damaged(solved=-1), "is damaged: solved is -1 of 2 attempts"),
        (
            damaged(attempts=0, rewards=[], solved=0),
            "is damaged: attempts is 0, but there are 0 rewards",
        ),
        (damaged(colour="red"), "is damaged: colour: unknown key"),
        (damaged(attempts="2"), "is damaged: attempts: Input should be a valid integer"),
        (damaged(solved=True), "is damaged: solved: Input should be a valid integer"),
        (damaged(rewards=["1", 0.0]), "is damaged: rewards.0: Input should be a valid number"),
        (damaged(rewards=[math.nan, 0.0]), "is damaged: not JSON: NaN is no number in JSON"),
        (damaged(rewards=[math.inf, 0.0]), "is damaged: not JSON: Infinity is no number in JSON"),
        (
            damaged(rewards=[0.0, 0.0]),
            "is damaged: solved is 1, but there are 0 rewards of 1 or more",
        ),
        (
            damaged(scenario_id="make-that"),
            ("is damaged: scenario_id is 'make-that', but its cell's scenario is 'make-it'"),
        ),
        (damaged(), "is damaged: scenario_id is 'make-it', but the file is named for another"),
        (damaged(cell=None), "is damaged: schema_version is 2, and it has no cell"),
        (damaged(schema_version=1), "is damaged: schema_version is 1, and it has a cell"),
        (damaged(cell={"agent": "a"}), "is damaged: cell: it is no cell: KeyError: 'dataset'"),
        (damaged(cell="oracle"), "is damaged: cell: it is no cell: 'oracle' is no object"),
        (
            damaged(cell={"dataset": "demo", "scenario": "make-it", "agent": "oracle", "colour": "red"}),
            (
                "is damaged: cell: it is no cell as this version writes it, which would be {'dataset': "
                "'demo', 'scenario': 'make-it', 'agent': 'oracle', 'model': None, 'profile': None, 'source': 'live', "
                "'arguments': {}}"
            ),
        ),
        ("[]", "is damaged: the document is no object"),
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


@pytest.mark.parametrize(("text", "version"), [(damaged(schema_version=3), "3"), ("{}", "None")])
def test_another_version_is_told_with_the_cure(tmp_path: Path, text: str, version: str) -> None:
    file = tmp_path / "a.json"
    file.write_text(text)

    with pytest.raises(BaselineError) as error:
        read_record(file)
    assert str(error.value) == (
        f"{file} has schema_version {version}, and this version of pytest-terminalbench reads 1 and 2; "
        f"update pytest-terminalbench, or {CURE}"
    )


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "binary.json").write_bytes(b"\xff")

    for name, problem in (
        ("folder.json", "cannot be read: Is a directory; "),
        ("binary.json", "is damaged: not JSON: 'utf-8' "),
    ):
        with pytest.raises(BaselineError, match=f"^{tmp_path / name} {problem}"):
            read_record(tmp_path / name)


class TestMeasure:
    def test_median_and_spread(self) -> None:
        assert measure([3.0, 1.0, 2.0004]) == Measure(median=2.0, spread=2.0, values=[3.0, 1.0, 2.0])

    def test_one_value_has_no_spread(self) -> None:
        assert measure([1.23456], digits=1) == Measure(median=1.2, spread=0.0, values=[1.2])


def test_a_record_of_before_sessions_were_kept_stays_as_it_is() -> None:
    assert "sessions" not in serialised(a_record())
    assert '"sessions": [\n    "run-1",\n    "run-2"\n  ]' in serialised(a_record(sessions=["run-1", "run-2"]))


def test_every_attempt_has_its_session() -> None:
    with pytest.raises(ValueError, match="attempts is 2, but 1 sessions are named for them"):
        a_record(sessions=["run-1"])
