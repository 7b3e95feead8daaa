"""The cell on pytest's reports: put there by items, read by whoever hears of a report."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_terminalbench.cells.cell_run import CellRun
from pytest_terminalbench.cells.report_property import PROPERTY, read_property, written
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.plugin.stash_keys import CELL

__all__ = ["cell_of", "publish"]


def publish(item: pytest.Item, run: CellRun) -> None:
    """Put what is known of the item's cell into its one property.

    A user's own test counts as a cell only when it compares with a baseline; else it is a test like any other.
    """
    if CELL not in item.stash and run.comparison is None:
        return
    others = [pair for pair in item.user_properties if pair[0] != PROPERTY]
    item.user_properties[:] = [*others, written(run.result)]


def cell_of(report: Any) -> CellResult | None:
    """The cell that a report is about, if any."""
    cells = (read_property(value) for name, value in getattr(report, "user_properties", ()) if name == PROPERTY)
    return next((cell for cell in cells if cell is not None), None)
