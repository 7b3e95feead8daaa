"""Strict comparison of a cell's trials with its baseline: for agents that always do the same."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_terminalbench.baselines.record import BaselineRecord
from pytest_terminalbench.status import Status

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The verdict on a cell and one sentence of why.

    ``improved``: better than what is approved. ``inconclusive``: looks worse, and its trials cannot tell.
    ``adjusted_p``: of the statistical gate, corrected for all cells of the session.
    """

    status: Status
    text: str
    improved: bool = False
    inconclusive: bool = False
    adjusted_p: float | None = None
    baseline_id: str | None = None


def compare(baseline: BaselineRecord | None, *, solved: int, rewards: list[float]) -> Comparison:
    """Compare `solved` of ``len(rewards)`` attempts, and their mean reward, with what was approved.

    Without a baseline every attempt has to solve. With one, a smaller share of solved attempts, or a smaller mean
    reward, is a regression. Raises ValueError when there is no attempt: nothing was judged.
    """
    if not rewards:
        raise ValueError("there is no attempt to compare")
    attempts = len(rewards)
    seen = f"solved {solved} of {attempts}"
    if baseline is None:
        if solved == attempts:
            return Comparison(status=Status.SOLVED, text=f"{seen}; no baseline yet")
        return Comparison(status=Status.UNSOLVED, text=f"{seen}, and no baseline allows that")
    approved = f"the baseline {baseline.baseline_id} approved {baseline.solved} of {baseline.attempts}"
    # Cross-multiplied: shares as fractions of integers compare exactly.
    difference = solved * baseline.attempts - baseline.solved * attempts
    reward_difference = sum(rewards) / attempts - sum(baseline.rewards) / baseline.attempts
    if difference < 0 or reward_difference < -1e-9:
        reward = f" (mean reward lower by {-reward_difference:.3g})" if difference >= 0 else ""
        return Comparison(
            status=Status.REGRESSED, text=f"{seen}{reward}, but {approved}", baseline_id=baseline.baseline_id
        )
    return Comparison(
        status=Status.SOLVED if solved == attempts else Status.AS_BASELINE,
        text=f"{seen}; {approved}",
        improved=difference > 0 or reward_difference > 1e-9,
        baseline_id=baseline.baseline_id,
    )
