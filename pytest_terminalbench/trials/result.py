"""What a trial leaves behind: ``result.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from pytest_terminalbench.agents.base import Usage
from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.documents import Fields, read_document
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.limits import Limits
from pytest_terminalbench.outcome import Outcome, outcome_facts, outcome_from

__all__ = ["CURE", "Regrading", "SnapshotFacts", "Timing", "TrialResult", "read_result"]

SCHEMA_VERSION = 2
# Schema 1 knows less of its cell (no profile, source or arguments), no limits, no snapshot.
READABLE = (1, SCHEMA_VERSION)
# What to do about a damaged file of a run's folder.
CURE = "restore it from where the run was made, or run again"


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds of each phase. ``working_s`` is the agent's time without waits that were not its own."""

    build_s: float = 0.0
    start_s: float = 0.0
    agent_s: float = 0.0
    verify_s: float = 0.0
    teardown_s: float = 0.0
    working_s: float = 0.0
    wall_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class SnapshotFacts:
    """Whether what the agent left is kept in the trial's folder, and why it is not."""

    kept: bool
    reason: str = ""

    @classmethod
    def from_json(cls, content: object) -> SnapshotFacts:
        facts = Fields(content)
        facts.require("kept")
        return cls(kept=facts.flag_or("kept", False), reason=facts.text_or("reason", ""))


@dataclass(frozen=True, kw_only=True)
class Regrading:
    """That a trial was judged again: when, what it was before, and where in its folder that is kept."""

    at: str
    outcome: str
    folder: str

    @classmethod
    def from_json(cls, content: object) -> Regrading:
        regrading = Fields(content)
        return cls(at=regrading.text("at"), outcome=regrading.text("outcome"), folder=regrading.text("folder"))


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """One trial. ``folder`` is relative to the run's folder; ``limits_hit`` names the limits that fired.

    ``limits`` and ``snapshot`` are None where a record of schema 1 does not tell them. ``regraded`` has an entry for
    every time that it was judged again, the last one last. ``session`` is another harness's name of the session that
    made an imported trial; None: the run itself.
    """

    run_id: str
    cell: CellId
    attempt: int
    outcome: Outcome
    folder: str
    session: str | None = None
    checks: Mapping[str, str] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)
    timing: Timing = field(default_factory=Timing)
    usage: Usage = field(default_factory=Usage)
    memory_peak_mb: float | None = None
    memory_counter: str | None = None
    limits_hit: tuple[str, ...] = ()
    agent_note: str = ""
    verifier_tail: str = ""
    retries: tuple[str, ...] = ()
    configuration: str | None = None
    limits: Limits | None = None
    snapshot: SnapshotFacts | None = None
    regraded: tuple[Regrading, ...] = ()
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    artifacts: tuple[str, ...] = ()

    @property
    def scenario_id(self) -> str:
        return self.cell.scenario

    @property
    def dataset(self) -> str:
        return self.cell.dataset

    @property
    def agent(self) -> str:
        return self.cell.agent

    @property
    def model(self) -> str | None:
        return self.cell.model

    @property
    def reward(self) -> float | None:
        """None for a void trial: it has no score."""
        return self.outcome.reward

    def attempt_result(self) -> AttemptResult:
        """What summaries, comparisons and baselines need of it."""
        return AttemptResult(
            attempt=self.attempt,
            outcome=self.outcome,
            folder=self.folder,
            agent_s=round(self.timing.agent_s, 3),
            wall_s=round(self.timing.wall_s, 3),
            memory_peak_mb=self.memory_peak_mb,
            cost_usd=self.usage.cost_usd,
            tokens=self.usage.input_tokens + self.usage.output_tokens,
            session=self.session or self.run_id,
        )

    def to_json(self) -> dict[str, Any]:
        """As the contract names its fields: the cell's beside the trial's own, ``scenario`` as ``scenario_id`` too."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("cell", "outcome")}
        return {
            **values,
            **self.cell.to_json(),
            **outcome_facts(self.outcome),
            "schema_version": SCHEMA_VERSION,
            "scenario_id": self.scenario_id,
            "timing": {key: round(value, 3) for key, value in asdict(self.timing).items()},
            "usage": asdict(self.usage),
            "checks": dict(self.checks),
            "messages": dict(self.messages),
            "limits": self.limits.to_json() if self.limits else None,
            "snapshot": asdict(self.snapshot) if self.snapshot else None,
            "regraded": [asdict(regrading) for regrading in self.regraded],
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> TrialResult:
        """The opposite of `to_json`; raises KeyError, TypeError or ValueError for what is no result."""
        result = Fields(content)
        result.require("timing")
        return cls(
            run_id=result.text("run_id"),
            cell=CellId.from_json({**result.content, "scenario": result.text("scenario_id")}),
            attempt=result.whole("attempt"),
            outcome=outcome_from(
                {**result.content, "outcome": result.text("outcome"), "reason": result.text("reason")}
            ),
            folder=result.text("folder"),
            session=result.text_or("session", None),
            checks=result.texts_by_name("checks"),
            messages=result.texts_by_name("messages"),
            timing=Timing(**result.numbers("timing")),
            usage=result.nested("usage", Usage.from_json),
            memory_peak_mb=result.number_or("memory_peak_mb", None),
            memory_counter=result.text_or("memory_counter", None),
            limits_hit=result.texts("limits_hit"),
            agent_note=result.text_or("agent_note", ""),
            verifier_tail=result.text_or("verifier_tail", ""),
            retries=result.texts("retries"),
            configuration=result.text_or("configuration", None),
            limits=result.nested_or("limits", Limits.from_json, None),
            snapshot=result.nested_or("snapshot", SnapshotFacts.from_json, None),
            regraded=result.each("regraded", Regrading.from_json),
            fingerprint=result.mapping("fingerprint"),
            artifacts=result.texts("artifacts"),
        )


def read_result(file: Path) -> TrialResult:
    """Raises RunFolderError naming file and cure when it is missing, damaged or of another version."""
    return read_document(file, TrialResult.from_json, error=RunFolderError, cure=CURE, versions=READABLE)
