"""With ``--tb-attempts auto``: cells that need more trials get them after all others have had their first.

So the first look at the whole dataset is there early, and what is left is spent on what looked bad. An item that
needs more is put aside without a report, and run to its end when the process has nothing else left: under xdist each
worker does so with its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pytest_terminalbench.plugin.pytest_internals import as_current_item, run_protocol
from pytest_terminalbench.plugin.stash_keys import CELL
from pytest_terminalbench.trials.result import TrialResult

__all__ = ["FIRST_TRIALS", "PLUGIN_NAME", "SecondTurns"]

PLUGIN_NAME = "terminalbench-second-turns"
# The trials of an item's first turn, for its second.
FIRST_TRIALS: pytest.StashKey[Sequence[TrialResult]] = pytest.StashKey()


class SecondTurns:
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
        reports = run_protocol(item, nextitem)
        torn_down = all(report.passed for report in reports if report.when == "teardown")
        if FIRST_TRIALS in item.stash and torn_down:
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
    reports = run_protocol(item, nextitem)
    with as_current_item(item):
        _report(item, reports)


def _report(item: pytest.Item, reports: Sequence[pytest.TestReport]) -> None:
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
