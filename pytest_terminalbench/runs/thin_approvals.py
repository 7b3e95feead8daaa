"""The warning that an approval is too thin: what sessions that are compared with it can see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import harmonic_mean

from pytest_terminalbench.attempt_result import as_share
from pytest_terminalbench.baselines.comparison_policy import LEAST_ATTEMPTS, ComparisonPolicy
from pytest_terminalbench.baselines.enough_attempts import what_to_approve
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.naming import counted
from pytest_terminalbench.statistics import PlannedComparison, smallest_visible_drop, solve_rates

__all__ = ["thin_approval", "thin_approvals"]


def thin_approvals(cells: Sequence[CellResult], policy: ComparisonPolicy) -> list[str]:
    """A warning for every agent among `cells` that does not always do the same and was tried fewer than three times.

    `policy`: by which sessions will be compared with them.
    """
    by_suite: dict[str, list[tuple[float, ...]]] = {}
    for cell in cells:
        if cell.gate == "statistical" and cell.is_scored:
            by_suite.setdefault(cell.id.suite, []).append(cell.rewards)
    return thin_approval(by_suite, policy)


def thin_approval(approved: Mapping[str, Sequence[Sequence[float]]], policy: ComparisonPolicy) -> list[str]:
    """The same of the rewards of each cell that is approved, by the suite it is of."""
    return [
        f"warning: {suite}: {_what_is_seen([[*map(as_share, cell)] for cell in rewards], policy)}"
        for suite, rewards in approved.items()
        if any(len(cell) < LEAST_ATTEMPTS for cell in rewards)
    ]


def _what_is_seen(rewards: Sequence[Sequence[float]], policy: ComparisonPolicy) -> str:
    rates, attempts = solve_rates(rewards), harmonic_mean(map(len, rewards))
    thin = sum(len(cell) < LEAST_ATTEMPTS for cell in rewards)
    like_this = PlannedComparison(rates=rates, tasks=len(rewards), baseline_attempts=attempts, attempts=attempts)
    drop = smallest_visible_drop(like_this, policy.suite)
    seen = "see no drop at all" if drop is None else f"see a drop of {100 * drop:.0f} points, and hardly a smaller one"
    cure = what_to_approve(rewards, policy.suite)
    return (
        f"{counted(thin, 'cell')} approved with fewer than {LEAST_ATTEMPTS} attempts: sessions of as many can {seen}"
        + (f"; {cure}" if cure else ", for nothing was solved")
    )
