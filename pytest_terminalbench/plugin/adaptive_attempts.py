"""With ``--tb-attempts auto``: cells that need more trials get them after all others have had their first.

So the first look at the whole dataset is there early, and what is left is spent on what looked bad. An item that
needs more is put aside without a report, and run to its end when the process has nothing else left: under xdist each
worker does so with its own. To xdist such an item is done, so a worker that dies leaves word of it in the journal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_terminalbench.plugin.pytest_internals import as_current_item, run_protocol
from pytest_terminalbench.plugin.stash_keys import CELL
from pytest_terminalbench.plugin.worker_input import worker_name
from pytest_terminalbench.trials.journal import Journal, read_events
from pytest_terminalbench.trials.result import TrialResult

__all__ = ["FIRST_TRIALS", "PLUGIN_NAME", "SecondTurns", "WaitingItem", "waiting_items"]

PLUGIN_NAME = "terminalbench-second-turns"
# The trials of an item's first turn, for its second.
FIRST_TRIALS: pytest.StashKey[Sequence[TrialResult]] = pytest.StashKey()

_PUT_ASIDE, _SECOND_TURN = "cell-put-aside", "cell-second-turn"


@dataclass(frozen=True, kw_only=True)
class WaitingItem:
    """An item that a worker has put aside; `has_begun` its second turn or not."""

    nodeid: str
    cell: str
    has_begun: bool


def waiting_items(journal: Path, *, worker: str) -> list[WaitingItem]:
    """What this worker of xdist has put aside, whether or not it has reported since."""
    items: dict[str, WaitingItem] = {}
    for event in read_events(journal):
        if event["type"] in (_PUT_ASIDE, _SECOND_TURN) and event["worker"] == worker:
            nodeid, cell = str(event["item"]), str(event["cell"])
            items[nodeid] = WaitingItem(nodeid=nodeid, cell=cell, has_begun=event["type"] == _SECOND_TURN)
    return list(items.values())


class SecondTurns:
    """A plugin of sessions with ``--tb-attempts auto``."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
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
        reports = run_protocol(item, nextitem)
        torn_down = all(report.passed for report in reports if report.when == "teardown")
        if FIRST_TRIALS in item.stash and torn_down:
            self._aside.append(item)
            self._tell(_PUT_ASIDE, item)
        else:
            _report(item, reports)

    def _second_turns(self, session: pytest.Session) -> None:
        aside, self._aside = self._aside, []
        for item, following in zip(aside, [*aside[1:], None], strict=False):
            if session.shouldfail or session.shouldstop:
                return
            self._tell(_SECOND_TURN, item)
            _run_and_report(item, following)

    def _tell(self, kind: str, item: pytest.Item) -> None:
        self._journal.write(kind, cell=item.stash[CELL].key, item=item.nodeid, worker=worker_name(item.config))


def _run_and_report(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    reports = run_protocol(item, nextitem)
    with as_current_item(item):
        _report(item, reports)


def _report(item: pytest.Item, reports: Sequence[pytest.TestReport]) -> None:
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
