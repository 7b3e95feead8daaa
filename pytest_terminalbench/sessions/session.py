"""A session: a run from its manifest to its closing, kept by the one process that owns it. No pytest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from pytest_terminalbench.baselines.approval import Approval, FolderContents
from pytest_terminalbench.baselines.orphans import orphans
from pytest_terminalbench.cells.bench import Bench
from pytest_terminalbench.cells.repeat_command import repeat_command
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.comparing.session_gate import RunGate
from pytest_terminalbench.documents import write_json
from pytest_terminalbench.errors import BaselineError, RunFolderError, ScenarioError
from pytest_terminalbench.exit_codes import EXIT_FAILED, EXIT_INTERNAL, EXIT_OK, session_exit_code
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.incidents import Incident, incidents_of, open_incidents, problems_of
from pytest_terminalbench.naming import counted
from pytest_terminalbench.release_check import ReviewedIncident, unresolved
from pytest_terminalbench.runs.approve_cells import approve_cells
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.ledger import Closing, FileLedger
from pytest_terminalbench.runs.manifest import RunManifest, git_user
from pytest_terminalbench.runs.summary import RunSummary
from pytest_terminalbench.runs.thin_approvals import shrunk_approvals, thin_approvals
from pytest_terminalbench.runs.totals import Totals
from pytest_terminalbench.scenarios.formats import load_scenario
from pytest_terminalbench.sessions.closing import ask_gate, close_run, known_summary, rebuild_run
from pytest_terminalbench.sessions.cut_short import cut_short
from pytest_terminalbench.sessions.opening import open_run
from pytest_terminalbench.sessions.session_ledger import SessionLedger
from pytest_terminalbench.settings import IncidentSettings, project_settings
from pytest_terminalbench.status import Status
from pytest_terminalbench.trials.cell import Cell

__all__ = ["AskedApproval", "ClosedRun", "Session"]


@dataclass(frozen=True, kw_only=True)
class AskedApproval:
    """What became of the approval that a session was asked for; `refusal` says why nothing was approved, `warnings` of
    what too little was.
    """

    approval: Approval | None = None
    refusal: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ClosedRun:
    """A run that has ended, and what followed from it.

    `approval` None: none was asked for. `incidents` with their files; `known_incidents`: of earlier sessions, about
    what has failed again. `orphans`: names of baselines without their scenario; `removed`: environments that were left.
    `unwritten`: why the run's folder does not have all of it; empty where it does.
    """

    run: RunFolder
    summary: RunSummary
    exit_status: int
    approval: AskedApproval | None = None
    incidents: Sequence[Incident] = ()
    incident_files: Sequence[Path] = ()
    known_incidents: Sequence[ReviewedIncident] = ()
    orphans: Sequence[str] = ()
    removed: int = 0
    unwritten: str = ""


class Session:
    """The books of a run. `expect`, `open`, then the `ledger` while it runs, `gate` and `close` at its end."""

    def __init__(self, bench: Bench, run: RunFolder) -> None:
        self.run = run
        self.ledger = SessionLedger(FileLedger(run.ledger))
        self._bench = bench
        self._manifest: RunManifest | None = None
        self._incident_settings = IncidentSettings()
        self._seen: FolderContents | None = None
        self._is_anothers = False
        self._gate: RunGate | None = None
        self._gated: list[CellResult] | None = None

    @property
    def is_open(self) -> bool:
        return self._manifest is not None

    def expect(self, cells: Iterable[CellId]) -> None:
        """These cells are going to run; they are lost when they do not report."""
        self.ledger.expect(cells)

    def open(self, *, workers: int = 0) -> None:
        """Write the manifest, which names the cells that are expected.

        `workers`: processes that run the cells; 0: this one. Raises RunFolderError where another session has the
        folder, OSError where nothing can be written, SettingsError for what the project says of incidents, which is
        not read again at the end.
        """
        self._incident_settings = project_settings(self._bench.settings.root).incidents
        expected = list(self.ledger.expected.values())
        if self._bench.settings.update_baselines:
            # Before any cell reads its own: what somebody else approves from here on was not known to this session.
            self._seen = FolderContents(self._bench.settings.baselines)
        try:
            self._manifest = open_run(self.run, self._bench, expected=expected, workers=workers)
        except RunFolderError:
            self._is_anothers = True
            raise

    def gate(self, *, was_stopped: bool = False) -> RunGate | None:
        """The gate of the whole run, if the session ended now; None where none is asked, or nothing was opened.

        Asked once for the same results: what fails the session is what its summary tells. `was_stopped`: see `close`.
        """
        if self._manifest is None:
            return None
        results = self.ledger.results(was_stopped=was_stopped)
        if results != self._gated:
            baselines = self._bench.settings.baselines
            self._gate, self._gated = ask_gate(results, manifest=self._manifest, baselines=baselines), results
        return self._gate

    @cached_property
    def orphans(self) -> Sequence[str]:
        """The names of baselines without their scenario, of the datasets that the session runs; none without a gate.

        A scenario that is there and was not selected is none that is gone.
        """
        bench = self._bench
        if bench.settings.gate == "off" and not bench.settings.strict_baselines:
            return ()
        datasets = {cell.dataset for cell in self.ledger.expected.values()}
        scenarios = bench.datasets.scenarios_of(datasets)
        return [stored.name for stored in orphans(bench.settings.baselines, scenarios, datasets=datasets)]

    @property
    def fails_for_orphans(self) -> bool:
        """Whether baselines without their scenario make it fail, whatever its cells came to."""
        return self.is_open and self._bench.settings.strict_baselines and bool(self.orphans)

    @property
    def ran_nothing(self) -> str:
        """A sentence where every cell that was asked for was skipped, so that nothing was compared; else empty."""
        skipped = self.ledger.skipped
        if not self.is_open or not skipped or self.ledger.missing or self.ledger.results(was_stopped=True):
            return ""
        return f"no scenario ran, so nothing was compared: {counted(len(skipped), 'cell')} skipped"

    @property
    def fails_for_nothing(self) -> bool:
        """Whether having run nothing makes it fail, as all does that nobody can tell."""
        return bool(self.ran_nothing) and self._bench.settings.inconclusive == "fail"

    def close(self, *, status: int, was_stopped: bool = False, is_interrupted: bool = False) -> ClosedRun | None:
        """Sweep, write summary and report, approve or open incidents; None where nothing was opened.

        `status` is what the session would end with; `was_stopped`: somebody ended it, so that what has not reported is
        not lost. `is_interrupted`: by a person or a signal, who did not wait for what fails; no incidents are opened.
        Where the run cannot be written, the rest is left undone, and the closed run says why.
        """
        bench, manifest = self._bench, self._manifest
        # Environments go by the run's name: what is there under it may be the other session's.
        removed = 0 if self._is_anothers else len(bench.sweep())
        if manifest is None:
            return None
        unjudged = self._book_cut_short() if was_stopped else ()
        closing = Closing(exit_status=status, is_interrupted=was_stopped, cut_short=unjudged)
        gate = self.gate(was_stopped=was_stopped)
        self.ledger.close(closing)
        trouble: OSError | RunFolderError | None = self.ledger.unwritten
        try:
            summary = close_run(self.run, gate=gate) if trouble is None else None
        except (OSError, RunFolderError) as error:
            summary, trouble = None, error
        if summary is None:
            summary = known_summary(self.run, manifest=manifest, ledger=self.ledger.content(closing), gate=gate)
        # That these are void says nothing of whether scenarios can run.
        others = Totals.of([cell for cell in summary.cells if cell.key not in unjudged])
        closed = ClosedRun(
            run=self.run,
            summary=summary,
            exit_status=session_exit_code(status, others, max_void_rate=bench.settings.max_void_rate),
            # Where they fail the session, the failed report tells of them.
            orphans=() if self.fails_for_orphans else self.orphans,
            removed=removed,
        )
        if trouble is not None:
            return self._unwritten(closed, trouble)
        try:
            if bench.settings.update_baselines:
                closed = self._with_approval(closed)
                closed = replace(closed, summary=self._book_approved(closed))
            self._tell_mismatches(closed.summary)
            if bench.settings.incidents and closed.approval is None and not is_interrupted:
                closed = self._with_incidents(closed, gate)
            status = closed.exit_status
            bench.journal.write("session-end", exit_status=status, removed_containers=removed)
            write_json(self.run.manifest, manifest.end(exit_status=status, engine_platform=bench.platform()).to_json())
        except (OSError, RunFolderError) as error:
            return self._unwritten(closed, error)
        return closed

    def _unwritten(self, closed: ClosedRun, error: OSError | RunFolderError) -> ClosedRun:
        """`closed`, which could not be written to its end."""
        problem = error.strerror or error if isinstance(error, OSError) else error
        approval = closed.approval
        if approval is None and self._bench.settings.update_baselines:
            approval = AskedApproval(refusal="the run could not be written")
        return replace(
            closed,
            approval=approval,
            exit_status=closed.exit_status or EXIT_INTERNAL,
            unwritten=f"the results folder {self.run.path} cannot be written: {problem}",
        )

    def _with_approval(self, closed: ClosedRun) -> ClosedRun:
        """`closed`, and what it came to approved, or why not."""
        approval = self._approve(closed.summary)
        status = EXIT_FAILED if approval.refusal and closed.exit_status == EXIT_OK else closed.exit_status
        return replace(closed, approval=approval, exit_status=status)

    def _with_incidents(self, closed: ClosedRun, gate: RunGate | None) -> ClosedRun:
        """`closed`, and tickets for what got worse."""
        incidents, known = self._incidents(closed.summary, gate)
        files = open_incidents(incidents, self.run.incidents, self._incident_settings)
        return replace(closed, incidents=incidents, incident_files=files, known_incidents=known)

    def _book_cut_short(self) -> tuple[str, ...]:
        """Book the cells that were tried and did not come to their verdict; their keys."""
        has_verdict = {cell.key for cell in self.ledger.results(was_stopped=True) if cell.status is not Status.VOID}
        booked = []
        for key in self.ledger.missing:
            cell = None if key in has_verdict else self._cell_of(self.ledger.expected[key])
            result = cut_short(cell, self.run, gate=self._bench.gate_kind(cell.agent)) if cell is not None else None
            if result is not None:
                self.ledger.correct(result)
                booked.append(key)
        return tuple(booked)

    def _cell_of(self, cell: CellId) -> Cell | None:
        """The cell with its scenario and agent; None where one of them is not there any more."""
        agent = next((agent for agent in self._bench.agents if agent.label == cell.label), None)
        try:
            _, files = self._scenario_files.get(cell.dataset, (None, {}))
            if agent is None or cell.scenario not in files:
                return None
            return Cell(scenario=load_scenario(files[cell.scenario], dataset=cell.dataset), agent=agent)
        except (ScenarioError, OSError):
            return None

    def _incidents(self, summary: RunSummary, gate: RunGate | None) -> tuple[list[Incident], list[ReviewedIncident]]:
        """Those to open, and those that earlier sessions have opened for the same."""
        problems = problems_of(summary)
        if not problems:
            return [], []
        settings = self._bench.settings
        known = unresolved(self.run.path.parent, settings.baselines, problems)
        incidents = incidents_of(
            summary,
            self.run.path,
            self._incident_settings,
            known=known,
            gate=gate,
            once_more=self._repeat_command,
        )
        again = {known[problem].incident.id: known[problem] for problem in problems if problem in known}
        return incidents, list(again.values())

    def _repeat_command(self, cells: Sequence[CellId]) -> str:
        """For somebody in the project's folder: one cell, or several of one dataset and agent.

        Nothing where agent or scenarios are not there any more.
        """
        bench, label = self._bench, cells[0].label
        # A session that names no agents may have had others from the fixture.
        agents = [agent for agent in bench.agents if agent.label == label or not bench.names_agents]
        folder, files = self._scenario_files.get(cells[0].dataset, (bench.settings.root, {}))
        chosen = {cell.scenario: files[cell.scenario] for cell in cells if cell.scenario in files}
        if not agents or not chosen:
            return ""
        if len(cells) > 1 and len(chosen) == len(files):
            chosen = {}
        return repeat_command(agents[0], folder, bench.settings, start=bench.settings.root, scenarios=chosen)

    @cached_property
    def _scenario_files(self) -> dict[str, tuple[Path, dict[str, Path]]]:
        """By the names of datasets, their folders and their scenarios' files."""
        return {dataset.name: (dataset.folder, dataset.files()) for dataset in self._bench.datasets.known}

    def _tell_mismatches(self, summary: RunSummary) -> None:
        """What differs from the baselines' conditions, for programs."""
        differing = summary.mismatches
        if differing:
            write_json(self.run.parity, differing)

    def _book_approved(self, closed: ClosedRun) -> RunSummary:
        """Only now are cells as their baselines say: a session that ends before this leaves their own verdicts.

        Raises OSError or RunFolderError where the run cannot be written.
        """
        approved = [cell.approved for cell in closed.summary.cells if cell.approving]
        if not approved or closed.approval is None or closed.approval.approval is None:
            return closed.summary
        for cell in approved:
            self.ledger.correct(cell)
        if self.ledger.unwritten is not None:
            raise self.ledger.unwritten
        return rebuild_run(self.run, baselines=self._bench.settings.baselines).summary

    def _approve(self, summary: RunSummary) -> AskedApproval:
        """Write baselines, or say why not."""
        settings = self._bench.settings
        errors = Counter(cell.status for cell in summary.cells if cell.status.is_error)
        hindrances = [f"{errors[status]} {status.words}" for status in Status if errors[status]]
        if not summary.lost and self.ledger.missing:
            hindrances.append(f"{len(self.ledger.missing)} not run")
        if self.ledger.skipped:
            hindrances.append(f"{len(self.ledger.skipped)} skipped")
        if hindrances:
            return AskedApproval(refusal=f"{', '.join(hindrances)} among the selected cells")
        shrunk = shrunk_approvals(summary.cells, settings.baselines)
        try:
            approval = approve_cells(
                summary.cells,
                run=self.run.path,
                baselines=settings.baselines,
                approver=settings.approver or git_user(settings.root),
                seen=self._seen,
            )
        except (BaselineError, OSError) as error:
            return AskedApproval(refusal=str(error))
        thin = thin_approvals(summary.cells, self._bench.policy, baselines=settings.baselines)
        return AskedApproval(approval=approval, warnings=(*shrunk, *thin))
