"""Rewrites baselines without approving them again: what was approved stands, and the log says what was changed.

`migrate.py`, `move.py` and `rebase.py` say what is to be rewritten. An interrupted rewriting is finished by running the
command again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_terminalbench.baselines import audit
from pytest_terminalbench.baselines.approval import remove_file
from pytest_terminalbench.baselines.folder import StoredBaseline
from pytest_terminalbench.baselines.lock import only_writer
from pytest_terminalbench.baselines.record import BaselineRecord, read_record, serialised
from pytest_terminalbench.documents import write_atomically
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.identity import CellId

__all__ = ["Rewrite", "hindrances", "lines_by_place", "write_rewrites"]

# The lines of the log by the places that they tell of, oldest first.
LinesByPlace = Mapping[str, Sequence[Mapping[str, Any]]]


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


def lines_by_place(folder: Path) -> LinesByPlace:
    """Raises BaselineError where the log cannot be read."""
    lines: dict[str, list[Mapping[str, Any]]] = {}
    for entry in audit.entries(folder / audit.AUDIT):
        lines.setdefault(str(entry.get("cell")), []).append(entry)
    return lines


def hindrances(folder: Path, rewrite: Rewrite, lines: LinesByPlace) -> Iterator[str]:
    """Why a baseline must not be given a new line in the log: it is not what was approved, or another is there."""
    before = [entry for entry in lines.get(rewrite.old.place, ()) if not _tells_of(entry, rewrite)]
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
        lines, log = lines_by_place(folder), audit.AuditLog(folder / audit.AUDIT)
        for rewrite in rewrites:
            if read_record(rewrite.old.file) != rewrite.old.record:
                raise BaselineError(f"{rewrite.old.file} was changed meanwhile; look at it and {again} again")
            if not any(_tells_of(entry, rewrite) for entry in lines.get(rewrite.name, ())):
                log.append(_audit_line(rewrite, by))
            write_atomically(folder / rewrite.cell.baseline_file, serialised(rewrite.record))
            if rewrite.is_elsewhere:
                remove_file(rewrite.old.file)


def _tells_of(entry: Mapping[str, Any], rewrite: Rewrite) -> bool:
    """Whether a line of the log is that of this very deed, which was interrupted then."""
    is_its_deed = entry.get("cell") == rewrite.name and entry.get("action") == rewrite.action
    return is_its_deed and entry.get("record") == audit.record_digest(serialised(rewrite.record))


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
