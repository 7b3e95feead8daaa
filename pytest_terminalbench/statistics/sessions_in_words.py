"""What is known of an agent's sessions, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_terminalbench.statistics.session_spread import SessionScore, SessionSpread

__all__ = ["sessions_in_words"]

# Scores of more sessions than these are nobody's reading: the lowest and the highest say it.
SHOWN_SCORES = 8


def sessions_in_words(spread: SessionSpread) -> str:
    """Whether sessions differ, with their scores, and what the comparison makes of it."""
    sides = {"baseline": spread.baseline, "candidate": spread.candidate}
    several = {name: scores for name, scores in sides.items() if len(scores) > 1}
    if not several:
        unknown = [name for name, scores in sides.items() if not scores]
        if unknown:
            return f"which sessions made the attempts of {' and '.join(unknown)} is not known"
        return "each side is one session, so that a bad night looks the same as a worse agent: run it again to tell"
    overlaps = {"baseline": spread.baseline_overlap, "candidate": spread.candidate_overlap}
    told = {name: scores for name, scores in several.items() if overlaps[name] != "none"}
    whose = f"sessions of {' and of '.join(f'the {name}' for name in told or several)}"
    if not told:
        return f"whether {whose} differ is not known, for no task was tried in two of them"
    # Means over different tasks would be read as if sessions differed so much.
    comparable = {name: scores for name, scores in told.items() if overlaps[name] == "the same"}
    scores = ", ".join(
        f"{name} {_scores(scores)}" if len(told) > 1 else _scores(scores) for name, scores in comparable.items()
    )
    shown = f": {scores}" if scores else ""
    if spread.p is None:
        return f"{whose} cannot differ, for every task that two of them tried went the same way throughout{shown}"
    chance = f"chance (p = {spread.p:.2g}){shown}"
    if spread.noise is None:
        return f"{whose} differ no more than {chance}"
    return f"{whose} differ more than {chance}, and the comparison allows for it"


def _scores(scores: Sequence[SessionScore]) -> str:
    """``45, 45, 38, 41, 30 %``"""
    means = [100 * score.mean for score in scores]
    if len(means) > SHOWN_SCORES:
        return f"{min(means):.0f} to {max(means):.0f} % in {len(means)} sessions"
    return f"{', '.join(f'{mean:.0f}' for mean in means)} %"
