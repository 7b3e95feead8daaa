"""Runs written as a session leaves them, without one having run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.documents import write_json
from pytest_terminalbench.errors import SettingsError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.outcome import Phase, Solved, Unsolved
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.manifest import RunManifest, RunSettings
from pytest_terminalbench.runs.summary import summarise
from pytest_terminalbench.status import Status
from pytest_terminalbench.trials.result import TrialResult

CELL = CellId(dataset="demo", scenario="alpha", agent="oracle")
FINGERPRINT = {"scenario": "sha256:1"}


def a_run(root: Path, name: str, marks: str = "✓", *, day: int = 1, **changes: Any) -> Path:
    """A run of ``demo/alpha[oracle]`` in ``results/NAME`` whose attempts went as `marks` say; its folder.

    `changes` are made to the cell as the summary has it; the trials stay true.
    """
    run = RunFolder(root / "results" / name)
    results = [_result(name, number, mark == "✓") for number, mark in enumerate(marks, start=1)]
    for result in results:
        write_json(run.path / result.folder / "result.json", result.to_json())
    cell = CellResult(
        id=CELL,
        status=Status.SOLVED if set(marks) == {"✓"} else Status.AS_BASELINE,
        category="scripting",
        attempts=tuple(result.attempt_result() for result in results),
    )
    write_json(run.summary, summarise(name, [cell]).to_json())
    edit(run.summary, cells=[_changed(cell, changes)])
    settings = RunSettings(attempts=len(marks))
    manifest = RunManifest.begin(name, settings, expected=[CELL], root=root, workers=0)
    write_json(run.manifest, replace(manifest, started_at=f"2026-01-{day:02}T00:00:00.000Z").to_json())
    return run.path


def _changed(cell: CellResult, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The cell as it stands in the summary; with another identity its name is another, too."""
    content = {**cell.to_json(), **changes}
    try:
        return {**content, "cell": changes.get("cell", CellId.from_json(content).key)}
    except SettingsError:
        return content


def edit(file: Path, **changes: Any) -> None:
    """Change top-level values of a JSON file."""
    write_json(file, {**json.loads(file.read_bytes()), **changes})


def _result(run_id: str, number: int, is_solved: bool) -> TrialResult:
    return TrialResult(
        run_id=run_id,
        cell=CellId(dataset="demo", scenario="alpha", agent="oracle"),
        attempt=number,
        outcome=Solved() if is_solved else Unsolved(reason="refused", phase=Phase.VERIFY),
        folder=f"trials/demo/alpha/oracle/{number}",
        fingerprint=FINGERPRINT,
    )


def as_schema_1(run: Path) -> None:
    """Make the summary of `run` what an earlier version wrote, whose cells told less of themselves."""
    file = run / "summary.json"
    content = json.loads(file.read_bytes())
    newer = ("profile", "source", "arguments", "configuration")
    cells = [{key: value for key, value in cell.items() if key not in newer} for cell in content["cells"]]
    write_json(file, {**content, "schema_version": 1, "cells": cells})
