"""A run as other programs read it: `terminalbench report --format json`, and the deltas its table shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from pytest_terminalbench.baselines.folder import baseline_of
from pytest_terminalbench.documents import now_text
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.trials.result import read_result

__all__ = ["Measured", "check_trials", "delta_percent", "from_baselines", "from_summary", "measured", "statement"]

_ARTIFACTS = {"run_metadata": "result.json", "agent_cast": "agent.cast", "post_test": "verifier/stdout"}


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A cell in the numbers that are compared: medians over its attempts. None: not known."""

    status: str | None = None
    runtime_s: float | None = None
    memory_peak_mb: float | None = None


def measured(cell: Mapping[str, Any]) -> Measured:
    attempts = cell["attempts"]
    return Measured(
        status=cell["status"],
        runtime_s=_median([attempt["agent_s"] for attempt in attempts]),
        memory_peak_mb=_median([attempt["memory_peak_mb"] for attempt in attempts]),
    )


def from_summary(summary: Mapping[str, Any]) -> dict[str, Measured]:
    """Another run's cells by name, to compare with."""
    return {cell["cell"]: measured(cell) for cell in summary["cells"]}


def from_baselines(cells: Sequence[Mapping[str, Any]], baselines: Path) -> dict[str, Measured]:
    """What was approved for those of `cells` whose baseline is still the one they were compared with."""
    found: dict[str, Measured] = {}
    for cell in cells:
        try:
            stored = baseline_of(baselines, CellId.from_json(cell)) if cell["baseline_id"] else None
        except BaselineError:
            # The run is what is reported on; a session that compares with this file says what is wrong with it.
            continue
        if stored is not None and stored.record.baseline_id == cell["baseline_id"]:
            medians = {name: measure.median for name, measure in stored.record.metrics.items()}
            found[cell["cell"]] = Measured(
                runtime_s=medians.get("runtime_s"), memory_peak_mb=medians.get("memory_peak_mb")
            )
    return found


def check_trials(summary: Mapping[str, Any], run: Path) -> None:
    """Raise RunFolderError when the folder of a trial is there without a result that can be read."""
    for cell in summary["cells"]:
        for attempt in cell["attempts"]:
            folder = run / attempt["folder"]
            # Who archives only the summary has no trials at all, and that is no damage.
            if folder.is_dir():
                read_result(folder / "result.json")


def statement(
    summary: Mapping[str, Any], *, run: Path, manifest: Mapping[str, Any], before: Mapping[str, Measured], against: str
) -> dict[str, Any]:
    """The report; deltas are taken against `before`, named by `against`: ``baselines``, a run's id, or empty."""
    cells = summary["cells"]
    return {
        "run_id": summary["run_id"],
        "generated_at": now_text(),
        "started_at": manifest.get("started_at"),
        "finished_at": manifest.get("finished_at"),
        "exit_status": manifest.get("exit_status"),
        "folder": str(run),
        "deltas_against": against or None,
        "scenarios": [_scenario(cell, run, before.get(cell["cell"])) for cell in cells],
        "lost": list(summary["lost"]),
        "summary": {
            "regressions": summary["totals"]["regressed"],
            "blocked": summary["totals"]["blocked"],
            "provisional": sum(cell["status"] == "solved" and not cell["baseline_id"] for cell in cells),
            **summary["totals"],
            "mean": summary["mean"],
            "interval": summary["interval"],
            "cost": summary["cost"],
        },
    }


def _scenario(cell: Mapping[str, Any], run: Path, before: Measured | None) -> dict[str, Any]:
    now = measured(cell)
    then = before or Measured()
    return {
        "scenario_id": cell["scenario"],
        "status": cell["status"],
        "status_before": then.status,
        "runtime_ms": None if now.runtime_s is None else round(now.runtime_s * 1000),
        "runtime_delta_percent": delta_percent(now.runtime_s, then.runtime_s),
        "peak_memory_mb": now.memory_peak_mb,
        "memory_delta_percent": delta_percent(now.memory_peak_mb, then.memory_peak_mb),
        "baseline_id": cell["baseline_id"],
        "artifacts": _artifacts(cell, run),
        "notes": cell["text"],
        **{key: cell[key] for key in ("cell", "dataset", "category", "agent", "model", "improved")},
        "attempts": [dict(attempt) for attempt in cell["attempts"]],
    }


def _artifacts(cell: Mapping[str, Any], run: Path) -> dict[str, str]:
    """What the cell's last attempt left behind; the others' folders are in ``attempts``."""
    if not cell["attempts"]:
        return {}
    folder = run / cell["attempts"][-1]["folder"]
    return {name: str(folder / file) for name, file in _ARTIFACTS.items() if (folder / file).is_file()}


def delta_percent(now: float | None, before: float | None) -> float | None:
    """``(now - before) / before`` in percent; None when either is not known, or before was nothing."""
    if now is None or not before:
        return None
    return round((now - before) / before * 100, 1)


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(median(known), 3) if known and len(known) == len(values) else None
