"""With how many attempts a suite would tell: what to type where an approval, or a comparison with it, was too small.

Never fewer attempts than there are, and none at all where no number of them is enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import harmonic_mean

from pytest_terminalbench.baselines.comparison_policy import LEAST_ATTEMPTS
from pytest_terminalbench.naming import counted
from pytest_terminalbench.statistics import (
    PlannedComparison,
    SessionNoise,
    SuiteSettings,
    SuiteVerdict,
    attempts_needed,
    chance_to_see,
    could_not_see,
    solve_rates,
    with_room_to_spare,
)

__all__ = ["what_to_approve", "what_would_tell"]

Rewards = Sequence[Sequence[float]]


def what_would_tell(suite: SuiteVerdict, *, approved: Rewards, tried: Rewards, settings: SuiteSettings) -> str:
    """What makes `suite`, which compared the rewards of each cell on both sides, tell; empty where it did.

    Of `tried` only what the comparison counts is counted here.
    """
    if suite.verdict != "inconclusive" or suite.effect is None:
        return ""
    goal = _Goal.of(suite, settings)
    if goal.drop <= 0:
        return ""
    if len(approved) == 1:
        return "a single task judges its own cell only: more scenarios would judge the agent"
    noise = suite.sessions.noise if suite.sessions else None
    counts = [len(rewards[: settings.planned_attempts]) for rewards in tried]
    if goal.is_within_reach(approved, counts, noise):
        return f"{goal}: run it again, for sessions of this size mostly do, and this one came out in between"
    attempts = goal.attempts(approved, harmonic_mean(map(len, approved)), noise=noise, more_than=max(counts))
    if attempts is not None:
        return f"{goal}: your pytest command again with --tb-attempts {attempts}"
    if noise is not None:
        # To approve again would leave one session of which nobody knows how much the others differ.
        return (
            f"{goal}: more sessions, for they differ more than chance and no number of attempts in these is enough; "
            "approve several runs together with `terminalbench baseline approve --run RUN --run RUN`"
        )
    attempts = goal.attempts(approved, None, more_than=max(map(len, approved)))
    if attempts is not None:
        return (
            f"{goal}: approve with --tb-attempts {attempts} --update-baselines, then compare with "
            f"--tb-attempts {max(attempts, *counts)}"
        )
    return _more_scenarios(goal, approved)


def what_to_approve(approved: Rewards, settings: SuiteSettings) -> str:
    """What makes sessions that are compared with `approved` tell; empty where nothing was solved that could be lost."""
    rates = solve_rates(approved)
    goal = _Goal("see", settings.needed_drop(rates.mean), settings)
    if goal.drop <= 0:
        return ""
    # As many as other cells have already: these are not to lose any.
    least = max(LEAST_ATTEMPTS, *map(len, approved))
    attempts = goal.attempts(approved, None, more_than=least - 1)
    return f"approve with --tb-attempts {attempts}" if attempts is not None else _more_scenarios(goal, approved)


@dataclass(frozen=True)
class _Goal:
    """A drop that is to be seen or ruled out, and by what settings that is planned."""

    verb: str
    drop: float
    settings: SuiteSettings

    @classmethod
    def of(cls, suite: SuiteVerdict, settings: SuiteSettings) -> _Goal:
        """What `suite` fell short of."""
        assert suite.effect is not None
        mean = suite.effect.baseline_mean
        if could_not_see(suite.mde, mean, settings):
            return cls("see", settings.needed_drop(mean), settings)
        return cls("rule out", min(settings.max_drop, mean), settings)

    def __str__(self) -> str:
        return f"to {self.verb} a drop of {100 * self.drop:.0f} points"

    def is_within_reach(self, approved: Rewards, counts: Sequence[int], noise: SessionNoise | None) -> bool:
        """Whether sessions with as many attempts mostly reach it."""
        like_this = PlannedComparison(
            rates=solve_rates(approved),
            tasks=len(approved),
            baseline_attempts=harmonic_mean(map(len, approved)),
            attempts=harmonic_mean(counts),
            noise=noise,
        )
        return chance_to_see(self.drop, like_this, self.settings) >= self.settings.power

    def attempts(
        self, approved: Rewards, baseline_attempts: float | None, *, more_than: int, noise: SessionNoise | None = None
    ) -> int | None:
        """The fewest above `more_than` that reach it; None when none does.

        What the next run could have seen follows from the baseline that it is compared with. With room to spare where
        that is still to come, where differing sessions are estimated anew, and for what is to be ruled out.
        """
        is_settled = baseline_attempts is None or (self.verb == "see" and noise is None)
        return attempts_needed(
            self.drop if is_settled else with_room_to_spare(self.drop, self.settings),
            rates=solve_rates(approved),
            tasks=len(approved),
            baseline_attempts=baseline_attempts,
            settings=self.settings,
            noise_of=(lambda _: noise) if noise else None,
            least=more_than + 1,
        )


def _more_scenarios(goal: _Goal, approved: Rewards) -> str:
    return f"{goal}: more scenarios, for no number of attempts is enough with {counted(len(approved), 'scenario')}"
