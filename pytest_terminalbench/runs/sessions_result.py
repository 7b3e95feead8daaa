"""What a comparison found of the sessions on both sides, as summaries and `compare` write it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import sqrt
from typing import Any

from pytest_terminalbench.documents import Fields
from pytest_terminalbench.statistics import SessionSpread, sessions_in_words

__all__ = ["SessionsResult"]


@dataclass(frozen=True, kw_only=True)
class SessionsResult:
    """`baseline` and `candidate`: each session's score, empty where it is not known which sessions made the attempts.

    `p`: that sessions which are alike differ so much, None where nothing could differ. `between_sd`: the standard
    deviation of a session's score beyond the luck of its attempts. `is_allowed_for`: whether the comparison's p,
    interval and bound contain it.
    """

    says: str
    p: float | None = None
    between_sd: float | None = None
    is_allowed_for: bool = False
    baseline: Mapping[str, float] = field(default_factory=dict)
    candidate: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, spread: SessionSpread) -> SessionsResult:
        return cls(
            says=sessions_in_words(spread),
            p=spread.p,
            between_sd=sqrt(spread.between_variance) if spread.between_variance is not None else None,
            is_allowed_for=spread.noise is not None,
            baseline={score.session: score.mean for score in spread.baseline},
            candidate={score.session: score.mean for score in spread.candidate},
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "says": self.says,
            "p": self.p,
            "between_sd": self.between_sd,
            "is_allowed_for": self.is_allowed_for,
            "baseline": dict(self.baseline),
            "candidate": dict(self.candidate),
        }

    @classmethod
    def from_json(cls, content: object) -> SessionsResult:
        fields = Fields(content)
        return cls(
            says=fields.text("says"),
            p=fields.number_or("p", None),
            between_sd=fields.number_or("between_sd", None),
            is_allowed_for=fields.flag_or("is_allowed_for", False),
            baseline=fields.numbers("baseline"),
            candidate=fields.numbers("candidate"),
        )
