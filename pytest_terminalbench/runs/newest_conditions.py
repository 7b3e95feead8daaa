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
    tells nothing, of a run as of a single attempt.
    """
    found: dict[CellId, dict[str, Any]] = {}
    for run in reversed(runs_by_time(results)):
        if len(found) == len(asked):
            break
        told = _told_by_run(run.folder, asked)
        found = {**{cell: facts for cell, facts in told.items() if facts}, **found}
    return found


def _told_by_run(run: RunFolder, asked: Mapping[CellId, AskedCell]) -> dict[CellId, dict[str, Any]]:
    try:
        cells = read_summary(run.summary).cells
    except RunFolderError:
        return {}
    return {cell.id: _told(cell, run, asked[cell.id]) for cell in cells if cell.id in asked}


def _told(cell: CellResult, run: RunFolder, asked: AskedCell) -> dict[str, Any]:
    if cell.attempts:
        fingerprint = _newest_fingerprint(cell, run)
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


def _newest_fingerprint(cell: CellResult, run: RunFolder) -> Mapping[str, Any]:
    """Of its last attempt whose result can be read; empty where none can."""
    for attempt in reversed(cell.attempts):
        try:
            return read_result(run.path / attempt.folder / "result.json").fingerprint
        except RunFolderError:
            continue
    return {}
