"""The one policy by which results are compared with what was approved.

A session's gate, `terminalbench compare` and approvals read it here. Which conditions make two results incomparable,
and what another version of a dataset means, is in `baselines.parity`; the tests themselves are in `statistics`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.baselines.policy_settings import PolicySettings
from pytest_terminalbench.statistics import MAX_RATIO, Plan, SuiteSettings

__all__ = ["LEAST_ATTEMPTS", "METRICS", "SOLVE_RATE", "ComparisonPolicy", "Metric"]

# Medians of fewer attempts say more about the machine's mood than about the agent, and of fewer approved attempts no
# single cell can be told from chance.
LEAST_ATTEMPTS = 3


class Metric(NamedTuple):
    """What an attempt takes, in `unit`. `name`: as in baselines, which keep so many `digits`. Values below `floor` are
    taken for it: a ratio of smaller ones shows the machine. `is_of_host`: another class of host changes it, so that
    only values of one class are compared. `can_be_zero`: a zero was measured, and does not stand for what nobody knows.
    """

    name: str
    of: Callable[[AttemptResult], float | None]
    floor: float
    unit: str
    digits: int
    is_of_host: bool
    can_be_zero: bool

    @property
    def max_ratio(self) -> float:
        """More than so many times what was approved is worse."""
        return MAX_RATIO[self.name]

    def measured(self, values: Sequence[float | None]) -> tuple[float, ...]:
        """`values`, one of each attempt, in their order; empty where one of them was not measured."""
        known = tuple(float(value) for value in values if value is not None and (value or self.can_be_zero))
        return known if len(known) == len(values) else ()


# What is judged beside the metrics, as their names are.
SOLVE_RATE = "solve_rate"
# No agent takes no time or memory, and no model no token: a zero there was not measured. But a model may be free.
METRICS = (
    Metric("runtime_s", attrgetter("agent_s"), 1.0, "s", digits=3, is_of_host=True, can_be_zero=False),
    Metric("memory_peak_mb", attrgetter("memory_peak_mb"), 16.0, "MiB", digits=1, is_of_host=True, can_be_zero=False),
    Metric("cost_usd", attrgetter("cost_usd"), 0.001, "USD", digits=6, is_of_host=False, can_be_zero=True),
    Metric("tokens", attrgetter("tokens"), 100.0, "tokens", digits=3, is_of_host=False, can_be_zero=False),
)


@dataclass(frozen=True, kw_only=True)
class ComparisonPolicy(PolicySettings):
    """The settings of a comparison, and what follows from them."""

    @classmethod
    def of(cls, settings: PolicySettings) -> ComparisonPolicy:
        """The policy of a session with these `settings`, which may have others, too."""
        return cls(
            attempts=settings.attempts,
            max_attempts=settings.max_attempts,
            alpha=settings.alpha,
            margin=settings.margin,
            min_visible=settings.min_visible,
            inconclusive=settings.inconclusive,
            parity=settings.parity,
        )

    @property
    def is_adaptive(self) -> bool:
        """Whether trials were added where it looked bad: then only each cell's first one is comparable as a whole."""
        return self.attempts is None

    @property
    def plan(self) -> Plan:
        """How many trials a cell gets."""
        if self.attempts is None:
            return Plan(first=1, maximum=self.max_attempts, alpha=self.alpha)
        return self.fixed_plan(self.attempts)

    def fixed_plan(self, attempts: int) -> Plan:
        """Of a cell with so many trials, whatever they came to."""
        return Plan(first=attempts, maximum=attempts, alpha=self.alpha)

    @property
    def suite(self) -> SuiteSettings:
        """For all cells of an agent together."""
        return SuiteSettings(
            alpha=self.alpha,
            margin=self.margin,
            # One threshold: what a run has to be able to see is also what a pass rules out. Of a drop above the margin
            # that is at least twice as much, for one a little above it is mostly within it by luck.
            max_drop=min(1.0, max(self.min_visible, 2 * self.margin)),
            min_visible=self.min_visible,
            planned_attempts=1 if self.is_adaptive else None,
        )
