"""A run in numbers: ``summary.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.statistics import Interval, cluster_bootstrap, pass_at_k, pass_hat_k, wilson

__all__ = ["is_scored", "read_summary", "summarise"]

SCHEMA_VERSION = 1
# Cells of these statuses have a score; the others are shown apart and never averaged.
SCORED = ("solved", "as-baseline", "unsolved", "regressed")


def is_scored(cell: Mapping[str, Any]) -> bool:
    """Whether the cell was judged, so that it counts in the mean."""
    return cell["status"] in SCORED and bool(cell["attempts"])


def summarise(run_id: str, cells: Sequence[Mapping[str, Any]], *, lost: Sequence[str] = ()) -> dict[str, Any]:
    """The summary of `cells` (as items published them), in order of their names.

    ``totals`` counts cells: ``solved`` (every attempt), ``unsolved`` (judged and not solved, regressed or not),
    ``regressed`` and ``improved`` (against the baseline), ``void``, ``blocked``, ``lost`` (collected, never
    reported). ``mean`` is the mean of the cells' mean rewards, ``interval`` its 95 % interval for scenarios like
    these.
    """
    ordered = sorted(cells, key=lambda cell: str(cell["cell"]))
    scored = [cell for cell in ordered if is_scored(cell)]
    means = [fmean(attempt["reward"] for attempt in cell["attempts"]) for cell in scored]
    tallies = [_tally(cell) for cell in scored]
    attempts = max((n for _, n in tallies), default=0)
    interval = _interval(means, tallies)
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": run_id,
        "dataset": sorted({cell["dataset"] for cell in ordered}),
        "agent": sorted({cell["agent"] for cell in ordered}),
        "cells": [dict(cell) for cell in ordered],
        "lost": sorted(lost),
        "totals": _totals(ordered, lost),
        "pass_at_k": {str(k): _mean_over(tallies, pass_at_k, k) for k in range(1, attempts + 1)},
        "pass_hat_k": {str(k): _mean_over(tallies, pass_hat_k, k) for k in range(1, attempts + 1)},
        "mean": round(fmean(means), 6) if means else None,
        "interval": _as_json(interval),
        "cost": _cost(ordered),
        "gate": {"verdict": _strict_verdict(scored), "p": None, "effect": None, "mde": None},
    }


def read_summary(file: Path) -> dict[str, Any]:
    """Raises RunFolderError naming the file when it is missing or damaged."""
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{file} is missing or damaged: {error}") from None
    if not isinstance(content, dict) or content.get("schema_version") != SCHEMA_VERSION:
        raise RunFolderError(f"{file} is not a summary that this version of pytest-terminalbench reads")
    missing = sorted({"run_id", "cells", "totals"} - content.keys())
    if missing:
        raise RunFolderError(f"{file} is damaged: it has no {', '.join(missing)}")
    return content


def _totals(cells: Sequence[Mapping[str, Any]], lost: Sequence[str]) -> dict[str, int]:
    def count(*statuses: str) -> int:
        return sum(cell["status"] in statuses for cell in cells)

    return {
        "cells": len(cells) + len(lost),
        "solved": count("solved"),
        "unsolved": count("unsolved", "as-baseline", "regressed"),
        "as_baseline": count("as-baseline"),
        "regressed": count("regressed"),
        "improved": sum(bool(cell["improved"]) for cell in cells),
        "void": count("void"),
        "blocked": count("blocked"),
        "lost": len(lost) + count("lost"),
    }


def _strict_verdict(scored: Sequence[Mapping[str, Any]]) -> str:
    """Of a strict comparison: no cell may be worse than its baseline."""
    if not scored:
        return "inconclusive"
    return "fail" if any(cell["status"] == "regressed" for cell in scored) else "pass"


def _tally(cell: Mapping[str, Any]) -> tuple[int, int]:
    return sum(attempt["outcome"] == "solved" for attempt in cell["attempts"]), len(cell["attempts"])


def _mean_over(tallies: Sequence[tuple[int, int]], estimate: Any, k: int) -> float:
    return round(fmean(estimate(tally, k) for tally in tallies if tally[1] >= k), 6)


def _interval(means: Sequence[float], tallies: Sequence[tuple[int, int]]) -> Interval | None:
    if not means:
        return None
    if all(n == 1 for _, n in tallies) and all(mean in (0.0, 1.0) for mean in means):
        return wilson((sum(solved for solved, _ in tallies), len(tallies)))
    bounded = all(0.0 <= mean <= 1.0 for mean in means)
    return cluster_bootstrap(means) if len(means) > 1 and bounded else None


def _as_json(interval: Interval | None) -> dict[str, Any] | None:
    if interval is None:
        return None
    return {
        "low": round(interval.low, 6),
        "high": round(interval.high, 6),
        "level": interval.level,
        "method": f"{interval.method}; speaks of scenarios like these",
    }


def _cost(cells: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    costs = [attempt["cost_usd"] for cell in cells for attempt in cell["attempts"]]
    known = [cost for cost in costs if cost is not None]
    solved = sum(attempt["outcome"] == "solved" for cell in cells for attempt in cell["attempts"])
    total = round(sum(known), 6)
    return {
        "total_usd": total if len(known) == len(costs) else None,
        "per_solved_usd": round(total / solved, 6) if solved and len(known) == len(costs) else None,
        "unknown": len(costs) - len(known),
    }
