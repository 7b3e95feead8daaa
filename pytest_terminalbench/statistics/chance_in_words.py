"""Numbers in words that need no course in statistics."""

from __future__ import annotations

__all__ = ["could_have_seen", "how_often", "ruled_out", "signed_points"]

RAREST = 1_000_000


def how_often(p: float) -> str:
    """A probability as a count: ``in about 2 of 100 runs``, ``in fewer than 1 of 1,000,000 runs``."""
    if p >= 0.995:
        return "in nearly all runs"
    if p >= 0.0095:
        return f"in about {round(100 * p)} of 100 runs"
    if p * RAREST < 1:
        return f"in fewer than 1 of {RAREST:,} runs"
    # One digit says enough: 1 of 400, 1 of 30,000.
    return f"in about 1 of {int(float(f'{1 / p:.1g}')):,} runs"


def signed_points(difference: float) -> str:
    """A difference of shares in points, with its sign: ``+1.5``, ``-20.0``; never ``-0.0``."""
    # Adding 0 takes the sign from what rounds to zero.
    return f"{round(100 * difference, 1) + 0.0:+.1f}"


def ruled_out(worst_drop: float, *, confidence: float) -> str:
    """What the one-sided bound of a drop says."""
    sure = f"with {100 * confidence:.3g} % confidence"
    if worst_drop <= 0:
        return f"{sure} it scores no less"
    return f"{sure} the drop is smaller than {100 * worst_drop:.1f} points"


def could_have_seen(mde: float | None, *, power: float, baseline_mean: float, has_seen: bool = False) -> str:
    """The smallest drop that a run of this size sees with probability `power`; None is none at all.

    `has_seen`: this run did see one, however seldom such a run does.
    """
    if mde is None and has_seen:
        return f"so few attempts see even the largest drop less than {100 * power:.0f} % of the time, and here they did"
    if mde is None:
        why = "it is too small" if baseline_mean > 0 else "nothing was solved before, so that nothing can be lost"
        return f"this run could have seen no drop at all: {why}"
    often = f"{100 * power:.0f} % of the time"
    here = ", and here it did" if has_seen else ""
    return f"this run could have seen a drop of {100 * mde:.1f} points ({often}), a smaller one less often{here}"
