"""pytest's own words for our outcomes: letters, summary categories, fields in reports."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from pytest_terminalbench.cells.report_property import PROPERTY, read_property
from pytest_terminalbench.plugin.cell_property import cell_of
from pytest_terminalbench.plugin.session_failure import SessionReport
from pytest_terminalbench.plugin.suite_gate_report import DOUBTFUL
from pytest_terminalbench.status import Status

__all__ = ["RETRIED", "add_to_json_report", "shown_status"]

# The outcome of a report for a cell whose worker died and that is run once more: neither passed nor failed.
RETRIED = "retried"


# Category and letter of a cell that has passed. A category that pytest does not know makes its last line yellow: what
# is in doubt is not green.
_PASSED = {
    Status.SOLVED: ("passed", "."),
    Status.AS_BASELINE: (Status.AS_BASELINE.words, "u"),
    Status.INCONCLUSIVE: (Status.INCONCLUSIVE.words, "?"),
}


class _Shown(NamedTuple):
    category: str
    letter: str
    word: str


def shown_status(report: pytest.TestReport) -> _Shown | None:
    """What pytest shows for the report of a cell; None leaves it to pytest."""
    if isinstance(report, SessionReport):
        return _shown_of_session(report)
    cell = cell_of(report)
    if cell is None:
        return None
    if report.outcome == RETRIED:  # Ours, beyond pytest's three.
        return _Shown("retried", "R", "RETRIED")
    status = cell.status
    word = status.words.upper()
    if report.failed and status.is_error:
        # A void cell whose trial died late is an error like one whose container never started.
        return _Shown("error", "B" if status is Status.BLOCKED else "E", word)
    if report.when != "call":
        return None
    if report.failed and status.is_failure:
        return _Shown("failed", "F", word)
    if report.passed and cell.approving:
        return _Shown(*_PASSED[Status.AS_BASELINE], Status.AS_BASELINE.words.upper())
    if report.passed and status in _PASSED:
        return _Shown(*_PASSED[status], word)
    return None


def _shown_of_session(report: SessionReport) -> _Shown | None:
    if report.when != "call":
        return None
    if report.failed:
        return _Shown("failed", "", "FAILED")
    return _Shown(DOUBTFUL, "", DOUBTFUL.upper()) if (PROPERTY, DOUBTFUL) in report.user_properties else None


def add_to_json_report(json_report: dict[str, Any]) -> None:
    """Give pytest-json-report's tests our fields, under ``terminalbench``."""
    for test in json_report.get("tests", ()):
        for pair in test.get("user_properties", ()):
            cell = read_property(pair.get(PROPERTY))
            if cell is not None:
                test["terminalbench"] = cell.to_json()
