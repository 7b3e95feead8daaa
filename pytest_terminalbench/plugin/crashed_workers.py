"""What becomes of a cell whose xdist worker died: it is run once more, then it is void.

xdist names the item that it gave to the worker. With ``--tb-attempts auto`` that may have been another than the one
whose turn it was, and the worker may have put items aside that xdist takes for done: these are run again, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_terminalbench.cells.bench import Bench
from pytest_terminalbench.cells.report_property import written
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.plugin.adaptive_attempts import WaitingItem, waiting_items
from pytest_terminalbench.plugin.pytest_internals import longrepr, requeued, worker_of
from pytest_terminalbench.plugin.report_status import RETRIED
from pytest_terminalbench.scenarios.model import Scenario
from pytest_terminalbench.sessions.session_ledger import SessionLedger
from pytest_terminalbench.status import Status

__all__ = ["CrashedWorkers"]

# A worker that dies takes its cell with it; the second time the cell is to blame.
WORKER_RETRIES = 1


class CrashedWorkers:
    """A plugin of the controller. `cell_of` and `scenario_of` give what a node id names."""

    def __init__(
        self,
        bench: Bench,
        ledger: SessionLedger,
        *,
        cell_of: Callable[[str], CellId | None],
        scenario_of: Callable[[str], Scenario | None],
    ) -> None:
        self._bench = bench
        self._ledger = ledger
        self._cell_of = cell_of
        self._scenario_of = scenario_of

    def _waiting(self, report: Any) -> list[WaitingItem]:
        """What the worker had put aside and has not reported."""
        items = waiting_items(self._bench.journal.file, worker=worker_of(report))
        return [item for item in items if not self._ledger.has_finished(item.cell)]

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: pytest.TestReport, sched: Any) -> None:
        waiting = self._waiting(report)
        running = next((item.nodeid for item in waiting if item.has_begun), None)
        if running is not None:
            crashitem = report.nodeid = running
            report.location = (running.partition("::")[0], None, running.partition("::")[0])
        for item in waiting:
            if item.nodeid != crashitem:
                requeued(sched, item.nodeid)
        cell = self._cell_of(crashitem)
        if cell is None or cell.key not in self._ledger.expected:
            return
        crashes = self._ledger.crash(cell.key)
        # What the kernel has not buried yet goes at the end.
        removed = self._bench.sweep(orphans_only=True)
        journal = self._bench.journal
        journal.write("worker-crash", cell=cell.key, crashes=crashes, removed_containers=len(removed))
        if crashes <= WORKER_RETRIES and requeued(sched, crashitem):
            report.outcome = RETRIED  # type: ignore[assignment]  # Neither passed nor failed; see report_status.py.
            report.longrepr = None
            reason = "run once more after its worker died"
        else:
            times = "once" if crashes == 1 else f"{crashes} times"
            reason = f"the worker that ran it died {times} ({report.longrepr})"
            card = f"{cell.scenario}: void: {reason}\njournal: {journal.file}"
            report.longrepr = longrepr(card, report.location[0])
        scenario = self._scenario_of(crashitem)
        result = CellResult(
            id=cell,
            status=Status.VOID,
            text=reason,
            category=scenario.category if scenario else "",
            difficulty=scenario.difficulty if scenario else "",
        )
        report.user_properties.append(written(result))
