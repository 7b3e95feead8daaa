"""What pytest shows for reports, without a session."""

from __future__ import annotations

import pytest

from pytest_terminalbench.plugin.report_status import shown_status


class Incomparable:
    def __eq__(self, other: object) -> bool:
        raise TypeError("compares with nothing")

    __hash__ = None  # type: ignore[assignment]


def test_a_property_of_our_name_may_hold_what_compares_with_nothing() -> None:
    report = pytest.TestReport(
        nodeid="test_own.py::test_own",
        location=("test_own.py", 0, "test_own"),
        keywords={},
        outcome="passed",
        longrepr=None,
        when="call",
        user_properties=[("tb", Incomparable())],
    )

    assert shown_status(report) is None
