"""What became of a cell: the value that sessions, summaries, reports, approvals and comparisons are about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.baselines.parity import Mismatch
from pytest_terminalbench.documents import FieldError, Fields
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.status import Change, Status

__all__ = ["CellResult", "short_attempt", "short_text"]

# A verdict's text goes into reports and across processes; the trial's folder has the rest.
MAX_TEXT = 1_000


@dataclass(frozen=True, kw_only=True)
class CellResult:
    """A cell, its attempts in order, and the verdict on them.

    `text`: a sentence of why. `gate`: how it was compared (``strict``, ``statistical`` or ``off``). `change`: beside
    its baseline; None where it was not compared. `tolerated`: inconclusive, which the session lets pass
    (``--tb-inconclusive pass``). `approving`: no pass, which the session lets pass because it was to approve it; once
    it has, the cell is `approved`. `xfailed`: its test was expected to fail, and did. `adjusted_p`: of the statistical
    gate, corrected for all cells of the session. `baseline_id`: what it was compared with. `worse_in`: where it has
    regressed, the solve rate or metrics. `configuration`: the digest of what may change how the agent behaves beyond
    its identity. `mismatches`: conditions other than the baseline's.
    """

    id: CellId
    status: Status
    text: str = ""
    category: str = ""
    difficulty: str = ""
    attempts: tuple[AttemptResult, ...] = ()
    gate: str = "strict"
    change: Change | None = None
    tolerated: bool = False
    approving: bool = False
    xfailed: bool = False
    adjusted_p: float | None = None
    baseline_id: str | None = None
    worse_in: tuple[str, ...] = ()
    configuration: str | None = None
    mismatches: tuple[Mismatch, ...] = ()

    @property
    def key(self) -> str:
        return self.id.key

    @property
    def judged(self) -> tuple[AttemptResult, ...]:
        """The attempts with a score. Imported cells may have void ones beside them, which are in no mean."""
        return tuple(attempt for attempt in self.attempts if not attempt.is_void)

    @property
    def is_scored(self) -> bool:
        """Whether the cell counts in the mean."""
        return self.status.is_scored and bool(self.judged)

    @property
    def rewards(self) -> tuple[float, ...]:
        """Of the judged attempts, in their order, as they were given."""
        return tuple(attempt.reward for attempt in self.attempts if attempt.reward is not None)

    @property
    def shares(self) -> tuple[float, ...]:
        """The same from 0 to 1, as percentages count them."""
        return tuple(attempt.share for attempt in self.attempts if attempt.share is not None)

    @property
    def tally(self) -> tuple[int, int]:
        """Solved attempts and judged attempts."""
        return sum(attempt.is_solved for attempt in self.judged), len(self.judged)

    @property
    def passes(self) -> bool:
        """Whether it is pytest's PASSED: the cell is what was expected of it, in doubt and tolerated, or about to be
        approved.
        """
        return self.status.is_pass or self.approving or (self.status is Status.INCONCLUSIVE and self.tolerated)

    @property
    def approved(self) -> CellResult:
        """The cell once its session has approved it: as its baseline now says. It was compared with no other."""
        return replace(
            self,
            status=Status.AS_BASELINE,
            text=short_text(f"{self.text}; approved by this session"),
            approving=False,
            change=None,
            tolerated=False,
            adjusted_p=None,
            baseline_id=None,
            worse_in=(),
        )

    @property
    def improved(self) -> bool:
        """Whether the cell is better than what is approved."""
        return self.change is Change.IMPROVED

    @property
    def wall_s(self) -> float:
        """Seconds of all its trials."""
        return sum(attempt.wall_s or 0.0 for attempt in self.attempts)

    def to_json(self) -> dict[str, Any]:
        """One flat object: the identity's fields beside the verdict's. ``cell`` is the key, for people and ``jq``."""
        return {
            "cell": self.key,
            **self.id.to_json(),
            "status": self.status.value,
            "text": self.text,
            "category": self.category,
            "difficulty": self.difficulty,
            "gate": self.gate,
            "change": self.change.value if self.change else None,
            "tolerated": self.tolerated,
            "approving": self.approving,
            "xfailed": self.xfailed,
            "improved": self.improved,
            "inconclusive": self.status is Status.INCONCLUSIVE,
            "adjusted_p": self.adjusted_p,
            "baseline_id": self.baseline_id,
            "worse_in": list(self.worse_in),
            "configuration": self.configuration,
            "mismatches": [mismatch._asdict() for mismatch in self.mismatches],
            "attempts": [attempt.to_json() for attempt in self.attempts],
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> CellResult:
        """The opposite of `to_json`, and the reader of earlier versions, whose cells know less of themselves.

        Raises KeyError, TypeError, ValueError or SettingsError naming the field for what is no cell.
        """
        fields = Fields(content)
        status = Status(fields.text("status"))
        # Earlier versions wrote a cell in doubt that their session let pass as one that had passed.
        was_tolerated = status.is_pass and fields.flag_or("inconclusive", False)
        result = cls(
            id=CellId.from_json(content),
            status=Status.INCONCLUSIVE if was_tolerated else status,
            text=fields.text_or("text", ""),
            category=fields.text_or("category", ""),
            difficulty=fields.text_or("difficulty", ""),
            attempts=_numbered(fields),
            gate=fields.text_or("gate", "strict"),
            change=_change(content, status),
            tolerated=was_tolerated or fields.flag_or("tolerated", False),
            approving=fields.flag_or("approving", False),
            xfailed=fields.flag_or("xfailed", False),
            adjusted_p=fields.number_or("adjusted_p", None),
            baseline_id=fields.text_or("baseline_id", None),
            worse_in=fields.texts("worse_in"),
            configuration=fields.text_or("configuration", None),
            mismatches=fields.each("mismatches", lambda facts: Mismatch(**facts)),
        )
        # Schema 1, whose cells do not tell their source, spelled names in another way.
        if "source" in content and fields.text("cell") != result.key:
            raise FieldError("cell", f"is {fields.text('cell')!r}, but its other fields make it {result.key}")
        return result


def short_attempt(attempt: AttemptResult) -> AttemptResult:
    """`attempt` with a reason that a cell has room for."""
    return replace(attempt, outcome=replace(attempt.outcome, reason=short_text(attempt.outcome.reason)))


def short_text(text: str) -> str:
    """`text`, cut off where a cell has no room for more."""
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def _change(content: Mapping[str, Any], status: Status) -> Change | None:
    """Beside the baseline; earlier versions tell it of some cells alone."""
    fields = Fields(content)
    if "change" in content:
        told = fields.text_or("change", None)
        return Change(told) if told else None
    if status is Status.REGRESSED:
        return Change.REGRESSED
    if status is Status.INCONCLUSIVE or fields.flag_or("inconclusive", False):
        return Change.INCONCLUSIVE
    return Change.IMPROVED if fields.flag_or("improved", False) else None


def _numbered(fields: Fields) -> tuple[AttemptResult, ...]:
    """The attempts; schema 1 tells their numbers by their order alone."""
    numbers = count(1)
    return fields.each("attempts", lambda facts: AttemptResult.from_json(facts, attempt=next(numbers)))
