"""Incidents: a ticket for what got worse, on disk, and posted to a webhook where one is configured."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from pytest_terminalbench.agents.nop import Nop
from pytest_terminalbench.baselines.comparison_policy import SOLVE_RATE
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.comparing.session_gate import RunGate, WorseTask
from pytest_terminalbench.documents import Fields, now_text, read_document, write_json
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.naming import counted
from pytest_terminalbench.outcome import outcome_name
from pytest_terminalbench.runs.summary import RunSummary
from pytest_terminalbench.settings import IncidentSettings
from pytest_terminalbench.status import Status
from pytest_terminalbench.trials.result import TrialResult, read_result
from pytest_terminalbench.webhook import post_all

__all__ = [
    "Acknowledgement",
    "Incident",
    "IncidentCell",
    "Problem",
    "StoredIncident",
    "acknowledge",
    "due_date",
    "incidents_of",
    "on_rotation",
    "open_incidents",
    "problems_of",
    "read_incidents",
]

# 2: a ticket says in full which cells it is about, and how to run them again.
SCHEMA_VERSION = 2
SUITE_GATE = "suite-gate"
# Nobody can tell, and the session fails for that: no regression, and no recurrence of one.
SUITE_GATE_INCONCLUSIVE = "suite-gate-inconclusive"
_KINDS = {
    Status.REGRESSED: "regression",
    Status.INCONCLUSIVE: "inconclusive",
    Status.UNSOLVED: "functional-failure",
}


class Problem(NamedTuple):
    """What an incident is about. `subject`: a cell's key, or for the suite gate dataset and agent.

    `worse_in`: the solve rate or the metric; None where nobody can tell, or there was no baseline.
    """

    kind: str
    subject: str
    baseline_id: str | None = None
    worse_in: str | None = None


@dataclass(frozen=True, kw_only=True)
class IncidentCell:
    """A cell that got worse: its attempts' outcomes, their folders, and of the last one what its verifier said.

    `worse_in`: where it has regressed, the solve rate or metrics. `once_more`: what to type in the project's folder to
    run it again. Tickets of schema 1 have neither that nor `id`.
    """

    cell: str
    status: str
    text: str
    id: CellId | None = None
    baseline_id: str | None = None
    attempts: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    worse_in: tuple[str, ...] = ()
    once_more: str = ""
    last_lines: tuple[str, ...] = ()
    fingerprint: Mapping[str, Any] = field(default_factory=dict)

    def problems(self, kind: str) -> list[Problem]:
        """What it is about, in a ticket of this `kind`."""
        return _cell_problems(kind, self.cell, self.baseline_id, self.worse_in)

    def to_json(self) -> dict[str, Any]:
        return {
            "cell": self.cell,
            **(self.id.to_json() if self.id else {}),
            "status": self.status,
            "text": self.text,
            "baseline_id": self.baseline_id,
            "attempts": list(self.attempts),
            "artifacts": list(self.artifacts),
            "worse_in": list(self.worse_in),
            "once_more": self.once_more,
            "last_lines": list(self.last_lines),
            "fingerprint": dict(self.fingerprint),
        }

    @classmethod
    def from_json(cls, content: object) -> IncidentCell:
        fields = Fields(content)
        return cls(
            cell=fields.text("cell"),
            status=fields.text("status"),
            text=fields.text("text"),
            id=CellId.from_json(fields.content) if "scenario" in fields.content else None,
            baseline_id=fields.text_or("baseline_id", None),
            attempts=fields.texts("attempts"),
            artifacts=fields.texts("artifacts"),
            worse_in=fields.texts("worse_in"),
            once_more=fields.text_or("once_more", ""),
            last_lines=fields.texts("last_lines"),
            fingerprint=fields.mapping("fingerprint"),
        )


@dataclass(frozen=True, kw_only=True)
class Acknowledgement:
    """Somebody has taken an incident."""

    by: str
    at: str
    notes: str = ""

    @classmethod
    def from_json(cls, content: object) -> Acknowledgement:
        fields = Fields(content)
        return cls(by=fields.text("by"), at=fields.text("at"), notes=fields.text_or("notes", ""))


@dataclass(frozen=True, kw_only=True)
class Incident:
    """A ticket. `delivery`: what became of telling the webhook; None where there is none.

    `suite`: dataset and agent, where the suite gate failed. `worse_in` is then the solve rate or the metric, None where
    nobody can tell and in tickets of earlier versions; `cells` did worse in it, those that differ most first, and are
    no problems of their own; `once_more`: what to type in the project's folder to run the suite again.
    """

    id: str
    kind: str
    opened_at: str
    due_on: str
    on_rotation: str | None
    run: str
    text: str
    suite: str | None = None
    worse_in: str | None = None
    once_more: str = ""
    cells: tuple[IncidentCell, ...] = ()
    acknowledged: Acknowledgement | None = None
    delivery: str | None = None

    @property
    def problems(self) -> list[Problem]:
        if self.suite:
            return [Problem(self.kind, self.suite, worse_in=self.worse_in)]
        return [problem for cell in self.cells for problem in cell.problems(self.kind)]

    def to_json(self) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            **{name: getattr(self, name) for name in _PLAIN_FIELDS},
            "cells": [cell.to_json() for cell in self.cells],
            "acknowledged": asdict(self.acknowledged) if self.acknowledged else None,
        }

    @classmethod
    def from_json(cls, content: object) -> Incident:
        fields = Fields(content)
        return cls(
            id=fields.text("id"),
            kind=fields.text_or("kind", ""),
            opened_at=fields.text("opened_at"),
            due_on=fields.text_or("due_on", ""),
            on_rotation=fields.text_or("on_rotation", None),
            run=fields.text_or("run", ""),
            text=fields.text_or("text", ""),
            suite=fields.text_or("suite", None),
            worse_in=fields.text_or("worse_in", None),
            once_more=fields.text_or("once_more", ""),
            cells=fields.each("cells", IncidentCell.from_json),
            acknowledged=fields.nested_or("acknowledged", Acknowledgement.from_json, None),
            delivery=fields.text_or("delivery", None),
        )


_PLAIN_FIELDS = (
    *("id", "kind", "opened_at", "due_on", "on_rotation"),
    *("run", "text", "suite", "worse_in", "once_more", "delivery"),
)


class StoredIncident(NamedTuple):
    """A ticket and its file."""

    file: Path
    incident: Incident


def problems_of(summary: RunSummary) -> list[Problem]:
    """What a run gives reason to open incidents for."""
    suites = [failure.problem for failure in _suite_failures(summary)]
    return suites + [problem for cell in summary.cells if _is_reason(cell) for problem in _problems(cell)]


def incidents_of(
    summary: RunSummary,
    run: Path,
    settings: IncidentSettings,
    *,
    known: Collection[Problem] = (),
    gate: RunGate | None = None,
    once_more: Callable[[Sequence[CellId]], str] = lambda cells: "",
) -> list[Incident]:
    """The incidents of a run: one for its regressions, one for its functional failures, one for everything for which
    the gate of a suite fails.

    None for what `nop` does, which is to fail; for cells that are expected to fail; for what the session lets pass; and
    for what is `known`, because another ticket is about it. `gate`: of the run, which knows the cells that did worse.
    `once_more` gives the command that runs cells again: a single one, or all of a suite.
    """
    today = datetime.now(UTC).date()
    blank = Incident(
        id="",
        kind="",
        opened_at=now_text(),
        due_on=due_date(today).isoformat(),
        on_rotation=on_rotation(today, settings),
        run=str(run),
        text="",
    )
    tickets = [
        replace(
            blank,
            kind=kind,
            text=_counted(kind, cells),
            cells=tuple(_incident_cell(cell, run, once_more=once_more([cell.id])) for cell in cells),
        )
        for kind, cells in _worse_cells(summary, known)
    ]
    for failure in _suite_failures(summary):
        if failure.problem in known:
            continue
        cells = [cell for cell in summary.cells if cell.id.suite == failure.suite]
        tickets.append(
            replace(
                blank,
                kind=failure.kind,
                text=failure.text,
                suite=failure.suite,
                worse_in=failure.worse_in,
                once_more=once_more([cell.id for cell in cells]),
                cells=tuple(
                    replace(_incident_cell(cell, run, once_more=once_more([cell.id])), text=task.text)
                    for task, cell in _worse_tasks(failure, cells, gate)
                ),
            )
        )
    return [replace(ticket, id=f"{summary.run_id}-{number}") for number, ticket in enumerate(tickets, start=1)]


def _worse_cells(summary: RunSummary, known: Collection[Problem]) -> list[tuple[str, list[CellResult]]]:
    """By the kind of their ticket, the cells that are reason for one."""
    groups: dict[str, list[CellResult]] = {}
    for cell in summary.cells:
        if _is_reason(cell) and not all(problem in known for problem in _problems(cell)):
            groups.setdefault(_KINDS[cell.status], []).append(cell)
    return sorted(groups.items())


def _is_reason(cell: CellResult) -> bool:
    return cell.status in _KINDS and not cell.passes and not cell.xfailed and cell.id.agent != Nop.name


def _problems(cell: CellResult) -> list[Problem]:
    return _cell_problems(_KINDS[cell.status], cell.key, cell.baseline_id, cell.worse_in)


def _cell_problems(kind: str, key: str, baseline_id: str | None, worse_in: Sequence[str]) -> list[Problem]:
    return [Problem(kind, key, baseline_id, name) for name in worse_in or (None,)]


class _SuiteFailure(NamedTuple):
    """Dataset and agent for which the suite gate fails, and one thing for which it does."""

    suite: str
    worse_in: str | None
    text: str

    @property
    def kind(self) -> str:
        return SUITE_GATE if self.worse_in else SUITE_GATE_INCONCLUSIVE

    @property
    def problem(self) -> Problem:
        return Problem(self.kind, self.suite, worse_in=self.worse_in)


def _suite_failures(summary: RunSummary) -> Iterator[_SuiteFailure]:
    gate = summary.gate
    for suite in sorted({cell.id.suite for cell in summary.cells if cell.id.agent != Nop.name}):
        worse = gate.worse(suite)
        for name, reason in worse.items():
            yield _SuiteFailure(suite, name, f"{suite}: {reason}")
        if not worse:
            yield from (_SuiteFailure(suite, None, failure) for failure in gate.of_actors({suite}).failures)


def _worse_tasks(
    failure: _SuiteFailure, cells: Sequence[CellResult], gate: RunGate | None
) -> Iterator[tuple[WorseTask, CellResult]]:
    """The scenarios that did worse in what the gate fails for, and where nobody can tell, that solved less."""
    by_scenario = {cell.id.scenario: cell for cell in cells}
    actor = gate.actors.get(failure.suite) if gate is not None else None
    for task in actor.worse[failure.worse_in or SOLVE_RATE] if actor is not None else ():
        yield task, by_scenario[task.scenario]


def _counted(kind: str, cells: Sequence[CellResult]) -> str:
    names = ", ".join(cell.id.scenario for cell in cells[:5]) + (", …" if len(cells) > 5 else "")
    return f"{kind} in {counted(len(cells), 'cell')}: {names}"


def _incident_cell(cell: CellResult, run: Path, *, once_more: str) -> IncidentCell:
    last = _last_trial(cell, run)
    return IncidentCell(
        cell=cell.key,
        id=cell.id,
        status=cell.status.value,
        text=cell.text,
        baseline_id=cell.baseline_id,
        attempts=tuple(outcome_name(attempt.outcome) for attempt in cell.attempts),
        artifacts=tuple(str(run / attempt.folder) for attempt in cell.attempts),
        worse_in=cell.worse_in,
        once_more=once_more,
        last_lines=tuple(last.verifier_tail.splitlines()[-10:]) if last else (),
        fingerprint=last.fingerprint if last else {},
    )


def _last_trial(cell: CellResult, run: Path) -> TrialResult | None:
    if not cell.attempts:
        return None
    try:
        return read_result(run / cell.attempts[-1].folder / "result.json")
    except RunFolderError:
        return None  # The ticket is worth having without it.


def due_date(opened: date) -> date:
    """The next business day: Monday for what is opened from Friday on."""
    day = opened + timedelta(days=1)
    while day.weekday() >= 5:
        day += timedelta(days=1)
    return day


def on_rotation(today: date, settings: IncidentSettings) -> str | None:
    """Who looks after incidents today: the list in turn, from the start date on."""
    if not settings.rotation:
        return None
    turns = (today - settings.rotation_start).days // settings.rotation_days
    return settings.rotation[turns % len(settings.rotation)]


def open_incidents(incidents: Sequence[Incident], folder: Path, settings: IncidentSettings) -> list[Path]:
    """Write the tickets, then tell the webhook; a webhook that fails is noted in the ticket and stops nothing."""
    tickets = [StoredIncident(folder / f"{incident.id}.json", incident) for incident in incidents]
    for ticket in tickets:
        write_json(ticket.file, ticket.incident.to_json())
    if settings.webhook and tickets:
        told = post_all([ticket.incident.to_json() for ticket in tickets], settings.webhook)
        for ticket, delivery in zip(tickets, told, strict=True):
            write_json(ticket.file, replace(_as_it_is_now(ticket), delivery=delivery).to_json())
    return [ticket.file for ticket in tickets]


def _as_it_is_now(ticket: StoredIncident) -> Incident:
    """Who was told of it may have acknowledged it by now."""
    try:
        return _read_incident(ticket.file)
    except RunFolderError:
        return ticket.incident


def read_incidents(results: Path) -> tuple[list[StoredIncident], list[RunFolderError]]:
    """Every ticket below the folder of results, oldest first, and what is wrong with those that cannot be read."""
    tickets: list[StoredIncident] = []
    damaged: list[RunFolderError] = []
    for file in sorted(results.glob("*/incidents/*.json")):
        if file.parents[1].is_symlink():
            continue
        try:
            tickets.append(StoredIncident(file, _read_incident(file)))
        except RunFolderError as error:
            damaged.append(error)
    return sorted(tickets, key=lambda ticket: (ticket.incident.opened_at, ticket.file.name)), damaged


def _read_incident(file: Path) -> Incident:
    cure = "restore it, or remove the file"
    return read_document(file, Incident.from_json, error=RunFolderError, cure=cure, versions=(1, SCHEMA_VERSION))


def acknowledge(results: Path, incident_id: str, *, by: str, notes: str = "") -> Incident:
    """Note in the ticket that somebody has taken it: it fails the release check no longer.

    Raises RunFolderError when there is none of that id, or when somebody else has taken it.
    """
    for file, incident in read_incidents(results)[0]:
        if incident.id != incident_id:
            continue
        taken = incident.acknowledged
        if taken and taken.by != by:
            raise RunFolderError(
                f"{incident_id} was acknowledged by {taken.by} at {taken.at}; to take it over, set `acknowledged` to "
                f"null in {file}"
            )
        incident = replace(incident, acknowledged=Acknowledgement(by=by, at=now_text(), notes=notes))
        write_json(file, incident.to_json())
        return incident
    raise RunFolderError(f"no incident {incident_id!r} below {results}; `terminalbench incident list` shows them")
