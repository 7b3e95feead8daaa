"""Which incidents a release has to wait for.

An incident is **open** until somebody acknowledges it, or what it is about has passed again. Acknowledged, it keeps no
release waiting; it is **resolved** when what it is about is fixed, or was approved anew after somebody took it. Nothing
of this is written down: it follows from the tickets, the runs after them and the baselines.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from pytest_terminalbench.baselines import audit
from pytest_terminalbench.baselines.folder import baseline_of, current_file, stored_baseline
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.errors import BaselineError, RunFolderError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.incidents import Incident, IncidentCell, Problem, StoredIncident, read_incidents
from pytest_terminalbench.runs.gate_result import GateResult
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
    project = _Project(results, baselines)
    day = today.isoformat() if today else _today()
    return [_reviewed(ticket, _parts(ticket, project), day) for ticket in tickets], damaged


def unresolved(results: Path, baselines: Path, problems: Collection[Problem]) -> dict[Problem, ReviewedIncident]:
    """Those of `problems` that a ticket is about which is open, or acknowledged and not resolved yet.

    What a suite gate goes by since some task of a ticket was approved anew is another problem than that ticket's. Other
    tickets are not reviewed: that takes the runs since then, and a session is about to end.
    """
    project, today, asked = _Project(results, baselines), _today(), frozenset(problems)
    known: dict[Problem, ReviewedIncident] = {}
    for ticket in read_incidents(results)[0]:
        shared = [problem for problem in ticket.incident.problems if problem in asked]
        parts = _parts(ticket, project) if shared else []
        if any(isinstance(part, _SuitePart) and part.is_partly_approved_anew for part in parts):
            continue
        reviewed = _reviewed(ticket, parts, today) if shared else None
        if reviewed is not None and reviewed.state is not IncidentState.RESOLVED:
            known |= dict.fromkeys(shared, reviewed)
    return known


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _reviewed(ticket: StoredIncident, parts: Sequence[_CellPart | _SuitePart], today: str) -> ReviewedIncident:
    incident = ticket.incident
    state, why = _state(incident, parts)
    is_overdue = state is IncidentState.OPEN and bool(incident.due_on) and incident.due_on < today
    return ReviewedIncident(file=ticket.file, incident=incident, state=state, why=why, is_overdue=is_overdue)


def _state(incident: Incident, parts: Sequence[_CellPart | _SuitePart]) -> tuple[IncidentState, str]:
    taken = incident.acknowledged
    if parts and all(part.is_fixed for part in parts):
        return IncidentState.RESOLVED, "it has passed since"
    if taken is None:
        return IncidentState.OPEN, "nobody has acknowledged it"
    by = f"acknowledged by {taken.by}"
    if parts and all(part.is_fixed or part.is_approved_anew for part in parts):
        return IncidentState.RESOLVED, f"{by}, and approved anew"
    return IncidentState.ACKNOWLEDGED, by


def _parts(ticket: StoredIncident, project: _Project) -> list[_CellPart | _SuitePart]:
    """What has to pass again; nothing where an old ticket does not say its cells in full."""
    incident = ticket.incident
    own_run = RunFolder(ticket.file.parents[1])
    later = _LaterRuns(project.runs, own_run, incident.opened_at)
    if incident.suite:
        own = project.runs.summary(own_run)
        return [_SuitePart(incident, own, later, project.baselines)] if own is not None else []
    if any(cell.id is None for cell in incident.cells):
        return []
    return [_CellPart(cell, cell.id, later, project.baselines) for cell in incident.cells if cell.id is not None]


@dataclass(frozen=True)
class _CellPart:
    told: IncidentCell
    id: CellId
    later: _LaterRuns
    baselines: _Baselines

    @cached_property
    def is_fixed(self) -> bool:
        """Whether it has passed since, beside the same baseline; without one every attempt has to be solved."""
        names = {self.id, self.baselines.moved(self.id)}
        return any(self._passes(cell) for name in names for cell in self.later.results(name))

    def _passes(self, cell: CellResult) -> bool:
        if self.told.baseline_id is None:
            return cell.status is Status.SOLVED
        return cell.status.is_pass and cell.baseline_id == self.told.baseline_id

    @property
    def is_approved_anew(self) -> bool:
        return self.baselines.is_approved_anew(self.id, self.told.baseline_id)


@dataclass(frozen=True)
class _SuitePart:
    incident: Incident
    own: RunSummary
    later: _LaterRuns
    baselines: _Baselines

    @cached_property
    def _compared(self) -> dict[CellId, str]:
        """Its cells and what they were compared with."""
        cells = (cell for cell in self.own.cells if cell.id.suite == self.incident.suite)
        return {cell.id: cell.baseline_id for cell in cells if cell.baseline_id}

    @cached_property
    def _worse(self) -> dict[CellId, str | None]:
        """The cells that did worse, and what they were compared with; none in tickets of earlier versions."""
        return {cell.id: cell.baseline_id for cell in self.incident.cells if cell.id is not None}

    @cached_property
    def is_fixed(self) -> bool:
        """Whether its gate has passed since in what was worse, over the same cells and baselines."""
        moved = {self.baselines.moved(cell): baseline for cell, baseline in self._compared.items()}
        return any(
            self._passes(summary, self._compared) or self._passes(summary, moved) for summary in self.later.summaries()
        )

    def _passes(self, summary: RunSummary, expected: Mapping[CellId, str]) -> bool:
        compared = {cell.id: cell.baseline_id for cell in summary.cells if cell.status.is_scored}
        has_all = all(compared.get(cell) == baseline for cell, baseline in expected.items())
        suites = {cell.suite for cell in expected} or {str(self.incident.suite)}
        return has_all and all(self._passes_gate(summary.gate, suite) for suite in suites)

    def _passes_gate(self, gate: GateResult, suite: str) -> bool:
        if self.incident.worse_in:
            return gate.has_passed(suite, self.incident.worse_in)
        # Nobody could tell, or an earlier version did not say what was worse: everything of it has to pass.
        was_worse = self.own.gate.worse(str(self.incident.suite))
        asked = gate.of_actors({suite})
        has_passed = asked.verdicts.get(suite) == "pass" and not asked.failures
        return has_passed and all(asked.has_passed(suite, name) for name in was_worse)

    @property
    def is_approved_anew(self) -> bool:
        """Whether all that did worse was approved anew; where the ticket names nothing, any cell of the suite."""
        if self._worse:
            return all(self._approved_anew(self._worse))
        cells = (cell for cell in self.own.cells if cell.id.suite == self.incident.suite)
        return any(self._approved_anew({cell.id: cell.baseline_id for cell in cells}))

    @property
    def is_partly_approved_anew(self) -> bool:
        return any(self._approved_anew(self._worse))

    def _approved_anew(self, cells: Mapping[CellId, str | None]) -> Iterator[bool]:
        return (self.baselines.is_approved_anew(cell, was) for cell, was in cells.items())


class _Baselines:
    """What is approved now, wherever it was moved to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def is_approved_anew(self, cell: CellId, was: str | None) -> bool:
        """Whether `cell`, compared with the baseline `was`, has another since, or the same was retired.

        One that was moved is the same; one whose file is gone or damaged was not approved.
        """
        try:
            stored = baseline_of(self._folder, self.moved(cell))
        except BaselineError:
            return False
        if stored is None:
            return False
        return stored.record.baseline_id != was if stored.counts else was is not None

    def moved(self, cell: CellId) -> CellId:
        """What `cell` is called now, by `terminalbench baseline move`."""
        name, passed = cell.baseline_name, set[str]()
        if not current_file(self._folder, cell).exists():
            while name in self._moves and name not in passed:
                passed.add(name)
                name = self._moves[name]
        if not passed:
            return cell
        try:
            stored = stored_baseline(self._folder / f"{name}.json")
        except BaselineError:
            return cell
        return stored.cell if stored is not None else cell

    @cached_property
    def _moves(self) -> dict[str, str]:
        """From what baselines were called to what they were called then; nothing where the log cannot be read."""
        try:
            lines = list(audit.entries(self._folder / audit.AUDIT))
        except BaselineError:
            return {}
        moves = (line for line in lines if line.get("action") == audit.MOVED)
        return {str(line.get(audit.MOVED_FROM)): str(line.get("cell")) for line in moves}


class _Project:
    """The runs and the baselines that say what became of incidents, each read once and only when it is asked for."""

    def __init__(self, results: Path, baselines: Path) -> None:
        self.runs = _Runs(results)
        self.baselines = _Baselines(baselines)


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
