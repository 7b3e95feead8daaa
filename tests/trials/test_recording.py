"""What the agent typed and saw, in the formats that other tools read."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.agents.base import AgentTimeExpired
from pytest_terminalbench.environments.base import ExecResult
from pytest_terminalbench.environments.fake import FakeEnvironment
from pytest_terminalbench.errors import EnvironmentFailure, TooMuchToCopy
from pytest_terminalbench.trials.recording import (
    RECORDED_OUTPUT_CHARS,
    AgentDesk,
    CommandRecord,
    shell_line,
    shortened,
    write_cast,
    write_trajectory,
)

# The keys of Agent Trajectory Interchange Format 1.8, which allows no others.
TRAJECTORY_KEYS = {
    "schema_version",
    "session_id",
    "trajectory_id",
    "agent",
    "steps",
    "notes",
    "final_metrics",
    "continued_trajectory_ref",
    "extra",
    "subagent_trajectories",
}
STEP_KEYS = {
    "step_id",
    "timestamp",
    "source",
    "model_name",
    "reasoning_effort",
    "message",
    "reasoning_content",
    "tool_calls",
    "observation",
    "metrics",
    "is_copied_context",
    "llm_call_count",
    "extra",
}


def record(
    command: str, stdout: str = "", stderr: str = "", *, at_s: float = 0.0, took_s: float = 0.5
) -> CommandRecord:
    result = ExecResult(exit_code=0, stdout=stdout, stderr=stderr, duration_s=took_s)
    return CommandRecord(at_s=at_s, command=command, result=result)


class TestCast:
    """asciicast v2: a header, then [time, "o", text] in order of time."""

    def lines(self, folder: Path, *records: CommandRecord) -> list[Any]:
        write_cast(folder / "agent.cast", records, started_at=1700000000.7, title="demo/a[oracle]")
        return [json.loads(line) for line in (folder / "agent.cast").read_text().splitlines()]

    def test_it_begins_with_a_header(self, tmp_path: Path) -> None:
        assert self.lines(tmp_path) == [
            {"version": 2, "width": 120, "height": 40, "timestamp": 1700000000, "title": "demo/a[oracle]"}
        ]

    def test_a_command_and_what_it_printed_are_events(self, tmp_path: Path) -> None:
        assert self.lines(tmp_path, record("ls\nwc", "a\n", "b\n", at_s=1.25, took_s=2.0))[1:] == [
            [1.25, "o", "$ ls\r\nwc\r\n"],
            [3.25, "o", "a\r\nb\r\n"],
        ]

    def test_a_silent_command_is_one_event(self, tmp_path: Path) -> None:
        assert self.lines(tmp_path, record("true", at_s=1.0))[1:] == [[1.0, "o", "$ true\r\n"]]

    def test_events_of_commands_side_by_side_are_in_order(self, tmp_path: Path) -> None:
        long, short = record("long", "l", at_s=0.0, took_s=9.0), record("short", "s", at_s=1.0, took_s=1.0)

        assert [event[0] for event in self.lines(tmp_path, short, long)[1:]] == [0.0, 1.0, 2.0, 9.0]


class TestTrajectory:
    def read(self, folder: Path, *records: CommandRecord, model: str | None = None) -> Any:
        write_trajectory(
            folder / "trajectory.json",
            records,
            session="run/cell/1",
            agent="scripted",
            model=model,
            instruction="Make it.",
        )
        return json.loads((folder / "trajectory.json").read_text())

    def test_it_is_the_instruction_and_a_step_for_every_command(self, tmp_path: Path) -> None:
        assert self.read(tmp_path, record("ls", "a\n", "b\n"), record("pwd", "/\n")) == {
            "schema_version": "ATIF-v1.8",
            "session_id": "run/cell/1",
            "agent": {"name": "scripted", "version": "1"},
            "steps": [
                {"step_id": 1, "source": "user", "message": "Make it."},
                step(2, "ls", "a\nb\n"),
                step(3, "pwd", "/\n"),
            ],
            "final_metrics": {"total_steps": 3},
        }

    def test_it_has_no_keys_that_the_format_does_not_know(self, tmp_path: Path) -> None:
        trajectory = self.read(tmp_path, record("ls", "a\n"), model="provider/one")

        assert trajectory.keys() <= TRAJECTORY_KEYS
        assert set().union(*trajectory["steps"]) <= STEP_KEYS
        assert trajectory["agent"] == {"name": "scripted", "version": "1", "model_name": "provider/one"}

    def test_without_commands_there_is_still_a_step(self, tmp_path: Path) -> None:
        assert len(self.read(tmp_path)["steps"]) == 1


def step(number: int, command: str, seen: str) -> dict[str, Any]:
    call = f"call-{number}"
    return {
        "step_id": number,
        "source": "agent",
        "message": "",
        "tool_calls": [{"tool_call_id": call, "function_name": "run", "arguments": {"command": command}}],
        "observation": {"results": [{"source_call_id": call, "content": seen}]},
    }


class TestDesk:
    @pytest.fixture
    def log(self, tmp_path: Path) -> Path:
        return tmp_path / "commands.jsonl"

    def test_every_command_is_a_line(self, log: Path) -> None:
        desk = AgentDesk(FakeEnvironment({"ls |": "a\n", "false": 1}), timeout_s=60, log=log)
        desk.run(["sh", "-c", "ls | wc"])
        desk.run(["false", "a b"])

        lines = [json.loads(line) for line in log.read_text().splitlines()]
        assert [line.pop("at_s") >= 0 for line in lines] == [True, True]
        common = {"timed_out": False, "duration_s": 0.0, "stderr": ""}
        assert lines == [
            {**common, "command": "ls | wc", "exit_code": 0, "stdout": "a\n"},
            {**common, "command": "false 'a b'", "exit_code": 1, "stdout": ""},
        ]
        assert [record.command for record in desk.records] == ["ls | wc", "false 'a b'"]

    def test_no_command_has_more_time_than_is_left(self, log: Path) -> None:
        environment = FakeEnvironment()
        desk = AgentDesk(environment, timeout_s=10, log=log)
        desk.run(["a"], timeout_s=3)
        desk.run(["b"], timeout_s=99)

        assert environment.calls[0].timeout_s == 3
        assert 9 < environment.calls[1].timeout_s <= 10

    def test_after_the_deadline_nothing_is_taken(self, log: Path, tmp_path: Path) -> None:
        environment = FakeEnvironment()
        desk = AgentDesk(environment, timeout_s=0.01, log=log)
        time.sleep(0.02)

        for call in (
            lambda: desk.run(["a"]),
            lambda: desk.put({"/x": b""}),
            lambda: desk.get("/x", tmp_path),
            lambda: desk.export("/x"),
            lambda: desk.replace("/x", None),
        ):
            with pytest.raises(AgentTimeExpired):
                call()
        assert (environment.calls, environment.files, desk.expired) == ([], {}, True)

    def test_nor_after_it_was_dismissed(self, log: Path) -> None:
        desk = AgentDesk(environment := FakeEnvironment(), timeout_s=60, log=log)
        desk.dismiss()

        with pytest.raises(AgentTimeExpired):
            desk.run(["a"])
        assert (environment.calls, desk.expired) == ([], False)

    def test_failures_of_the_environment_are_remembered(self, log: Path) -> None:
        environment = FakeEnvironment()
        desk = AgentDesk(environment, timeout_s=60, log=log)
        environment.gone = "engine"

        with pytest.raises(EnvironmentFailure) as error:
            desk.put({"/x": b""})
        assert desk.failure is error.value

    def test_asking_for_too_much_is_none(self, log: Path, tmp_path: Path) -> None:
        desk = AgentDesk(FakeEnvironment(files={"/x": b"12345"}), timeout_s=60, log=log)

        with pytest.raises(TooMuchToCopy):
            desk.get("/x", tmp_path, max_bytes=4)
        assert desk.failure is None

    def test_files_go_through(self, log: Path, tmp_path: Path) -> None:
        desk = AgentDesk(environment := FakeEnvironment(), timeout_s=60, log=log)
        desk.put({"x": b"1"}, root="/srv")
        archive = desk.export("/srv/x")
        desk.replace("/x", archive)

        assert environment.files == {"/srv/x": b"1", "/x": b"1"}
        assert desk.get("/x", tmp_path)
        assert (tmp_path / "x").read_bytes() == b"1"
        assert desk.why_gone() is None


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["sh", "-c", "ls | wc"], "ls | wc"),
        (["sh", "-c", "ls $0", "x y"], "sh -c 'ls $0' 'x y'"),
        (["ls", "a b", "$HOME"], "ls 'a b' '$HOME'"),
    ],
)
def test_a_command_is_shown_as_one_would_type_it(argv: list[str], line: str) -> None:
    assert shell_line(argv) == line


def test_long_output_keeps_its_ends() -> None:
    text = "a" * RECORDED_OUTPUT_CHARS + "b" * 100 + "c" * RECORDED_OUTPUT_CHARS

    half = RECORDED_OUTPUT_CHARS // 2
    assert shortened(text) == f"{'a' * half}\n[... {len(text) - 2 * half} characters left out ...]\n{'c' * half}"
    assert shortened("x" * RECORDED_OUTPUT_CHARS) == "x" * RECORDED_OUTPUT_CHARS
