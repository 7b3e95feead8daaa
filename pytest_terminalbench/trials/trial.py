"""One trial: the agent acts, its processes are stopped, what it left is kept, the verifier judges, all is recorded."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from pytest_terminalbench.agents.base import Agent
from pytest_terminalbench.documents import write_json
from pytest_terminalbench.environments.base import Environment, EnvironmentFactory
from pytest_terminalbench.errors import (
    AgentSetupError,
    EnvironmentFailure,
    ResultsUnwritable,
    TooMuchToCopy,
    VerifierError,
)
from pytest_terminalbench.outcome import Outcome, Phase, Unsolved, Void, outcome_name
from pytest_terminalbench.scenarios.model import Scenario
from pytest_terminalbench.trials.acting import Acted, act, stop
from pytest_terminalbench.trials.desk import AgentDesk
from pytest_terminalbench.trials.events import EventSink, Secrets
from pytest_terminalbench.trials.journal import Journal
from pytest_terminalbench.trials.judging import AGENT_ENDED_ITSELF, VERIFIER_FOLDER, Judged, judge, verifier_tail
from pytest_terminalbench.trials.recordings import write_cast, write_trajectory
from pytest_terminalbench.trials.request import AttemptRequest
from pytest_terminalbench.trials.result import SnapshotFacts, Timing, TrialResult
from pytest_terminalbench.trials.snapshot import SNAPSHOT_FOLDER, Snapshot, take_snapshot
from pytest_terminalbench.trials.trial_store import TrialStore, files_in
from pytest_terminalbench.trials.unwritable import recorded

__all__ = ["record_void", "run_trial"]

# Tries of a trial whose environment broke through no fault of the agent.
TRIES = 2


def run_trial(
    request: AttemptRequest,
    *,
    scenario: Scenario,
    environments: EnvironmentFactory,
    store: TrialStore,
    journal: Journal,
    agent: Agent | None = None,
    build_s: float = 0.0,
    start_s: float = 0.0,
) -> TrialResult:
    """Run the attempt once and keep its folder in `store`; once more where our own layers broke.

    Never raises for what goes wrong with the environment, the agent or the verifier: that is a `Void` outcome or an
    answer. Where the results cannot be written it is void, too, and may have no folder. `environments` starts the
    agent's container, and the verifier's where that is a fresh one. `agent`: one that is made already. `build_s` and
    `start_s`: what preparing the first environment took.
    """
    clock = _Clock(build_s=build_s, start_s=start_s)
    try:
        with recorded():
            return _recorded_trial(request, scenario, environments, agent, store=store, journal=journal, clock=clock)
    except ResultsUnwritable as error:
        return _unrecorded(request, store, Void(reason=str(error), phase=clock.phase), clock)


def _recorded_trial(
    request: AttemptRequest,
    scenario: Scenario,
    environments: EnvironmentFactory,
    agent: Agent | None,
    *,
    store: TrialStore,
    journal: Journal,
    clock: _Clock,
) -> TrialResult:
    retries: list[str] = []
    while True:
        record = _Record(request, store, journal)
        result = replace(_Trial(record, scenario, clock).run(environments, agent), retries=tuple(retries))
        again = isinstance(result.outcome, Void) and result.outcome.transient and len(retries) + 1 < TRIES
        name = f"{request.attempt}.void{len(retries) + 1}" if again else str(request.attempt)
        result = record.finish(result, name)
        if not again:
            return result
        retries.append(result.outcome.reason)
        # The first try's own folder says what it cost, and what its agent remembers is about another environment.
        clock, agent = _Clock(), None if type(agent) is request.agent.factory else agent


def record_void(
    request: AttemptRequest, *, store: TrialStore, journal: Journal, phase: Phase, reason: str
) -> TrialResult:
    """The trial of an attempt that could not even begin: no image, no container, no agent."""
    outcome, clock = Void(reason=reason, phase=phase), _Clock()
    try:
        with recorded():
            record = _Record(request, store, journal)
            return record.finish(record.result(outcome, timing=clock.timing()), str(request.attempt))
    except ResultsUnwritable:
        return _unrecorded(request, store, outcome, clock)


def _unrecorded(request: AttemptRequest, store: TrialStore, outcome: Void, clock: _Clock) -> TrialResult:
    """The result of a trial that has no folder, for the disk takes nothing more."""
    # What it takes is of use for the run's ledger.
    store.discard(request.cell, request.attempt)
    return _result_of(request, store, Secrets.of(request.agent), outcome, timing=clock.timing())


def _result_of(
    request: AttemptRequest, store: TrialStore, secrets: Secrets, outcome: Outcome, **facts: Any
) -> TrialResult:
    """What is known from the request, and `facts`; whoever gives the reason, it tells no secrets."""
    return TrialResult(
        run_id=request.run_id,
        cell=request.cell,
        attempt=request.attempt,
        outcome=replace(outcome, reason=secrets.redacted(outcome.reason)),
        folder=store.place(request.cell, str(request.attempt)),
        configuration=request.configuration,
        limits=request.limits,
        fingerprint=request.fingerprint,
        **facts,
    )


class _Clock:
    """Measures the phases."""

    def __init__(self, *, build_s: float = 0.0, start_s: float = 0.0) -> None:
        self._spent = dict.fromkeys(Phase, 0.0)
        self._spent[Phase.BUILD], self._spent[Phase.START] = build_s, start_s
        self._began = time.monotonic() - build_s - start_s
        self.phase = Phase.START

    @contextmanager
    def __call__(self, phase: Phase) -> Iterator[None]:
        self.phase = phase
        began = time.monotonic()
        try:
            yield
        finally:
            self._spent[phase] += time.monotonic() - began

    def timing(self, *, waited_s: float = 0.0) -> Timing:
        spent = {f"{phase}_s": seconds for phase, seconds in self._spent.items()}
        working_s = max(0.0, self._spent[Phase.AGENT] - waited_s)
        return Timing(**spent, working_s=working_s, wall_s=time.monotonic() - self._began)


class _Record:
    """A trial's scratch folder, and what becomes of it."""

    def __init__(self, request: AttemptRequest, store: TrialStore, journal: Journal) -> None:
        self.request = request
        self.folder = store.open(request.cell, request.attempt)
        self.secrets = Secrets.of(request.agent)
        self._store = store
        self._journal = journal

    def result(self, outcome: Outcome, **facts: Any) -> TrialResult:
        """As `_result_of`."""
        return _result_of(self.request, self._store, self.secrets, outcome, **facts)

    @contextmanager
    def recording(self, instruction: str) -> Iterator[EventSink]:
        """Where events go; the recordings are made of them, however it ends. Raises what hindered an event."""
        request, began = self.request, time.time()
        events = EventSink(self.folder / "commands.jsonl", secrets=self.secrets)
        try:
            yield events
        finally:
            events.close()
            write_cast(self.folder / "agent.cast", events.file, started_at=began, title=request.cell.key)
            write_trajectory(
                self.folder / "trajectory.json",
                events.file,
                session=f"{request.run_id}/{request.cell.key}/{request.attempt}",
                agent=request.cell.agent,
                model=request.cell.model,
                instruction=instruction,
            )
        if events.unwritten is not None:
            raise events.unwritten

    def finish(self, result: TrialResult, name: str) -> TrialResult:
        """Write result.json and keep the folder as `name`: a void try that is repeated has a name of its own."""
        cell = self.request.cell
        result = replace(result, folder=self._store.place(cell, name), artifacts=files_in(self.folder))
        write_json(self.folder / "result.json", result.to_json())
        self._store.finish(self.folder, cell, name)
        outcome = result.outcome
        self.tell("trial-end", outcome=outcome_name(outcome), reason=outcome.reason, folder=result.folder)
        return result

    def tell(self, kind: str, **facts: object) -> None:
        self._journal.write(kind, cell=self.request.cell.key, trial=self.request.attempt, **facts)


class _Trial:
    """One try: from an environment that is started to a result."""

    def __init__(self, record: _Record, scenario: Scenario, clock: _Clock) -> None:
        self._record = record
        self._request = record.request
        self._scenario = scenario
        self._clock = clock
        self._desk: AgentDesk | None = None
        self._acted = Acted()
        self._snapshot: Snapshot | None = None
        self._facts = SnapshotFacts(kept=False, reason="the trial ended before anything could be kept")
        self._judged: Judged | None = None

    def run(self, environments: EnvironmentFactory, agent: Agent | None) -> TrialResult:
        self._record.tell("trial-start", folder=str(self._record.folder))
        # Whatever interrupts it, no environment stays behind.
        with ExitStack() as stack:
            outcome = self._outcome(environments, agent, stack)
            self._tear_down(stack)
        return self._result(outcome)

    def _outcome(self, environments: EnvironmentFactory, agent: Agent | None, stack: ExitStack) -> Outcome:
        try:
            self._judged = self._play(agent or self._request.agent.make(), environments, stack)
        except AgentSetupError as error:
            return Void(reason=str(error), phase=Phase.AGENT)
        except VerifierError as error:
            return Void(reason=str(error), phase=Phase.VERIFY)
        except EnvironmentFailure as failure:
            return Void(reason=str(failure), phase=self._clock.phase, transient=failure.transient)
        return self._judged.outcome

    def _play(self, agent: Agent, environments: EnvironmentFactory, stack: ExitStack) -> Judged:
        with self._clock(Phase.START):
            environment = stack.enter_context(environments())
        with self._record.recording(self._scenario.instruction) as events:
            with self._clock(Phase.AGENT):
                self._desk = AgentDesk(environment, limits=self._request.limits, events=events)
                self._acted = act(agent, self._request, self._scenario, self._desk, self._record.folder)
            with self._clock(Phase.VERIFY):
                answer = self._stop(environment, self._desk)
        with self._clock(Phase.VERIFY):
            return answer or self._judge(environment, environments, stack)

    def _stop(self, environment: Environment, desk: AgentDesk) -> Judged | None:
        """Stop the agent and keep what it left; an answer where it has left nothing that can be judged."""
        try:
            self._acted = replace(self._acted, stop=stop(environment, self._scenario, desk))
            if self._scenario.judged_in_place:
                self._facts = SnapshotFacts(kept=False, reason="judged in the agent's own container")
            else:
                self._take_snapshot(environment)
        except TooMuchToCopy as error:
            return Judged(outcome=Unsolved(reason=self._explained(str(error))))
        except EnvironmentFailure:
            answer = self._ended_by_agent(environment)
            if answer is None:
                raise
            return answer
        return None

    def _take_snapshot(self, environment: Environment) -> None:
        folder = self._record.folder / SNAPSHOT_FOLDER
        taken = take_snapshot(environment, self._scenario, folder, self._acted)
        if isinstance(taken, Snapshot):
            self._snapshot, self._facts = taken, SnapshotFacts(kept=True)
        else:
            self._facts = SnapshotFacts(kept=False, reason=taken)

    def _judge(self, environment: Environment, environments: EnvironmentFactory, stack: ExitStack) -> Judged:
        """In the agent's own environment, or in a fresh one that gets what the agent left."""
        scenario, acted, limits = self._scenario, self._acted, self._request.limits
        logs = self._record.folder / VERIFIER_FOLDER
        if scenario.judged_in_place:
            if acted.stop.unstoppable:
                return Judged(
                    outcome=Unsolved(reason=self._explained("the agent left processes that cannot be stopped"))
                )
            return judge(scenario, environment, acted, logs, limits=limits)
        try:
            archives = self._snapshot.archive if self._snapshot else environment.export
            fresh = stack.enter_context(environments())
            return judge(scenario, fresh, acted, logs, limits=limits, archives=archives)
        except EnvironmentFailure:
            # What was kept can be judged, whatever has become of the agent's container since.
            answer = None if self._snapshot else self._ended_by_agent(environment)
            if answer is None:
                raise
            return answer

    def _ended_by_agent(self, environment: Environment) -> Judged | None:
        """The answer where the agent's environment is gone and the agent did it."""
        if environment.why_gone() != "agent":
            return None
        return Judged(outcome=Unsolved(reason=self._explained(AGENT_ENDED_ITSELF), phase=Phase.AGENT))

    def _explained(self, reason: str) -> str:
        return self._acted.explained(reason, self._request.limits, self._scenario.limits)

    def _tear_down(self, stack: ExitStack) -> None:
        with self._clock(Phase.TEARDOWN):
            try:
                stack.close()
            except EnvironmentFailure as failure:
                # What was judged stands; the environment ends at its deadline.
                self._record.tell("teardown-failed", reason=self._record.secrets.redacted(str(failure)))

    def _result(self, outcome: Outcome) -> TrialResult:
        acted, judged, hide = self._acted, self._judged, self._record.secrets.redacted
        # What was measured counts however acting ended, also where it came to nothing.
        measured = self._desk.usage if self._desk else None
        return self._record.result(
            outcome,
            checks=judged.checks if judged else {},
            messages={name: hide(text) for name, text in judged.messages.items()} if judged else {},
            timing=self._clock.timing(waited_s=acted.waited_s),
            usage=measured or acted.usage,
            memory_peak_mb=acted.stop.memory_peak_mb,
            memory_counter=acted.stop.memory_counter,
            limits_hit=acted.limits_hit,
            agent_note=acted.error or acted.note,
            verifier_tail=hide(verifier_tail(self._record.folder / VERIFIER_FOLDER)),
            snapshot=self._facts,
        )
