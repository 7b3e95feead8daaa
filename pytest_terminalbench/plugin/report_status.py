"""pytest's own words for our outcomes: letters, summary categories, fields in reports."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from pytest_terminalbench.plugin.cell_state import PROPERTY
from pytest_terminalbench.status import Status

__all__ = ["RETRIED", "add_to_json_report", "payload_of", "shown_status"]

# The outcome of a report for a cell whose worker died and that is run once more: neither passed nor failed.
RETRIED = "retried"


class _Shown(NamedTuple):
    category: str
    letter: str
    word: str


_PASSED = {
    Status.SOLVED: _Shown("passed", ".", "SOLVED"),
    Status.AS_BASELINE: _Shown("as baseline", "u", "AS BASELINE"),
}
_FAILED = {
    Status.UNSOLVED: _Shown("failed", "F", "UNSOLVED"),
    Status.REGRESSED: _Shown("failed", "F", "REGRESSED"),
    Status.INCONCLUSIVE: _Shown("failed", "F", "INCONCLUSIVE"),
}
_ERROR = {
    Status.VOID: _Shown("error", "E", "VOID"),
    Status.BLOCKED: _Shown("error", "B", "BLOCKED"),
    Status.LOST: _Shown("error", "E", "LOST"),
}


def payload_of(report: Any) -> dict[str, Any] | None:
    """Our facts in a report, if it is of a cell."""
    found = (_payload(value) for name, value in getattr(report, "user_properties", ()) if name == PROPERTY)
    return next((payload for payload in found if payload is not None), None)


def _payload(value: object) -> dict[str, Any] | None:
    # A user's own test may record a property of that name.
    try:
        content = json.loads(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return content if isinstance(content, dict) and content.keys() >= {"cell", "status"} else None


def shown_status(report: pytest.TestReport) -> _Shown | None:
    """What pytest shows for the report of a cell; None leaves it to pytest."""
    payload = payload_of(report)
    if payload is None:
        return None
    if report.outcome == RETRIED:  # Ours, beyond pytest's three.
        return _Shown("retried", "R", "RETRIED")
    status = Status(payload["status"])
    if report.failed:
        # A void cell whose trial died late is an error like one whose container never started.
        return _ERROR.get(status) or (_FAILED.get(status) if report.when == "call" else None)
    return _PASSED.get(status) if report.when == "call" and report.passed else None


def add_to_json_report(json_report: dict[str, Any]) -> None:
    """Give pytest-json-report's tests our fields, under ``terminalbench``."""
    for test in json_report.get("tests", ()):
        for pair in test.get("user_properties", ()):
            payload = _payload(pair.get(PROPERTY))
            if payload is not None:
                test["terminalbench"] = payload
