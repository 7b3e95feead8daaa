"""Where the plugin keeps its state in pytest's stash."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_terminalbench.plugin.session import BenchSession

__all__ = ["BENCH", "RUN_ID"]

BENCH: pytest.StashKey[BenchSession] = pytest.StashKey()
RUN_ID: pytest.StashKey[str] = pytest.StashKey()
