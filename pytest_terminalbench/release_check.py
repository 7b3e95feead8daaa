"""Which incidents a release has to wait for.

An incident is **open** until somebody acknowledges it, or what it is about has passed again. Acknowledged, it keeps no
release waiting; it is **resolved** when what it is about is fixed, or was approved anew after somebody took it. Nothing
of this is written down: it follows from the tickets, the runs after them and the baselines.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from pytest_terminalbench.baselines.folder import baseline_of
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.errors import BaselineError, RunFolderError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.incidents import Incident, IncidentCell, Problem, StoredIncident, read_incidents
from pytest_terminalbench.runs.history import runs_by_time
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.summary import RunSummary, read_summary
from pytest_terminalbench.status import Status

__all__ = ["IncidentState", "ReviewedIncident", "review_incidents", "unresolved"]


class IncidentState(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@dataclass(frozen=True, kw_only=True)
class ReviewedIncident:
    """A ticket, its state and why. `is_overdue`: open after the day it was due on."""

    file: Path
    incident: Incident
    state: IncidentState
    why: str
    is_overdue: bool

    def to_json(self) -> dict[str, Any]:
        return {
            **self.incident.to_json(),
            "state": self.state.value,
            "why": self.why,
            "overdue": self.is_overdue,
            "file": str(self.file),
        }


def review_incidents(
    results: Path, baselines: Path, *, today: date | None = None
) -> tuple[list[ReviewedIncident], list[RunFolderError]]:
    """Every ticket below `results`, oldest first, and what is wrong with those that cannot be read."""
    tickets, damaged = read_incidents(results)
    runs = _Runs(results)
    day = today.isoformat() if today else _today()
    return [_reviewed(ticket, runs, baselines, day) for ticket in tickets], damaged


def unresolved(results: Path, baselines: Path, problems: Collection[Problem]) -> dict[Problem, ReviewedIncident]:
    """Those of `problems` that a ticket is about which is open, or acknowledged and not resolved yet.

    Other tickets are not reviewed: that takes the runs since then, and a session is about to end.
    """
    runs, today, asked = _Runs(results), _today(), frozenset(problems)
    known: dict[Problem, ReviewedIncident] = {}
    for ticket in read_incidents(results)[0]:
        shared = [problem for problem in ticket.incident.problems if problem in asked]
        reviewed = _reviewed(ticket, runs, baselines, today) if shared else None
        if reviewed is not None and reviewed.state is not IncidentState.RESOLVED:
            known |= dict.fromkeys(shared, reviewed)
    return known


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _reviewed(ticket: StoredIncident, runs: _Runs, baselines: Path, today: str) -> ReviewedIncident:
    incident = ticket.incident
    state, why = _state(ticket, runs, baselines)
    is_overdue = state is IncidentState.OPEN and bool(incident.due_on) and incident.due_on < today
    return ReviewedIncident(file=ticket.file, incident=incident, state=state, why=why, is_overdue=is_overdue)


def _state(ticket: StoredIncident, runs: _Runs, baselines: Path) -> tuple[IncidentState, str]:
    taken = ticket.incident.acknowledged
    parts = _parts(ticket, runs)
    if parts and all(part.is_fixed for part in parts):
        return IncidentState.RESOLVED, "it has passed since"
    if taken is None:
        return IncidentState.OPEN, "nobody has acknowledged it"
    by = f"acknowledged by {taken.by}"
    if parts and all(part.is_fixed or part.is_approved_anew(baselines) for part in parts):
        return IncidentState.RESOLVED, f"{by}, and approved anew"
    return IncidentState.ACKNOWLEDGED, by


def _parts(ticket: StoredIncident, runs: _Runs) -> list[_CellPart | _SuitePart]:
    """What has to pass again; nothing where an old ticket does not say its cells in full."""
    incident = ticket.incident
    own_run = RunFolder(ticket.file.parents[1])
    later = _LaterRuns(runs, own_run, incident.opened_at)
    if incident.suite:
        own = runs.summary(own_run)
        return [_SuitePart(incident.suite, own, later)] if own is not None else []
    if any(cell.id is None for cell in incident.cells):
        return []
    return [_CellPart(cell, cell.id, later) for cell in incident.cells if cell.id is not None]


@dataclass(frozen=True)
class _CellPart:
    told: IncidentCell
    id: CellId
    later: _LaterRuns

    @cached_property
    def is_fixed(self) -> bool:
        """Whether it has passed since, beside the same baseline; without one every attempt has to be solved."""
        return any(self._passes(cell) for cell in self.later.results(self.id))

    def _passes(self, cell: CellResult) -> bool:
        if self.told.baseline_id is None:
            return cell.status is Status.SOLVED
        return cell.status.is_pass and cell.baseline_id == self.told.baseline_id

    def is_approved_anew(self, baselines: Path) -> bool:
        return _current(baselines, self.id) != self.told.baseline_id


@dataclass(frozen=True)
class _SuitePart:
    suite: str
    own: RunSummary
    later: _LaterRuns

    @cached_property
    def _baselines(self) -> dict[CellId, str | None]:
        """What its cells were compared with."""
        return {cell.id: cell.baseline_id for cell in self.own.cells if cell.id.suite == self.suite}

    @cached_property
    def is_fixed(self) -> bool:
        """Whether its gate has passed since, over the same cells and baselines."""
        return any(self._passes(summary) for summary in self.later.summaries())

    def _passes(self, summary: RunSummary) -> bool:
        gate = summary.gate.of_actors({self.suite})
        compared = {cell.id: cell.baseline_id for cell in summary.cells if cell.status.is_scored}
        has_all = all(compared.get(cell) == baseline for cell, baseline in self._baselines.items() if baseline)
        metrics = gate.metrics.get(self.suite, {})
        are_better = all(name in metrics and metrics[name].verdict == "pass" for name in self._worse_metrics)
        return gate.verdicts.get(self.suite) == "pass" and not gate.failures and has_all and are_better

    @property
    def _worse_metrics(self) -> list[str]:
        """Those that were worse; a run that did not judge them says nothing of them."""
        metrics = self.own.gate.metrics.get(self.suite, {})
        return [name for name, metric in metrics.items() if metric.verdict == "fail"]

    def is_approved_anew(self, baselines: Path) -> bool:
        return any(_current(baselines, cell) != baseline for cell, baseline in self._baselines.items())


def _current(baselines: Path, cell: CellId) -> str | None:
    """The id of the baseline that `cell` is compared with now."""
    try:
        stored = baseline_of(baselines, cell)
    except BaselineError:
        return None
    return stored.record.baseline_id if stored is not None and stored.counts else None


class _Runs:
    """The runs below `results`, newest first, each read once and only when it is asked for."""

    def __init__(self, results: Path) -> None:
        self._folder = results
        self._summaries: dict[Path, RunSummary | None] = {}
        self._results: dict[Path, dict[CellId, CellResult]] = {}

    @cached_property
    def dated(self) -> list[tuple[str, RunFolder]]:
        return [(run.manifest.started_at, run.folder) for run in reversed(runs_by_time(self._folder))]

    def summary(self, run: RunFolder) -> RunSummary | None:
        """None where the run has not ended, or is damaged: it says nothing of any incident."""
        if run.path not in self._summaries:
            try:
                self._summaries[run.path] = read_summary(run.summary)
            except RunFolderError:
                self._summaries[run.path] = None
        return self._summaries[run.path]

    def result(self, run: RunFolder, cell: CellId) -> CellResult | None:
        """What `cell` came to in `run`; None where nothing says so."""
        if run.path not in self._results:
            summary = self.summary(run)
            self._results[run.path] = {result.id: result for result in summary.cells} if summary is not None else {}
        return self._results[run.path].get(cell)


@dataclass(frozen=True)
class _LaterRuns:
    """Every run that began after a ticket was opened, and its own, which may have been judged again."""

    runs: _Runs
    own: RunFolder
    opened_at: str

    def summaries(self) -> Iterator[RunSummary]:
        summaries = map(self.runs.summary, self._folders)
        return (summary for summary in summaries if summary is not None)

    def results(self, cell: CellId) -> Iterator[CellResult]:
        """What `cell` came to in each of them that had it."""
        results = (self.runs.result(folder, cell) for folder in self._folders)
        return (result for result in results if result is not None)

    @property
    def _folders(self) -> Iterator[RunFolder]:
        yield self.own
        for began, folder in self.runs.dated:
            if began < self.opened_at:
                return
            yield folder
