"""Where the plugin keeps its state in pytest's stash."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_terminalbench.plugin.session import BenchSession
    from pytest_terminalbench.trials.cell import Cell

__all__ = ["BENCH", "CELL", "DEFERRAL", "RUN_ID"]

DEFERRAL = "terminalbench-deferral"

BENCH: pytest.StashKey[BenchSession] = pytest.StashKey()
RUN_ID: pytest.StashKey[str] = pytest.StashKey()
# On items that are scenarios, and on no others: an attribute could be another plugin's.
CELL: pytest.StashKey[Cell] = pytest.StashKey()
