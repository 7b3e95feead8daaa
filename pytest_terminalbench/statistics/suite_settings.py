"""What the suite gate is told: how sure it has to be, and of what."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_terminalbench.statistics.tallies import checked_share


@dataclass(frozen=True, kw_only=True)
class SuiteSettings:
    """Shares of 1, not points. `min_visible`: a run that could not have seen such a drop does not pass.
    `planned_attempts`: only each task's first so many fresh attempts count. Set it (to 1) for sessions that added
    trials where it looked bad: numbers of attempts that depend on outcomes are not exchangeable with the baseline's.
    """

    alpha: float = 0.05
    margin: float = 0.02
    max_drop: float = 0.10
    min_visible: float = 1.0
    level: float = 0.95
    power: float = 0.80
    mid_p: bool = False
    planned_attempts: int | None = None
    resamples: int = 20_000
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("alpha", "level", "power"):
            checked_share(getattr(self, name), what=name)
        for name in ("max_drop", "min_visible"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; needs a share above 0, at most 1")
        if not 0 <= self.margin < 1 or (self.planned_attempts is not None and self.planned_attempts < 1):
            raise ValueError(f"margin is {self.margin}, planned_attempts {self.planned_attempts}")

    def needed_drop(self, baseline_mean: float) -> float:
        """The drop that a run has to be able to see, of an agent that solved `baseline_mean`; 0 where it solved none.

        At least twice the margin: a drop up to it is no regression, and one a little above it is mostly within it by
        luck. At most all that there is to lose.
        """
        return min(max(self.min_visible, 2 * self.margin), baseline_mean)
