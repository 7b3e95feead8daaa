"""Puts baselines in place together with their lines in the log: all of them, or none."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from pytest_terminalbench.baselines.audit import AUDIT, AuditLog
from pytest_terminalbench.baselines.record import BaselineRecord, serialised
from pytest_terminalbench.documents import scratch_file
from pytest_terminalbench.errors import BaselineError

__all__ = ["LoggedBaseline", "remove_file", "write_together"]


@dataclass(frozen=True, kw_only=True)
class LoggedBaseline:
    """A record, the file that is to have it, and its line in the log. `old`: where it lay before, if elsewhere."""

    file: Path
    record: BaselineRecord
    line: Mapping[str, object]
    old: Path | None = None


def write_together(baselines: Sequence[LoggedBaseline], folder: Path) -> None:
    """Log `baselines` and put them in place; the caller holds the lock of approvals.

    All that takes room on the disk is written first, under other names, and the log gets all its lines or none; what
    is left is to rename. Raises BaselineError: nothing was written then, or, where a file could not even be renamed, it
    says which were, and the log has lines of these alone.
    """
    log = AuditLog(folder / AUDIT)
    with ExitStack() as scratches:
        try:
            ready = [
                scratches.enter_context(scratch_file(baseline.file, serialised(baseline.record)))
                for baseline in baselines
            ]
            # The log first: an approval without a line in it would be one that nobody has made.
            log.append_all(baseline.line for baseline in baselines)
        except OSError as error:
            raise BaselineError(
                f"{error.filename or folder} cannot be written: {error.strerror}; nothing was written: see to it, and "
                "do it again"
            ) from None
        _put_in_place(baselines, ready, log)
    _remove_old(baselines)


def _put_in_place(baselines: Sequence[LoggedBaseline], ready: Sequence[Path], log: AuditLog) -> None:
    done = 0
    try:
        for baseline, scratch in zip(baselines, ready, strict=True):
            scratch.replace(baseline.file)
            done += 1
    except OSError as error:
        left = _taken_back(log, len(baselines) - done)
        raise BaselineError(
            f"{baselines[done].file} cannot be written: {error.strerror}; written: {_names(baselines[:done])}; not "
            f"written: {_names(baselines[done:])}{left}; see to it, and do these again"
        ) from None
    except BaseException:
        _taken_back(log, len(baselines) - done)
        raise


def _taken_back(log: AuditLog, number: int) -> str:
    """Remove the lines of what was not written; says that they are still there where even that cannot be."""
    try:
        log.take_back(number)
    except OSError:
        return ", though the log has a line of each"
    return ""


def _names(baselines: Sequence[LoggedBaseline]) -> str:
    return ", ".join(str(baseline.line["cell"]) for baseline in baselines) or "none"


def _remove_old(baselines: Sequence[LoggedBaseline]) -> None:
    for old in (baseline.old for baseline in baselines if baseline.old is not None):
        try:
            remove_file(old)
        except OSError as error:
            raise BaselineError(
                f"{old} cannot be removed: {error.strerror}; all was written, and another file has taken its place: "
                "remove it"
            ) from None


def remove_file(file: Path) -> None:
    """Remove a baseline that has moved, and its folder if it is empty then."""
    file.unlink(missing_ok=True)
    # Only the first one: of thousands that move, each would list all that are left.
    with os.scandir(file.parent) as left:
        is_empty = next(left, None) is None
    if is_empty:
        file.parent.rmdir()
