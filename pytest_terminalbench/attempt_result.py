"""One attempt at a cell, as far as summaries, comparisons and baselines need it; its folder has the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_terminalbench.documents import Fields
from pytest_terminalbench.outcome import Outcome, Solved, Void, outcome_facts, outcome_from

__all__ = ["AttemptResult", "as_share"]


@dataclass(frozen=True, kw_only=True)
class AttemptResult:
    """How one attempt ended, and what it took.

    `folder` is relative to the run's folder and empty where no trial was made. Seconds, MiB, US dollars; None: not
    known. `agent_s` are the agent's own seconds, `wall_s` those of the whole trial. `session` names the run that made
    it, as its harness does: attempts of one session share the night, the machine and the model's moods. None: not
    known.
    """

    attempt: int
    outcome: Outcome
    folder: str = ""
    agent_s: float | None = None
    wall_s: float | None = None
    memory_peak_mb: float | None = None
    cost_usd: float | None = None
    tokens: int | None = None
    session: str | None = None

    @property
    def is_solved(self) -> bool:
        return isinstance(self.outcome, Solved)

    @property
    def is_void(self) -> bool:
        """Whether there was no verdict: missing data, never a zero."""
        return isinstance(self.outcome, Void)

    @property
    def mark(self) -> str:
        """How it ended, for people: ``✓`` solved, ``✗`` not, ``◐`` in part, ``·`` void."""
        if self.is_solved:
            return "✓"
        if self.share is None:
            return "·"
        return "◐" if self.share > 0 else "✗"

    @property
    def reward(self) -> float | None:
        """None for a void attempt: it has no score."""
        return self.outcome.reward

    @property
    def share(self) -> float | None:
        """The reward from 0 to 1, as statistics need it."""
        return None if self.reward is None else as_share(self.reward)

    def to_json(self) -> dict[str, Any]:
        return {
            "attempt": self.attempt,
            **outcome_facts(self.outcome),
            "agent_s": self.agent_s,
            "wall_s": self.wall_s,
            "memory_peak_mb": self.memory_peak_mb,
            "cost_usd": self.cost_usd,
            "tokens": self.tokens,
            "session": self.session,
            "folder": self.folder,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any], *, attempt: int = 1) -> AttemptResult:
        """The opposite of `to_json`; `attempt` is its number where the record, of schema 1, does not tell it.

        Raises ValueError naming the field for what is no attempt.
        """
        fields = Fields(content)
        return cls(
            attempt=fields.whole_or("attempt", attempt),
            outcome=outcome_from(
                {**content, "outcome": fields.text("outcome"), "reason": fields.text_or("reason", "")}
            ),
            folder=fields.text("folder"),
            agent_s=fields.number_or("agent_s", None),
            wall_s=fields.number_or("wall_s", None),
            memory_peak_mb=fields.number_or("memory_peak_mb", None),
            cost_usd=fields.number_or("cost_usd", None),
            tokens=fields.whole_or("tokens", None),
            session=fields.text_or("session", None),
        )


def as_share(reward: float) -> float:
    """`reward` from 0 to 1: verifiers may give more than 1, which is solved and no better than that."""
    return min(1.0, max(0.0, reward))
