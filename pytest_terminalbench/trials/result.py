"""What a trial leaves behind: ``result.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from pytest_terminalbench.agents.base import Usage
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.outcome import Outcome, Phase, Solved, Unsolved, Void, outcome_name

__all__ = ["Timing", "TrialResult", "read_result"]

SCHEMA_VERSION = 1


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
        if content["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"schema_version {content['schema_version']!r}; this version reads {SCHEMA_VERSION}")
        known = {f.name for f in fields(cls)}
        values = {key: value for key, value in content.items() if key in known}
        values["outcome"] = _outcome(content)
        values["timing"] = Timing(**content["timing"])
        values["usage"] = Usage(**content["usage"])
        for key in ("limits_hit", "retries", "artifacts"):
            values[key] = tuple(content.get(key, ()))
        return cls(**values)


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
    """Raises RunFolderError naming the file when it is missing or damaged."""
    try:
        return TrialResult.from_json(json.loads(file.read_bytes()))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise RunFolderError(f"{file} is damaged or missing: {type(error).__name__}: {error}") from None
