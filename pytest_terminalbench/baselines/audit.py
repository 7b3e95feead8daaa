"""The log of approvals: append-only, each line carrying the digest of the one before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_terminalbench.digest import digest_bytes
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.files import now_text

__all__ = ["AUDIT", "append", "entries", "problems", "readable"]

AUDIT = "audit.jsonl"
# What the first line carries instead of a digest.
NOTHING_BEFORE = "none"


def append(file: Path, entry: Mapping[str, Any]) -> None:
    """Add a line; the caller holds the lock of approvals.

    Raises BaselineError where the chain is broken already: what follows a forged line would look genuine.
    """
    found = problems(file)
    if found:
        raise BaselineError(f"{found[0]}; restore {file.name} from version control before anything is approved")
    line = {"ts": now_text(), **entry, "previous": _last_digest(file)}
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as log:
        # A name from a command line may hold half a surrogate pair; in JSON this is its escape.
        log.write((json.dumps(line, sort_keys=True, ensure_ascii=False) + "\n").encode(errors="backslashreplace"))


def entries(file: Path) -> Iterator[dict[str, Any]]:
    """Every line that can be read, oldest first."""
    for line in _lines(file):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield entry


def problems(file: Path) -> list[str]:
    """Where the chain is broken: a line that is damaged, changed, moved or missing; empty when all is well."""
    found = []
    expected = NOTHING_BEFORE
    for number, line in enumerate(_lines(file), start=1):
        try:
            entry = json.loads(line)
        except ValueError:
            found.append(f"{file}:{number} is not JSON")
            entry = {}
        if not isinstance(entry, dict) or (entry and entry.get("previous") != expected):
            found.append(f"{file}:{number} does not follow from the line before: one of the two was changed or removed")
        expected = digest_bytes(line)
    return found


def readable(file: Path) -> str:
    """The log as a Markdown table, newest first."""
    rows = [
        "| when | what | baseline | cell | by | how | notes |",
        "|---|---|---|---|---|---|---|",
    ]
    for entry in reversed(list(entries(file))):
        keys = ("ts", "action", "baseline_id", "cell", "by", "how", "notes")
        rows.append("| " + " | ".join(str(entry.get(key) or "").replace("|", "\\|") for key in keys) + " |")
    return "\n".join(["# Approvals", "", *rows]) + "\n"


def _lines(file: Path) -> list[bytes]:
    try:
        return file.read_bytes().splitlines()
    except FileNotFoundError:
        return []


def _last_digest(file: Path) -> str:
    lines = _lines(file)
    return digest_bytes(lines[-1]) if lines else NOTHING_BEFORE
