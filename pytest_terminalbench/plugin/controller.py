"""The process that owns the run: books what is reported, misses what is not, writes files, ends the session."""

from __future__ import annotations

import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_terminalbench.baselines.comparison import Status
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.files import write_atomically, write_json
from pytest_terminalbench.plugin.cell_state import PROPERTY
from pytest_terminalbench.plugin.progress import Progress
from pytest_terminalbench.plugin.status import RETRIED, payload_of
from pytest_terminalbench.plugin.terminal import Summary, write_summary
from pytest_terminalbench.runs.approving import approve_cells
from pytest_terminalbench.runs.manifest import finished, git_user, started
from pytest_terminalbench.runs.report import markdown
from pytest_terminalbench.runs.summary import summarise

if TYPE_CHECKING:
    from pytest_terminalbench.plugin.session import BenchSession

__all__ = ["Controller"]

EXIT_VOID_RATE = 22
# A worker that dies takes its cell with it; the second time the cell is to blame.
WORKER_RETRIES = 1


class Controller:
    """Lives in the main process only: alone, or with xdist's workers below it."""

    def __init__(self, bench: BenchSession) -> None:
        self._bench = bench
        self._expected: dict[str, None] = {}
        self._reported: set[str] = set()
        self._cells: dict[str, dict[str, Any]] = {}
        self._crashes: dict[str, int] = {}
        self._manifest: dict[str, object] | None = None
        self._summary: Summary | None = None
        self._progress: Progress | None = None
        self._sigterm: Any = None

    # -- while it runs -----------------------------------------------------------------------------------------------

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Without xdist: what is going to run is known here."""
        self.expect([item.nodeid for item in session.items if hasattr(item, "cell")])

    def expect(self, nodeids: Sequence[str]) -> None:
        """These items are going to run; those that are scenarios are missed when they do not report."""
        scenarios = [nodeid for nodeid in nodeids if ".json::" in nodeid]
        self._expected.update(dict.fromkeys(scenarios))
        option = self._bench.config.option
        if scenarios and not option.collectonly and not getattr(option, "setupplan", False):
            self._open_run()

    def _open_run(self) -> None:
        if self._manifest is not None:
            return
        bench = self._bench
        workers = len(getattr(bench.config.option, "tx", None) or [])
        self._manifest = started(bench.run.id, bench.settings_facts(), root=bench.options.root, workers=workers)
        write_json(bench.run.manifest, self._manifest)
        bench.run.point_latest()
        bench.journal.write("session-start", cells=len(self._expected))
        if threading.current_thread() is threading.main_thread():
            self._sigterm = signal.signal(signal.SIGTERM, _interrupt)
        reporter = bench.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None and bench.options.progress_s:
            self._progress = Progress(
                bench.run.events, reporter, silence_s=bench.options.progress_s, total=len(self._expected)
            )
            self._progress.start()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._progress is not None:
            self._progress.heard()
        payload = payload_of(report)
        if payload is not None and report.outcome != RETRIED:
            # The last report of a cell says the most: setup knows the trials, call the verdict.
            self._cells[report.nodeid] = payload
        # xdist books a cell whose worker died under a phase of its own, "???".
        if report.when == "teardown" or (report.when not in ("setup", "call") and report.failed):
            self._reported.add(report.nodeid)

    def worker_crashed(self, nodeid: str, report: pytest.TestReport, sched: Any) -> None:
        """A worker died while it ran a cell: run the cell once more, then call it void."""
        if nodeid not in self._expected:
            return
        crashes = self._crashes[nodeid] = self._crashes.get(nodeid, 0) + 1
        self._bench.journal.write("worker-crash", cell=nodeid, crashes=crashes)
        if crashes <= WORKER_RETRIES and _requeued(sched, nodeid):
            report.outcome = RETRIED  # type: ignore[assignment]  # Neither passed nor failed; see status.py.
            report.longrepr = None
            report.user_properties.append((PROPERTY, _void_payload(nodeid, "run once more after its worker died")))
            return
        reason = f"void: the worker that ran it died {crashes} times ({report.longrepr})"
        report.longrepr = f"{nodeid}\n{reason}\njournal: {self._bench.run.events}"
        report.user_properties.append((PROPERTY, _void_payload(nodeid, reason)))

    # -- the end -----------------------------------------------------------------------------------------------------

    def finish(self, session: pytest.Session) -> None:
        """After the last report and the last worker: reconcile, approve, write, and say how it ended."""
        if self._progress is not None:
            self._progress.stop()
        if self._manifest is None:
            return
        bench = self._bench
        removed = bench.sweep()
        lost = self._lost(session)
        summary = summarise(bench.run.id, list(self._cells.values()), lost=lost)
        status = int(session.exitstatus)
        session.exitstatus = status = self._exit_status(status, summary["totals"])
        approval = self._approve(summary) if bench.options.update_baselines else None
        write_json(bench.run.summary, summary)
        write_atomically(bench.run.report, markdown(summary))
        bench.journal.write("session-end", exit_status=status, removed_containers=len(removed))
        write_json(
            bench.run.manifest, finished(self._manifest, exit_status=status, engine_platform=bench.engine_platform())
        )
        self._summary = Summary(summary=summary, run=bench.run.path, approval=approval, removed=len(removed))
        if self._sigterm is not None:
            signal.signal(signal.SIGTERM, self._sigterm)

    def write_summary(self, reporter: pytest.TerminalReporter) -> None:
        if self._summary is not None:
            write_summary(self._summary, reporter)

    def _lost(self, session: pytest.Session) -> list[str]:
        """Collected, never reported, though nobody stopped the session."""
        if session.shouldstop or session.shouldfail or int(session.exitstatus) == pytest.ExitCode.INTERRUPTED:
            return []
        return [nodeid for nodeid in self._expected if nodeid not in self._reported]

    def _exit_status(self, status: int, totals: dict[str, int]) -> int:
        if totals["lost"] and status in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            return int(pytest.ExitCode.INTERNAL_ERROR)
        void = totals["void"] + totals["blocked"]
        judged = status in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        if judged and totals["cells"] and void / totals["cells"] > self._bench.options.max_void_rate:
            return EXIT_VOID_RATE
        return status

    def _approve(self, summary: dict[str, Any]) -> str:
        """Write baselines, or say why not; one sentence for the summary."""
        bench = self._bench
        totals = summary["totals"]
        hindrances = [f"{totals[key]} {key}" for key in ("void", "blocked", "lost") if totals[key]]
        missing = len(self._expected) - len(self._reported)
        if missing and not totals["lost"]:
            hindrances.append(f"{missing} not run")
        if hindrances:
            return f"baselines NOT updated: {', '.join(hindrances)} among the selected cells"
        try:
            approval = approve_cells(
                summary["cells"],
                run=bench.run.path,
                baselines=bench.options.baselines,
                approver=bench.options.approver or git_user(bench.options.root),
            )
        except (BaselineError, OSError) as error:
            return f"baselines NOT updated: {error}"
        return (
            f"baselines: {len(approval.written)} written, {approval.unchanged} unchanged in {bench.options.baselines}"
        )


def _requeued(sched: Any, nodeid: str) -> bool:
    try:
        sched.mark_test_pending(nodeid)
    except NotImplementedError:
        return False  # `--dist loadscope` and its kin cannot.
    return True


def _void_payload(nodeid: str, reason: str) -> str:
    """The property of a report that a dead worker could not send; the node id tells what is needed."""
    import json

    path, _, name = nodeid.rpartition("::")
    scenario, _, actor = name.removesuffix("]").partition("[")
    return json.dumps(
        {
            "cell": f"{Path(path).parent.name}/{name}",
            "scenario": scenario,
            "dataset": Path(path).parent.name,
            "category": "(not known)",
            "difficulty": "",
            "agent": actor,
            "model": None,
            "status": Status.VOID.value,
            "improved": False,
            "baseline_id": None,
            "text": reason,
            "attempts": [],
        }
    )


def _interrupt(signum: int, frame: object) -> None:
    # As Ctrl-C does, so that fixtures are torn down and containers removed. Once: who asks twice means it.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise KeyboardInterrupt
