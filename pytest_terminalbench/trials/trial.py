"""One trial: the agent acts, its processes are stopped, the verifier judges, the environment is destroyed."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pytest_terminalbench.agents.base import Agent, AgentReport, AgentTimeExpired, Task
from pytest_terminalbench.documents import write_json
from pytest_terminalbench.environments.base import Environment, EnvironmentFactory, StopReport
from pytest_terminalbench.errors import (
    AgentSetupError,
    EnvironmentFailure,
    TooMuchToCopy,
    VerifierError,
)
from pytest_terminalbench.naming import counted, sanitised
from pytest_terminalbench.outcome import Outcome, Phase, Solved, Unsolved, Void, outcome_name
from pytest_terminalbench.trials.cell import Cell
from pytest_terminalbench.trials.journal import Journal
from pytest_terminalbench.trials.recording import AgentDesk, CommandRecord, write_cast, write_trajectory
from pytest_terminalbench.trials.result import Timing, TrialResult
from pytest_terminalbench.verifiers.base import Verdict, verifier_of
from pytest_terminalbench.verifiers.script import LOGS, TESTS

__all__ = ["WAIT_TURN_S", "TrialSetup", "record_void", "run_trial"]

# After the agent's time its last command is killed, which takes a moment (at most twice the environment's limit for
# that, 20 s); then its thread is left behind.
AGENT_GRACE_S = 60.0
# How long Ctrl-C may at worst go unheard.
WAIT_TURN_S = 0.5
# A failure card shows the end of what the verifier printed.
TAIL_LINES = 12
# Tries of a trial whose environment broke through no fault of the agent.
TRIES = 2


@dataclass(frozen=True, kw_only=True)
class TrialSetup:
    """What the trials of a cell have in common.

    `root` is the run's folder; `image` the recipe of the image, for the fingerprint. `has_namesake`: another dataset of
    the run has a scenario of the same id, so that folders need the dataset's name as well.
    """

    run_id: str
    root: Path
    journal: Journal
    image: str = ""
    platform: str | None = None
    dataset_version: str = "0"
    timeout_multiplier: float = 1.0
    has_namesake: bool = False

    def folder(self, cell: Cell, attempt: int) -> Path:
        scenario = cell.scenario
        name = f"{sanitised(scenario.dataset)}--{scenario.id}" if self.has_namesake else scenario.id
        return self.root / "trials" / name / cell.folder_label / str(attempt)

    def fingerprint(self, cell: Cell) -> dict[str, Any]:
        """What must be the same for two results to be comparable."""
        scenario = cell.scenario
        return {
            "scenario": scenario.digest,
            "dataset": f"{scenario.dataset}=={self.dataset_version}",
            "image": self.image,
            "limits": {**scenario.limits, "timeout_multiplier": self.timeout_multiplier},
            "verifier": scenario.verifier_digest,
            "platform": self.platform,
        }


def run_trial(
    cell: Cell,
    *,
    environments: EnvironmentFactory,
    setup: TrialSetup,
    agent: Agent | None = None,
    attempt: int = 1,
    build_s: float = 0.0,
    start_s: float = 0.0,
) -> TrialResult:
    """Put the question once and write the trial's folder; once more where our own layers broke.

    Never raises for what goes wrong with the environment, the agent or the verifier: that is a `Void` outcome or an
    answer. `environments` starts the agent's container, and the verifier's where that is a fresh one.
    """
    retries: list[str] = []
    clock = _Clock(build_s=build_s, start_s=start_s)
    while True:
        trial = _Trial(cell, environments, setup, attempt, clock)
        result = replace(trial.run(agent), retries=tuple(retries))
        again = isinstance(result.outcome, Void) and result.outcome.transient and len(retries) + 1 < TRIES
        result = trial.finish(result, name=f"{attempt}.void{len(retries) + 1}" if again else str(attempt))
        if not again:
            return result
        retries.append(result.outcome.reason)
        # What the first try cost is told in its own folder, and what its agent remembers is of another environment.
        clock, agent = _Clock(), None if type(agent) is cell.agent.factory else agent


def record_void(cell: Cell, *, setup: TrialSetup, phase: Phase, reason: str, attempt: int = 1) -> TrialResult:
    """The trial of a question that could not even be put: no image, no container, no agent."""
    trial = _Trial(cell, None, setup, attempt, _Clock())
    trial.open()
    return trial.finish(trial.result(Void(reason=reason, phase=phase)), name=str(attempt))


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

    def timing(self) -> Timing:
        spent = {f"{phase}_s": seconds for phase, seconds in self._spent.items()}
        return Timing(**spent, working_s=self._spent[Phase.AGENT], wall_s=time.monotonic() - self._began)


@dataclass(frozen=True, kw_only=True)
class _AgentPhase:
    """How the agent's part ended: what it reported, and what cut it short or went wrong in it."""

    report: AgentReport = field(default_factory=AgentReport)
    expired: bool = False
    error: str = ""

    def note(self, agent_s: float) -> str:
        if self.expired:
            return f"the agent ran out of time (agent_s = {agent_s:g} s)"
        return self.error


class _Trial:
    def __init__(
        self, cell: Cell, environments: EnvironmentFactory | None, setup: TrialSetup, attempt: int, clock: _Clock
    ) -> None:
        self._cell = cell
        self._environments = environments
        self._setup = setup
        self._attempt = attempt
        self._clock = clock
        final = setup.folder(cell, attempt)
        # Under another name until it is whole: a folder with the trial's number is always a finished trial.
        self._folder = final.with_name(f".{attempt}.running")
        self._stop = StopReport()
        self._agent = _AgentPhase()
        self._verdict: Verdict | None = None
        self._judged_in: Environment | None = None

    # -- the way of a trial ------------------------------------------------------------------------------------------

    def run(self, agent: Agent | None) -> TrialResult:
        self.open()
        self._journal("trial-start", folder=str(self._folder))
        # Whatever interrupts it, no environment stays behind.
        with ExitStack() as stack:
            outcome = self._outcome(agent, stack)
            self._tear_down(stack)
        return self.result(outcome)

    def _outcome(self, agent: Agent | None, stack: ExitStack) -> Outcome:
        try:
            return self._play(agent, stack)
        except AgentSetupError as error:
            return Void(reason=str(error), phase=Phase.AGENT)
        except VerifierError as error:
            return Void(reason=self._with_limits(str(error)), phase=Phase.VERIFY)
        except EnvironmentFailure as failure:
            return Void(reason=str(failure), phase=self._clock.phase, transient=failure.transient)

    def _play(self, agent: Agent | None, stack: ExitStack) -> Outcome:
        acting = agent or self._cell.agent.make()
        assert self._environments is not None
        with self._clock(Phase.START):
            environment = stack.enter_context(self._environments())
        with self._clock(Phase.AGENT):
            self._act(acting, environment)
        with self._clock(Phase.VERIFY):
            return self._judge(environment, stack)

    def _tear_down(self, stack: ExitStack) -> None:
        with self._clock(Phase.TEARDOWN):
            try:
                stack.close()
            except EnvironmentFailure as failure:
                # What was judged stands; the environment ends at its deadline.
                self._journal("teardown-failed", reason=str(failure))

    def _act(self, agent: Agent, environment: Environment) -> None:
        timeout_s = self._cell.scenario.timeouts.agent_s * self._setup.timeout_multiplier
        desk = AgentDesk(environment, timeout_s=timeout_s, log=self._folder / "commands.jsonl")
        began = time.time()
        try:
            self._agent = _run_in_time(agent, self._task(timeout_s), desk, timeout_s)
        finally:
            self._write_recordings(desk.records, began)
        if desk.failure is not None and environment.why_gone() != "agent":
            raise desk.failure

    def _judge(self, environment: Environment, stack: ExitStack) -> Outcome:
        scenario = self._cell.scenario
        try:
            self._stop = environment.stop_agent(keep=scenario.kept_programs, remove=[TESTS, LOGS])
            if self._stop.unstoppable and scenario.judged_in_place:
                return Unsolved(reason=self._with_limits("the agent left processes that cannot be stopped"))
            self._judged_in = environment if scenario.judged_in_place else stack.enter_context(self._fresh())
            if not scenario.judged_in_place:
                self._collect(environment, self._judged_in)
            self._verdict = self._verify(self._judged_in)
        except TooMuchToCopy as error:
            return Unsolved(reason=self._with_limits(str(error)))
        # A container that is ending gives every kind of error before it is gone.
        except (EnvironmentFailure, VerifierError):
            reason = self._ended_by_agent(environment)
            if reason is None:
                raise
            return Unsolved(reason=self._with_limits(reason), phase=Phase.VERIFY if self._judged_in else Phase.AGENT)
        return self._answer(self._verdict)

    def _fresh(self) -> AbstractContextManager[Environment]:
        assert self._environments is not None
        return self._environments()

    def _collect(self, environment: Environment, fresh: Environment) -> None:
        for path in self._cell.scenario.collected_paths:
            fresh.replace(path, environment.export(path))

    def _ended_by_agent(self, environment: Environment) -> str | None:
        """What to say when a container that is gone was ended by the agent, or by what it left behind."""
        if environment.why_gone() == "agent":
            return "the agent ended its own container, so nothing is left to judge"
        if self._judged_in is not None and self._judged_in.why_gone() == "agent":
            return "what the agent left behind ended the verifier's container"
        return None

    def _verify(self, environment: Environment) -> Verdict:
        scenario = self._cell.scenario
        timeout_s = scenario.timeouts.verifier_s * self._setup.timeout_multiplier
        return verifier_of(scenario).judge(scenario, environment, self._folder / "verifier", timeout_s=timeout_s)

    def _answer(self, verdict: Verdict) -> Outcome:
        judgement = verdict.judgement
        if judgement.solved:
            return Solved(reward=judgement.reward, reason=self._with_limits(""))
        bad = [name for name, result in judgement.checks.items() if result != "passed"]
        total = len(judgement.checks)
        said = f"{len(bad)} of {total} checks did not pass: {', '.join(bad[:5])}" if bad else ""
        said = said or f"reward {judgement.reward:g} is below 1"
        return Unsolved(reason=self._with_limits(said + (", …" if len(bad) > 5 else "")), reward=judgement.reward)

    # -- what is kept of it ------------------------------------------------------------------------------------------

    def open(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)

    def result(self, outcome: Outcome) -> TrialResult:
        judgement = self._verdict.judgement if self._verdict else None
        scenario = self._cell.scenario
        return TrialResult(
            run_id=self._setup.run_id,
            scenario_id=scenario.id,
            dataset=scenario.dataset,
            agent=self._cell.agent.name,
            model=self._cell.agent.model,
            attempt=self._attempt,
            outcome=outcome,
            folder=self._setup.folder(self._cell, self._attempt).relative_to(self._setup.root).as_posix(),
            checks=judgement.checks if judgement else {},
            messages={name: _short(text) for name, text in judgement.messages.items()} if judgement else {},
            timing=self._clock.timing(),
            usage=self._agent.report.usage,
            memory_peak_mb=self._stop.memory_peak_mb,
            memory_counter=self._stop.memory_counter,
            limits_hit=tuple(self._limits_hit()),
            agent_note=self._agent.error or self._agent.report.note,
            verifier_tail=_tail(self._folder / "verifier"),
            fingerprint=self._setup.fingerprint(self._cell),
        )

    def finish(self, result: TrialResult, *, name: str) -> TrialResult:
        """Write result.json and give the folder its name; a void retry is kept under a name of its own."""
        found = (
            path.relative_to(self._folder).as_posix() for path in sorted(self._folder.rglob("*")) if path.is_file()
        )
        final = self._folder.with_name(name)
        result = replace(result, folder=final.relative_to(self._setup.root).as_posix(), artifacts=tuple(found))
        write_json(self._folder / "result.json", result.to_json())
        # A cell that is run once more (a killed worker's) replaces what is there.
        shutil.rmtree(final, ignore_errors=True)
        self._folder.rename(final)
        self._journal(
            "trial-end", outcome=outcome_name(result.outcome), reason=result.outcome.reason, folder=str(final)
        )
        return result

    def _limits_hit(self) -> Iterator[str]:
        if self._agent.expired:
            yield "agent_s"
        if self._stop.oom_kills:
            yield "memory_mb"
        if self._stop.pids_refused:
            yield "pids"

    def _with_limits(self, said: str) -> str:
        """`said`, with the limits that the agent ran into: why a wrong answer may have been wrong."""
        scenario = self._cell.scenario
        notes = [said, self._agent.note(scenario.timeouts.agent_s * self._setup.timeout_multiplier)]
        if self._stop.oom_kills:
            notes.append(
                f"out of memory: {counted(self._stop.oom_kills, 'process', 'processes')} killed "
                f"at memory_mb = {scenario.limits.get('memory_mb')}"
            )
        if self._stop.pids_refused:
            notes.append(f"out of processes: the limit pids = {scenario.limits.get('pids')} was hit")
        return "; ".join(note for note in notes if note)

    def _task(self, timeout_s: float) -> Task:
        scenario = self._cell.scenario
        return Task(
            scenario_id=scenario.id,
            instruction=scenario.instruction,
            workdir=scenario.workdir,
            timeout_s=timeout_s,
            folder=self._folder,
            # Nobody else is even told where it is.
            solution=scenario.solution_file if self._cell.agent.name == "oracle" else None,
        )

    def _write_recordings(self, records: Sequence[CommandRecord], began: float) -> None:
        cell = self._cell
        write_cast(self._folder / "agent.cast", records, started_at=began, title=cell.key)
        write_trajectory(
            self._folder / "trajectory.json",
            records,
            session=f"{self._setup.run_id}/{cell.key}/{self._attempt}",
            agent=cell.agent.name,
            model=cell.agent.model,
            instruction=cell.scenario.instruction,
        )

    def _journal(self, kind: str, **facts: object) -> None:
        self._setup.journal.write(kind, cell=self._cell.key, trial=self._attempt, **facts)


def _run_in_time(agent: Agent, task: Task, desk: AgentDesk, timeout_s: float) -> _AgentPhase:
    """Run the agent in a thread of its own: one that never comes back is left behind with nothing to act on."""
    ended: list[_AgentPhase] = []
    setup_errors: list[AgentSetupError] = []

    def act() -> None:
        try:
            ended.append(_AgentPhase(report=agent.act(task, desk)))
        except AgentTimeExpired:
            ended.append(_AgentPhase(expired=True))
        except AgentSetupError as error:
            setup_errors.append(error)
        # The seam to foreign code: whatever an agent raises is its own failure, and what it did is judged.
        except Exception as error:  # noqa: BLE001
            ended.append(_AgentPhase(error=f"the agent failed: {type(error).__name__}: {error}"))

    thread = threading.Thread(target=act, daemon=True, name="agent")
    thread.start()
    until = time.monotonic() + timeout_s + AGENT_GRACE_S
    while thread.is_alive() and time.monotonic() < until:
        # In turns: a signal that comes just before a wait in the main thread is looked at only after it.
        thread.join(min(WAIT_TURN_S, max(0.0, until - time.monotonic())))
    desk.dismiss()
    if setup_errors:
        raise setup_errors[0]
    if not ended:
        return _AgentPhase(expired=True)
    return replace(ended[0], expired=ended[0].expired or desk.expired)


def _tail(logs: Path) -> str:
    """The last lines of what the verifier printed, also where it left no verdict."""
    printed = [(logs / name).read_text("utf-8", "replace") for name in ("stdout", "stderr") if (logs / name).is_file()]
    lines = "\n".join(text.rstrip() for text in printed).strip().splitlines()
    return "\n".join(lines[-TAIL_LINES:])


def _short(text: str, limit: int = 300) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
