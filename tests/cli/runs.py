"""Runs written as a session leaves them, without one having run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_terminalbench.documents import write_json
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.outcome import Phase, Solved, Unsolved
from pytest_terminalbench.runs.manifest import started
from pytest_terminalbench.runs.summary import summarise
from pytest_terminalbench.trials.result import TrialResult

FINGERPRINT = {"scenario": "sha256:1"}


def a_run(root: Path, name: str, marks: str = "✓", *, day: int = 1, **changes: Any) -> Path:
    """A run of ``demo/alpha[oracle]`` in ``results/NAME`` whose attempts went as `marks` say; its folder.

    `changes` are made to the cell as the summary has it; the trials stay true.
    """
    run = root / "results" / name
    results = [_result(name, number, mark == "✓") for number, mark in enumerate(marks, start=1)]
    for result in results:
        write_json(run / result.folder / "result.json", result.to_json())
    cell = {
        "cell": "demo/alpha[oracle]",
        "scenario": "alpha",
        "dataset": "demo",
        "category": "scripting",
        "difficulty": "easy",
        "agent": "oracle",
        "model": None,
        "status": "solved" if set(marks) == {"✓"} else "as-baseline",
        "improved": False,
        "inconclusive": False,
        "baseline_id": None,
        "text": "",
        "attempts": [_attempt(result) for result in results],
    }
    write_json(run / "summary.json", summarise(name, [{**cell, **changes}]))
    manifest = started(name, {"attempts": len(marks)}, root=root, workers=0)
    write_json(run / "manifest.json", {**manifest, "started_at": f"2026-01-{day:02}T00:00:00.000Z"})
    return run


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


def _attempt(result: TrialResult) -> Mapping[str, Any]:
    content = result.to_json()
    return {
        **{key: content[key] for key in ("outcome", "reason", "reward", "phase", "folder")},
        "agent_s": 0.0,
        "wall_s": 0.0,
        "memory_peak_mb": None,
        "cost_usd": None,
    }
