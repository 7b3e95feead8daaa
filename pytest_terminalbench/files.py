"""Files written whole or not at all, and made for diffs."""

from __future__ import annotations

import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["now_text", "time_text", "write_atomically", "write_json"]


def write_json(file: Path, content: object) -> None:
    """Sorted keys, two spaces, final newline; whole or not at all."""
    write_atomically(file, json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def write_atomically(file: Path, text: str) -> None:
    """Write `text` to a scratch file beside `file`, then put it in place."""
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        # What a verifier says may hold half a surrogate pair, which UTF-8 cannot; in JSON this is its escape.
        scratch.write_text(text, encoding="utf-8", errors="backslashreplace")
        scratch.replace(file)
    except OSError:
        scratch.unlink(missing_ok=True)
        raise


def now_text() -> str:
    """The time now as ISO 8601 in UTC with milliseconds."""
    return time_text(datetime.now(UTC))


def time_text(time: datetime) -> str:
    """`time`, in UTC, as all our files have it."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
