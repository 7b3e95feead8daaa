"""What pytest's reports carry of a cell: one small JSON string, which crosses xdist and reaches every writer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_terminalbench.cells.cell_run import CellRun
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.errors import SettingsError
from pytest_terminalbench.plugin.stash_keys import CELL

__all__ = ["PROPERTY", "cell_of", "publish", "read_property", "written"]

PROPERTY = "tb"


def publish(item: pytest.Item, run: CellRun) -> None:
    """Put what is known of the item's cell into its one property.

    A user's own test counts as a cell only when it compares with a baseline; else it is a test like any other.
    """
    if CELL not in item.stash and run.comparison is None:
        return
    others = [pair for pair in item.user_properties if pair[0] != PROPERTY]
    item.user_properties[:] = [*others, written(run.result)]


def written(result: CellResult) -> tuple[str, str]:
    """The property for `result`: a string, because execnet sends no objects."""
    return PROPERTY, json.dumps(result.to_json(), ensure_ascii=True)


def cell_of(report: Any) -> CellResult | None:
    """The cell that a report is about, if any."""
    cells = (read_property(value) for name, value in getattr(report, "user_properties", ()) if name == PROPERTY)
    return next((cell for cell in cells if cell is not None), None)


def read_property(value: object) -> CellResult | None:
    """The cell in a property's value; None for what is not ours: a user's test may record a property of that name."""
    try:
        return CellResult.from_json(json.loads(value)) if isinstance(value, str) else None
    except (KeyError, TypeError, ValueError, SettingsError):
        return None
