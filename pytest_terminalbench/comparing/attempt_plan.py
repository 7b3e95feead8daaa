"""How many attempts at how many scenarios a session needs to see a drop, and what that takes.

Pure: from a question, and what earlier results tell, to an `AttemptPlan`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from statistics import fmean, harmonic_mean
from typing import Any

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.baselines.comparison_policy import LEAST_ATTEMPTS
from pytest_terminalbench.comparing.run_record import RunRecord
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.statistics import (
    TYPICAL_RATES,
    ApprovedSessions,
    PlannedComparison,
    SessionNoise,
    SessionSpread,
    SolveRates,
    SuiteSettings,
    approved_sessions,
    attempts_needed,
    chance_to_see,
    difference_standard_error,
    smallest_visible_drop,
    solve_rates,
    tasks_needed,
    with_room_to_spare,
)

__all__ = ["AttemptPlan", "KnownResults", "PlannedSession", "Question", "known_results", "plan_attempts"]

SCHEMA_VERSION = 1

# What the table shows where nobody has named a number.
ATTEMPTS_SHOWN = (1, 2, 3, 5, 10)
SCENARIOS_SHOWN = (10, 20, 40, 80, 160)
# The attempts with which more scenarios are proposed, where no number of attempts is enough: as many as the
# documentation recommends for a baseline.
RECOMMENDED_ATTEMPTS = 5
# Nobody approves more together; where so many that differ are not enough, hardly any number is.
MOST_SESSIONS = 20


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is to be planned. `drop`, a share of 1, has to be seen; None: as large a one as the gate of a session asks.

    Other numbers that are None are to be found.
    """

    settings: SuiteSettings
    drop: float | None = None
    scenarios: int | None = None
    attempts: int | None = None


@dataclass(frozen=True, kw_only=True)
class KnownResults:
    """What earlier results tell of the next session.

    `attempts`: at each scenario, the harmonic mean where numbers differ. `agent_s`, `cost_usd`: of an attempt, None
    where nothing tells. `has_repeats`: some scenario was tried twice, so that `rates` know how much attempts vary.
    `spread`: how its sessions differ, and `sessions` what that adds; None where they differ no more than chance.
    """

    record: RunRecord
    rates: SolveRates
    scenarios: int
    attempts: float
    agent_s: float | None
    cost_usd: float | None
    has_repeats: bool
    spread: SessionSpread
    sessions: ApprovedSessions | None


@dataclass(frozen=True, kw_only=True)
class PlannedSession:
    """`attempts` at each of `scenarios`, compared with `approved_attempts` at each.

    `approved_sessions`: how many made these, where sessions differ; None where it does not matter.
    `visible_drop`: the smallest that is seen as often as asked for; None when not even a total loss is. `chance`: how
    often the drop asked for is seen; None when the agent solves too little to drop so far. `agent_s`, `cost_usd`: of
    the whole session, None where nothing tells.
    """

    scenarios: int
    approved_attempts: float
    approved_sessions: int | None
    attempts: int
    visible_drop: float | None
    chance: float | None
    agent_s: float | None
    cost_usd: float | None


@dataclass(frozen=True, kw_only=True)
class AttemptPlan:
    """`table`: sessions by attempts, then scenarios. `needed`: the fewest attempts that see `drop`, by scenarios.

    `answer`: the smallest session that sees the drop, None when none does.
    """

    question: Question
    known: KnownResults | None
    drop: float
    table: tuple[tuple[PlannedSession, ...], ...]
    needed: dict[int, int | None]
    answer: PlannedSession | None

    @property
    def rates(self) -> SolveRates:
        return self.known.rates if self.known else TYPICAL_RATES

    @property
    def scenarios(self) -> int | None:
        """How many scenarios the session has, where that was said or is known."""
        return self.question.scenarios or (self.known.scenarios if self.known else None)

    @property
    def asked(self) -> PlannedSession | None:
        """The session of which everything was said beforehand."""
        every = (session for row in self.table for session in row)
        wanted = self.scenarios, self.question.attempts
        return next((session for session in every if (session.scenarios, session.attempts) == wanted), None)

    @property
    def needs_approval(self) -> bool:
        """Whether the baseline of `answer` is still to be approved, with as many attempts as the session has."""
        if self.known is None or self.answer is None:
            return self.answer is not None
        is_approved = self.answer.approved_attempts == self.known.attempts
        return not is_approved or self.answer.scenarios > self.known.scenarios

    def to_json(self) -> dict[str, Any]:
        """Plain values: shares of 1, seconds, US dollars; None where something is not known."""
        known, settings = self.known, self.question.settings
        return {
            "schema_version": SCHEMA_VERSION,
            "question": {
                "drop": self.drop,
                "alpha": settings.alpha,
                "power": settings.power,
                "margin": settings.margin,
                "scenarios": self.question.scenarios,
                "attempts": self.question.attempts,
            },
            "baseline": {
                "origin": known.record.origin,
                "run_id": known.record.run_id,
                "scenarios": known.scenarios,
                "attempts": known.attempts,
                "agent_s_per_attempt": known.agent_s,
                "cost_usd_per_attempt": known.cost_usd,
                "sessions": {
                    "scores": [score.mean for score in known.spread.baseline],
                    "p": known.spread.p,
                    "differ": known.sessions is not None,
                    "between_variance": known.sessions.between_variance if known.sessions else None,
                },
            }
            if known
            else None,
            "rates": {
                **asdict(self.rates),
                "is_mean_assumed": known is None,
                "is_variance_assumed": known is None or not known.has_repeats,
            },
            "sessions": [asdict(session) for row in self.table for session in row],
            "needed": [{"scenarios": scenarios, "attempts": attempts} for scenarios, attempts in self.needed.items()],
            "answer": {**asdict(self.answer), "needs_approval": self.needs_approval} if self.answer else None,
        }


def known_results(record: RunRecord) -> KnownResults:
    """What `record` says about later sessions; of an adaptive one, each scenario's first attempt alone.

    Raises RunFolderError when no attempt was judged.
    """
    first = 1 if record.is_adaptive else None
    tasks = [task for task in record.tasks.values() if task.scored]
    if not tasks:
        raise RunFolderError(
            f"{record.run_id} has no attempt that was judged, so it tells nothing of sessions to come; "
            "name other results, or leave --baseline out"
        )
    rewards = [task.rewards[:first] for task in tasks]
    judged = [task.scored[:first] for task in tasks]
    spread, sessions = approved_sessions(
        {str(number): given for number, given in enumerate(rewards)},
        {str(number): [attempt.session for attempt in given] for number, given in enumerate(judged)},
    )
    return KnownResults(
        record=record,
        rates=solve_rates(rewards),
        scenarios=len(tasks),
        attempts=harmonic_mean(map(len, rewards)),
        agent_s=_per_attempt(judged, lambda attempt: attempt.agent_s),
        cost_usd=_per_attempt(judged, lambda attempt: attempt.cost_usd),
        has_repeats=any(len(task) > 1 for task in rewards),
        spread=spread,
        sessions=sessions,
    )


def _per_attempt(
    judged: Iterable[Iterable[AttemptResult]], measured: Callable[[AttemptResult], float | None]
) -> float | None:
    """The mean over scenarios, each of which will be tried as often as the others."""
    by_scenario = ([value for attempt in attempts if (value := measured(attempt)) is not None] for attempts in judged)
    means = [fmean(values) for values in by_scenario if values]
    return fmean(means) if means else None


def plan_attempts(question: Question, known: KnownResults | None = None) -> AttemptPlan:
    """The sessions to choose from, and the one that answers `question`.

    Without `known` results an agent is assumed that solves half, and whose attempts vary as usual; both sides are then
    still to be run, with as many attempts, and at least as many as an approval should have.
    """
    planner = _Planner(question, known)
    scenarios = question.scenarios or (known.scenarios if known else None)
    columns = _doubled_and_halved(scenarios) if scenarios else SCENARIOS_SHOWN
    rows = sorted({*ATTEMPTS_SHOWN, *([question.attempts] if question.attempts else [])})
    return AttemptPlan(
        question=question,
        known=known,
        drop=planner.drop,
        table=tuple(
            tuple(planner.session(number, attempts, planner.against(attempts), planner.sessions) for number in columns)
            for attempts in rows
        ),
        needed={number: planner.needed(number, planner.approved, planner.sessions) for number in columns},
        answer=planner.answer(scenarios),
    )


def _doubled_and_halved(scenarios: int) -> tuple[int, ...]:
    return tuple(sorted({max(1, scenarios // 2), scenarios, 2 * scenarios, 4 * scenarios}))


class _Planner:
    """Sessions that differ in nothing but their numbers.

    `approved`: attempts of the baseline; None: it is to come. `sessions`: which made them, where they differ.
    """

    def __init__(self, question: Question, known: KnownResults | None) -> None:
        self._attempts = question.attempts
        self._settings = question.settings
        self._known = known
        self._rates = known.rates if known else TYPICAL_RATES
        self.drop = question.settings.needed_drop(self._rates.mean) if question.drop is None else question.drop
        self.approved = known.attempts if known else None
        self.sessions = known.sessions if known else None

    @property
    def _can_drop_so_far(self) -> bool:
        return 0 < self.drop <= self._rates.mean

    def against(self, attempts: int) -> float:
        """How many attempts are approved, or to be approved, where so many are compared with them."""
        return self.approved or max(attempts, LEAST_ATTEMPTS)

    def session(
        self, scenarios: int, attempts: int, approved: float, sessions: ApprovedSessions | None = None
    ) -> PlannedSession:
        comparison = PlannedComparison(
            rates=self._rates,
            tasks=scenarios,
            baseline_attempts=approved,
            attempts=attempts,
            noise=self._noise(scenarios, attempts, approved, sessions),
        )
        trials = scenarios * attempts
        known = self._known
        return PlannedSession(
            scenarios=scenarios,
            approved_attempts=approved,
            approved_sessions=sessions.count if sessions else None,
            attempts=attempts,
            visible_drop=smallest_visible_drop(comparison, self._settings),
            chance=chance_to_see(self.drop, comparison, self._settings) if self._can_drop_so_far else None,
            agent_s=known.agent_s * trials if known and known.agent_s is not None else None,
            cost_usd=known.cost_usd * trials if known and known.cost_usd is not None else None,
        )

    def needed(self, scenarios: int, approved: float | None, sessions: ApprovedSessions | None = None) -> int | None:
        """The fewest attempts that see the drop; with room to spare where sessions differ, estimated anew each time."""
        if not self._can_drop_so_far:
            return None
        return attempts_needed(
            with_room_to_spare(self.drop, self._settings) if sessions else self.drop,
            rates=self._rates,
            tasks=scenarios,
            baseline_attempts=approved,
            settings=self._settings,
            noise_of=lambda attempts: self._noise(scenarios, attempts, approved or attempts, sessions),
            least_approved=LEAST_ATTEMPTS,
        )

    def answer(self, scenarios: int | None) -> PlannedSession | None:
        """With the approved baseline if that can be, else with one approved again, else with more scenarios.

        Where sessions differ, one of more sessions takes the place of both: all that one session approves or tries has
        its good or bad night in common.
        """
        if scenarios is None:
            return self._with_more_scenarios(self._attempts) if self._attempts else None
        if self.approved is not None:
            attempts = self.needed(scenarios, self.approved, self.sessions)
            if attempts is not None:
                return self.session(scenarios, attempts, self.approved, self.sessions)
            if self.sessions is not None:
                return self._with_more_sessions(scenarios, self.approved, self.sessions)
        attempts = self.needed(scenarios, None)
        if attempts is not None:
            return self.session(scenarios, attempts, max(attempts, LEAST_ATTEMPTS))
        return self._with_more_scenarios(self._attempts or RECOMMENDED_ATTEMPTS)

    def _noise(
        self, scenarios: int, attempts: int, approved: float, sessions: ApprovedSessions | None
    ) -> SessionNoise | None:
        if sessions is None:
            return None
        attempts_alone = difference_standard_error(
            tasks=scenarios,
            baseline_attempts=approved,
            candidate_attempts=attempts,
            within_variance=self._rates.within_variance,
        )
        return sessions.noise(within=attempts_alone**2)

    def _with_more_sessions(self, scenarios: int, approved: float, sessions: ApprovedSessions) -> PlannedSession | None:
        """Each with as many attempts as those that there are."""
        of_each = math.ceil(approved / sessions.count)
        for count in range(sessions.count + 1, MOST_SESSIONS + 1):
            more = sessions.of(count)
            attempts = self.needed(scenarios, count * of_each, more)
            if attempts is not None:
                return self.session(scenarios, attempts, count * of_each, more)
        return None

    def _with_more_scenarios(self, attempts: int) -> PlannedSession | None:
        if not self._can_drop_so_far:
            return None
        approved = max(attempts, LEAST_ATTEMPTS)
        scenarios = tasks_needed(
            self.drop, rates=self._rates, baseline_attempts=approved, attempts=attempts, settings=self._settings
        )
        return self.session(scenarios, attempts, approved) if scenarios else None
