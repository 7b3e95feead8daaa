"""The one policy by which results are compared with what was approved.

A session's gate, `terminalbench compare` and approvals read it here. Which conditions make two results incomparable,
and what another version of a dataset means, is in `baselines.parity`; the tests themselves are in `statistics`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.statistics import MAX_RATIO, Plan, SuiteSettings

__all__ = ["LEAST_ATTEMPTS", "METRICS", "ComparisonPolicy", "Metric"]

# Medians of fewer attempts say more about the machine's mood than about the agent, and of fewer approved attempts no
# single cell can be told from chance.
LEAST_ATTEMPTS = 3


class Metric(NamedTuple):
    """What an attempt takes. `name`: as in baselines. Values below `floor` are taken for it: a ratio of smaller ones
    shows the machine. `is_of_host`: another class of host changes it, so that only values of one class are compared.
    """

    name: str
    of: Callable[[AttemptResult], float | None]
    floor: float
    is_of_host: bool

    @property
    def max_ratio(self) -> float:
        """More than so many times what was approved is worse."""
        return MAX_RATIO[self.name]


# No agent takes no time at all, and no model no token: a zero there was not measured.
METRICS = (
    Metric("runtime_s", lambda attempt: attempt.agent_s or None, 1.0, is_of_host=True),
    Metric("memory_peak_mb", lambda attempt: attempt.memory_peak_mb, 16.0, is_of_host=True),
    Metric("cost_usd", lambda attempt: attempt.cost_usd, 0.001, is_of_host=False),
    Metric("tokens", lambda attempt: attempt.tokens or None, 100.0, is_of_host=False),
)


@dataclass(frozen=True, kw_only=True)
class ComparisonPolicy:
    """How sure a comparison has to be, and of what; shares of 1, not points.

    `attempts` None: ``auto``, one trial and more where it looks worse, up to `max_attempts`. `min_visible`: a run that
    could not have seen such a drop is inconclusive. `inconclusive`: what becomes of a cell or a suite that is.
    `parity`: what becomes of a cell under other conditions than those of the other side.
    """

    attempts: int | None = 1
    max_attempts: int = 5
    alpha: float = 0.05
    margin: float = 0.02
    min_visible: float = 0.30
    inconclusive: Literal["pass", "fail"] = "pass"
    parity: Literal["block", "warn", "off"] = "block"

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
            # Fewer drops are ruled out than are called failures, or a pass and a failure could both be right.
            max_drop=max(SuiteSettings.max_drop, self.margin),
            min_visible=self.min_visible,
            planned_attempts=1 if self.is_adaptive else None,
        )
