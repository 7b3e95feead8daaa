"""One cell on one side of a comparison: what was approved of it, or what it did now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from pytest_terminalbench.attempt_result import AttemptResult, as_share
from pytest_terminalbench.baselines.comparison_policy import METRICS
from pytest_terminalbench.baselines.record import BaselineRecord
from pytest_terminalbench.statistics import is_counted

__all__ = ["CellSide", "mean_text"]


@dataclass(frozen=True, kw_only=True)
class CellSide:
    """`rewards`: of the judged attempts in their order, as they were given; at least one.

    `sessions`: which session made each of these attempts, None where nobody kept it; empty where that is known of none.
    `measures`: by metric, the values of all judged attempts; a metric that is not known of each is left out. `host`:
    its class, None where nobody noted it. `baseline_id`: what it is called, where it is a baseline.
    """

    rewards: tuple[float, ...]
    sessions: tuple[str | None, ...] = ()
    measures: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    host: str | None = None
    baseline_id: str | None = None

    @classmethod
    def approved(cls, record: BaselineRecord) -> CellSide:
        return cls(
            rewards=tuple(map(float, record.rewards)),
            sessions=tuple(record.sessions or ()),
            measures=_measures({name: measure.values for name, measure in record.metrics.items()}, record.attempts),
            host=record.host,
            baseline_id=record.baseline_id,
        )

    @classmethod
    def of_attempts(cls, attempts: Iterable[AttemptResult], *, host: str | None) -> CellSide:
        """Of those of `attempts` that were judged."""
        judged = [attempt for attempt in attempts if attempt.share is not None]
        return cls(
            rewards=tuple(float(attempt.reward) for attempt in judged if attempt.reward is not None),
            sessions=_sessions(judged),
            measures=_measures({metric.name: [*map(metric.of, judged)] for metric in METRICS}, len(judged)),
            host=host,
        )

    @property
    def session_of_each(self) -> tuple[str | None, ...]:
        """As many as there are rewards."""
        return self.sessions or (None,) * len(self.rewards)

    @property
    def first(self) -> CellSide:
        """Its first attempt alone, which was no answer to anything."""
        return replace(self, rewards=self.rewards[:1], sessions=self.sessions[:1])

    @property
    def shares(self) -> tuple[float, ...]:
        """The rewards from 0 to 1, as statistics and percentages take them."""
        return tuple(map(as_share, self.rewards))

    @property
    def tally(self) -> tuple[int, int]:
        """Solved attempts and attempts."""
        return sum(reward >= 1 for reward in self.rewards), len(self.rewards)

    @property
    def mean(self) -> float:
        """Of the rewards as they were given."""
        return fmean(self.rewards)

    @property
    def text(self) -> str:
        """``3 of 5``, with the mean where some reward is neither 0 nor 1."""
        return self.text_beside(self)

    def text_beside(self, other: CellSide) -> str:
        """The same, with the mean also where `other` has one to compare it with."""
        solved, attempts = self.tally
        mean = "" if is_counted(self.rewards, other.rewards) else f" (mean reward {mean_text(self.rewards)})"
        return f"{solved} of {attempts}{mean}"


def mean_text(rewards: Sequence[float]) -> str:
    """Their mean as it was given: ``0.667``, ``2``, ``1250.5``."""
    mean = fmean(rewards)
    return f"{mean:.3g}" if abs(mean) < 1 else f"{round(mean, 3):g}"


def _sessions(judged: Sequence[AttemptResult]) -> tuple[str | None, ...]:
    sessions = tuple(attempt.session for attempt in judged)
    return sessions if any(sessions) else ()


def _measures(values: Mapping[str, Sequence[float | None]], attempts: int) -> dict[str, tuple[float, ...]]:
    """Those of `values`, by metric, that are known of each of so many attempts."""
    measured = {metric.name: metric.measured(values.get(metric.name, ())) for metric in METRICS}
    return {name: known for name, known in measured.items() if known and len(known) == attempts}
