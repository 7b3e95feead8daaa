"""Rewrites baselines without approving them again: what was approved stands, and the log says what was changed.

`migrate.py`, `move.py` and `rebase.py` say what is to be rewritten. An interrupted rewriting is finished by running the
command again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_terminalbench.baselines import audit
from pytest_terminalbench.baselines.folder import StoredBaseline
from pytest_terminalbench.baselines.lock import only_writer
from pytest_terminalbench.baselines.record import BaselineRecord, read_record, serialised
from pytest_terminalbench.baselines.write_together import remove_file
from pytest_terminalbench.documents import write_atomically
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.identity import CellId

__all__ = ["LogLines", "Rewrite", "hindrances", "log_lines", "write_rewrites"]


class LogLines:
    """The lines of the log, by the places that they tell of."""

    def __init__(self, entries: Iterable[Mapping[str, Any]]) -> None:
        self._by_place: dict[str, list[tuple[int, Mapping[str, Any]]]] = {}
        for number, entry in enumerate(entries):
            self._by_place.setdefault(str(entry.get("cell")), []).append((number, entry))

    def of(self, place: str) -> list[Mapping[str, Any]]:
        """Those of one place, oldest first."""
        return [entry for _, entry in self._by_place.get(place, ())]

    def last_of(self, *places: str) -> Mapping[str, Any] | None:
        """The newest line of all these places."""
        newest = [self._by_place[place][-1] for place in places if place in self._by_place]
        return max(newest, key=lambda line: line[0])[1] if newest else None


@dataclass(frozen=True, kw_only=True)
class Rewrite:
    """A baseline and the record of `cell` that takes its place.

    `action` is what the log calls it; `details`: what its line says besides.
    """

    old: StoredBaseline
    cell: CellId
    record: BaselineRecord
    action: str
    details: Mapping[str, object] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What the baseline is called from now on."""
        return self.cell.baseline_name

    @property
    def is_elsewhere(self) -> bool:
        return self.old.place != self.name


def log_lines(folder: Path) -> LogLines:
    """Raises BaselineError where the log cannot be read."""
    return LogLines(audit.entries(folder / audit.AUDIT))


def hindrances(folder: Path, rewrite: Rewrite, lines: LogLines) -> Iterator[str]:
    """Why a baseline must not be given a new line in the log: it is not what was approved, or another is there."""
    before = lines.of(rewrite.old.place)
    if not rewrite.is_elsewhere and _was_interrupted(rewrite, lines):
        before = before[:-1]
    last = before[-1] if before else None
    yield from audit.contradiction(folder / audit.AUDIT, rewrite.old.place, rewrite.old.file, last)
    there = read_record(folder / rewrite.cell.baseline_file) if rewrite.is_elsewhere else None
    if there is None or there == rewrite.record:
        return
    if rewrite.action == audit.MOVED:
        yield f"{rewrite.name} has a baseline of its own; retire {rewrite.old.name}, or move it elsewhere"
    else:
        yield (
            f"{rewrite.old.file} would become {rewrite.name}, which has been approved again: restore one of the "
            "two from version control, with the log, and remove the other"
        )


def write_rewrites(rewrites: Sequence[Rewrite], folder: Path, *, by: str, again: str) -> None:
    """Put the new records in place and remove the old ones, one after the other.

    Each is logged first, then written, then the old one removed: nothing is lost wherever it is interrupted. Raises
    BaselineError when somebody else is approving, or has since the plan was made; `again` is what to do then.
    """
    with only_writer(folder):
        lines, log = log_lines(folder), audit.AuditLog(folder / audit.AUDIT)
        for rewrite in rewrites:
            if read_record(rewrite.old.file) != rewrite.old.record:
                raise BaselineError(f"{rewrite.old.file} was changed meanwhile; look at it and {again} again")
            if not _was_interrupted(rewrite, lines):
                log.append(_audit_line(rewrite, by))
            write_atomically(folder / rewrite.cell.baseline_file, serialised(rewrite.record))
            if rewrite.is_elsewhere:
                remove_file(rewrite.old.file)


def _was_interrupted(rewrite: Rewrite, lines: LogLines) -> bool:
    """Whether this very deed was logged and not finished: nothing has been logged of its places since."""
    line = lines.last_of(rewrite.old.place, rewrite.name)
    if line is None or (line.get("cell"), line.get("action")) != (rewrite.name, rewrite.action):
        return False
    return line.get("record") == audit.record_digest(serialised(rewrite.record))


def _audit_line(rewrite: Rewrite, by: str) -> Mapping[str, object]:
    record = rewrite.record
    return {
        "action": rewrite.action,
        "how": f"baseline {_COMMANDS[rewrite.action]}",
        "baseline_id": record.baseline_id,
        "status": record.status,
        "solved": record.solved,
        "attempts": record.attempts,
        "cell": rewrite.name,
        audit.MOVED_FROM: rewrite.old.place,
        "by": by,
        **rewrite.details,
        "record": audit.record_digest(serialised(record)),
    }


_COMMANDS = {audit.MIGRATED: "migrate", audit.MOVED: "move", audit.REBASED: "rebase"}
