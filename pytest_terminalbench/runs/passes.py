"""What earlier runs say of a cell: how often it has passed in a row under the same conditions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.runs.layout import LATEST, RunFolder
from pytest_terminalbench.runs.summary import read_summary
from pytest_terminalbench.trials.result import read_result

__all__ = ["PASSES_FOR_ACTIVE", "has_passed", "is_doubtful", "passes_in_a_row", "runs_by_time"]

# A baseline is provisional until its cell has passed so often, one run after the other.
PASSES_FOR_ACTIVE = 3
_PASSED = ("solved", "as-baseline")


def is_doubtful(cell: Mapping[str, Any]) -> bool:
    """Whether the cell looks worse than its baseline and its trials cannot tell, whatever the session made of it."""
    return cell["status"] == "inconclusive" or bool(cell.get("inconclusive"))


def has_passed(cell: Mapping[str, Any]) -> bool:
    """Whether the cell came to what was expected of it; one in doubt has not, though its session let it pass."""
    return cell["status"] in _PASSED and not is_doubtful(cell)


def runs_by_time(results: Path) -> list[RunFolder]:
    """Every finished run below `results`, oldest first; folders that are no runs are passed over."""
    found = []
    for folder in results.iterdir() if results.is_dir() else ():
        if folder.name == LATEST or not folder.is_dir():
            continue
        try:
            started = json.loads((folder / "manifest.json").read_bytes())["started_at"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        found.append((str(started), folder))
    return [RunFolder(folder) for _, folder in sorted(found)]


def passes_in_a_row(results: Path, cell: str, run: RunFolder, fingerprint: Mapping[str, Any]) -> int:
    """In how many runs up to `run`, one after the other, the cell passed under the conditions of `fingerprint`.

    A run that did not have the cell, or had it void, neither counts nor breaks the row; one that had it under other
    conditions, failed it, or could not tell (inconclusive), breaks it.
    """
    runs = runs_by_time(results)
    names = [one.path.resolve() for one in runs]
    last = names.index(run.path.resolve()) + 1 if run.path.resolve() in names else len(runs)
    passes = 0
    for verdict in _verdicts(reversed(runs[:last]), cell, fingerprint):
        if not verdict:
            break
        passes += 1
    return passes


def _verdicts(runs: Iterator[RunFolder], cell: str, fingerprint: Mapping[str, Any]) -> Iterator[bool]:
    for run in runs:
        try:
            cells = read_summary(run.summary)["cells"]
        except RunFolderError:
            continue
        found = next((one for one in cells if one["cell"] == cell and one["attempts"]), None)
        if found is None or found["status"] in ("void", "blocked", "lost"):
            continue
        yield has_passed(found) and _same_conditions(run, found, fingerprint)


def _same_conditions(run: RunFolder, cell: Mapping[str, Any], fingerprint: Mapping[str, Any]) -> bool:
    try:
        result = read_result(run.path / cell["attempts"][0]["folder"] / "result.json")
    except RunFolderError:
        return False
    return dict(result.fingerprint) == dict(fingerprint)
