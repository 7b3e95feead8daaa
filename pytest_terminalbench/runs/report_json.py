"""A run for other programs: `terminalbench report --format json`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.documents import now_text
from pytest_terminalbench.runs.deltas import Measured, Reference, delta_percent
from pytest_terminalbench.runs.manifest import RunManifest
from pytest_terminalbench.runs.report_lines import attention, gate_lines, interruption_line, score_line
from pytest_terminalbench.runs.summary import RunSummary
from pytest_terminalbench.status import Status

__all__ = ["report_json"]

_ARTIFACTS = {"run_metadata": "result.json", "agent_cast": "agent.cast", "post_test": "verifier/stdout"}


def report_json(summary: RunSummary, *, run: Path, manifest: RunManifest, before: Reference) -> dict[str, Any]:
    """The report of the run in the folder `run`; deltas are taken against `before`."""
    cells = summary.cells
    intervals = [interval.to_json() for interval in summary.intervals]
    return {
        "run_id": summary.run_id,
        "generated_at": now_text(),
        "started_at": manifest.started_at,
        "finished_at": manifest.finished_at,
        "exit_status": manifest.exit_status,
        "folder": str(run),
        "deltas_against": before.name or None,
        "scenarios": [_scenario(cell, run, before.of(cell)) for cell in cells],
        "lost": list(summary.lost),
        "interrupted": bool(summary.not_run),
        "not_run": list(summary.not_run),
        "summary": {
            "regressions": summary.totals[Status.REGRESSED],
            "provisional": sum(cell.status is Status.SOLVED and not cell.baseline_id for cell in cells),
            **summary.totals.to_json(),
            "mean": summary.mean,
            "interval": intervals[0] if intervals else None,
            "cost": summary.cost.to_json(),
        },
        "gate": summary.gate.to_json(),
        "words": {
            "headline": summary.in_words,
            "interrupted": interruption_line(summary),
            "score": score_line(summary),
            "gate": list(gate_lines(summary.gate)),
            "attention": {section.title: list(section.lines) for section in attention(summary)},
        },
    }


def _scenario(cell: CellResult, run: Path, before: Measured) -> dict[str, Any]:
    now = Measured.of(cell)
    return {
        "scenario_id": cell.id.scenario,
        "status": cell.status.value,
        "status_before": before.status.value if before.status else None,
        "runtime_ms": None if now.runtime_s is None else round(now.runtime_s * 1000),
        "runtime_delta_percent": delta_percent(now.runtime_s, before.runtime_s),
        "peak_memory_mb": now.memory_peak_mb,
        "memory_delta_percent": delta_percent(now.memory_peak_mb, before.memory_peak_mb),
        "baseline_id": cell.baseline_id,
        "artifacts": _artifacts(cell, run),
        "notes": cell.text,
        "cell": cell.key,
        **cell.id.to_json(),
        "category": cell.category,
        "improved": cell.improved,
        "xfailed": cell.xfailed,
        "inconclusive": cell.status is Status.INCONCLUSIVE,
        "attempts": [attempt.to_json() for attempt in cell.attempts],
    }


def _artifacts(cell: CellResult, run: Path) -> dict[str, str]:
    """What the cell's last attempt left behind; the others' folders are in ``attempts``."""
    if not cell.attempts:
        return {}
    folder = run / cell.attempts[-1].folder
    return {name: str(folder / file) for name, file in _ARTIFACTS.items() if (folder / file).is_file()}
