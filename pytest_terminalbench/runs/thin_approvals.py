"""The warnings that an approval is too thin: what sessions that are compared with it can see, and what it replaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import harmonic_mean

from pytest_terminalbench.attempt_result import as_share
from pytest_terminalbench.baselines.comparison_policy import LEAST_ATTEMPTS, ComparisonPolicy
from pytest_terminalbench.baselines.enough_attempts import what_to_approve
from pytest_terminalbench.baselines.folder import ApprovedInFolder, baseline_of
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.naming import counted
from pytest_terminalbench.statistics import PlannedComparison, smallest_visible_drop, solve_rates

__all__ = ["shrunk_approvals", "thin_approval", "thin_approvals"]


def shrunk_approvals(cells: Sequence[CellResult], baselines: Path) -> list[str]:
    """A warning for every cell of an agent that varies whose approval replaces more attempts than the cell has.

    To be asked before `cells` are approved.
    """
    approved = [(cell, _approved_attempts(cell, baselines)) for cell in cells if cell.gate == "statistical"]
    return [
        f"warning: {cell.key}: {before} attempts approved before, {len(cell.judged)} now: that tells less of later "
        f"sessions; approve again with --tb-attempts {before}"
        for cell, before in approved
        if cell.is_scored and len(cell.judged) < before
    ]


def _approved_attempts(cell: CellResult, baselines: Path) -> int:
    """Of the baseline that counts; none where there is none, or it cannot be read."""
    try:
        stored = baseline_of(baselines, cell.id)
    except BaselineError:
        return 0
    return stored.record.attempts if stored is not None and stored.counts else 0


def thin_approvals(
    cells: Sequence[CellResult], policy: ComparisonPolicy, *, baselines: Path | None = None
) -> list[str]:
    """A warning for every agent among `cells` that does not always do the same and was tried fewer than three times.

    `policy`: by which sessions will be compared with them. `baselines`: where all cells of these agents are approved by
    now, those of other sessions too; it is all of them that later sessions are compared with.
    """
    varying = [cell for cell in cells if cell.gate == "statistical" and cell.is_scored]
    if baselines is not None:
        approved = ApprovedInFolder(baselines)
        return thin_approval({cell.id.suite: approved.beside(cell.id).rewards for cell in varying}, policy)
    by_suite: dict[str, list[tuple[float, ...]]] = {}
    for cell in varying:
        by_suite.setdefault(cell.id.suite, []).append(cell.rewards)
    return thin_approval(by_suite, policy)


def thin_approval(
    approved: Mapping[str, Sequence[Sequence[float]]], policy: ComparisonPolicy, *, can_repeat: bool = True
) -> list[str]:
    """The same of the rewards of each cell that is approved, by the suite it is of.

    `can_repeat`: whether more attempts can be made by a session of ours, and not by who made these results.
    """
    return [
        f"warning: {suite}: {_what_is_seen(rewards, policy, can_repeat=can_repeat)}"
        for suite, rewards in approved.items()
        if any(len(cell) < LEAST_ATTEMPTS for cell in rewards)
    ]


def _what_is_seen(rewards: Sequence[Sequence[float]], policy: ComparisonPolicy, *, can_repeat: bool) -> str:
    rewards = [[*map(as_share, cell)] for cell in rewards]
    rates, attempts = solve_rates(rewards), harmonic_mean(map(len, rewards))
    thin = sum(len(cell) < LEAST_ATTEMPTS for cell in rewards)
    like_this = PlannedComparison(rates=rates, tasks=len(rewards), baseline_attempts=attempts, attempts=attempts)
    drop = smallest_visible_drop(like_this, policy.suite)
    seen = "see no drop at all" if drop is None else f"see a drop of {100 * drop:.0f} points, and hardly a smaller one"
    cure = what_to_approve(rewards, policy.suite)
    told = f"{counted(thin, 'cell')} approved with fewer than {LEAST_ATTEMPTS} attempts: sessions of as many can {seen}"
    if not cure:
        return f"{told}, for nothing was solved"
    return f"{told}; {cure}" if can_repeat else told
