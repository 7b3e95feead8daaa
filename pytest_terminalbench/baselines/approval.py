"""From trials to approved baselines, and the log of who approved what."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pytest_terminalbench.baselines import audit
from pytest_terminalbench.baselines.record import BaselineRecord, Measure, measure, read_record, serialised
from pytest_terminalbench.digest import digest_bytes
from pytest_terminalbench.documents import write_atomically
from pytest_terminalbench.errors import BaselineError

__all__ = ["Approval", "CellTrials", "JudgedTrial", "approve", "contents", "record_of", "retire"]

# Approving a thousand cells takes a second; who waits longer meets somebody else's approval.
LOCK_TIMEOUT_S = 2.0

Status = Literal["active", "provisional"]
# Digests of baselines' files by their place below the folder; None: there is none.
Contents: TypeAlias = Mapping[Path, str | None]
# The name of a folder or file, and neither ``.`` nor ``..``.
_PLAIN = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9_.-]+")


@dataclass(frozen=True, kw_only=True)
class JudgedTrial:
    """What a baseline keeps of one trial. Seconds, MiB, US dollars; None: not known."""

    solved: bool
    reward: float
    runtime_s: float
    memory_peak_mb: float | None
    cost_usd: float | None
    tokens: int
    fingerprint: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class CellTrials:
    """A cell to be approved; `file` is where its baseline lies below the folder of baselines."""

    scenario_id: str
    file: Path
    trials: Sequence[JudgedTrial]
    status: Status = "active"


@dataclass(frozen=True, kw_only=True)
class Approval:
    """What was written: the files, in order; the ones that say the same as before are not among them."""

    written: Sequence[Path]
    unchanged: int


def approve(
    cells: Sequence[CellTrials],
    *,
    run_id: str,
    baselines: Path,
    approver: str,
    notes: str = "",
    how: str = "--update-baselines",
    seen: Contents | None = None,
) -> Approval:
    """Approve `cells` of the run `run_id`, in order of their files; other cells' baselines are not touched.

    Every record is made before the first file is written, so that a cell that cannot be approved changes nothing.
    `seen`: the `contents` when the decision was made; None: now. Raises BaselineError, also when somebody else is
    approving at the moment, or has approved since `seen`, and for a cell whose file would lie elsewhere.
    """
    seen = contents(baselines, [cell.file for cell in cells]) if seen is None else seen
    with _alone(baselines):
        prepared = []
        for cell in sorted(cells, key=lambda cell: cell.file):
            _check_as_seen(baselines, cell.file, seen, again="approve")
            before = read_record(baselines / cell.file)
            prepared.append((cell, record_of(cell, approver=approver, notes=notes, before=before), before))
        written = []
        for cell, record, before in prepared:
            if before is not None and _same_approval(before, record):
                continue
            # The log first: an approval without a line in it would be one that nobody has made.
            audit.append(baselines / audit.AUDIT, _audit_line(record, cell, run_id, how))
            write_atomically(baselines / cell.file, serialised(record))
            written.append(baselines / cell.file)
    return Approval(written=written, unchanged=len(prepared) - len(written))


def retire(file: Path, *, baselines: Path, by: str, notes: str = "") -> BaselineRecord:
    """Retire the baseline in `file` (below `baselines`): it stays on disk and no longer counts. Final.

    Raises BaselineError when there is none, it is retired already, or it is another once nobody else is approving.
    """
    seen = contents(baselines, [file])
    with _alone(baselines):
        _check_as_seen(baselines, file, seen, again="retire")
        record = read_record(baselines / file)
        if record is None:
            raise BaselineError(f"{baselines / file} does not exist, so there is nothing to retire")
        if record.status == "retired":
            raise BaselineError(f"{record.baseline_id} is retired already")
        retired = record.model_copy(update={"status": "retired"})
        entry = {
            "action": "retired",
            "how": "baseline retire",
            "baseline_id": record.baseline_id,
            "cell": file.with_suffix("").as_posix(),
            "by": by,
            "notes": notes,
            "record": audit.record_digest(serialised(retired)),
        }
        audit.append(baselines / audit.AUDIT, entry)
        write_atomically(baselines / file, serialised(retired))
    return retired


def contents(baselines: Path, files: Iterable[Path]) -> Contents:
    """What `files` (below `baselines`) hold now, to be told later from what somebody else has put there.

    Raises BaselineError for a file that is not ``DATASET/AGENT/SCENARIO.json``: a run's summary or a command line must
    not say that we write elsewhere.
    """
    files = list(files)
    for file in files:
        if len(file.parts) != 3 or not all(_PLAIN.fullmatch(part) for part in file.parts):
            raise BaselineError(
                f"{file.with_suffix('').as_posix()!r} names no baseline: that is DATASET/AGENT/SCENARIO, as "
                "`terminalbench baseline list` shows it, each of letters, digits, '_', '.' and '-'"
            )
    return {file: _content(baselines / file) for file in files}


def _content(file: Path) -> str | None:
    try:
        return digest_bytes(file.read_bytes())
    except OSError:
        return None  # Whether it is missing or cannot be read is told by who reads the record.


def _check_as_seen(baselines: Path, file: Path, seen: Contents, *, again: str) -> None:
    """Raises BaselineError saying who was faster."""
    if _content(baselines / file) == seen[file]:
        return
    now = read_record(baselines / file)
    if now is None:
        did = "removed meanwhile"
    elif now.status == "retired":
        did = "retired meanwhile"
    else:
        did = f"approved meanwhile by {now.approved_by}"
    raise BaselineError(f"{baselines / file} was {did}; look at it and {again} again")


@contextmanager
def _alone(baselines: Path) -> Iterator[None]:
    """One approval at a time; the lock lies outside the folder, which is under version control."""
    from filelock import FileLock, Timeout

    name = hashlib.sha256(str(baselines.resolve()).encode()).hexdigest()[:16]
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pytest-terminalbench" / "locks"
    lock = FileLock(folder / f"baselines-{name}.lock", timeout=LOCK_TIMEOUT_S)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise BaselineError(f"somebody else is approving in {baselines} at this moment; try again") from None
    except OSError as error:
        raise BaselineError(
            f"{folder}, where approvals wait for each other, cannot be used: {error.strerror}; set XDG_CACHE_HOME to a "
            "folder that can be written"
        ) from None
    try:
        yield
    finally:
        lock.release()


def record_of(
    cell: CellTrials, *, approver: str, notes: str = "", before: BaselineRecord | None = None
) -> BaselineRecord:
    """The record for `cell`; `before` is what it supersedes. Raises BaselineError when there is nothing to approve."""
    trials = cell.trials
    if not trials:
        raise BaselineError(f"{cell.scenario_id}: no trial was judged, so there is nothing to approve")
    if any(dict(trial.fingerprint) != dict(trials[0].fingerprint) for trial in trials):
        raise BaselineError(f"{cell.scenario_id}: its trials were made under different conditions")
    today = datetime.now(UTC).date().isoformat()
    return BaselineRecord(
        baseline_id=_new_id(cell.scenario_id, today, before),
        scenario_id=cell.scenario_id,
        status=cell.status,
        approved_on=today,
        approved_by=approver,
        notes=notes,
        attempts=len(trials),
        solved=sum(trial.solved for trial in trials),
        rewards=[trial.reward for trial in trials],
        metrics=dict(_metrics(trials)),
        fingerprint=dict(trials[0].fingerprint),
        supersedes=before.baseline_id if before else None,
    )


def _metrics(trials: Sequence[JudgedTrial]) -> Iterator[tuple[str, Measure]]:
    measures = {
        "runtime_s": measure([trial.runtime_s for trial in trials]),
        "memory_peak_mb": measure([trial.memory_peak_mb for trial in trials], digits=1),
        "cost_usd": measure([trial.cost_usd for trial in trials], digits=6),
        "tokens": measure([float(trial.tokens) for trial in trials]),
    }
    for name, found in measures.items():
        if found is not None:
            yield name, found


def _new_id(scenario_id: str, today: str, before: BaselineRecord | None) -> str:
    """``<scenario>-<date>``, with a number when that very day's is superseded."""
    plain = f"{scenario_id}-{today}"
    if before is None or not before.baseline_id.startswith(plain):
        return plain
    number = before.baseline_id.removeprefix(plain).lstrip("-")
    return f"{plain}-{int(number) + 1 if number.isdigit() else 2}"


def _same_approval(before: BaselineRecord, after: BaselineRecord) -> bool:
    """Whether nothing that is compared has changed: measured times alone are no reason for a new file."""
    keys = ("status", "attempts", "solved", "rewards", "fingerprint", "notes")
    return all(getattr(before, key) == getattr(after, key) for key in keys)


def _audit_line(record: BaselineRecord, cell: CellTrials, run_id: str, how: str) -> Mapping[str, object]:
    return {
        "action": "approved",
        "how": how,
        "status": record.status,
        "notes": record.notes,
        "baseline_id": record.baseline_id,
        "cell": cell.file.with_suffix("").as_posix(),
        "by": record.approved_by,
        "run": run_id,
        "solved": record.solved,
        "attempts": record.attempts,
        "supersedes": record.supersedes,
        "record": audit.record_digest(serialised(record)),
    }
