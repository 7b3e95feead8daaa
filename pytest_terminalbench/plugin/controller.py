"""The process that owns the run, in pytest: books what is reported, misses what is not, ends the session."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pytest_terminalbench.cells.bench import Bench
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.comparing.session_gate import RunGate, RunGateSettings, gate_run
from pytest_terminalbench.documents import write_atomically, write_json
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.incidents import incidents_of, open_incidents
from pytest_terminalbench.plugin.cell_property import cell_of, written
from pytest_terminalbench.plugin.progress import Progress
from pytest_terminalbench.plugin.pytest_internals import longrepr, option, requeued
from pytest_terminalbench.plugin.report_status import RETRIED
from pytest_terminalbench.plugin.stash_keys import CELL
from pytest_terminalbench.plugin.suite_gate_report import failed_gate
from pytest_terminalbench.plugin.terminal_summary import Summary, write_summary
from pytest_terminalbench.runs.approvable_trials import approve_cells
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.manifest import finished, git_user, started
from pytest_terminalbench.runs.report import markdown
from pytest_terminalbench.runs.summary import summarise
from pytest_terminalbench.scenarios.model import Scenario
from pytest_terminalbench.sessions.session_ledger import SessionLedger
from pytest_terminalbench.settings import ProjectSettings, project_settings
from pytest_terminalbench.status import Status

__all__ = ["Controller"]

EXIT_VOID_RATE = 22
# A worker that dies takes its cell with it; the second time the cell is to blame.
WORKER_RETRIES = 1


class _Approval(NamedTuple):
    """What the summary says of an approval that was asked for, and whether it was given."""

    said: str
    given: bool


class Controller:
    """Lives in the main process only: alone, or with xdist's workers below it.

    `cell_of` and `scenario_of` give what a node id names.
    """

    def __init__(
        self,
        config: pytest.Config,
        bench: Bench,
        run: RunFolder,
        *,
        cell_of: Callable[[str], CellId | None],
        scenario_of: Callable[[str], Scenario | None],
        progress_s: float,
    ) -> None:
        self._config = config
        self._bench = bench
        self._run = run
        self._cell_of = cell_of
        self._scenario_of = scenario_of
        self._progress_s = progress_s
        self._ledger = SessionLedger()
        self._manifest: dict[str, object] | None = None
        self._gate: RunGate | None = None
        self._summary: Summary | None = None
        self._progress: Progress | None = None
        self._sigterm: Any = None
        self._trouble = ""
        self.refusal: pytest.UsageError | None = None

    # -- while it runs -----------------------------------------------------------------------------------------------

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Without xdist: what is going to run is known here; so is what keeps it from running."""
        if self.refusal is not None:
            raise self.refusal
        self.expect([item.stash[CELL].id for item in session.items if CELL in item.stash])

    def expect(self, cells: Sequence[CellId]) -> None:
        """These cells are going to run; they are missed when they do not report."""
        self._ledger.expect(cells)
        if cells and not option(self._config, "collectonly") and not option(self._config, "setupplan"):
            self.open_run()

    def guard(self) -> None:
        """Let SIGTERM end the session as Ctrl-C does."""
        if self._sigterm is None and threading.current_thread() is threading.main_thread():
            self._sigterm = signal.signal(signal.SIGTERM, _interrupt)

    def open_run(self) -> None:
        """Make the run's folder; raises UsageError where none can be made."""
        if self._manifest is not None:
            return
        bench = self._bench
        workers = len(option(self._config, "tx") or [])
        self._manifest = started(self._run.id, bench.facts(), root=bench.settings.root, workers=workers)
        try:
            write_json(self._run.manifest, self._manifest)
            self._run.point_latest()
            bench.journal.write("session-start", cells=len(self._ledger.expected))
        except OSError as error:
            self._manifest = None
            raise pytest.UsageError(f"--tb-results: {self._run.path} cannot be written: {error}") from None
        self.guard()
        self._start_progress()

    def _start_progress(self) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None and self._progress_s:
            self._progress = Progress(
                self._run.events, reporter, silence_s=self._progress_s, total=len(self._ledger.expected)
            )
            self._progress.start()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._progress is not None:
            self._progress.heard()
        result = cell_of(report)
        if result is None or report.outcome == RETRIED:
            return
        # The last report of a cell says the most: setup knows the trials, call the verdict.
        self._ledger.record(result)
        if report.skipped and not hasattr(report, "wasxfail"):
            self._ledger.skip(result.key)
        # xdist books a cell whose worker died under a phase of its own, "???".
        if report.when == "teardown" or (report.when not in ("setup", "call") and report.failed):
            self._ledger.finish(result.key)

    def worker_crashed(self, nodeid: str, report: pytest.TestReport, sched: Any) -> None:
        """A worker died while it ran a cell: run the cell once more, then call it void."""
        cell = self._cell_of(nodeid)
        if cell is None or cell.key not in self._ledger.expected:
            return
        crashes = self._ledger.crash(cell.key)
        # What the kernel has not buried yet goes at the end.
        removed = self._bench.sweep(orphans_only=True)
        self._bench.journal.write("worker-crash", cell=cell.key, crashes=crashes, removed_containers=len(removed))
        if crashes <= WORKER_RETRIES and requeued(sched, nodeid):
            report.outcome = RETRIED  # type: ignore[assignment]  # Neither passed nor failed; see report_status.py.
            report.longrepr = None
            reason = "run once more after its worker died"
        else:
            times = "once" if crashes == 1 else f"{crashes} times"
            reason = f"the worker that ran it died {times} ({report.longrepr})"
            card = f"{cell.scenario}: void: {reason}\njournal: {self._run.events}"
            report.longrepr = longrepr(card, report.location[0])
        scenario = self._scenario_of(nodeid)
        result = CellResult(
            id=cell,
            status=Status.VOID,
            text=reason,
            category=scenario.category if scenario else "",
            difficulty=scenario.difficulty if scenario else "",
        )
        report.user_properties.append(written(result))

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Before the writers of reports write: the gate of the whole run, as a report of its own."""
        if self._manifest is not None and not self._bench.settings.update_baselines:
            self._ask_gate(session)
        return (yield)

    def _ask_gate(self, session: pytest.Session) -> None:
        settings = self._bench.settings
        self._gate = gate_run(
            [result.to_json() for result in self._ledger.results()],
            baselines=settings.baselines,
            settings=RunGateSettings(alpha=settings.alpha, margin=settings.margin, adaptive=settings.attempts is None),
        )
        if self._gate is not None and self._gate.failures:
            # One more than pytest has counted, so that its percentage does not pass 100.
            session.testscollected += 1
            for report in failed_gate(self._gate, self._run.path, settings.attempts):
                self._config.hook.pytest_runtest_logreport(report=report)
            if session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    # -- the end -----------------------------------------------------------------------------------------------------

    def finish(self, session: pytest.Session) -> None:
        """After the last report and the last worker: sweep, reconcile, approve, write, and say how it ended."""
        if self._progress is not None:
            self._progress.stop()
        removed = self._bench.sweep()
        try:
            if self._manifest is not None:
                self._summary = self._close_run(self._manifest, session, removed=len(removed))
        except OSError as error:
            self._trouble = f"the run could not be written to {self._run.path}: {error}"
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
        finally:
            if self._sigterm is not None:
                signal.signal(signal.SIGTERM, self._sigterm)

    def _close_run(self, manifest: dict[str, object], session: pytest.Session, *, removed: int) -> Summary:
        bench, run = self._bench, self._run
        lost = [] if self._was_stopped(session) else self._ledger.missing
        told = [result.to_json() for result in self._ledger.results(without=lost)]
        gate = self._gate.to_json() if self._gate else None
        summary = summarise(run.id, told, lost=lost, gate=gate)
        status = self._exit_status(int(session.exitstatus), summary["totals"])
        approval = self._approve(summary) if bench.settings.update_baselines else None
        if approval is not None and not approval.given and status == pytest.ExitCode.OK:
            status = int(pytest.ExitCode.TESTS_FAILED)
        session.exitstatus = status
        write_json(run.summary, summary)
        write_atomically(run.report, markdown(summary))
        self._tell_mismatches(told)
        incidents = [] if bench.settings.update_baselines else self._open_incidents(summary)
        bench.journal.write("session-end", exit_status=status, removed_containers=removed)
        write_json(run.manifest, finished(manifest, exit_status=status, engine_platform=bench.platform()))
        said = approval.said if approval else None
        return Summary(summary=summary, run=run.path, approval=said, removed=removed, incidents=incidents)

    def _tell_mismatches(self, cells: Sequence[Mapping[str, Any]]) -> None:
        """What differs from the baselines' conditions, for programs: in the run's folder, and on stderr."""
        differing = {cell["cell"]: cell["mismatches"] for cell in cells if cell["mismatches"]}
        if not differing:
            return
        write_json(self._run.parity, differing)
        capture = self._config.pluginmanager.get_plugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture is not None else nullcontext():
            print(json.dumps({"parity": differing}, default=str), file=sys.stderr)  # noqa: T201

    @property
    def _project(self) -> ProjectSettings:
        return project_settings(self._bench.settings.root)

    def _open_incidents(self, summary: Mapping[str, Any]) -> list[Path]:
        settings = self._project.incidents
        incidents = incidents_of(summary, self._run.path, settings)
        files = open_incidents(incidents, self._run.incidents, settings)
        for incident in incidents:
            self._config.hook.pytest_terminalbench_incident(incident=incident)
        return files

    def write_summary(self, reporter: pytest.TerminalReporter) -> None:
        if self._summary is not None:
            write_summary(self._summary, reporter)
        if self._trouble:
            reporter.write_line(f"terminalbench: {self._trouble}", red=True)

    def _was_stopped(self, session: pytest.Session) -> bool:
        """Whether somebody ended the session, so that what was not reported is no loss."""
        is_interrupted = int(session.exitstatus) == pytest.ExitCode.INTERRUPTED
        return bool(session.shouldstop or session.shouldfail) or is_interrupted

    def _exit_status(self, status: int, totals: dict[str, int]) -> int:
        if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
            return status
        if totals["lost"]:
            return int(pytest.ExitCode.INTERNAL_ERROR)
        if totals["cells"] and totals["void"] / totals["cells"] > self._bench.settings.max_void_rate:
            return EXIT_VOID_RATE
        return status

    def _approve(self, summary: dict[str, Any]) -> _Approval:
        """Write baselines, or say why not."""
        settings = self._bench.settings
        totals = summary["totals"]
        hindrances = [f"{totals[key]} {key}" for key in ("void", "blocked", "lost") if totals[key]]
        if not totals["lost"] and self._ledger.missing:
            hindrances.append(f"{len(self._ledger.missing)} not run")
        if hindrances:
            return _Approval(f"baselines NOT updated: {', '.join(hindrances)} among the selected cells", given=False)
        try:
            approval = approve_cells(
                summary["cells"],
                run=self._run.path,
                baselines=settings.baselines,
                approver=settings.approver or git_user(settings.root),
            )
        except (BaselineError, OSError) as error:
            return _Approval(f"baselines NOT updated: {error}", given=False)
        counts = f"{len(approval.written)} written, {approval.unchanged} unchanged"
        return _Approval(f"baselines: {counts} in {settings.baselines}", given=True)


def _interrupt(signum: int, frame: object) -> None:
    # As Ctrl-C does, so that fixtures are torn down and containers removed. Once: who asks twice means it.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise KeyboardInterrupt
