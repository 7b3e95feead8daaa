"""The log of approvals: append-only, each line carrying the digest of the one before.

A line also carries the digest of itself and of the record it is about, so that the last line, which nothing follows,
and the baselines can be checked, too. Lines of earlier versions have neither; what they tell is compared then.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pytest_terminalbench.baselines.record import BaselineRecord, read_record
from pytest_terminalbench.digest import digest_bytes, digest_json
from pytest_terminalbench.documents import append_whole, now_text, parse_json, parse_line
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.regular_files import read_regular

__all__ = [
    "AUDIT",
    "MIGRATED",
    "MOVED",
    "MOVED_FROM",
    "REBASED",
    "AuditLog",
    "check_not_emptied",
    "contradiction",
    "contradictions",
    "entries",
    "place",
    "problems",
    "readable",
    "record_digest",
]

AUDIT = "audit.jsonl"
# The actions of lines about baselines that were rewritten without being approved again: what was approved stands.
MIGRATED, MOVED, REBASED = "migrated", "moved", "rebased"
_REWRITTEN = frozenset({MIGRATED, MOVED, REBASED})
# In a line about a baseline that moved: where it lay before.
MOVED_FROM = "from"
_EVERY_BASELINE = "*/*/*.json"
# What the first line carries instead of a digest.
NOTHING_BEFORE = "none"
# What an approval's line and the record both have, and what the record calls it.
_TOLD = {
    "baseline_id": "baseline_id",
    "status": "status",
    "by": "approved_by",
    "notes": "notes",
    "solved": "solved",
    "attempts": "attempts",
    "supersedes": "supersedes",
}


class AuditLog:
    """The log in `file`, for adding lines; the caller holds the lock of approvals until the last line is added.

    It is read and checked before the first line, and not again: who approves thousands of cells reads it once.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._previous: str | None = None
        self._begin = b""
        # How long the log was before each line of the last `append_all`, and what that line carries as the one before.
        self._before: list[tuple[int, str]] = []

    def append(self, entry: Mapping[str, Any]) -> None:
        """Add a line; raises as `append_all`."""
        self.append_all([entry])

    def append_all(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """Add a line for each, all of them or none.

        Raises OSError where it cannot be written, and BaselineError where the log cannot be read, or the chain is
        broken already: what follows a forged line would look genuine.
        """
        if self._previous is None:
            self._read()
        previous, added = str(self._previous), self._begin
        size = self._file.stat().st_size if self._file.exists() else 0
        before: list[tuple[int, str]] = []
        for entry in entries:
            before.append((size + len(added) if before else size, previous))
            line = _line(entry, previous)
            previous, added = digest_bytes(line), added + line + b"\n"
        if before:
            append_whole(self._file, added)
            self._previous, self._begin, self._before = previous, b"", before

    def take_back(self, number: int) -> None:
        """Remove the last `number` lines of the last `append_all`; raises OSError."""
        size, self._previous = self._before[-number]
        if size:
            os.truncate(self._file, size)
        else:
            self._file.unlink()
        del self._before[-number:]

    def _read(self) -> None:
        content = _content(self._file)
        broken = _problems(self._file, content)
        if broken:
            name = self._file.name
            raise BaselineError(f"{broken[0]}; restore {name} from version control before anything is approved")
        self._previous = digest_bytes(content.splitlines()[-1]) if content else NOTHING_BEFORE
        # An editor may have taken the last line's end.
        self._begin = b"" if not content or content.endswith(b"\n") else b"\n"


def _line(entry: Mapping[str, Any], previous: str) -> bytes:
    content = {"ts": now_text(), **entry, "previous": previous}
    content["digest"] = _own_digest(content)
    # A name from a command line may hold half a surrogate pair; in JSON this is its escape.
    return json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False).encode(errors="backslashreplace")


def check_not_emptied(file: Path) -> None:
    """Raise BaselineError where the log has no line and there are baselines: a chain begun anew would look genuine."""
    known = next(file.parent.glob(_EVERY_BASELINE), None)
    if known is not None and not (file.exists() and file.stat().st_size):
        raise BaselineError(
            f"{file} has no lines, and there is {known}: its line was removed, or nobody approved it here; restore "
            f"{file.name} from version control, or remove the baselines and approve all of them again"
        )


def entries(file: Path) -> Iterator[dict[str, Any]]:
    """Every line that can be read, oldest first. Raises BaselineError where the log as a whole cannot."""
    for line in _content(file).splitlines():
        entry = parse_line(line)
        if entry is not None:
            yield entry


def problems(file: Path) -> list[str]:
    """Where the chain is broken: a line that is damaged, changed, moved or missing; empty when all is well.

    Raises BaselineError where the log cannot be read at all.
    """
    return _problems(file, _content(file))


def _problems(file: Path, content: bytes) -> list[str]:
    wrong, changed = [], []
    expected = NOTHING_BEFORE
    lines = content.splitlines()
    for number, line in enumerate(lines, start=1):
        entry = parse_line(line)
        if entry is None:
            is_cut = number == len(lines) and not content.endswith(b"\n")
            wrong.append(f"{file}:{number} is {'cut off' if is_cut else 'not JSON, or no object'}")
        elif entry.get("previous") != expected:
            wrong.append(f"{file}:{number} does not follow from the line before: one of the two was changed or removed")
        if entry is not None and "digest" in entry and entry["digest"] != _own_digest(entry):
            changed.append(f"{file}:{number} was changed: it is not what its digest says")
        expected = digest_bytes(line)
    return wrong + changed


class _Outcome(NamedTuple):
    """What a line says of a cell's outcome."""

    solved: object
    attempts: object

    @property
    def is_told(self) -> bool:
        return self.attempts is not None

    def __str__(self) -> str:
        return f"{self.solved} of {self.attempts} solved"


def contradictions(folder: Path) -> list[str]:
    """Where the baselines in `folder` and the log there tell different things; empty when all is well.

    Of every cell the last line tells what its file should say. Raises BaselineError where the log cannot be read.
    """
    file = folder / AUDIT
    last: dict[str, dict[str, Any]] = {}
    approved: dict[str, set[str]] = {}
    outcomes: dict[str, _Outcome] = {}
    contradicting = []
    for entry in entries(file):
        cell = str(entry.get("cell"))
        moved_from = str(entry.get(MOVED_FROM, cell))
        if moved_from != cell:
            last.pop(moved_from, None)
            approved.setdefault(cell, set()).update(approved.get(moved_from, ()))
            if moved_from in outcomes:
                outcomes[cell] = outcomes.pop(moved_from)
        outcome = _Outcome(entry.get("solved"), entry.get("attempts"))
        if outcome.is_told and entry.get("action") not in _REWRITTEN:
            outcomes[cell] = outcome
        elif outcome.is_told and outcome != outcomes.get(cell, outcome):
            contradicting.append(
                f"{file}: {entry.get('baseline_id')} was {entry['action']} with {outcome}, and was approved with "
                f"{outcomes[cell]}: a line was changed; restore {file.name} from version control"
            )
        superseded = entry.get("supersedes")
        if superseded is not None and str(superseded) not in approved.get(cell, ()):
            contradicting.append(
                f"{file}: {entry.get('baseline_id')} superseded {superseded}, which the log does not know: lines were "
                f"removed; restore {file.name} from version control"
            )
        approved.setdefault(cell, set()).add(str(entry.get("baseline_id")))
        last[cell] = entry
    places = {place.relative_to(folder).with_suffix("").as_posix(): place for place in folder.glob(_EVERY_BASELINE)}
    for cell in sorted(last.keys() | places.keys()):
        contradicting += contradiction(file, cell, places.get(cell), last.get(cell))
    return contradicting


def contradiction(log: Path, cell: str, place: Path | None, entry: Mapping[str, Any] | None) -> Iterator[str]:
    """What the file of a baseline and the line about it disagree in; None: there is none."""
    if place is None:
        yield (
            f"{log} has a baseline for {cell}, and there is none: restore its file from version control, or approve "
            "the cell again"
        )
        return
    if entry is None:
        yield (
            f"{place} has no line in {log.name}: nobody approved it here, or lines were removed; restore both from "
            "version control, or remove the file and approve again"
        )
        return
    try:
        record = read_record(place)
    except BaselineError as error:
        yield str(error)
        return
    if record is not None and (differing := _differing(record, place, entry)):
        yield (
            f"{place} is not what the last line of {cell} in {log.name} says ({', '.join(differing)}): one of the two "
            "was changed; restore both from version control, or approve the cell again"
        )


def _differing(record: BaselineRecord, place: Path, entry: Mapping[str, Any]) -> list[str]:
    """What `record` and the line about it disagree in."""
    if entry.get("action") == "retired":
        expected = {"baseline_id": entry.get("baseline_id"), "status": "retired"}
    elif entry.get("action") in _REWRITTEN:
        # An earlier line says who approved it, and why.
        expected = {name: entry[name] for name in ("baseline_id", "status", "solved", "attempts") if name in entry}
    else:
        expected = {name: entry[key] for key, name in _TOLD.items() if key in entry}
    differing = [name for name, value in expected.items() if getattr(record, name) != value]
    if not differing and "record" in entry and entry["record"] != record_digest(read_regular(place)):
        differing.append("its content")
    return differing


def record_digest(text: str | bytes) -> str:
    """The digest of a baseline's content, however its file is laid out."""
    return digest_json(parse_json(text))


def place(entry: Mapping[str, Any]) -> str:
    """The baseline that a line is about, with what it was called before where the line gave it another name."""
    cell, before = str(entry.get("cell") or ""), entry.get(MOVED_FROM)
    return f"{before} → {cell}" if before not in (None, cell) else cell


def readable(file: Path) -> str:
    """The log as a Markdown table, newest first."""
    rows = [
        "| when | what | baseline | cell | by | how | notes |",
        "|---|---|---|---|---|---|---|",
    ]
    for entry in reversed(list(entries(file))):
        facts = {**entry, "cell": place(entry)}
        keys = ("ts", "action", "baseline_id", "cell", "by", "how", "notes")
        rows.append("| " + " | ".join(str(facts.get(key) or "").replace("|", "\\|") for key in keys) + " |")
    return "\n".join(["# Approvals", "", *rows]) + "\n"


def _content(file: Path) -> bytes:
    try:
        return read_regular(file)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise BaselineError(f"{file} cannot be read: {error.strerror}; restore it from version control") from None


def _own_digest(entry: Mapping[str, Any]) -> str:
    return digest_json({key: value for key, value in entry.items() if key != "digest"})
