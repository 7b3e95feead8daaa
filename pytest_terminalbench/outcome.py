"""How a trial ends: the closed union ``Solved | Unsolved | Void``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

__all__ = ["Outcome", "Phase", "Solved", "Unsolved", "Void", "outcome_facts", "outcome_from", "outcome_name"]


class Phase(StrEnum):
    """The stretches of a trial, each with its own limit and its own measured time."""

    BUILD = "build"
    START = "start"
    AGENT = "agent"
    VERIFY = "verify"
    TEARDOWN = "teardown"


@dataclass(frozen=True, kw_only=True)
class Solved:
    """The verifier judged the agent's work and accepted it."""

    reward: float = 1.0
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Unsolved:
    """The verifier judged the agent's work and refused it; running out of a trial's own limits is an answer too."""

    reason: str
    reward: float = 0.0
    phase: Phase = Phase.VERIFY


@dataclass(frozen=True, kw_only=True)
class Void:
    """It could not run or could not be judged, so there is no score. Never averaged; counted and shown apart.

    ``transient`` says that the cause lies in our own layers and a second try may succeed.
    """

    reason: str
    phase: Phase
    transient: bool = False

    @property
    def reward(self) -> None:
        """It has no score."""
        return None


Outcome: TypeAlias = Solved | Unsolved | Void


def outcome_name(outcome: Outcome) -> str:
    """The word for ``outcome`` in result files: ``solved``, ``unsolved`` or ``void``."""
    return type(outcome).__name__.lower()


def outcome_facts(outcome: Outcome) -> dict[str, Any]:
    """How records tell of `outcome`: ``outcome``, ``reason``, ``reward`` and ``phase``, the last two None if none."""
    return {
        "outcome": outcome_name(outcome),
        "reason": outcome.reason,
        "reward": outcome.reward,
        "phase": None if isinstance(outcome, Solved) else outcome.phase.value,
    }


def outcome_from(facts: Mapping[str, Any]) -> Outcome:
    """The opposite of `outcome_facts`; raises KeyError, TypeError or ValueError for facts that make no outcome."""
    name, reason = facts["outcome"], facts.get("reason") or ""
    if name not in ("solved", "unsolved", "void"):
        raise ValueError(f"outcome {name!r} is none of solved, unsolved, void")
    phase = Phase(facts.get("phase") or Phase.VERIFY)
    if name == "void":
        return Void(reason=reason, phase=phase)
    reward = facts.get("reward")
    if isinstance(reward, bool) or not isinstance(reward, int | float) or not math.isfinite(reward):
        raise TypeError(f"reward is {reward!r}, not a number")
    if (name == "solved") != (reward >= 1):
        raise ValueError(f"outcome {name!r} contradicts reward {reward!r}")
    if name == "solved":
        return Solved(reward=reward, reason=reason)
    return Unsolved(reward=reward, reason=reason, phase=phase)
