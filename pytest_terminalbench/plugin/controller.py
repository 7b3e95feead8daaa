"""The process that owns the run, in pytest: books what is reported, misses what is not, ends the session."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from pytest_terminalbench.cells.bench import Bench
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.errors import RunFolderError, SettingsError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.incidents import Incident
from pytest_terminalbench.plugin.cell_property import cell_of
from pytest_terminalbench.plugin.progress import Progress
from pytest_terminalbench.plugin.pytest_internals import correct_json_report, option, ran_not_at_all
from pytest_terminalbench.plugin.report_status import RETRIED
from pytest_terminalbench.plugin.scenario_paths import scenarios_among
from pytest_terminalbench.plugin.session_failure import failed_orphans, failed_reports
from pytest_terminalbench.plugin.stash_keys import CELL
from pytest_terminalbench.plugin.suite_gate_report import NODEID, doubtful_gate, failed_gate
from pytest_terminalbench.plugin.terminal_summary import write_summary
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.sessions.session import ClosedRun, Session
from pytest_terminalbench.sessions.session_ledger import SessionLedger
from pytest_terminalbench.status import Status

__all__ = ["Controller"]


class Controller:
    """Lives in the main process only: alone, or with xdist's workers below it. `cell_of`: what a node id names."""

    def __init__(
        self,
        config: pytest.Config,
        bench: Bench,
        run: RunFolder,
        *,
        progress_s: float,
        cell_of: Callable[[str], CellId | None],
    ) -> None:
        self._config = config
        self._bench = bench
        self._run = run
        self._progress_s = progress_s
        self._cell_of_item = cell_of
        self._session = Session(bench, run)
        self._closed: ClosedRun | None = None
        self._progress: Progress | None = None
        self._sigterm: Any = None
        self._is_interrupted = False
        self._has_told_mismatches = False
        self._troubles: list[str] = []
        # Which tests have reported each cell, by its key.
        self._tests_of: dict[str, set[str]] = {}

    # -- while it runs -----------------------------------------------------------------------------------------------

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Without xdist: what is going to run is known here."""
        if not self._only_shows:
            self.expect([item.stash[CELL].id for item in session.items if CELL in item.stash])

    @property
    def _only_shows(self) -> bool:
        return bool(option(self._config, "collectonly") or option(self._config, "setupplan"))

    @property
    def ledger(self) -> SessionLedger:
        return self._session.ledger

    def expect(self, cells: Sequence[CellId]) -> None:
        """These cells are going to run; they are missed when they do not report."""
        self._session.expect(cells)
        if cells and not self._only_shows:
            self.open_run()

    def guard(self) -> None:
        """Let SIGTERM end the session as Ctrl-C does."""
        if self._sigterm is None and threading.current_thread() is threading.main_thread():
            self._sigterm = signal.signal(signal.SIGTERM, _interrupt)

    def open_run(self) -> None:
        """Make the run's folder; raises UsageError where none can be made, or the project's settings are wrong."""
        if self._session.is_open:
            return
        try:
            self._session.open(workers=len(option(self._config, "tx") or []))
        except RunFolderError as error:
            raise pytest.UsageError(f"--tb-run-id {self._run.id!r}: {error}") from None
        except SettingsError as error:
            raise pytest.UsageError(str(error)) from None
        except OSError as error:
            raise pytest.UsageError(f"--tb-results: {self._run.path} cannot be written: {error}") from None
        self.guard()
        self._start_progress()

    def _start_progress(self) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None and self._progress_s:
            self._progress = Progress(
                self._run.events, reporter, silence_s=self._progress_s, total=len(self._session.ledger.expected)
            )
            self._progress.start()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._progress is not None:
            self._progress.heard()
        result = cell_of(report)
        if result is None or not self._session.is_open or report.outcome == RETRIED:
            return
        # The last report of a cell says the most: setup knows the trials, call the verdict.
        ledger = self._session.ledger
        ledger.record(self._of_one_test(report.nodeid, result))
        self._let_go(report.nodeid, result)
        if ran_not_at_all(report):
            ledger.skip(result.key)
        # xdist books a cell whose worker died under a phase of its own, "???".
        if report.when == "teardown" or (report.when not in ("setup", "call") and report.failed):
            ledger.finish(result.key)

    def _of_one_test(self, nodeid: str, result: CellResult) -> CellResult:
        """`result`; void where several tests have run the cell, for the trials of one replaced the others'."""
        tests = self._tests_of.setdefault(result.key, set())
        tests.add(nodeid)
        if len(tests) == 1:
            return result
        text = (
            f"{' and '.join(sorted(tests))} ran it, and one's trials replaced the other's; "
            "deselect one of them, or run them in two sessions"
        )
        return replace(result, status=Status.VOID, text=text, change=None, tolerated=False, approving=False)

    def _let_go(self, nodeid: str, result: CellResult) -> None:
        """Do not expect the cell that an item was collected as where a fixture gave another agent to act."""
        ledger = self._session.ledger
        if result.key in ledger.expected or not scenarios_among([nodeid], self._config):
            return
        collected = self._cell_of_item(nodeid)
        if collected is not None:
            ledger.replace(collected.key)

    def pytest_keyboard_interrupt(self) -> None:
        """Ctrl-C, SIGTERM, ``pytest.exit`` or ``session.shouldstop``; the exit status alone does not tell."""
        self._is_interrupted = True

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Before the writers of reports write: what fails the session though no cell does, as reports of its own."""
        gate = self._session.gate(was_stopped=self._was_stopped(session))
        if gate is not None and gate.failures:
            self._fail(session, failed_gate(gate, self._run.path, self._bench.settings.attempts))
        elif gate is not None and gate.doubts:
            self._tell(session, doubtful_gate(gate))
        if self._session.fails_for_nothing:
            self._fail(session, failed_reports(NODEID, f"nobody can tell: {self._session.ran_nothing}"))
        if self._session.fails_for_orphans:
            self._fail(session, failed_orphans(self._session.orphans, self._bench.settings.baselines))
        return (yield)

    def _was_stopped(self, session: pytest.Session) -> bool:
        return bool(session.shouldstop or session.shouldfail) or self._is_interrupted

    def _fail(self, session: pytest.Session, reports: Iterable[pytest.TestReport]) -> None:
        self._tell(session, reports)
        if session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _tell(self, session: pytest.Session, reports: Iterable[pytest.TestReport]) -> None:
        # One more than pytest has counted, so that its percentage does not pass 100.
        session.testscollected += 1
        for report in reports:
            self._config.hook.pytest_runtest_logreport(report=report)

    # -- the end -----------------------------------------------------------------------------------------------------

    def finish(self, session: pytest.Session) -> None:
        """After the last report and the last worker: close the run, and say how it ended."""
        if self._progress is not None:
            self._progress.stop()
        try:
            self._closed = self._session.close(
                status=int(session.exitstatus),
                was_stopped=self._was_stopped(session),
                is_interrupted=self._is_interrupted,
            )
        finally:
            if self._sigterm is not None:
                signal.signal(signal.SIGTERM, self._sigterm)
        if self._closed is not None:
            if self._closed.unwritten:
                self._troubles.append(self._closed.unwritten)
            session.exitstatus = self._closed.exit_status
            correct_json_report(self._config, self._closed.exit_status)
            for incident in self._closed.incidents:
                self._tell_hooks(incident)

    def _tell_mismatches(self) -> None:
        """Once, for programs that read stderr, whatever pytest captures."""
        if self._closed is None or self._has_told_mismatches or not self._closed.summary.mismatches:
            return
        self._has_told_mismatches = True
        line = json.dumps({"parity": self._closed.summary.mismatches}, default=str, allow_nan=False)
        capture = self._config.pluginmanager.get_plugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture is not None else nullcontext():
            print(line, file=sys.stderr)  # noqa: T201

    def _tell_hooks(self, incident: Incident) -> None:
        """The user's; one that raises is told of, and ends nothing."""
        hook = self._config.hook.pytest_terminalbench_incident
        try:
            hook(incident=incident.to_json())
        # The seam to foreign code, which may raise anything or exit.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            text = str(error).partition("\n")[0]
            self._troubles.append(f"incident {incident.id}: a hook {hook.name} raises {type(error).__name__}: {text}")

    def pytest_unconfigure(self) -> None:
        """Of a session that had no summary, such as one without a terminal reporter."""
        self._tell_mismatches()

    def write_summary(self, reporter: pytest.TerminalReporter) -> None:
        # Here and not before: until now the line of letters was open, and this one would stand behind it.
        reporter.flush()
        self._tell_mismatches()
        if self._closed is not None:
            write_summary(self._closed, self._bench.settings.baselines, reporter)
            self._tell_missing_baselines(reporter)
            if self._session.ran_nothing:
                reporter.write_line(f"terminalbench: {self._session.ran_nothing}", yellow=True)
        for trouble in self._troubles:
            reporter.write_line(f"terminalbench: {trouble}", red=True)

    def _tell_missing_baselines(self, reporter: pytest.TerminalReporter) -> None:
        """A folder that was named and is not there is mistyped, or still to be made by a first approval."""
        settings = self._bench.settings
        if settings.baselines != settings.root / "baselines" and not settings.baselines.is_dir():
            reporter.write_line(f"baselines: there is no folder {settings.baselines}")


def _interrupt(signum: int, frame: object) -> None:
    # As Ctrl-C does, so that fixtures are torn down and containers removed. Once: who asks twice means it.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise KeyboardInterrupt
