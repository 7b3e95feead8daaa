"""What the agent typed and saw, in the formats that other tools read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pytest_terminalbench.trials.recordings import write_cast, write_trajectory

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


def command(line: str, stdout: str = "", stderr: str = "", *, at_s: float = 0.0, took_s: float = 0.5) -> dict[str, Any]:
    """A command as the event sink writes it."""
    result = {"exit_code": 0, "timed_out": False, "stdout": stdout, "stderr": stderr}
    return {"at_s": at_s, "command": line, "duration_s": took_s, **result}


def write_events(folder: Path, *events: dict[str, Any]) -> Path:
    file = folder / "commands.jsonl"
    file.write_text("".join(json.dumps(event) + "\n" for event in events))
    return file


class TestCast:
    """asciicast v2: a header, then [time, "o", text] in order of time."""

    def lines(self, folder: Path, *events: dict[str, Any]) -> list[Any]:
        write_cast(
            folder / "agent.cast", write_events(folder, *events), started_at=1700000000.7, title="demo/a[oracle]"
        )
        return [json.loads(line) for line in (folder / "agent.cast").read_text().splitlines()]

    def test_it_begins_with_a_header(self, tmp_path: Path) -> None:
        assert self.lines(tmp_path) == [
            {"version": 2, "width": 120, "height": 40, "timestamp": 1700000000, "title": "demo/a[oracle]"}
        ]

    def test_a_command_and_what_it_printed_are_events(self, tmp_path: Path) -> None:
        assert self.lines(tmp_path, command("ls\nwc", "a\n", "b\n", at_s=1.25, took_s=2.0))[1:] == [
            [1.25, "o", "$ ls\r\nwc\r\n"],
            [3.25, "o", "a\r\nb\r\n"],
        ]

    def test_a_silent_command_is_one_event(self, tmp_path: Path) -> None:
        assert self.lines(tmp_path, command("true", at_s=1.0))[1:] == [[1.0, "o", "$ true\r\n"]]

    def test_events_of_commands_side_by_side_are_in_order(self, tmp_path: Path) -> None:
        long, short = command("long", "l", at_s=0.0, took_s=9.0), command("short", "s", at_s=1.0, took_s=1.0)

        assert [event[0] for event in self.lines(tmp_path, short, long)[1:]] == [0.0, 1.0, 2.0, 9.0]

    def test_messages_are_not_in_it(self, tmp_path: Path) -> None:
        """It shows a terminal."""
        assert len(self.lines(tmp_path, {"at_s": 0.1, "message": "I look first."}, command("true"))) == 2

    def test_an_agent_that_did_nothing_has_a_header_alone(self, tmp_path: Path) -> None:
        write_cast(tmp_path / "agent.cast", tmp_path / "commands.jsonl", started_at=1.0, title="t")

        assert len((tmp_path / "agent.cast").read_text().splitlines()) == 1


class TestTrajectory:
    def read(self, folder: Path, *events: dict[str, Any], model: str | None = None) -> Any:
        write_trajectory(
            folder / "trajectory.json",
            write_events(folder, *events),
            session="run/cell/1",
            agent="scripted",
            model=model,
            instruction="Make it.",
        )
        return json.loads((folder / "trajectory.json").read_text())

    def test_it_is_the_instruction_and_a_step_for_every_command(self, tmp_path: Path) -> None:
        assert self.read(tmp_path, command("ls", "a\n", "b\n"), command("pwd", "/\n")) == {
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
        trajectory = self.read(tmp_path, command("ls", "a\n"), model="provider/one")

        assert trajectory.keys() <= TRAJECTORY_KEYS
        assert set().union(*trajectory["steps"]) <= STEP_KEYS
        assert trajectory["agent"] == {"name": "scripted", "version": "1", "model_name": "provider/one"}

    def test_what_the_agent_said_is_a_step_of_its_own(self, tmp_path: Path) -> None:
        trajectory = self.read(tmp_path, {"at_s": 0.1, "message": "I look first."}, command("ls", "a\n"))

        assert trajectory["steps"][1:] == [
            {"step_id": 2, "source": "agent", "message": "I look first."},
            step(3, "ls", "a\n"),
        ]

    def test_where_the_file_of_events_was_full_it_ends(self, tmp_path: Path) -> None:
        assert self.read(tmp_path, command("ls"), {"at_s": 1.0, "full": True})["final_metrics"] == {"total_steps": 2}

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


def test_an_event_that_was_cut_off_is_passed_over(tmp_path: Path) -> None:
    """As on a full disk."""
    events = write_events(tmp_path, command("ls", "a\n"))
    with events.open("a") as file:
        file.write('{"at_s": 1.0, "comm')

    write_cast(tmp_path / "agent.cast", events, started_at=0.0, title="t")
    write_trajectory(tmp_path / "trajectory.json", events, session="s", agent="a", model=None, instruction="do")

    assert len((tmp_path / "agent.cast").read_text().splitlines()) == 3
    assert len(json.loads((tmp_path / "trajectory.json").read_text())["steps"]) == 2
