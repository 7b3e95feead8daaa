"""From attempts to approved baselines: what is written, who may, and what else is refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.baselines import audit
from pytest_terminalbench.baselines.cell_metrics import compare_measures
from pytest_terminalbench.baselines.cell_side import CellSide
from pytest_terminalbench.baselines.comparison_policy import METRICS, ComparisonPolicy
from pytest_terminalbench.baselines.folder import (
    StoredBaseline,
    baseline_files,
    baseline_of,
    baselines_named,
    check_old_baselines,
    current_file,
    file_of,
)
from pytest_terminalbench.baselines.lock import only_writer
from pytest_terminalbench.baselines.record import (
    MOST_ATTEMPTS,
    BaselineRecord,
    Measure,
    measure,
    read_record,
    serialised,
)
from pytest_terminalbench.baselines.write_together import LoggedBaseline, write_together
from pytest_terminalbench.digest import digest_bytes
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.naming import listed
from pytest_terminalbench.regular_files import read_regular

__all__ = [
    "Approval",
    "CellToApprove",
    "Contents",
    "FolderContents",
    "approve",
    "check_maintainer",
    "contents",
    "record_of",
    "retire",
]

ApprovedStatus: TypeAlias = Literal["active", "provisional"]
# Digests of the files that have cells' baselines; None: there is none.
Contents: TypeAlias = Mapping[CellId, str | None]


@dataclass(frozen=True, kw_only=True)
class CellToApprove:
    """A cell and its attempts: all judged, all made under the conditions of `fingerprint`, on this class of `host`."""

    cell: CellId
    attempts: Sequence[AttemptResult]
    fingerprint: Mapping[str, Any]
    configuration: str | None = None
    status: ApprovedStatus = "active"
    host: str | None = None


@dataclass(frozen=True, kw_only=True)
class Approval:
    """What was written: the files, in order; the ones that say the same as before are not among them."""

    written: Sequence[Path]
    unchanged: int


def check_maintainer(name: str, maintainers: Sequence[str], *, deed: str = "approve") -> None:
    """Raises BaselineError where the project names maintainers and `name` is none."""
    if maintainers and name not in maintainers:
        raise BaselineError(
            f"{name!r} may not {deed}; [tool.terminalbench] maintainers names: {', '.join(maintainers)}"
        )


def approve(
    cells: Sequence[CellToApprove],
    *,
    run_id: str,
    baselines: Path,
    approver: str,
    notes: str = "",
    how: str = "--update-baselines",
    seen: Contents | None = None,
    once_seen: str = "look at it and approve again",
) -> Approval:
    """Approve `cells` of the run `run_id`, in order of their files; other cells' baselines are not touched.

    All of them or none: every record is made, and lies ready on the disk, before the first takes its place.
    `seen`: the `contents` when the decision was made; None: now. Raises BaselineError, also when somebody else is
    approving at the moment, or has approved since `seen` (`once_seen` is what to do then), and where a baseline of
    schema 1 that would be superseded may be of another agent or model.
    """
    check_old_baselines(baselines, list(dict.fromkeys(cell.cell.label_parts for cell in cells)))
    seen = contents(baselines, [cell.cell for cell in cells]) if seen is None else seen
    with only_writer(baselines):
        by_file = sorted(cells, key=lambda cell: cell.cell.baseline_file)
        _check_as_seen([(current_file(baselines, cell.cell), seen[cell.cell]) for cell in by_file], cure=once_seen)
        prepared = []
        for cell in by_file:
            before = baseline_of(baselines, cell.cell)
            record = record_of(cell, approver=approver, notes=notes, before=before.record if before else None)
            prepared.append((cell, record, before))
        changed = [
            (cell.cell, record, before)
            for cell, record, before in prepared
            if before is None or not _is_same_approval(before.record, record)
        ]
        if changed:
            audit.check_not_emptied(baselines / audit.AUDIT)
        approved = [
            _approved(baselines / cell_id.baseline_file, cell_id, record, before, run_id=run_id, how=how)
            for cell_id, record, before in changed
        ]
        write_together(approved, baselines)
    return Approval(written=[baseline.file for baseline in approved], unchanged=len(prepared) - len(approved))


def _approved(
    file: Path, cell: CellId, record: BaselineRecord, before: StoredBaseline | None, *, run_id: str, how: str
) -> LoggedBaseline:
    line = {
        "action": "approved",
        "how": how,
        "status": record.status,
        "notes": record.notes,
        "baseline_id": record.baseline_id,
        "cell": cell.baseline_name,
        "by": record.approved_by,
        "run": run_id,
        "solved": record.solved,
        "attempts": record.attempts,
        "supersedes": record.supersedes,
        "record": audit.record_digest(serialised(record)),
    }
    if before is None or before.file == file:
        return LoggedBaseline(file=file, record=record, line=line)
    return LoggedBaseline(file=file, record=record, line={**line, audit.MOVED_FROM: before.place}, old=before.file)


def retire(*names: str, baselines: Path, by: str, notes: str = "") -> list[BaselineRecord]:
    """Retire the baselines of these names, ``DATASET/LABEL/SCENARIO``: they stay on disk and no longer count. Final.

    Raises BaselineError, before the first is written, when there is none of a name, it is retired already, or it is
    another once nobody else is approving.
    """
    chosen = baselines_named(baselines, dict.fromkeys(names))
    with only_writer(baselines):
        for stored in chosen:
            # The record that was read is what was seen: what is there now may be newer than any digest taken since.
            if read_record(stored.file) != stored.record:
                raise _were_changed([stored.file], cure="look at it and retire again")
            if not stored.counts:
                raise BaselineError(f"{stored.record.baseline_id} is retired already")
        retired = [_retired(stored, by=by, notes=notes) for stored in chosen]
        write_together(retired, baselines)
    return [baseline.record for baseline in retired]


def _retired(stored: StoredBaseline, *, by: str, notes: str) -> LoggedBaseline:
    retired = stored.record.model_copy(update={"status": "retired"})
    line = {
        "action": "retired",
        "how": "baseline retire",
        "baseline_id": retired.baseline_id,
        "cell": stored.place,
        "by": by,
        "notes": notes,
        "record": audit.record_digest(serialised(retired)),
    }
    return LoggedBaseline(file=stored.file, record=retired, line=line)


def contents(baselines: Path, cells: Iterable[CellId]) -> Contents:
    """What the baselines of `cells` hold now, to be told later from what somebody else has put there."""
    return {cell: _digest(current_file(baselines, cell)) for cell in cells}


class FolderContents:
    """What every baseline in `folder` holds when this is made, for cells that are known only later."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._digests = {file: _digest(file) for file in baseline_files(folder)}

    def of(self, cells: Iterable[CellId]) -> Contents:
        """As `contents` would have told it then."""
        return {cell: self._digests.get(file_of(self._folder, cell, self._digests.__contains__)) for cell in cells}


def _digest(file: Path) -> str | None:
    try:
        return digest_bytes(read_regular(file))
    except OSError:
        return None  # Whoever reads the record says whether it is missing or cannot be read.


def _check_as_seen(files: Iterable[tuple[Path, str | None]], *, cure: str) -> None:
    """Raises BaselineError where some of `files` do not hold what was seen of them; `cure` is what to do then."""
    changed = [file for file, seen in files if _digest(file) != seen]
    if changed:
        raise _were_changed(changed, cure=cure)


def _were_changed(files: Sequence[Path], *, cure: str) -> BaselineError:
    """Says who was faster."""
    return BaselineError(f"{listed([f'{file} was {_what_became_of(file)}' for file in files])}; {cure}")


def _what_became_of(file: Path) -> str:
    now = read_record(file)
    if now is None:
        return "removed meanwhile"
    return "retired meanwhile" if now.status == "retired" else f"approved meanwhile by {now.approved_by}"


def record_of(
    cell: CellToApprove, *, approver: str, notes: str = "", before: BaselineRecord | None = None
) -> BaselineRecord:
    """The record for `cell`; `before` is what it supersedes. Raises BaselineError when there is nothing to approve."""
    attempts, scenario = cell.attempts, cell.cell.scenario
    if not attempts:
        raise BaselineError(f"{scenario}: no attempt was judged, so there is nothing to approve")
    rewards = [attempt.reward for attempt in attempts if attempt.reward is not None]
    if len(rewards) < len(attempts):
        raise BaselineError(f"{scenario}: a void attempt has no outcome to approve")
    if len(attempts) > MOST_ATTEMPTS:
        raise BaselineError(
            f"{scenario}: there are {len(attempts)} attempts to approve, and a baseline has at most {MOST_ATTEMPTS}; "
            "approve fewer attempts or runs"
        )
    sessions = [attempt.session for attempt in attempts if attempt.session is not None]
    today = datetime.now(UTC).date().isoformat()
    return BaselineRecord(
        baseline_id=_new_id(scenario, today, before),
        cell=cell.cell,
        configuration=cell.configuration,
        scenario_id=scenario,
        status=cell.status,
        approved_on=today,
        approved_by=approver,
        notes=notes,
        attempts=len(attempts),
        solved=sum(attempt.is_solved for attempt in attempts),
        rewards=rewards,
        sessions=sessions if len(sessions) == len(attempts) else None,
        metrics=dict(_metrics(attempts)),
        host=cell.host,
        fingerprint=dict(cell.fingerprint),
        supersedes=before.baseline_id if before else None,
    )


def _metrics(attempts: Sequence[AttemptResult]) -> Iterator[tuple[str, Measure]]:
    for metric in METRICS:
        values = metric.measured([metric.of(attempt) for attempt in attempts])
        if values:
            yield metric.name, measure(values, digits=metric.digits)


def _new_id(scenario_id: str, today: str, before: BaselineRecord | None) -> str:
    """``<scenario>-<date>``, with a number when that very day's is superseded."""
    plain = f"{scenario_id}-{today}"
    if before is None or not before.baseline_id.startswith(plain):
        return plain
    number = before.baseline_id.removeprefix(plain).lstrip("-")
    return f"{plain}-{int(number) + 1 if number.isdigit() else 2}"


def _is_same_approval(before: BaselineRecord, after: BaselineRecord) -> bool:
    """Whether nothing that is compared has changed: measured values are a reason for a new file only where they would
    be called worse, were measured on another class of host, or were not known before.

    A configuration that is not known, as in records of schema 1, is none that has changed. Other sessions are none
    either, where as many made the same attempts.
    """
    keys = ("status", "attempts", "solved", "rewards", "fingerprint", "notes")
    is_configured_alike = before.configuration in (None, after.configuration)
    if not is_configured_alike or any(getattr(before, key) != getattr(after, key) for key in keys):
        return False
    if after.sessions is not None and _made_together(before.sessions) != _made_together(after.sessions):
        return False
    return before.host == after.host and not _measures_changed(before, after)


def _made_together(sessions: Sequence[str] | None) -> list[int] | None:
    """For each attempt the first one of the same session, whatever that is called."""
    return None if sessions is None else [sessions.index(session) for session in sessions]


def _measures_changed(before: BaselineRecord, after: BaselineRecord) -> bool:
    old, new = CellSide.approved(before), CellSide.approved(after)
    # Values up to the floor tell nothing: half a millisecond is known in one run and rounded to nothing in the next.
    became_known = any(
        metric.name not in old.measures and any(value > metric.floor for value in new.measures.get(metric.name, ()))
        for metric in METRICS
    )
    return became_known or any(
        change.is_worse
        for side, other in ((old, new), (new, old))
        for change in compare_measures(side, other, alpha=ComparisonPolicy.alpha)
    )
