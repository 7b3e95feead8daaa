"""The gate of a whole run: is the agent, over all cells together, worse than what was approved?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from pytest_terminalbench.baselines.folder import baseline_of, current_file
from pytest_terminalbench.baselines.record import BaselineRecord
from pytest_terminalbench.comparing.run_record import as_share
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.statistics import (
    RatioVerdict,
    SuiteSettings,
    SuiteVerdict,
    ratio_gate,
    ratio_interval,
    suite_gate,
)

__all__ = ["RunGate", "RunGateSettings", "gate_run"]

# Medians of fewer attempts say more about the machine's mood than about the agent.
LEAST_ATTEMPTS_FOR_METRICS = 3
# The metric's name in baselines -> the name of the value in a cell's attempts.
_METRICS = {"runtime_s": "agent_s", "memory_peak_mb": "memory_peak_mb", "cost_usd": "cost_usd", "tokens": "tokens"}


# Smaller values are taken for these: below them a ratio speaks of the machine's timer and allocator, not of the agent.
_FLOORS = {"runtime_s": 1.0, "memory_peak_mb": 16.0, "cost_usd": 0.001, "tokens": 100.0}


@dataclass(frozen=True, kw_only=True)
class RunGateSettings:
    """`adaptive`: trials were added where it looked bad, so only each cell's first one is comparable as a whole."""

    alpha: float = 0.05
    margin: float = 0.02
    adaptive: bool = False


@dataclass(frozen=True, kw_only=True)
class RunGate:
    """The verdict per agent, and per metric where attempts suffice.

    `baselines`: the folder of each agent's baselines. `lower`: its scenarios that did worse than approved, the lowest
    first, with what they did: ``find-port 5/5 → 1/3``.
    """

    suites: Mapping[str, SuiteVerdict] = field(default_factory=dict)
    baselines: Mapping[str, Path] = field(default_factory=dict)
    lower: Mapping[str, Sequence[str]] = field(default_factory=dict)
    metrics: Mapping[str, Sequence[RatioVerdict]] = field(default_factory=dict)

    @property
    def failures(self) -> list[str]:
        """A sentence for everything that is worse."""
        worse = [f"{actor}: {suite.reason}" for actor, suite in self.suites.items() if suite.verdict == "fail"]
        return worse + [
            f"{actor}: {metric.reason}"
            for actor, metrics in self.metrics.items()
            for metric in metrics
            if metric.verdict == "fail"
        ]

    @property
    def failed(self) -> list[str]:
        """The agents of which something is worse."""
        return [
            actor
            for actor, suite in self.suites.items()
            if suite.verdict == "fail" or any(metric.verdict == "fail" for metric in self.metrics.get(actor, ()))
        ]

    @property
    def verdict(self) -> str:
        """``pass``, ``fail`` or ``inconclusive``: the worst of the agents'."""
        if self.failures:
            return "fail"
        verdicts = {suite.verdict for suite in self.suites.values()}
        return "pass" if verdicts == {"pass"} else "inconclusive"

    def to_json(self) -> dict[str, Any]:
        """For ``summary.json``: the numbers of the worst suite on top, every agent's below."""
        worst = min(
            self.suites.values(), key=lambda s: (s.verdict != "fail", s.p if s.p is not None else 1.0), default=None
        )
        return {
            "verdict": self.verdict,
            "p": worst.p if worst else None,
            "effect": worst.effect.difference if worst and worst.effect else None,
            "mde": worst.mde if worst else None,
            "agents": {actor: _suite_json(suite) for actor, suite in self.suites.items()},
            "metrics": {
                actor: {metric.metric: {"verdict": metric.verdict, "reason": metric.reason} for metric in metrics}
                for actor, metrics in self.metrics.items()
            },
            "failures": self.failures,
        }


def gate_run(cells: Sequence[Mapping[str, Any]], *, baselines: Path, settings: RunGateSettings) -> RunGate | None:
    """Compare the statistically gated `cells` (as in a summary) with their baselines; None when there are none.

    Cells that are void, blocked or without a baseline are left out, and counted in the verdict's reason.
    """
    suites: dict[str, SuiteVerdict] = {}
    metrics: dict[str, list[RatioVerdict]] = {}
    places: dict[str, Path] = {}
    lower: dict[str, list[str]] = {}
    for actor, group in _by_actor(cells).items():
        first = group[0]
        places[actor] = current_file(baselines, CellId.from_json(first)).parent
        pairs = list(_with_baselines(group, baselines))
        before = {cell["cell"]: _shares(record.rewards) for cell, record in pairs}
        after = {cell["cell"]: _rewards(cell) for cell in group if _is_scored(cell)}
        suites[actor] = suite_gate(
            before,
            after,
            SuiteSettings(
                alpha=settings.alpha, margin=settings.margin, planned_attempts=1 if settings.adaptive else None
            ),
        )
        metrics[actor] = list(_metric_verdicts(pairs))
        lower[actor] = list(_lower(pairs))
    return RunGate(suites=suites, baselines=places, lower=lower, metrics=metrics) if suites else None


def _by_actor(cells: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for cell in cells:
        if cell.get("gate") == "statistical":
            actor = f"{cell['dataset']} {CellId.from_json(cell).actor}"
            groups.setdefault(actor, []).append(cell)
    return groups


def _with_baselines(
    cells: Sequence[Mapping[str, Any]], baselines: Path
) -> Iterator[tuple[Mapping[str, Any], BaselineRecord]]:
    for cell in cells:
        try:
            stored = baseline_of(baselines, CellId.from_json(cell))
        except BaselineError:
            continue  # The cell itself was an error already.
        if stored is not None and stored.counts:
            yield cell, stored.record


def _lower(pairs: Sequence[tuple[Mapping[str, Any], BaselineRecord]]) -> Iterator[str]:
    drops = [(cell["scenario"], _shares(record.rewards), _rewards(cell)) for cell, record in pairs if _is_scored(cell)]
    for name, before, after in sorted(drops, key=lambda drop: (fmean(drop[2]) - fmean(drop[1]), drop[0])):
        if fmean(after) < fmean(before):
            yield f"{name} {_tally(before)} → {_tally(after)}"


def _tally(rewards: Sequence[float]) -> str:
    """``3/5``, or the mean where rewards are fractions."""
    if all(reward in (0.0, 1.0) for reward in rewards):
        return f"{sum(rewards):.0f}/{len(rewards)}"
    return f"{fmean(rewards):.2f}"


def _is_scored(cell: Mapping[str, Any]) -> bool:
    return cell["status"] not in ("void", "blocked", "lost") and bool(cell["attempts"])


def _rewards(cell: Mapping[str, Any]) -> list[float]:
    return _shares([attempt["reward"] for attempt in cell["attempts"]])


def _shares(rewards: Sequence[float]) -> list[float]:
    return [as_share(reward) for reward in rewards]


def _metric_verdicts(pairs: Sequence[tuple[Mapping[str, Any], BaselineRecord]]) -> Iterator[RatioVerdict]:
    for name, key in _METRICS.items():
        before: list[list[float]] = []
        after: list[list[float]] = []
        is_used = False
        for cell, record in pairs:
            values = [attempt.get(key) for attempt in cell["attempts"]] if _is_scored(cell) else []
            known = [value for value in values if value is not None]
            measure = record.metrics.get(name)
            if measure and len(measure.values) >= LEAST_ATTEMPTS_FOR_METRICS and known and len(known) == len(values):
                before.append([max(value, _FLOORS[name]) for value in measure.values])
                after.append([max(value, _FLOORS[name]) for value in known])
                is_used = is_used or any(measure.values)
        # A metric that was always zero, as tokens are without a model, has nothing to get worse.
        if is_used:
            yield ratio_gate(ratio_interval(before, after), metric=name)


def _suite_json(suite: SuiteVerdict) -> dict[str, Any]:
    effect = suite.effect
    return {
        "verdict": suite.verdict,
        "reason": suite.reason,
        "p": suite.p,
        "effect": effect.difference if effect else None,
        "interval": [effect.interval.low, effect.interval.high] if effect else None,
        "mde": suite.mde,
        "worst_drop": suite.worst_drop,
        "improved": suite.improved,
        "tasks": suite.tasks,
        "only_in_candidate": list(suite.only_in_candidate),
    }
