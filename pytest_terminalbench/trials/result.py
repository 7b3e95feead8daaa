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
from pytest_terminalbench.outcome import Outcome, Phase, Solved, Unsolved, Void, outcome_name

__all__ = ["CURE", "Timing", "TrialResult", "read_result"]

SCHEMA_VERSION = 1
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
class TrialResult:
    """One trial. ``folder`` is relative to the run's folder; ``limits_hit`` names the limits that fired."""

    run_id: str
    scenario_id: str
    dataset: str
    agent: str
    model: str | None
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
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    artifacts: tuple[str, ...] = ()

    @property
    def reward(self) -> float | None:
        """None for a void trial: it has no score."""
        return None if isinstance(self.outcome, Void) else self.outcome.reward

    def attempt_result(self) -> AttemptResult:
        """What summaries keep of it."""
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
        """As the contract names its fields."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "outcome"}
        timing = {key: round(value, 3) for key, value in asdict(self.timing).items()}
        phase = None if isinstance(self.outcome, Solved) else self.outcome.phase.value
        return {
            **values,
            "schema_version": SCHEMA_VERSION,
            "outcome": outcome_name(self.outcome),
            "reason": self.outcome.reason,
            "phase": phase,
            "reward": self.reward,
            "timing": timing,
            "usage": asdict(self.usage),
            "checks": dict(self.checks),
            "messages": dict(self.messages),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> TrialResult:
        """The opposite of `to_json`; raises KeyError, TypeError or ValueError for what is no result."""
        if not isinstance(content, dict):
            raise TypeError("result is no object")
        if content["schema_version"] != SCHEMA_VERSION:
            raise ValueError(
                f"schema_version {content['schema_version']!r}; this version reads {SCHEMA_VERSION}; "
                "update pytest-terminalbench"
            )
        damage = next(_damage(content), None)
        if damage:
            raise TypeError(damage)
        known = {f.name for f in fields(cls)}
        values = {key: value for key, value in content.items() if key in known}
        values["outcome"] = outcome = _outcome(content)
        if not isinstance(outcome, Void) and isinstance(outcome, Solved) != (outcome.reward >= 1):
            raise ValueError(f"outcome {content['outcome']!r} contradicts reward {content['reward']!r}")
        values["timing"] = Timing(**content["timing"])
        values["usage"] = Usage(**content["usage"])
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
    **dict.fromkeys(("limits_hit", "retries", "artifacts"), list),
    "memory_peak_mb": _OPTIONAL_NUMBER,
    "memory_counter": _OPTIONAL_TEXT,
    "agent_note": str,
    "verifier_tail": str,
}
_TIMING: Types = dict.fromkeys((f.name for f in fields(Timing)), _NUMBER)
_USAGE: Types = {**dict.fromkeys((f.name for f in fields(Usage)), int), "cost_usd": _OPTIONAL_NUMBER}


def _damage(content: Mapping[str, Any]) -> Iterator[str]:
    """What is of a wrong type; it stops at the level where something is wrong."""
    yield from mistyped("result", content, _REQUIRED)
    yield from mistyped("result", content, _there(_OPTIONAL, content))
    yield from mistyped("timing", content["timing"], _there(_TIMING, content["timing"]))
    yield from mistyped("usage", content["usage"], _there(_USAGE, content["usage"]))
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


def _outcome(content: Mapping[str, Any]) -> Outcome:
    reason = str(content["reason"])
    match content["outcome"]:
        case "solved":
            return Solved(reward=float(content["reward"]), reason=reason)
        case "unsolved":
            return Unsolved(reward=float(content["reward"]), reason=reason, phase=Phase(content["phase"]))
        case "void":
            return Void(reason=reason, phase=Phase(content["phase"]))
        case other:
            raise ValueError(f"outcome {other!r} is none of solved, unsolved, void")


def read_result(file: Path) -> TrialResult:
    """Raises RunFolderError naming file and cure when it is missing, damaged or of another version."""
    try:
        return TrialResult.from_json(read_json(file))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise RunFolderError(f"{file} is damaged or missing: {type(error).__name__}: {error}; {CURE}") from None
