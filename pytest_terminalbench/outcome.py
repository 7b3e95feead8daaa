"""How a trial ends: the closed union ``Solved | Unsolved | Void``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

__all__ = ["Outcome", "Phase", "Solved", "Unsolved", "Void", "outcome_name"]


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
    """The question could not be put, so there is no score. Never averaged; counted and shown apart.

    ``transient`` says that the cause lies in our own layers and a second try may succeed.
    """

    reason: str
    phase: Phase
    transient: bool = False


Outcome: TypeAlias = Solved | Unsolved | Void


def outcome_name(outcome: Outcome) -> str:
    """The word for ``outcome`` in result files: ``solved``, ``unsolved`` or ``void``."""
    return type(outcome).__name__.lower()
