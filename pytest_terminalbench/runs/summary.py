"""A run in numbers: ``summary.json``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from types import NoneType
from typing import Any

from pytest_terminalbench.documents import Types, mistyped, read_json
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.runs.score_intervals import score_intervals
from pytest_terminalbench.statistics import pass_at_k, pass_hat_k
from pytest_terminalbench.trials.result import CURE

__all__ = ["is_scored", "read_summary", "summarise"]

SCHEMA_VERSION = 1
# Cells of these statuses have a score; the others are shown apart and never averaged.
SCORED = ("solved", "as-baseline", "unsolved", "regressed", "inconclusive")


def is_scored(cell: Mapping[str, Any]) -> bool:
    """Whether the cell was judged, so that it counts in the mean."""
    return cell["status"] in SCORED and bool(_judged(cell))


def summarise(
    run_id: str,
    cells: Sequence[Mapping[str, Any]],
    *,
    lost: Sequence[str] = (),
    gate: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The summary of `cells` (as items published them), in order of their names.

    ``totals`` counts cells: ``solved`` (every attempt), ``unsolved`` (judged and not solved, regressed or not),
    ``regressed`` and ``improved`` (against the baseline), ``void``, ``blocked``, ``lost`` (collected, never
    reported). ``mean`` is the mean of the cells' mean rewards, ``interval`` its 95 % interval for scenarios like
    these. `gate`: the statistical gate's verdict, where one was asked; else a strict one is given.
    """
    ordered = sorted(cells, key=lambda cell: str(cell["cell"]))
    scored = [cell for cell in ordered if is_scored(cell)]
    means = [fmean(attempt["reward"] for attempt in _judged(cell)) for cell in scored]
    tallies = [_tally(cell) for cell in scored]
    attempts = max((n for _, n in tallies), default=0)
    intervals = _intervals(scored)
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
        "interval": intervals[0] if intervals else None,
        "intervals": intervals,
        "cost": _cost(ordered),
        "gate": dict(gate) if gate else {"verdict": _strict_verdict(scored), "p": None, "effect": None, "mde": None},
    }


def read_summary(file: Path) -> dict[str, Any]:
    """Raises RunFolderError naming file and cure when it is missing, damaged or of another version."""
    try:
        content = read_json(file)
    except FileNotFoundError:
        raise RunFolderError(
            f"{file.parent} has no {file.name}: its session has not ended yet, or was killed before it could write one"
        ) from None
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{file} is damaged: {error}; {CURE}") from None
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version != SCHEMA_VERSION:
        raise RunFolderError(
            f"{file} is not a summary that this version of pytest-terminalbench reads: it has schema_version "
            f"{version!r}, not {SCHEMA_VERSION}; update pytest-terminalbench, or {CURE}"
        )
    damage = next(_damage(content), None)
    if damage:
        raise RunFolderError(f"{file} is damaged: {damage}; {CURE}")
    checked: dict[str, Any] = content
    return checked


_NUMBER = (int, float)
_OPTIONAL_NUMBER = (int, float, NoneType)
_OPTIONAL_TEXT = (str, NoneType)
# What a report is drawn from.
_SUMMARY_TYPES: Types = {
    "run_id": str,
    "cells": list,
    "lost": list,
    "totals": dict,
    "mean": _OPTIONAL_NUMBER,
    "interval": (dict, NoneType),
    "cost": dict,
    "gate": dict,
}
_CELL_TYPES: Types = {
    **dict.fromkeys(("cell", "scenario", "dataset", "category", "difficulty", "agent", "status", "text"), str),
    "model": _OPTIONAL_TEXT,
    "baseline_id": _OPTIONAL_TEXT,
    "improved": bool,
    "attempts": list,
}
_ATTEMPT_TYPES: Types = {
    "outcome": str,
    "folder": str,
    "agent_s": _NUMBER,
    "wall_s": _NUMBER,
    "reward": _OPTIONAL_NUMBER,
    "memory_peak_mb": _OPTIONAL_NUMBER,
    "cost_usd": _OPTIONAL_NUMBER,
}
_TOTALS = ("cells", "solved", "unsolved", "as_baseline", "regressed", "improved", "void", "blocked", "lost")
_INTERVAL_TYPES: Types = {"low": _NUMBER, "high": _NUMBER, "method": str}
_VERDICT_TYPES: Types = {"verdict": str, "reason": str}


def _damage(summary: Mapping[str, Any]) -> Iterator[str]:
    """What keeps a report from being drawn; it stops at the level where something is wrong."""
    yield from mistyped("summary", summary, _SUMMARY_TYPES)
    yield from mistyped("totals", summary["totals"], dict.fromkeys(_TOTALS, int))
    if summary["interval"] is not None:
        yield from mistyped("interval", summary["interval"], _INTERVAL_TYPES)
    yield from _damage_of_statistics(summary)
    if not all(isinstance(name, str) for name in summary["lost"]):
        yield "lost holds something else than text"
    for place, cell in enumerate(summary["cells"]):
        yield from mistyped(f"cells[{place}]", cell, _CELL_TYPES)
        for number, attempt in enumerate(cell["attempts"]):
            yield from mistyped(f"cells[{place}].attempts[{number}]", attempt, _ATTEMPT_TYPES)
            if attempt["outcome"] != "void":
                yield from mistyped(f"cells[{place}].attempts[{number}]", attempt, {"reward": _NUMBER})


def _damage_of_statistics(summary: Mapping[str, Any]) -> Iterator[str]:
    """What older summaries do not have may be missing."""
    intervals = summary.get("intervals", [])
    if not isinstance(intervals, list):
        yield "summary has no usable 'intervals'"
    for place, interval in enumerate(intervals):
        yield from mistyped(f"intervals[{place}]", interval, _INTERVAL_TYPES)
    for key in ("pass_at_k", "pass_hat_k"):
        shares = summary.get(key, {})
        yield from mistyped(key, shares, dict.fromkeys(shares if isinstance(shares, dict) else (), _NUMBER))
    gate = summary["gate"]
    yield from mistyped("gate", gate, {"verdict": _OPTIONAL_TEXT})
    agents = gate.get("agents", {})
    yield from mistyped("gate.agents", agents, {})
    for actor, suite in agents.items():
        yield from mistyped(f"gate.agents.{actor}", suite, _VERDICT_TYPES)
    metrics = gate.get("metrics", {})
    yield from mistyped("gate.metrics", metrics, dict.fromkeys(agents, dict))
    for actor in agents:
        for metric, verdict in metrics[actor].items():
            yield from mistyped(f"gate.metrics.{actor}.{metric}", verdict, _VERDICT_TYPES)


def _totals(cells: Sequence[Mapping[str, Any]], lost: Sequence[str]) -> dict[str, int]:
    def count(*statuses: str) -> int:
        return sum(cell["status"] in statuses for cell in cells)

    return {
        "cells": len(cells) + len(lost),
        "solved": count("solved"),
        "unsolved": count("unsolved", "as-baseline", "regressed", "inconclusive"),
        "as_baseline": count("as-baseline"),
        "regressed": count("regressed"),
        "improved": sum(bool(cell["improved"]) for cell in cells),
        "inconclusive": sum(bool(cell.get("inconclusive")) for cell in cells),
        "void": count("void"),
        "blocked": count("blocked"),
        "lost": len(lost) + count("lost"),
    }


def _strict_verdict(scored: Sequence[Mapping[str, Any]]) -> str:
    """Of a strict comparison: no cell may be worse than its baseline."""
    if not scored:
        return "inconclusive"
    return "fail" if any(cell["status"] == "regressed" for cell in scored) else "pass"


def _judged(cell: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The attempts with a score. Results of others may have void ones beside them, which are in no mean."""
    return [attempt for attempt in cell["attempts"] if attempt["outcome"] != "void"]


def _tally(cell: Mapping[str, Any]) -> tuple[int, int]:
    judged = _judged(cell)
    return sum(attempt["outcome"] == "solved" for attempt in judged), len(judged)


def _mean_over(tallies: Sequence[tuple[int, int]], estimate: Any, k: int) -> float:
    return round(fmean(estimate(tally, k) for tally in tallies if tally[1] >= k), 6)


def _intervals(cells: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of the mean, the wider claim first; none where a reward lies outside 0 to 1."""
    rewards = [[float(attempt["reward"]) for attempt in _judged(cell)] for cell in cells]
    if not all(0.0 <= reward <= 1.0 for task in rewards for reward in task):
        return []
    return [
        {
            "low": round(interval.low, 6),
            "high": round(interval.high, 6),
            "level": interval.level,
            "method": interval.method,
            "population": population,
        }
        for interval, population in score_intervals(rewards)
    ]


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
