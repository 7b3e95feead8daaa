"""The journal: what happened when, one line a write, from every process of a run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from pytest_terminalbench.documents import append_line, now_text, parse_line
from pytest_terminalbench.errors import ResultsUnwritable
from pytest_terminalbench.trials.unwritable import recorded

__all__ = ["FileJournal", "Journal", "read_events"]


class Journal(Protocol):
    """Keeps what happened when, from every process of a run."""

    def write(self, kind: str, *, cell: str | None = None, trial: int | None = None, **facts: object) -> None:
        """Add one event; `cell` and `trial` say of which cell and attempt it tells."""


class FileJournal:
    """Appends events to a file that other processes append to as well."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def write(self, kind: str, *, cell: str | None = None, trial: int | None = None, **facts: object) -> None:
        """Append one line, which is never torn by another process's.

        An event for which the disk has no room is lost: nothing depends on it, and that the results cannot be written
        is told by those on which something does.
        """
        event = {"ts": now_text(), "pid": os.getpid(), "type": kind, "cell": cell, "trial": trial, **facts}
        with suppress(ResultsUnwritable), recorded():
            append_line(self.file, event)


def read_events(file: Path) -> Iterator[dict[str, object]]:
    """Every whole line; one that a full disk cut off is passed over."""
    if not file.is_file():
        return
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            event = parse_line(line)
            if event is not None:
                yield event
