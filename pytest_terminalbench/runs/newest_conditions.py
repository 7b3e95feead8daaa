"""What the newest run of a cell recorded of the conditions that only a run knows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pytest_terminalbench.baselines.record import BaselineRecord
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.runs.history import runs_by_time
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.summary import read_summary
from pytest_terminalbench.trials.result import read_result

__all__ = ["AskedCell", "newest_conditions"]


class AskedCell(NamedTuple):
    """A cell's baseline, and the digest of its scenario now."""

    baseline: BaselineRecord
    scenario: str


def newest_conditions(results: Path, asked: Mapping[CellId, AskedCell]) -> dict[CellId, dict[str, Any]]:
    """Image, platform and multiplier of times in the newest run that put the cell's scenario as it is now.

    Cells that no run has put so are left out. A cell that was blocked counts: its image was built. What is damaged
    tells nothing.
    """
    found: dict[CellId, dict[str, Any]] = {}
    for run in reversed(runs_by_time(results)):
        if len(found) == len(asked):
            break
        try:
            cells = read_summary(run.folder.summary).cells
            told = {cell.id: _told(cell, run.folder, asked[cell.id]) for cell in cells if cell.id in asked}
        except RunFolderError:
            continue
        found = {**{cell: facts for cell, facts in told.items() if facts}, **found}
    return found


def _told(cell: CellResult, run: RunFolder, asked: AskedCell) -> dict[str, Any]:
    if cell.attempts:
        fingerprint = read_result(run.path / cell.attempts[-1].folder / "result.json").fingerprint
    elif cell.baseline_id == asked.baseline.baseline_id:
        fingerprint = asked.baseline.fingerprint
    else:
        return {}
    differing = {mismatch.field: mismatch.now for mismatch in cell.mismatches} if not cell.attempts else {}
    limits = fingerprint.get("limits")
    multiplier = limits.get("timeout_multiplier") if isinstance(limits, Mapping) else None
    facts = {name: differing.get(name, fingerprint.get(name)) for name in ("scenario", "image", "platform")}
    if facts.pop("scenario") != asked.scenario:
        return {}
    return {**facts, "limits": {"timeout_multiplier": differing.get("limits.timeout_multiplier", multiplier)}}
