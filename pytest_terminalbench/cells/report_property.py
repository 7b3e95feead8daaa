"""A cell's result as one small JSON string: what rides on pytest's reports, crosses xdist and reaches every writer."""

from __future__ import annotations

import json

from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.documents import parse_json
from pytest_terminalbench.errors import SettingsError

__all__ = ["PROPERTY", "read_property", "written"]

PROPERTY = "tb"


def written(result: CellResult) -> tuple[str, str]:
    """The property for `result`: a string, because execnet sends no objects."""
    return PROPERTY, json.dumps(result.to_json(), ensure_ascii=True, allow_nan=False)


def read_property(value: object) -> CellResult | None:
    """The cell in a property's value; None for what is not ours: a user's test may record a property of that name."""
    try:
        return CellResult.from_json(parse_json(value)) if isinstance(value, str) else None
    except (KeyError, TypeError, ValueError, SettingsError):
        return None
