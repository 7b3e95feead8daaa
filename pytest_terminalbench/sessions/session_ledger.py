"""The books of a session: which cells are expected, which have reported, which took a process with them.

What has reported to its end is written to the run's ledger at once, so that it outlives the session. Where that cannot
be, it is known here all the same, and written with the next as soon as there is room.
"""

from __future__ import annotations

from collections.abc import Iterable

from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.runs.ledger import Closing, Ledger, LedgerContent

__all__ = ["SessionLedger"]


class SessionLedger:
    """Kept by the one process that owns the run. `unwritten`: why its ledger lacks something; None: it does not."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.expected: dict[str, CellId] = {}
        self._results: dict[str, CellResult] = {}
        self._finished: set[str] = set()
        self._skipped: set[str] = set()
        self._replaced: set[str] = set()
        self._crashes: dict[str, int] = {}
        # Cells whose lines are still to be written.
        self._waiting: dict[str, None] = {}
        self.unwritten: OSError | None = None

    def expect(self, cells: Iterable[CellId]) -> None:
        """These cells are going to run; they are missed when they do not report."""
        self.expected.update((cell.key, cell) for cell in cells)

    def record(self, result: CellResult) -> None:
        """What is known of a cell; the last that is recorded counts."""
        self._results[result.key] = result

    def skip(self, cell: str) -> None:
        """The cell reports, and is not run: it is in no summary."""
        self._skipped.add(cell)

    def replace(self, cell: str) -> None:
        """The cell was expected, and another is run in its place."""
        if cell not in self._finished:
            self._replaced.add(cell)
            self.skip(cell)
            self.finish(cell)

    def finish(self, cell: str) -> None:
        """The cell has reported to its end."""
        self._finished.add(cell)
        self._enter(cell)

    def correct(self, result: CellResult) -> None:
        """The cell, which has reported to its end, has become something else since."""
        self.record(result)
        self.finish(result.key)

    def has_finished(self, cell: str) -> bool:
        return cell in self._finished

    def close(self, closing: Closing) -> None:
        """The session has ended. A ledger that lacks cells is left open, as a killed session's."""
        # What they have come to is known, though their reports were cut short.
        self._enter(*(sorted(self._results.keys() - self._finished) if closing.is_interrupted else ()))
        if self.unwritten is None:
            try:
                self._ledger.close(closing)
            except OSError as error:
                self.unwritten = error

    def _enter(self, *cells: str) -> None:
        """Write what is known of `cells`, and of those that could not be written before."""
        self._waiting.update(dict.fromkeys(cells))
        try:
            for cell in list(self._waiting):
                if cell in self._skipped:
                    self._ledger.skip(cell)
                elif cell in self._results:
                    self._ledger.record(self._results[cell])
                del self._waiting[cell]
        except OSError as error:
            self.unwritten = error
        else:
            self.unwritten = None

    def content(self, closing: Closing) -> LedgerContent:
        """What the run's ledger has, or would have, once it is closed."""
        results = {result.key: result for result in self.results(was_stopped=closing.is_interrupted)}
        return LedgerContent(results=results, skipped=frozenset(self._skipped), closing=closing)

    def crash(self, cell: str) -> int:
        """The process that ran the cell died; how often that has happened now."""
        self._crashes[cell] = self._crashes.get(cell, 0) + 1
        return self._crashes[cell]

    @property
    def missing(self) -> list[str]:
        """Expected cells that have not reported to their end, by their keys."""
        return [cell for cell in self.expected if cell not in self._finished]

    @property
    def skipped(self) -> list[str]:
        """Cells that reported that they are not run, by their keys; those in whose place another is run are not."""
        return sorted(self._skipped - self._replaced)

    def results(self, *, was_stopped: bool) -> list[CellResult]:
        """What the run's ledger has of its cells when the session ends now, stopped by somebody or by itself."""
        told = self._results.keys() if was_stopped else self._finished
        return [result for key, result in self._results.items() if key in told and key not in self._skipped]
