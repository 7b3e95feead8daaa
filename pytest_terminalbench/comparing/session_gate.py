"""The gate of a whole run: is the agent, over all cells together, worse than what was approved?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median

from pytest_terminalbench.baselines.cell_metrics import floored, is_comparable
from pytest_terminalbench.baselines.cell_side import CellSide
from pytest_terminalbench.baselines.comparison_policy import (
    LEAST_ATTEMPTS,
    METRICS,
    SOLVE_RATE,
    ComparisonPolicy,
    Metric,
)
from pytest_terminalbench.baselines.folder import ApprovedInFolder, baseline_of, current_file
from pytest_terminalbench.baselines.record import BaselineRecord
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.comparing.suite_comparison import CellPair, Selection, SuiteComparison, compare_suite
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.naming import counted
from pytest_terminalbench.runs.gate_result import GateResult, MetricResult, SuiteResult
from pytest_terminalbench.runs.sessions_result import SessionsResult
from pytest_terminalbench.statistics import is_counted, metric_name
from pytest_terminalbench.status import Change

__all__ = ["ActorGate", "RunGate", "WorseTask", "gate_run"]


@dataclass(frozen=True, kw_only=True)
class WorseTask:
    """A scenario that did worse than approved, and how: ``find-port 5/5 → 1/3``."""

    scenario: str
    text: str


@dataclass(frozen=True, kw_only=True)
class ActorGate:
    """One agent's cells of a run, compared with its baselines in the folder `baselines`.

    `label`: the agent's, as cells have it. `worse`: by what the gate judges (the solve rate, the metrics), the
    scenarios that did worse in it than approved, those that differ most first. `is_approved`: whether anything of this
    agent was approved at all. `least_to_approve`: with fewer attempts, approving it again would know less than the
    baselines that it replaces. `nothing_compared`: why none of its cells was compared; empty
    where some were.
    """

    comparison: SuiteComparison
    baselines: Path
    label: str
    worse: Mapping[str, tuple[WorseTask, ...]]
    is_approved: bool
    least_to_approve: int = 1
    nothing_compared: str = ""

    @property
    def lower(self) -> tuple[str, ...]:
        """The scenarios that solved less than approved, the lowest first, with what they did."""
        return tuple(task.text for task in self.worse[SOLVE_RATE])

    @property
    def is_inconclusive(self) -> bool:
        """Whether the comparison cannot tell; before anything is approved there is none."""
        return self.comparison.is_inconclusive and self.is_approved


@dataclass(frozen=True, kw_only=True)
class RunGate:
    """The verdict per agent, by who acts on what. `fails_when_inconclusive`: ``--tb-inconclusive fail``."""

    actors: Mapping[str, ActorGate] = field(default_factory=dict)
    fails_when_inconclusive: bool = False

    @property
    def failures(self) -> list[str]:
        """A sentence for everything for which the gate fails."""
        worse = [f"{actor}: {sentence}" for actor, gate in self.actors.items() for sentence in gate.comparison.failures]
        return worse + ([*self.doubts, *self.uncompared] if self.fails_when_inconclusive else [])

    @property
    def doubts(self) -> list[str]:
        """A sentence for every agent of which nobody can tell."""
        return [f"{actor}: {_reason(gate)}" for actor, gate in self.actors.items() if gate.is_inconclusive]

    @property
    def uncompared(self) -> list[str]:
        """A sentence for every agent for which nothing is approved, with what to type."""
        return [
            f"{actor}: nothing is approved for it yet, so nothing was compared; approve with "
            f"--tb-attempts {gate.least_to_approve} --update-baselines"
            for actor, gate in self.actors.items()
            if not gate.is_approved
        ]

    @property
    def failed(self) -> list[str]:
        """The agents for which the gate fails."""
        return [
            actor
            for actor, gate in self.actors.items()
            if gate.comparison.failures
            or (self.fails_when_inconclusive and (gate.is_inconclusive or not gate.is_approved))
        ]

    @property
    def verdict(self) -> str:
        """``pass``, ``fail`` or ``inconclusive``: the worst of the agents'."""
        return self.result.verdict or "inconclusive"

    @property
    def result(self) -> GateResult:
        """For the run's summary: a verdict on those agents alone for which something is approved."""
        approved = {actor: gate for actor, gate in self.actors.items() if gate.is_approved}
        return GateResult.of_agents(
            {actor: _suite_result(gate) for actor, gate in approved.items() if gate.comparison.suite is not None},
            verdicts={actor: gate.comparison.verdict for actor, gate in approved.items()},
            metrics={
                actor: {
                    metric.metric: MetricResult(verdict=metric.verdict, reason=metric.reason)
                    for metric in gate.comparison.metrics
                }
                for actor, gate in approved.items()
            },
            failures=self.failures,
            notes=[
                *(f"{actor}: {note}" for actor, gate in approved.items() for note in gate.comparison.not_judged),
                *self.uncompared,
            ],
        )


def gate_run(
    cells: Sequence[CellResult], *, baselines: Path, policy: ComparisonPolicy, host: str | None = None
) -> RunGate | None:
    """Compare `cells`, run on this class of `host`, with their baselines; None when none is compared with any.

    Cells that are void, blocked, lost or without a baseline are left out, and counted in the verdict's reason. The
    order of `cells` does not matter.
    """
    actors: dict[str, ActorGate] = {}
    approved = ApprovedInFolder(baselines)
    for actor, group in _by_actor(cells).items():
        compared = [pair for pair in _with_baselines(group, baselines) if pair[0].is_scored]
        pairs = [_pair(cell, record, host) for cell, record in compared]
        if not pairs and group[0].gate == "strict":
            continue
        paired, beside = {pair.name for pair in pairs}, len(approved.beside(group[0].id))
        comparison = compare_suite(
            pairs,
            policy=policy,
            only_after={
                cell.id.scenario: CellSide.of_attempts(cell.attempts, host=host).shares
                for cell in group
                if cell.is_scored and cell.id.scenario not in paired
            },
            selection=Selection(tasks=len(group), approved=beside),
        )
        actors[actor] = ActorGate(
            comparison=comparison,
            nothing_compared="" if pairs else _nothing_compared(group, beside),
            baselines=current_file(baselines, group[0].id).parent,
            label=group[0].id.label,
            worse={
                SOLVE_RATE: tuple(_lower(pairs)),
                **{metric.name: tuple(_over(metric, pairs)) for metric in METRICS},
            },
            is_approved=bool(pairs or beside),
            least_to_approve=_least_to_approve(pairs) if pairs else max(LEAST_ATTEMPTS, policy.attempts or 0),
        )
    return RunGate(actors=actors, fails_when_inconclusive=policy.inconclusive == "fail") if actors else None


def _nothing_compared(group: Sequence[CellResult], approved: int) -> str:
    """``nothing was compared: 1 task selected, 7 approved: 1 blocked (hello: …)``"""
    reasons = Counter("without a baseline" if cell.is_scored else cell.status.words for cell in group)
    told = ", ".join(f"{number} {reason}" for reason, number in reasons.items())
    errors = [f"{cell.id.scenario}: {cell.text.partition(chr(10))[0]}" for cell in group if not cell.is_scored]
    why = f" ({errors[0]})" if errors else ""
    selected = counted(len(group), "task")
    return f"nothing was compared: {selected} selected, {approved} approved: {told}{why}"


def _by_actor(cells: Sequence[CellResult]) -> dict[str, list[CellResult]]:
    groups: dict[str, list[CellResult]] = {}
    for cell in sorted(cells, key=lambda cell: cell.key):
        if cell.gate != "off":
            groups.setdefault(cell.id.suite, []).append(cell)
    return groups


def _pair(cell: CellResult, record: BaselineRecord, host: str | None) -> CellPair:
    return CellPair(
        name=cell.id.scenario,
        kind=cell.gate,
        before=CellSide.approved(record),
        after=CellSide.of_attempts(cell.attempts, host=host),
        # A baseline that was approved or retired since is another than the cell was compared with.
        change=cell.change or Change.SAME,
    )


def _with_baselines(cells: Sequence[CellResult], baselines: Path) -> Iterator[tuple[CellResult, BaselineRecord]]:
    for cell in cells:
        try:
            stored = baseline_of(baselines, cell.id)
        except BaselineError:
            continue  # The cell itself was an error already.
        if stored is not None and stored.counts:
            yield cell, stored.record


def _least_to_approve(pairs: Sequence[CellPair]) -> int:
    """As many attempts as were approved; and three of agents that do not always do the same."""
    approved = max((len(pair.before.rewards) for pair in pairs), default=1)
    return max(approved, LEAST_ATTEMPTS) if any(pair.kind != "strict" for pair in pairs) else approved


def _lower(pairs: Sequence[CellPair]) -> Iterator[WorseTask]:
    for pair in sorted(pairs, key=lambda pair: (_difference(pair), pair.name)):
        if _difference(pair) < 0:
            text = f"{pair.name} {_tally(pair.before)} → {_tally(pair.after)}"
            yield WorseTask(scenario=pair.name, text=text)


def _difference(pair: CellPair) -> float:
    """As the pair's own gate counts it."""
    if pair.kind == "strict":
        return pair.after.mean - pair.before.mean
    return fmean(pair.after.shares) - fmean(pair.before.shares)


def _over(metric: Metric, pairs: Sequence[CellPair]) -> Iterator[WorseTask]:
    """Those that took more of `metric` than is allowed, the largest ratio first."""
    medians = [
        (pair.name, median(floored(metric, pair.before)), median(floored(metric, pair.after)))
        for pair in pairs
        if is_comparable(metric, pair.before, pair.after)
    ]
    for name, before, after in sorted(medians, key=lambda task: (-task[2] / task[1], task[0])):
        if after > before * metric.max_ratio:
            yield WorseTask(
                scenario=name, text=f"{name} {metric_name(metric.name)} {before:g} → {after:g} {metric.unit}"
            )


def _tally(side: CellSide) -> str:
    """``3/5``, or the mean where rewards are fractions."""
    solved, attempts = side.tally
    return f"{solved}/{attempts}" if is_counted(side.rewards) else f"{side.mean:.2f}"


def _reason(gate: ActorGate) -> str:
    """Of a suite, with what to type where it is inconclusive."""
    suite, advice = gate.comparison.suite, gate.comparison.advice
    reason = gate.nothing_compared or (suite.reason if suite is not None else "")
    return f"{reason}; {advice}" if advice else reason


def _suite_result(gate: ActorGate) -> SuiteResult:
    suite = gate.comparison.suite
    assert suite is not None
    effect = suite.effect
    return SuiteResult(
        verdict=suite.verdict,
        reason=gate.nothing_compared or suite.reason,
        headline=gate.nothing_compared or suite.headline,
        advice=gate.comparison.advice,
        p=suite.p,
        effect=effect.difference if effect else None,
        interval=(effect.interval.low, effect.interval.high) if effect else None,
        mde=suite.mde,
        worst_drop=suite.worst_drop,
        improved=suite.improved,
        tasks=suite.tasks,
        sessions=SessionsResult.of(suite.sessions) if suite.sessions else None,
        only_in_candidate=suite.only_in_candidate,
    )
