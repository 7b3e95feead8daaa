"""The comparison of a whole: one agent's cells together, beside what was approved, or beside another run.

A session's gate and `terminalbench compare` ask `compare_suite`, with the same values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pytest_terminalbench.baselines.cell_metrics import floored, hosts_differ, is_comparable, is_known, is_measured
from pytest_terminalbench.baselines.cell_side import CellSide
from pytest_terminalbench.baselines.comparison_policy import METRICS, ComparisonPolicy
from pytest_terminalbench.baselines.enough_attempts import what_would_tell
from pytest_terminalbench.naming import counted
from pytest_terminalbench.statistics import (
    RatioVerdict,
    SessionLabels,
    SuiteVerdict,
    ratio_gate,
    ratio_interval,
    suite_gate,
)
from pytest_terminalbench.status import Change

__all__ = ["CellPair", "Selection", "SuiteComparison", "Verdict", "compare_suite"]

Verdict = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True, kw_only=True)
class CellPair:
    """One cell on both sides, and what its own gate, of this `kind`, says of it."""

    name: str
    kind: str
    before: CellSide
    after: CellSide
    change: Change


@dataclass(frozen=True, kw_only=True)
class Selection:
    """How many tasks were chosen to be tried, and how many there are to compare with."""

    tasks: int
    approved: int

    @property
    def is_small(self) -> bool:
        """Whether the suite was not what was asked for; of more than half, some may just have lost their scenarios."""
        return 2 * self.tasks <= self.approved

    def __str__(self) -> str:
        return f"a selection of {self.tasks} of {counted(self.approved, 'task')}"


@dataclass(frozen=True, kw_only=True)
class SuiteComparison:
    """One agent's cells together.

    `suite`: of the statistical gate; None where all cells are compared strictly. `metrics`: of the typical cell, as far
    as they are judged; `noted`: those that are known and not judged, and `not_judged` why. `advice`: what to type where
    the suite is inconclusive.
    """

    suite: SuiteVerdict | None
    changes: Mapping[str, Change]
    metrics: tuple[RatioVerdict, ...]
    noted: tuple[RatioVerdict, ...]
    not_judged: tuple[str, ...]
    advice: str = ""

    @property
    def failures(self) -> list[str]:
        """A sentence for everything that is worse over all cells together."""
        suite = [self.suite.reason] if self.suite is not None and self.suite.verdict == "fail" else []
        return suite + [metric.reason for metric in self.metrics if metric.verdict == "fail"]

    @property
    def is_inconclusive(self) -> bool:
        """Whether nobody can tell if the agent is worse: not the reason to call it fine."""
        return not self.failures and self.suite is not None and self.suite.verdict == "inconclusive"

    @property
    def verdict(self) -> Verdict:
        """Fail: the suite, a metric or any cell is worse. Inconclusive: nothing is, and the suite could not tell."""
        if self.failures or Change.REGRESSED in self.changes.values():
            return "fail"
        return "inconclusive" if self.is_inconclusive or not self.changes else "pass"


def compare_suite(
    pairs: Sequence[CellPair],
    *,
    policy: ComparisonPolicy,
    only_after: Mapping[str, Sequence[float]] | None = None,
    selection: Selection | None = None,
) -> SuiteComparison:
    """Compare the cells of one agent as a whole; their order does not matter.

    `only_after`: rewards of cells that have nothing to be compared with; they are counted in the verdict's reason.
    `selection`: what was asked for; None where that is not known.
    """
    ordered = sorted(pairs, key=lambda pair: pair.name)
    statistical = [pair for pair in ordered if pair.kind != "strict"]
    suite = None
    if statistical or not ordered:
        before = {pair.name: pair.before.shares for pair in statistical}
        after = {pair.name: pair.after.shares for pair in statistical}
        others = only_after or {}
        sessions = SessionLabels(
            baseline={pair.name: pair.before.session_of_each for pair in statistical},
            candidate={
                **{pair.name: pair.after.session_of_each for pair in statistical},
                **{name: (None,) * len(rewards) for name, rewards in others.items()},
            },
        )
        is_known = any(pair.before.sessions or pair.after.sessions for pair in statistical)
        suite = suite_gate(before, {**after, **others}, policy.suite, sessions=sessions if is_known else None)
    metrics = list(_metric_verdicts(ordered))
    return SuiteComparison(
        suite=suite,
        changes={pair.name: pair.change for pair in ordered},
        metrics=tuple(metric for metric in metrics if metric.verdict != "not judged"),
        noted=tuple(metric for metric in metrics if metric.verdict == "not judged"),
        not_judged=tuple(_not_judged(ordered)),
        advice=_advice(suite, statistical, policy, selection) if suite is not None else "",
    )


def _advice(
    suite: SuiteVerdict, pairs: Sequence[CellPair], policy: ComparisonPolicy, selection: Selection | None
) -> str:
    advice = what_would_tell(
        suite,
        approved=[pair.before.shares for pair in pairs],
        tried=[pair.after.shares for pair in pairs],
        settings=policy.suite,
    )
    if advice and selection and selection.is_small:
        return f"{selection} judges cells only: run them all to judge the agent"
    return advice


# --- time, memory, tokens, cost -------------------------------------------------------------------------------------


def _metric_verdicts(pairs: Sequence[CellPair]) -> Iterator[RatioVerdict]:
    """Of the typical cell: over those whose values can be compared, or for the record over those whose are known."""
    for metric in METRICS:
        comparable = [pair for pair in pairs if is_comparable(metric, pair.before, pair.after)]
        known = comparable or [pair for pair in pairs if is_known(metric, pair.before, pair.after)]
        if not known:
            continue
        before = [floored(metric, pair.before) for pair in known]
        after = [floored(metric, pair.after) for pair in known]
        if all(value == metric.floor for cell in (*before, *after) for value in cell):
            reason = f"at most {metric.floor:g} {metric.unit} throughout: too little to compare"
            yield RatioVerdict(
                verdict="not judged", metric=metric.name, ratio=None, max_ratio=metric.max_ratio, reason=reason
            )
        else:
            verdict = ratio_gate(ratio_interval(before, after), metric=metric.name)
            yield verdict if comparable else replace(verdict, verdict="not judged")


def _not_judged(pairs: Sequence[CellPair]) -> Iterator[str]:
    """Why times and memory say nothing, where they are known well enough."""
    hosts = {
        (pair.before.host, pair.after.host)
        for pair in pairs
        if hosts_differ(pair.before, pair.after)
        and any(metric.is_of_host and is_measured(metric, pair.before, pair.after) for metric in METRICS)
    }
    for before, after in sorted(hosts, key=str):
        known, now = (host or "a host that nobody noted" for host in (before, after))
        yield f"time and memory are not judged: measured on {known}, and now on {now}"
