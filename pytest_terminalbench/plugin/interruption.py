"""Which cells were running when the session was told to end, in whatever process."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from pytest_terminalbench.identity import CellId
from pytest_terminalbench.plugin.progress import began_or_ended, with_seconds
from pytest_terminalbench.trials.journal import FileJournal

__all__ = ["InterruptedCells"]


class InterruptedCells:
    """A plugin of the controller. `cell_of` gives the cell that a node id names."""

    def __init__(self, journal: FileJournal, *, cell_of: Callable[[str], CellId | None]) -> None:
        self._journal = journal
        self._cell_of = cell_of
        self._began: dict[str, float] = {}
        self._line = ""

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._began[nodeid] = time.time()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._began.pop(nodeid, None)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # xdist's, of an item whose worker has died.
        if report.when not in ("setup", "call", "teardown"):
            self._began.pop(report.nodeid, None)

    def pytest_keyboard_interrupt(self) -> None:
        """Ctrl-C, or SIGTERM: before trials and workers are ended."""
        running = self._running()
        if running:
            self._journal.write("interrupted", running=sorted(running))
            self._line = f"interrupted while running: {with_seconds(running, now=time.time())}"

    def _running(self) -> dict[str, float]:
        """Cell -> when it began: items that have begun, whose images may still be built, and trials in threads."""
        cells = {cell.key: began for nodeid, began in self._began.items() if (cell := self._cell_of(nodeid))}
        trials = began_or_ended(self._journal.file)
        return {**cells, **{key: began for key, began in trials.items() if began is not None}}

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._line:
            terminalreporter.write_line(self._line)
