"""What a trial leaves behind: ``result.json``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import NoneType
from typing import Any

from pytest_terminalbench.agents.base import Usage
from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.documents import Types, mistyped, read_json
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.limits import Limits
from pytest_terminalbench.outcome import Outcome, Void, outcome_facts, outcome_from

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


@dataclass(frozen=True, kw_only=True)
class Regrading:
    """That a trial was judged again: when, what it was before, and where in its folder that is kept."""

    at: str
    outcome: str
    folder: str


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """One trial. ``folder`` is relative to the run's folder; ``limits_hit`` names the limits that fired.

    ``limits`` and ``snapshot`` are None where a record of schema 1 does not tell them. ``regraded`` has an entry for
    every time that it was judged again, the last one last.
    """

    run_id: str
    cell: CellId
    attempt: int
    outcome: Outcome
    folder: str
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
        return None if isinstance(self.outcome, Void) else self.outcome.reward

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
        if not isinstance(content, dict):
            raise TypeError("result is no object")
        if content["schema_version"] not in READABLE:
            raise ValueError(
                f"schema_version {content['schema_version']!r}; this version reads "
                f"{' and '.join(map(str, READABLE))}; update pytest-terminalbench"
            )
        damage = next(_damage(content), None)
        if damage:
            raise TypeError(damage)
        names = {f.name for f in fields(cls)}
        values = {key: value for key, value in content.items() if key in names}
        values["cell"] = CellId.from_json({**content, "scenario": content["scenario_id"]})
        values["outcome"] = outcome_from(content)
        values["timing"] = Timing(**content["timing"])
        values["usage"] = Usage(**content["usage"])
        values["limits"] = Limits.from_json(content["limits"]) if content.get("limits") else None
        values["snapshot"] = SnapshotFacts(**content["snapshot"]) if content.get("snapshot") else None
        values["regraded"] = tuple(Regrading(**regrading) for regrading in content.get("regraded", ()))
        for key in ("limits_hit", "retries", "artifacts"):
            values[key] = tuple(content.get(key, ()))
        return cls(**values)


_NUMBER = (int, float)
_OPTIONAL_NUMBER = (int, float, NoneType)
_OPTIONAL_TEXT = (str, NoneType)
_REQUIRED: Types = {
    **dict.fromkeys(("run_id", "scenario_id", "dataset", "agent", "outcome", "reason", "folder"), str),
    "model": _OPTIONAL_TEXT,
    "attempt": int,
    "timing": dict,
    "usage": dict,
}
_OPTIONAL: Types = {
    **dict.fromkeys(("checks", "messages", "fingerprint"), dict),
    **dict.fromkeys(("limits_hit", "retries", "artifacts", "regraded"), list),
    **dict.fromkeys(("limits", "snapshot"), (dict, NoneType)),
    "configuration": _OPTIONAL_TEXT,
    "memory_peak_mb": _OPTIONAL_NUMBER,
    "memory_counter": _OPTIONAL_TEXT,
    "agent_note": str,
    "verifier_tail": str,
}
_TIMING: Types = dict.fromkeys((f.name for f in fields(Timing)), _NUMBER)
_SNAPSHOT: Types = {"kept": bool, "reason": str}
_REGRADING: Types = dict.fromkeys((f.name for f in fields(Regrading)), str)
_USAGE: Types = {**dict.fromkeys((f.name for f in fields(Usage)), int), "cost_usd": _OPTIONAL_NUMBER}


def _damage(content: Mapping[str, Any]) -> Iterator[str]:
    """What is of a wrong type; it stops at the level where something is wrong."""
    yield from mistyped("result", content, _REQUIRED)
    yield from mistyped("result", content, _there(_OPTIONAL, content))
    yield from mistyped("timing", content["timing"], _there(_TIMING, content["timing"]))
    yield from mistyped("usage", content["usage"], _there(_USAGE, content["usage"]))
    if content.get("snapshot"):
        yield from mistyped("snapshot", content["snapshot"], _SNAPSHOT)
    for regrading in content.get("regraded", ()):
        yield from mistyped("regraded", regrading, _REGRADING)
    if content["outcome"] != "void":
        yield from mistyped("result", content, {"reward": _NUMBER})
    for key in ("checks", "messages"):
        yield from mistyped(key, content.get(key, {}), dict.fromkeys(content.get(key, {}), str))
    for key in ("limits_hit", "retries", "artifacts"):
        if not all(isinstance(one, str) for one in content.get(key, ())):
            yield f"{key} holds something else than text"


def _there(types: Types, content: Mapping[str, Any]) -> Types:
    """Those of `types` whose keys are in `content`: the others have a default."""
    return {key: wanted for key, wanted in types.items() if key in content}


def read_result(file: Path) -> TrialResult:
    """Raises RunFolderError naming file and cure when it is missing, damaged or of another version."""
    try:
        return TrialResult.from_json(read_json(file))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise RunFolderError(f"{file} is damaged or missing: {type(error).__name__}: {error}; {CURE}") from None
