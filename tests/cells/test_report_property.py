"""The cell that rides on pytest's reports, beside whatever a user's test records there."""

from __future__ import annotations

import pytest

from pytest_terminalbench.cells.report_property import read_property, written
from tests.cell_results import a_cell


def test_what_was_written_is_read() -> None:
    result = a_cell("alpha")

    assert read_property(written(result)[1]) == result


@pytest.mark.parametrize(
    "value",
    [None, 7, [], {}, "", "x", "7", "[]", "{}", '{"status": "solved"}', "[" * 100_000, "NaN", "1" * 5000],
    ids=str,
)
def test_what_a_users_test_records_under_the_name_is_no_cell(value: object) -> None:
    assert read_property(value) is None
