"""The event sink: everything that an agent did or said passes here once on its way to ``commands.jsonl``."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pytest_terminalbench.agents.registry import AgentSpec
from pytest_terminalbench.environments.base import ExecResult
from pytest_terminalbench.errors import ResultsUnwritable
from pytest_terminalbench.trials.unwritable import recorded

__all__ = ["EventSink", "Secrets", "shortened"]

# A recording is for reading; the middle of long texts is left out of it.
MAX_TEXT_CHARS = 8_000
# A few thousand commands with full outputs. An agent that types in a loop must not fill the host's disk.
MAX_FILE_BYTES = 32 << 20
# Shorter values are words like any other: hiding every "yes" would make recordings unreadable and protect nothing.
MIN_SECRET_CHARS = 4
HIDDEN = "[secret]"


class Secrets:
    """Values that must not be recorded, and texts without them."""

    def __init__(self, values: Iterable[object] = ()) -> None:
        self._values: frozenset[str] = frozenset()
        for value in values:
            self.add(value)

    @classmethod
    def of(cls, agent: AgentSpec) -> Secrets:
        """The values of the arguments that the agent's class names in ``secret_arguments``."""
        names: Iterable[str] = getattr(agent.factory, "secret_arguments", ())
        return cls(agent.arguments[name] for name in names if name in agent.arguments)

    def add(self, value: object) -> None:
        """Hide `value` from now on; of lists and mappings every value in them."""
        if isinstance(value, Mapping):
            value = list(value.values())
        if isinstance(value, list | tuple | set):
            for part in value:
                self.add(part)
        elif value is not None and not isinstance(value, bool) and len(str(value)) >= MIN_SECRET_CHARS:
            # A new set each time: another thread may be reading the old one.
            self._values = self._values | _spellings(str(value))

    def redacted(self, text: str) -> str:
        """`text` without the secrets; the longest first, because one may be part of another."""
        for value in sorted(self._values, key=len, reverse=True):
            text = text.replace(value, HIDDEN)
        return text


def _spellings(secret: str) -> set[str]:
    """`secret` as it is, and as a shell's command line, Python and JSON write it."""
    return {
        secret,
        secret.replace("'", "'\"'\"'"),
        repr(secret)[1:-1],
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
    }


class EventSink:
    """Appends events to `file`, one JSON object a line, in the order in which they end. For any number of threads.

    Texts lose their secrets and, where they are long, their middle. A full file ends with a line ``{"full": true}``.
    Times are seconds since the sink was made. `unwritten` remembers that the disk took nothing more, for whoever acts
    may have swallowed the exception.
    """

    def __init__(self, file: Path, *, secrets: Secrets | None = None) -> None:
        self.file = file
        self.secrets = secrets or Secrets()
        self.unwritten: ResultsUnwritable | None = None
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._written = 0
        self._closed = False

    @property
    def now_s(self) -> float:
        """Seconds since the sink was made."""
        return time.monotonic() - self._began

    def command(self, line: str, result: ExecResult, *, at_s: float) -> None:
        """A command that began at `at_s` and has ended."""
        self._write(
            {
                "at_s": round(at_s, 3),
                "command": self._recorded(line),
                "exit_code": result.exit_code,
                "timed_out": result.timed_out,
                "duration_s": round(result.duration_s, 3),
                "stdout": self._recorded(result.stdout),
                "stderr": self._recorded(result.stderr),
            }
        )

    def message(self, text: str) -> None:
        """What the agent, or its model, said."""
        self._write({"at_s": round(self.now_s, 3), "message": self._recorded(text)})

    def hide(self, secret: str) -> None:
        """Keep `secret` out of everything that is recorded from now on."""
        self.secrets.add(secret)

    def close(self) -> None:
        """Write nothing any more: the trial's folder is complete, and a thread left behind must not add to it."""
        with self._lock:
            self._closed = True

    def _recorded(self, text: str) -> str:
        # Secrets first: half of one, cut off, would not be recognised.
        return shortened(self.secrets.redacted(text))

    def _write(self, event: Mapping[str, Any]) -> None:
        line = json.dumps(event, allow_nan=False) + "\n"
        with self._lock:
            if self._closed or self._written >= MAX_FILE_BYTES:
                return
            self._written += len(line)
            if self._written >= MAX_FILE_BYTES:
                line = json.dumps({"at_s": event["at_s"], "full": True}) + "\n"
            try:
                with recorded(), self.file.open("a", encoding="utf-8") as file:
                    file.write(line)
            except ResultsUnwritable as error:
                self.unwritten = error
                raise


def shortened(text: str, limit: int = MAX_TEXT_CHARS) -> str:
    """`text` with its middle left out where it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters left out ...]\n{text[-half:]}"
