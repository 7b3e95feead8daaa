"""Where the plugin keeps its state in pytest's stash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from syrupy.session import SnapshotSession

    from pytest_terminalbench.cells.cell_run import CellRun
    from pytest_terminalbench.plugin.asked_scenarios import AskedScenarios
    from pytest_terminalbench.trials.cell import Cell

__all__ = ["ASKED", "BASELINE_SNAPSHOTS", "CELL", "CELL_RUN", "PASSED_OVER", "RUN_ID", "SESSION"]

# The one `PluginSession`; whoever imports that module is typed by its own accessor.
SESSION: pytest.StashKey[Any] = pytest.StashKey()
RUN_ID: pytest.StashKey[str] = pytest.StashKey()
# What scenarios the session is to collect; not there where it is asked for none.
ASKED: pytest.StashKey[AskedScenarios] = pytest.StashKey()
# The datasets that pytest came upon and nobody asked for.
PASSED_OVER: pytest.StashKey[list[Path]] = pytest.StashKey()
# On items that are scenarios, and on no others: an attribute could be another plugin's.
CELL: pytest.StashKey[Cell] = pytest.StashKey()
# On items whose fixtures have to do with a cell: scenarios, and a user's own tests that name one.
CELL_RUN: pytest.StashKey[CellRun] = pytest.StashKey()
# What syrupy knows of baselines, apart from the user's snapshots.
BASELINE_SNAPSHOTS: pytest.StashKey[SnapshotSession] = pytest.StashKey()
