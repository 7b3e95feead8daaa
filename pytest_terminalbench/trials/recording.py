"""What the agent typed and saw: commands.jsonl, agent.cast (asciicast v2) and trajectory.json (ATIF)."""

from __future__ import annotations

import json
import shlex
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pytest_terminalbench.agents.base import AgentTimeExpired
from pytest_terminalbench.environments.base import Environment, ExecResult, StopReport
from pytest_terminalbench.errors import EnvironmentFailure, TooMuchToCopy

__all__ = ["AgentDesk", "CommandRecord", "write_cast", "write_trajectory"]

# A recording is for reading; the middle of long outputs is left out of it.
RECORDED_OUTPUT_CHARS = 8_000
CAST_COLUMNS, CAST_ROWS = 120, 40


@dataclass(frozen=True, kw_only=True)
class CommandRecord:
    """One command: when it began (seconds since the agent did), the command line, and what it did."""

    at_s: float
    command: str
    result: ExecResult


class AgentDesk:
    """The environment as an agent gets it: commands are recorded, and none is taken after the deadline.

    Remembers in `failure` when the environment broke, for an agent may have swallowed the exception.
    """

    def __init__(self, environment: Environment, *, timeout_s: float, log: Path) -> None:
        self._environment = environment
        self._began = time.monotonic()
        self._until = self._began + timeout_s
        self._log = log
        self._closed = threading.Event()
        self.records: list[CommandRecord] = []
        self.failure: EnvironmentFailure | None = None
        self.expired = False

    def dismiss(self) -> None:
        """Take no further command, whatever time is left."""
        self._closed.set()

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float = 60.0,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        user: str | None = None,
    ) -> ExecResult:
        left = self._left()
        began = time.monotonic()
        with self._failures():
            result = self._environment.run(argv, timeout_s=min(timeout_s, left), env=env, cwd=cwd, user=user)
        self._record(CommandRecord(at_s=began - self._began, command=shell_line(argv), result=result))
        if result.timed_out and timeout_s >= left:
            self.expired = True
            raise AgentTimeExpired("the trial's time for the agent is over")
        return result

    def put(self, files: Mapping[str, bytes | Path], *, root: str = "/") -> None:
        self._left()
        with self._failures():
            self._environment.put(files, root=root)

    def get(self, path: str, target: Path, *, max_bytes: int = 1 << 30) -> bool:
        self._left()
        with self._failures():
            return self._environment.get(path, target, max_bytes=max_bytes)

    def export(self, path: str) -> Iterator[bytes] | None:
        self._left()
        with self._failures():
            return self._environment.export(path)

    def replace(self, path: str, archive: Iterator[bytes] | None) -> None:
        self._left()
        with self._failures():
            self._environment.replace(path, archive)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except TooMuchToCopy:
            raise  # The agent asked for it.
        except EnvironmentFailure as failure:
            self.failure = failure
            raise

    def stop_agent(self, *, keep: Sequence[str] = (), remove: Sequence[str] = ()) -> StopReport:
        raise PermissionError("an agent does not stop itself")

    def why_gone(self) -> str | None:
        return self._environment.why_gone()

    def close(self) -> None:
        raise PermissionError("an agent does not close its environment")

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0 or self._closed.is_set():
            self.expired = self.expired or left <= 0
            raise AgentTimeExpired("the trial's time for the agent is over")
        return left

    def _record(self, record: CommandRecord) -> None:
        self.records.append(record)
        line = {
            "at_s": round(record.at_s, 3),
            "command": record.command,
            "exit_code": record.result.exit_code,
            "timed_out": record.result.timed_out,
            "duration_s": round(record.result.duration_s, 3),
            "stdout": shortened(record.result.stdout),
            "stderr": shortened(record.result.stderr),
        }
        with self._log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def shell_line(argv: Sequence[str]) -> str:
    """The command as one would type it."""
    if len(argv) == 3 and argv[:2] == ["sh", "-c"]:
        return argv[2]
    return shlex.join(argv)


def shortened(text: str, limit: int = RECORDED_OUTPUT_CHARS) -> str:
    """`text` with its middle left out where it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters left out ...]\n{text[-half:]}"


def write_cast(file: Path, records: Sequence[CommandRecord], *, started_at: float, title: str) -> None:
    """An asciicast v2 recording of `records`; `started_at` is the epoch second the agent began."""
    header = {"version": 2, "width": CAST_COLUMNS, "height": CAST_ROWS, "timestamp": int(started_at), "title": title}
    # By time, for an agent may run several commands at once.
    events = sorted((event for record in records for event in _cast_events(record)), key=lambda event: event[0])
    lines = [json.dumps(header), *(json.dumps(event) for event in events)]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _cast_events(record: CommandRecord) -> Iterator[tuple[float, str, str]]:
    yield round(record.at_s, 3), "o", f"$ {record.command}\n".replace("\n", "\r\n")
    seen = shortened(record.result.stdout + record.result.stderr).replace("\n", "\r\n")
    if seen:
        yield round(record.at_s + record.result.duration_s, 3), "o", seen


def write_trajectory(
    file: Path, records: Sequence[CommandRecord], *, session: str, agent: str, model: str | None, instruction: str
) -> None:
    """The trial as an ATIF trajectory: the instruction, then a step for every command."""
    steps: list[dict[str, object]] = [{"step_id": 1, "source": "user", "message": instruction}]
    for number, record in enumerate(records, start=2):
        call = f"call-{number}"
        seen = shortened(record.result.stdout + record.result.stderr)
        steps.append(
            {
                "step_id": number,
                "source": "agent",
                "message": "",
                "tool_calls": [
                    {"tool_call_id": call, "function_name": "run", "arguments": {"command": record.command}}
                ],
                "observation": {"results": [{"source_call_id": call, "content": seen}]},
            }
        )
    trajectory = {
        "schema_version": "ATIF-v1.8",
        "session_id": session,
        "agent": {"name": agent, "version": "1", **({"model_name": model} if model else {})},
        "steps": steps,
        "final_metrics": {"total_steps": len(steps)},
    }
    file.write_text(json.dumps(trajectory, indent=1) + "\n", encoding="utf-8")
