"""The gate of a whole run: is the agent, over all cells together, worse than what was approved?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from pytest_terminalbench.attempt_result import AttemptResult, as_share
from pytest_terminalbench.baselines.folder import baseline_of, current_file
from pytest_terminalbench.baselines.record import BaselineRecord
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.runs.gate_result import GateResult, MetricResult, SuiteResult
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


class _Metric(NamedTuple):
    """`name`: in baselines. Values below `floor` are taken for it: a ratio of smaller ones shows the machine."""

    name: str
    of: Callable[[AttemptResult], float | None]
    floor: float


_METRICS = (
    _Metric("runtime_s", lambda attempt: attempt.agent_s, 1.0),
    _Metric("memory_peak_mb", lambda attempt: attempt.memory_peak_mb, 16.0),
    _Metric("cost_usd", lambda attempt: attempt.cost_usd, 0.001),
    _Metric("tokens", lambda attempt: attempt.tokens, 100.0),
)


@dataclass(frozen=True, kw_only=True)
class RunGateSettings:
    """`adaptive`: trials were added where it looked bad, so only each cell's first one is comparable as a whole."""

    alpha: float = 0.05
    margin: float = 0.02
    adaptive: bool = False


@dataclass(frozen=True, kw_only=True)
class RunGate:
    """The verdict per agent, and per metric where attempts suffice.

    `baselines`: the folder of each agent's baselines; `labels`: its label, as cells have it. `lower`: its scenarios
    that did worse than approved, the lowest first, with what they did: ``find-port 5/5 → 1/3``.
    """

    suites: Mapping[str, SuiteVerdict] = field(default_factory=dict)
    baselines: Mapping[str, Path] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
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
    def result(self) -> GateResult:
        """For the run's summary."""
        return GateResult.of_agents(
            {actor: _suite_result(suite) for actor, suite in self.suites.items()},
            metrics={
                actor: {metric.metric: MetricResult(verdict=metric.verdict, reason=metric.reason) for metric in metrics}
                for actor, metrics in self.metrics.items()
            },
            failures=self.failures,
        )


def gate_run(cells: Sequence[CellResult], *, baselines: Path, settings: RunGateSettings) -> RunGate | None:
    """Compare the statistically gated `cells` with their baselines; None when there are none.

    Cells that are void, blocked, lost or without a baseline are left out, and counted in the verdict's reason. The
    order of `cells` does not matter.
    """
    suites: dict[str, SuiteVerdict] = {}
    metrics: dict[str, list[RatioVerdict]] = {}
    places: dict[str, Path] = {}
    labels: dict[str, str] = {}
    lower: dict[str, list[str]] = {}
    for actor, group in _by_actor(cells).items():
        places[actor] = current_file(baselines, group[0].id).parent
        labels[actor] = group[0].id.label
        compared = list(_with_baselines(group, baselines))
        before = {cell.key: _shares(record.rewards) for cell, record in compared}
        after = {cell.key: _shares(cell.rewards) for cell in group if cell.is_scored}
        suites[actor] = suite_gate(
            before,
            after,
            SuiteSettings(
                alpha=settings.alpha, margin=settings.margin, planned_attempts=1 if settings.adaptive else None
            ),
        )
        metrics[actor] = list(_metric_verdicts(compared))
        lower[actor] = list(_lower(compared))
    return RunGate(suites=suites, baselines=places, labels=labels, lower=lower, metrics=metrics) if suites else None


def _by_actor(cells: Sequence[CellResult]) -> dict[str, list[CellResult]]:
    groups: dict[str, list[CellResult]] = {}
    for cell in sorted(cells, key=lambda cell: cell.key):
        if cell.gate == "statistical":
            groups.setdefault(cell.id.suite, []).append(cell)
    return groups


def _with_baselines(cells: Sequence[CellResult], baselines: Path) -> Iterator[tuple[CellResult, BaselineRecord]]:
    for cell in cells:
        try:
            stored = baseline_of(baselines, cell.id)
        except BaselineError:
            continue  # The cell itself was an error already.
        if stored is not None and stored.counts:
            yield cell, stored.record


def _lower(compared: Sequence[tuple[CellResult, BaselineRecord]]) -> Iterator[str]:
    drops = [
        (cell.id.scenario, _shares(record.rewards), _shares(cell.rewards))
        for cell, record in compared
        if cell.is_scored
    ]
    for name, before, after in sorted(drops, key=lambda drop: (fmean(drop[2]) - fmean(drop[1]), drop[0])):
        if fmean(after) < fmean(before):
            yield f"{name} {_tally(before)} → {_tally(after)}"


def _tally(rewards: Sequence[float]) -> str:
    """``3/5``, or the mean where rewards are fractions."""
    if all(reward in (0.0, 1.0) for reward in rewards):
        return f"{sum(rewards):.0f}/{len(rewards)}"
    return f"{fmean(rewards):.2f}"


def _shares(rewards: Sequence[float]) -> list[float]:
    return [as_share(reward) for reward in rewards]


def _metric_verdicts(compared: Sequence[tuple[CellResult, BaselineRecord]]) -> Iterator[RatioVerdict]:
    for metric in _METRICS:
        before: list[list[float]] = []
        after: list[list[float]] = []
        is_used = False
        for cell, record in compared:
            values = [metric.of(attempt) for attempt in cell.attempts] if cell.is_scored else []
            known = [value for value in values if value is not None]
            approved = record.metrics.get(metric.name)
            is_known = bool(known) and len(known) == len(values)
            if is_known and approved and len(approved.values) >= LEAST_ATTEMPTS_FOR_METRICS:
                before.append([max(value, metric.floor) for value in approved.values])
                after.append([max(value, metric.floor) for value in known])
                is_used = is_used or any(approved.values)
        # A metric that was always zero, as tokens are without a model, has nothing to get worse.
        if is_used:
            yield ratio_gate(ratio_interval(before, after), metric=metric.name)


def _suite_result(suite: SuiteVerdict) -> SuiteResult:
    effect = suite.effect
    return SuiteResult(
        verdict=suite.verdict,
        reason=suite.reason,
        p=suite.p,
        effect=effect.difference if effect else None,
        interval=(effect.interval.low, effect.interval.high) if effect else None,
        mde=suite.mde,
        worst_drop=suite.worst_drop,
        improved=suite.improved,
        tasks=suite.tasks,
        only_in_candidate=suite.only_in_candidate,
    )
