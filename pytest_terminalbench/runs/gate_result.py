"""What the gate of a whole run came to: over all cells of each agent together, is it worse than what was approved?"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pytest_terminalbench.baselines.comparison_policy import SOLVE_RATE
from pytest_terminalbench.documents import Fields
from pytest_terminalbench.runs.sessions_result import SessionsResult

__all__ = ["GateResult", "MetricResult", "SuiteResult"]


@dataclass(frozen=True, kw_only=True)
class SuiteResult:
    """One agent's cells together. `interval`: of the `effect`, 95 %. `sessions`: whether those of a side differ more
    than chance, which the numbers then allow for. What was not computed is None. `headline`: the `reason` in a line;
    `advice`: what to type, or to do, where it is inconclusive.
    """

    verdict: str
    reason: str
    headline: str = ""
    advice: str = ""
    p: float | None = None
    effect: float | None = None
    interval: tuple[float, float] | None = None
    mde: float | None = None
    worst_drop: float | None = None
    improved: bool = False
    tasks: int = 0
    only_in_candidate: tuple[str, ...] = ()
    sessions: SessionsResult | None = None

    @property
    def in_a_line(self) -> str:
        """The headline; runs of earlier versions had all in one sentence."""
        return self.headline or self.reason.partition("; ")[0]

    def to_json(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            "reason": self.reason,
            "headline": self.headline,
            "advice": self.advice,
            "p": self.p,
            "effect": self.effect,
            "interval": list(self.interval) if self.interval else None,
            "mde": self.mde,
            "worst_drop": self.worst_drop,
            "improved": self.improved,
            "tasks": self.tasks,
            "only_in_candidate": list(self.only_in_candidate),
            "sessions": self.sessions.to_json() if self.sessions else None,
        }

    @classmethod
    def from_json(cls, content: object) -> SuiteResult:
        fields = Fields(content)
        bounds = fields.values("interval") if fields.get("interval") is not None else []
        return cls(
            verdict=fields.text("verdict"),
            reason=fields.text("reason"),
            headline=fields.text_or("headline", ""),
            advice=fields.text_or("advice", ""),
            p=fields.number_or("p", None),
            effect=fields.number_or("effect", None),
            interval=(bounds[0], bounds[1]) if len(bounds) == 2 else None,
            mde=fields.number_or("mde", None),
            worst_drop=fields.number_or("worst_drop", None),
            improved=fields.flag_or("improved", False),
            tasks=fields.whole_or("tasks", 0),
            only_in_candidate=fields.texts("only_in_candidate"),
            sessions=fields.nested_or("sessions", SessionsResult.from_json, None),
        )


@dataclass(frozen=True, kw_only=True)
class MetricResult:
    """Time, memory, tokens or cost of one agent's typical cell, against what was approved."""

    verdict: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        return {"verdict": self.verdict, "reason": self.reason}

    @classmethod
    def from_json(cls, content: object) -> MetricResult:
        fields = Fields(content)
        return cls(verdict=fields.text("verdict"), reason=fields.text("reason"))


@dataclass(frozen=True, kw_only=True)
class GateResult:
    """The verdict, and the numbers of the worst agent: None after a strict comparison, which has no `agents` either.

    `agents` and `metrics`: by who acts, and for metrics by their names. `verdicts`: of each agent, its cells included.
    `failures`: a sentence for each for which the gate fails; `notes`: for what is not judged.
    """

    verdict: str | None = None
    p: float | None = None
    effect: float | None = None
    mde: float | None = None
    agents: Mapping[str, SuiteResult] = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, MetricResult]] = field(default_factory=dict)
    verdicts: Mapping[str, str] = field(default_factory=dict)
    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of_agents(
        cls,
        agents: Mapping[str, SuiteResult],
        *,
        verdicts: Mapping[str, str] | None = None,
        metrics: Mapping[str, Mapping[str, MetricResult]],
        failures: Sequence[str],
        notes: Sequence[str] = (),
    ) -> GateResult:
        """All agents together: the verdict and the numbers are those of the worst.

        `verdicts`: of each agent, its cells included; where that is not said, of its suite.
        """
        if verdicts is None:
            verdicts = {actor: suite.verdict for actor, suite in agents.items()}
        worst = min(
            agents.values(),
            key=lambda suite: (suite.verdict != "fail", suite.p if suite.p is not None else 1.0),
            default=None,
        )
        all_verdicts = set(verdicts.values())
        # Nothing is said of agents for which nothing is approved.
        verdict = next((word for word in ("fail", "inconclusive", "pass") if word in all_verdicts), None)
        return cls(
            verdict=verdict,
            p=worst.p if worst else None,
            effect=worst.effect if worst else None,
            mde=worst.mde if worst else None,
            agents=agents,
            metrics=metrics,
            verdicts=verdicts,
            failures=tuple(failures),
            notes=tuple(notes),
        )

    def of_actors(self, actors: Collection[str]) -> GateResult:
        """What the gate came to for these, of a statistical comparison."""
        return GateResult.of_agents(
            {actor: suite for actor, suite in self.agents.items() if actor in actors},
            metrics={actor: metrics for actor, metrics in self.metrics.items() if actor in actors},
            # Earlier versions told of each agent's suite alone.
            verdicts={
                actor: verdict
                for actor, verdict in ({a: s.verdict for a, s in self.agents.items()} | dict(self.verdicts)).items()
                if actor in actors
            },
            failures=[failure for failure in self.failures if failure.startswith(tuple(f"{a}: " for a in actors))],
            notes=[note for note in self.notes if note.startswith(tuple(f"{a}: " for a in actors))],
        )

    def of_a_part(self) -> GateResult:
        """The same of a run that came to some of its cells only: nothing passes, for of the others nobody knows."""

        def judged(verdict: str) -> str:
            return "inconclusive" if verdict == "pass" else verdict

        return replace(
            self,
            verdict=self.verdict and judged(self.verdict),
            verdicts={actor: judged(verdict) for actor, verdict in self.verdicts.items()},
        )

    def worse(self, actor: str) -> dict[str, str]:
        """What one agent's cells together are worse in, the solve rate or a metric, and the sentence that says so."""
        suite, metrics = self.agents.get(actor), self.metrics.get(actor, {})
        solve_rate = {SOLVE_RATE: suite.reason} if suite is not None and suite.verdict == "fail" else {}
        return solve_rate | {name: metric.reason for name, metric in metrics.items() if metric.verdict == "fail"}

    def has_passed(self, actor: str, judged: str) -> bool:
        """Whether one agent's cells together are no worse in this: the solve rate or a metric, by its name."""
        result = self.agents.get(actor) if judged == SOLVE_RATE else self.metrics.get(actor, {}).get(judged)
        return result is not None and result.verdict == "pass"

    def to_json(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            "p": self.p,
            "effect": self.effect,
            "mde": self.mde,
            "agents": {actor: suite.to_json() for actor, suite in self.agents.items()},
            "metrics": {
                actor: {name: metric.to_json() for name, metric in metrics.items()}
                for actor, metrics in self.metrics.items()
            },
            "verdicts": dict(self.verdicts),
            "failures": list(self.failures),
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, content: object) -> GateResult:
        fields = Fields(content)
        return cls(
            verdict=fields.text_or("verdict", None),
            p=fields.number_or("p", None),
            effect=fields.number_or("effect", None),
            mde=fields.number_or("mde", None),
            agents=fields.by_name("agents", SuiteResult.from_json),
            metrics=fields.by_name("metrics", lambda metrics: Fields(metrics).every(MetricResult.from_json)),
            verdicts={name: str(verdict) for name, verdict in fields.mapping("verdicts").items()},
            failures=fields.texts("failures"),
            notes=fields.texts("notes"),
        )
