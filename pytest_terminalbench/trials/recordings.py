"""Recordings that other tools read, made of ``commands.jsonl``: agent.cast (asciicast v2) and trajectory.json (ATIF).

Both are written while the events are read, so that no recording is held in memory as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_terminalbench.documents import parse_json, parse_line
from pytest_terminalbench.trials.events import shortened

__all__ = ["write_cast", "write_trajectory"]

CAST_COLUMNS, CAST_ROWS = 120, 40


def write_cast(file: Path, events: Path, *, started_at: float, title: str) -> None:
    """An asciicast v2 recording of the commands in `events`; `started_at` is the epoch second the agent began."""
    header = {"version": 2, "width": CAST_COLUMNS, "height": CAST_ROWS, "timestamp": int(started_at), "title": title}
    with file.open("w", encoding="utf-8") as cast:
        cast.write(json.dumps(header) + "\n")
        for at_s, text in _by_time(events):
            cast.write(json.dumps([at_s, "o", text.replace("\n", "\r\n")]) + "\n")


def _by_time(events: Path) -> Iterator[tuple[float, str]]:
    """What was typed and printed, with its time, in order: an agent may run several commands at once.

    Only the times and places of the lines are sorted; the lines themselves are read when their turn comes.
    """
    moments = []
    for offset, event in _read(events):
        if "command" in event:
            at_s = event["at_s"]
            moments.append((at_s, offset, False))
            moments.append((round(at_s + event["duration_s"], 3), offset, True))
    if not moments:
        return
    moments.sort()
    with events.open("rb") as lines:
        for at_s, offset, is_output in moments:
            lines.seek(offset)
            event = parse_json(lines.readline())
            text = _output(event) if is_output else f"$ {event['command']}\n"
            if text:
                yield at_s, text


def write_trajectory(
    file: Path, events: Path, *, session: str, agent: str, model: str | None, instruction: str
) -> None:
    """The trial as an ATIF trajectory: the instruction, then a step for every command and every message."""
    head = {
        "schema_version": "ATIF-v1.8",
        "session_id": session,
        "agent": {"name": agent, "version": "1", **({"model_name": model} if model else {})},
    }
    count = 0
    with file.open("w", encoding="utf-8") as trajectory:
        trajectory.write(json.dumps(head, indent=1, allow_nan=False).removesuffix("\n}") + ',\n "steps": [')
        for count, step in enumerate(_steps(events, instruction), start=1):
            trajectory.write(
                ("," if count > 1 else "") + "\n" + json.dumps({"step_id": count, **step}, indent=1, allow_nan=False)
            )
        metrics = {"total_steps": count}
        trajectory.write(f'\n ],\n "final_metrics": {json.dumps(metrics, allow_nan=False)}\n}}\n')


def _steps(events: Path, instruction: str) -> Iterator[dict[str, Any]]:
    """Steps without their numbers."""
    yield {"source": "user", "message": instruction}
    for number, (_, event) in enumerate(_read(events), start=2):
        if "message" in event:
            yield {"source": "agent", "message": event["message"]}
        elif "command" in event:
            call = f"call-{number}"
            arguments = {"command": event["command"]}
            yield {
                "source": "agent",
                "message": "",
                "tool_calls": [{"tool_call_id": call, "function_name": "run", "arguments": arguments}],
                "observation": {"results": [{"source_call_id": call, "content": _output(event)}]},
            }


def _read(events: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Every event with its place in the file; an agent that did nothing has left none."""
    if not events.is_file():
        return
    offset = 0
    with events.open("rb") as lines:
        for line in lines:
            event = parse_line(line)
            # A full disk has cut it off.
            if event is not None:
                yield offset, event
            offset += len(line)


def _output(event: Mapping[str, Any]) -> str:
    return shortened(event["stdout"] + event["stderr"])
