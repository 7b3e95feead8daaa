"""With ``--tb-attempts auto``: cells that need more trials get them after all others have had their first.

So the first look at the whole dataset is there early, and what is left is spent on what looked bad. An item that
needs more is put aside without a report, and run to its end when the process has nothing else left: under xdist each
worker does so with its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from _pytest.runner import runtestprotocol

from pytest_terminalbench.plugin.stash_keys import CELL
from pytest_terminalbench.trials.result import TrialResult

__all__ = ["FIRST_RESULTS", "Deferral"]

# The trials of an item's first turn, for its second.
FIRST_RESULTS: pytest.StashKey[Sequence[TrialResult]] = pytest.StashKey()


class Deferral:
    """A plugin of sessions with ``--tb-attempts auto``."""

    def __init__(self) -> None:
        self._aside: list[pytest.Item] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        if CELL in item.stash:
            self._first_turn(item, nextitem)
        elif nextitem is None and self._aside:
            # A test of another kind is the last one; what is aside comes after it.
            _run_and_report(item, self._aside[0])
        else:
            return None
        if nextitem is None:
            self._second_turns(item.session)
        return True

    def _first_turn(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        torn_down = all(report.passed for report in reports if report.when == "teardown")
        if FIRST_RESULTS in item.stash and torn_down:
            self._aside.append(item)
        else:
            _report(item, reports)

    def _second_turns(self, session: pytest.Session) -> None:
        aside, self._aside = self._aside, []
        for item, following in zip(aside, [*aside[1:], None], strict=False):
            if session.shouldfail or session.shouldstop:
                return
            _run_and_report(item, following)


def _run_and_report(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    reports = runtestprotocol(item, log=False, nextitem=nextitem)
    with _as_current(item):
        _report(item, reports)


@contextmanager
def _as_current(item: pytest.Item) -> Iterator[None]:
    """Tell xdist's worker that `item` is the one that reports: it takes reports of the item it has started only."""
    workers = [p for p in item.config.pluginmanager.get_plugins() if type(p).__name__ == "WorkerInteractor"]
    before = [worker.item_index for worker in workers]
    for worker in workers:
        worker.item_index = item.session.items.index(item)
    try:
        yield
    finally:
        for worker, index in zip(workers, before, strict=True):
            worker.item_index = index


def _report(item: pytest.Item, reports: Sequence[pytest.TestReport]) -> None:
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
