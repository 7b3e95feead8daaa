"""Lines that tell what is running when nothing has been reported for a while, also under ``-n``."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from pytest_terminalbench.trials.journal import read_events

__all__ = ["Progress", "began_or_ended", "progress_line", "with_seconds"]

SHOWN_RUNNING = 3


class Progress:
    """A thread of the controller that reads the journal: workers' own output does not reach the terminal."""

    def __init__(self, events: Path, reporter: Any, *, silence_s: float, total: int) -> None:
        self._events = events
        self._terminal = _Terminal(reporter)
        self._silence_s = silence_s
        self._total = total
        self._heard_at = time.monotonic()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="terminalbench-progress")

    def start(self) -> None:
        self._thread.start()

    def heard(self) -> None:
        """Something was reported: the terminal is not silent."""
        self._heard_at = time.monotonic()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=5)
        self._terminal.close()

    def _watch(self) -> None:
        while not self._stopped.wait(min(1.0, self._silence_s / 2)):
            if time.monotonic() - self._heard_at < self._silence_s:
                continue
            line = progress_line(began_or_ended(self._events), total=self._total, now=time.time())
            if line:
                self._terminal.write_line(line)
            self.heard()


def began_or_ended(journal: Path) -> dict[str, float | None]:
    """Cells seen in the journal: when the running ones began (epoch seconds), None for the ended."""
    from datetime import datetime

    # A cell may have several trials at a time.
    cells: dict[str, dict[object, float]] = {}
    for event in read_events(journal):
        if event["type"] not in ("trial-start", "trial-end", "worker-crash"):
            continue
        running = cells.setdefault(str(event["cell"]), {})
        if event["type"] == "trial-start":
            running[event["trial"]] = datetime.fromisoformat(str(event["ts"])).timestamp()
        elif event["type"] == "trial-end":
            running.pop(event["trial"], None)
        else:
            running.clear()
    return {cell: min(running.values(), default=None) for cell, running in cells.items()}


class _Terminal:
    """Where pytest prints, reached while it captures what a test prints: its reporter's own words are captured too.

    To be made while nothing is captured.
    """

    def __init__(self, reporter: Any) -> None:
        self._reporter = reporter
        self._stream: TextIO | None = None
        try:
            self._stream = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1, errors="backslashreplace")
        except (OSError, ValueError):
            pass  # Something else than a file, as in a pytest inside a test.

    def write_line(self, line: str) -> None:
        if self._stream is None:
            self._reporter.ensure_newline()
            self._reporter.write_line(line)
            return
        # What the reporter has said it has flushed; when it goes on it repeats where it was.
        start = "\n" if self._reporter.currentfspath else ""
        self._reporter.currentfspath = None
        self._stream.write(f"{start}{line}\n")

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()


def progress_line(cells: Mapping[str, float | None], *, total: int, now: float) -> str:
    """``terminalbench: 12 of 24 done; running: fix-permissions[oracle] 45 s, …``; empty when nothing runs."""
    running = {name: began for name, began in cells.items() if began is not None}
    if not running:
        return ""
    oldest = sorted(running.items(), key=lambda cell: cell[1])[:SHOWN_RUNNING]
    shown = with_seconds({name.rpartition("/")[2]: began for name, began in oldest}, now=now)
    more = f" and {len(running) - SHOWN_RUNNING} more" if len(running) > SHOWN_RUNNING else ""
    # Nobody knows how many a user's own tests will run.
    of_all = f" of {total}" if total else ""
    return f"terminalbench: {len(cells) - len(running)}{of_all} done; running: {shown}{more}"


def with_seconds(cells: Mapping[str, float], *, now: float) -> str:
    """``fix-permissions[oracle] 45 s, …``, those that began first in front."""
    return ", ".join(f"{name} {now - began:.0f} s" for name, began in sorted(cells.items(), key=lambda cell: cell[1]))
