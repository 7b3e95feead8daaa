"""A trial's limits in values, computed once: everything that waits for a phase reads them here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol

from pytest_terminalbench.documents import Fields

__all__ = ["Limits", "Timeouts"]

# What starting, stopping and copying may add to a trial's own limits before its container ends by itself: an agent that
# does not come back has a minute of grace, and stopping what it left may take most of another.
LIFETIME_MARGIN_S = 180


class Timeouts(Protocol):
    """What a scenario allows for each phase, in seconds, before the session's multiplier."""

    @property
    def build_s(self) -> float: ...
    @property
    def agent_s(self) -> float: ...
    @property
    def verifier_s(self) -> float: ...


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds for each phase of a trial, the session's multiplier applied to all of them alike.

    `wait_s` is for waiting that is not the agent's, such as for a model's rate limit. It comes on top of the agent's
    time, and the container lives that much longer.
    """

    build_s: float
    agent_s: float
    verifier_s: float
    wait_s: float = 0.0

    def __post_init__(self) -> None:
        """Raise ValueError for a limit that is no time: not finite, negative, or none at all for a phase."""
        for field in fields(self):
            seconds = getattr(self, field.name)
            if not math.isfinite(seconds) or seconds < 0 or (seconds == 0 and field.name != "wait_s"):
                raise ValueError(f"{field.name} is {seconds!r}; it must be a number of seconds above 0")

    @classmethod
    def of(cls, timeouts: Timeouts, *, timeout_multiplier: float = 1.0) -> Limits:
        """The limits of a trial of a scenario with `timeouts`."""
        return cls(
            build_s=timeouts.build_s * timeout_multiplier,
            agent_s=timeouts.agent_s * timeout_multiplier,
            verifier_s=timeouts.verifier_s * timeout_multiplier,
        )

    @property
    def lifetime_s(self) -> int:
        """How long a container of the trial may live before it ends by itself."""
        return int(self.agent_s + self.wait_s + self.verifier_s) + LIFETIME_MARGIN_S

    def to_json(self) -> dict[str, float]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Limits:
        """The opposite of `to_json`; raises ValueError naming the field for what are no limits."""
        limits = Fields(content)
        return cls(
            build_s=limits.number("build_s"),
            agent_s=limits.number("agent_s"),
            verifier_s=limits.number("verifier_s"),
            wait_s=limits.number_or("wait_s", 0.0),
        )
