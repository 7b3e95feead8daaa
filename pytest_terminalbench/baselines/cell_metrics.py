"""Time, memory, tokens and cost of one cell, beside what it took when it was approved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from pytest_terminalbench.baselines.cell_side import CellSide
from pytest_terminalbench.baselines.comparison_policy import LEAST_ATTEMPTS, METRICS, Metric
from pytest_terminalbench.statistics import metric_name, rank_sum

__all__ = ["MeasuredChange", "compare_measures", "floored", "hosts_differ", "is_comparable", "is_known", "is_measured"]


@dataclass(frozen=True, kw_only=True)
class MeasuredChange:
    """One metric of a cell: the ratio of the medians, and whether that is more than is allowed, and no chance."""

    metric: str
    ratio: float
    is_worse: bool
    text: str


def compare_measures(
    before: CellSide, after: CellSide, *, alpha: float, corrected_for: int = 1
) -> Iterator[MeasuredChange]:
    """Every metric that can be compared: see `is_comparable`.

    Worse is a median above what is allowed, where an exact test of the ranks (Wilcoxon) says that the values are
    higher, too: its p times `corrected_for` is at most `alpha`. Three against three attempts are, where none overlap.
    """
    for metric in METRICS:
        if not is_comparable(metric, before, after):
            continue
        known, now = floored(metric, before), floored(metric, after)
        ratio = median(now) / median(known)
        is_over = ratio > metric.max_ratio
        is_worse = is_over and min(1.0, corrected_for * rank_sum(known, now)) <= alpha
        yield MeasuredChange(
            metric=metric.name,
            ratio=ratio,
            is_worse=is_worse,
            text=f"{metric_name(metric.name)} {100 * (ratio - 1):+.0f} % (median {median(known):g} → {median(now):g}), "
            f"allowed {100 * (metric.max_ratio - 1):+.0f} %",
        )


def is_comparable(metric: Metric, before: CellSide, after: CellSide) -> bool:
    """Whether enough attempts on both sides tell of `metric`, and on one class of host where that changes it."""
    return is_measured(metric, before, after) and not (metric.is_of_host and hosts_differ(before, after))


def is_measured(metric: Metric, before: CellSide, after: CellSide) -> bool:
    """Whether enough attempts on both sides tell of `metric`, and it can get worse."""
    is_enough = all(len(side.measures.get(metric.name, ())) >= LEAST_ATTEMPTS for side in (before, after))
    return is_enough and is_known(metric, before, after)


def is_known(metric: Metric, before: CellSide, after: CellSide) -> bool:
    """Whether both sides tell of `metric`, and it can get worse: the cost of what was always free has no ratio."""
    return metric.name in after.measures and any(before.measures.get(metric.name, ()))


def hosts_differ(before: CellSide, after: CellSide) -> bool:
    """Whether the two are, or may be, of different classes of hosts."""
    return before.host is None or before.host != after.host


def floored(metric: Metric, side: CellSide) -> Sequence[float]:
    return [max(value, metric.floor) for value in side.measures[metric.name]]
