"""What earlier runs say of a cell: how often it has passed in a row under the same conditions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.runs.layout import LATEST, RunFolder
from pytest_terminalbench.runs.summary import read_summary
from pytest_terminalbench.trials.result import read_result

__all__ = ["PASSES_FOR_ACTIVE", "Row", "has_passed", "is_doubtful", "passes_in_a_row", "runs_by_time"]

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


class Row(NamedTuple):
    """Passes one after the other; ``broken_by`` is what ended the row though it is no verdict: a damaged file."""

    passes: int
    broken_by: str = ""


def passes_in_a_row(results: Path, cell: CellId, run: RunFolder, fingerprint: Mapping[str, Any]) -> Row:
    """In how many runs up to `run`, one after the other, the cell passed under the conditions of `fingerprint`.

    A run that did not have the cell, had it void, or has not ended neither counts nor breaks the row; one that had it
    under other conditions, failed it, could not tell (inconclusive), or whose files are damaged, breaks it. A copy of a
    run, in a folder that has not the run's own name, never counts.
    """
    runs = runs_by_time(results)
    names = [one.path.resolve() for one in runs]
    if run.path.resolve() not in names:
        return Row(0, f"{run.manifest} does not say when the run began")
    passes = 0
    try:
        for verdict in _verdicts(reversed(runs[: names.index(run.path.resolve()) + 1]), cell, fingerprint):
            if not verdict:
                break
            passes += 1
    except RunFolderError as error:
        return Row(passes, str(error))
    return Row(passes)


def _verdicts(runs: Iterator[RunFolder], cell: CellId, fingerprint: Mapping[str, Any]) -> Iterator[bool]:
    for run in runs:
        if not run.summary.exists():
            continue
        found = next((one for one in read_summary(run.summary)["cells"] if CellId.from_json(one) == cell), None)
        if found is None or not found["attempts"] or found["status"] in ("void", "blocked", "lost"):
            continue
        if not has_passed(found):
            yield False
        elif _is_original(run):
            yield _same_conditions(run, found, fingerprint)


def _is_original(run: RunFolder) -> bool:
    try:
        return bool(json.loads(run.manifest.read_bytes())["run_id"] == run.id)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunFolderError(f"{run.manifest} is damaged: {error}") from None


def _same_conditions(run: RunFolder, cell: Mapping[str, Any], fingerprint: Mapping[str, Any]) -> bool:
    result = read_result(run.path / cell["attempts"][0]["folder"] / "result.json")
    return result.run_id == run.id and dict(result.fingerprint) == dict(fingerprint)
