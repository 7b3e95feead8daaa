"""One trial from its start to its folder, in fake environments."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pytest_terminalbench.agents.base import Agent, AgentReport, AgentTimeExpired, Desk, Task, Usage
from pytest_terminalbench.agents.nop import Nop
from pytest_terminalbench.agents.oracle import Oracle
from pytest_terminalbench.agents.registry import AgentSpec
from pytest_terminalbench.agents.scripted import ScriptedAgent
from pytest_terminalbench.environments.base import Environment, ExecResult, StopReport
from pytest_terminalbench.environments.fake import FakeEnvironment, Reply, fake_environments
from pytest_terminalbench.errors import AgentSetupError, EnvironmentFailure, EnvironmentLost, TooMuchToCopy
from pytest_terminalbench.limits import Limits
from pytest_terminalbench.outcome import Outcome, Phase, Solved, Unsolved, Void
from pytest_terminalbench.trials.acting import Acted
from pytest_terminalbench.trials.cell import Cell
from pytest_terminalbench.trials.fingerprint import conditions
from pytest_terminalbench.trials.journal import FileJournal, read_events
from pytest_terminalbench.trials.request import AttemptRequest
from pytest_terminalbench.trials.result import SnapshotFacts, TrialResult, read_result
from pytest_terminalbench.trials.snapshot import read_snapshot
from pytest_terminalbench.trials.trial import record_void, run_trial
from pytest_terminalbench.trials.trial_store import TrialFolders
from tests.little_room import files_up_to
from tests.scenario_files import a_scenario

Answer = Reply | ExecResult | int | str


def work(environment: FakeEnvironment, argv: Sequence[str]) -> str:
    environment.files["/app/done"] = b"yes"
    return "worked\n"


def is_done(environment: FakeEnvironment, argv: Sequence[str]) -> int:
    return 0 if "/app/done" in environment.files else 1


def end_container(environment: FakeEnvironment, argv: Sequence[str]) -> int:
    environment.gone = "agent"
    raise EnvironmentLost("the fake environment is gone")


def remove_container(environment: FakeEnvironment, argv: Sequence[str]) -> int:
    environment.gone = "engine"
    raise EnvironmentLost("somebody removed it")


def take_time(environment: FakeEnvironment, argv: Sequence[str]) -> int:
    time.sleep(0.06)
    return 0


def break_engine(environment: FakeEnvironment, argv: Sequence[str]) -> int:
    raise EnvironmentFailure("the engine broke")


REPLIES: dict[str, Answer] = {
    "/solution/": work,
    "work": work,
    "end-container": end_container,
    "remove-container": remove_container,
    "break-engine": break_engine,
    "slow": take_time,
    "/tests/test.sh": is_done,
}


def fake(**replies: Answer) -> FakeEnvironment:
    """With `replies` (a piece of the command line -> answer) before those above."""
    return FakeEnvironment({**replies, **{piece: reply for piece, reply in REPLIES.items() if piece not in replies}})


class Bench:
    """A run's folder, in which trials of one scenario are put."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "run"
        self.journal = FileJournal(self.root / "events.jsonl")
        self.store = TrialFolders(self.root)
        self.multiplier = 1.0
        self.wait_s = 0.0
        # How large a file may become while a trial runs.
        self.room: int | None = None

    def cell(self, agent: Agent, **changes: Any) -> Cell:
        scenario = a_scenario(self.folder / "dataset", **changes)
        return Cell(scenario=scenario, agent=AgentSpec.of(type(agent)))

    def put(
        self,
        agent: Agent,
        *environments: FakeEnvironment,
        factory: Callable[[], AbstractContextManager[Environment]] | None = None,
        attempt: int = 1,
        **changes: Any,
    ) -> TrialResult:
        """Put the question; by default the same container is judged."""
        changes.setdefault("verifier", {"isolation": "same"})
        cell = self.cell(agent, **changes)
        with nullcontext() if self.room is None else files_up_to(self.room):
            return run_trial(
                self.request(cell, attempt),
                scenario=cell.scenario,
                environments=factory or fake_environments(*(environments or [fake()])),
                store=self.store,
                journal=self.journal,
                agent=agent,
            )

    def request(self, cell: Cell, attempt: int = 1) -> AttemptRequest:
        return AttemptRequest.of(
            cell,
            run_id="run",
            attempt=attempt,
            limits=replace(Limits.of(cell.scenario.timeouts, timeout_multiplier=self.multiplier), wait_s=self.wait_s),
            fingerprint=conditions(
                cell.scenario, image="sha256:1", platform="linux", timeout_multiplier=self.multiplier
            ),
        )

    def events(self) -> list[tuple[object, object]]:
        return [(event["type"], event.get("outcome")) for event in read_events(self.journal.file)]

    def folders(self) -> list[str]:
        return sorted(p.relative_to(self.root / "trials").as_posix() for p in (self.root / "trials").glob("*/*/*/*"))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


class Acting:
    """An agent that does what it is given."""

    name: ClassVar[str] = "acting"
    deterministic: ClassVar[bool] = False

    def __init__(self, act: Callable[[Task, Desk], object] = lambda task, environment: None) -> None:
        self._act = act

    def act(self, task: Task, environment: Desk) -> AgentReport:
        report = self._act(task, environment)
        return report if isinstance(report, AgentReport) else AgentReport()


@contextmanager
def never_started(failure: EnvironmentFailure) -> Iterator[Environment]:
    raise failure
    yield


class TestAnswers:
    def test_solved(self, bench: Bench) -> None:
        assert bench.put(Oracle()).outcome == Solved()

    def test_unsolved(self, bench: Bench) -> None:
        assert bench.put(Nop()).outcome == Unsolved(reason="1 of 1 checks did not pass: exit code")

    def test_five_of_the_checks_that_did_not_pass_are_named(self, bench: Bench) -> None:
        cases = "".join(f'<testcase name="t{n}"><failure/></testcase>' for n in range(7)) + '<testcase name="good"/>'

        def judge(environment: FakeEnvironment, argv: Sequence[str]) -> int:
            environment.files["/logs/verifier/junit.xml"] = f"<testsuite>{cases}</testsuite>".encode()
            return 1

        result = bench.put(Nop(), fake(**{"/tests/": judge}), verifier={"isolation": "same", "result": "junit"})

        assert result.outcome == Unsolved(reason="7 of 8 checks did not pass: t0, t1, t2, t3, t4, …")
        assert result.checks == {**{f"t{n}": "failed" for n in range(7)}, "good": "passed"}

    @pytest.mark.parametrize(
        ("reward", "outcome"),
        [
            ("0.4", Unsolved(reason="reward 0.4 is below 1", reward=0.4)),
            ("1", Solved()),
            ("1.5", Solved(reward=1.5)),
        ],
    )
    def test_a_reward_is_kept(self, bench: Bench, reward: str, outcome: Solved | Unsolved) -> None:
        def judge(environment: FakeEnvironment, argv: Sequence[str]) -> int:
            environment.files["/logs/verifier/reward.txt"] = reward.encode()
            return 0

        result = bench.put(Nop(), fake(**{"/tests/": judge}), verifier={"isolation": "same", "result": "reward"})

        assert result.outcome == outcome

    def test_what_a_failing_agent_did_is_judged(self, bench: Bench) -> None:
        def act(task: Task, environment: Environment) -> None:
            environment.run(["work"])
            raise RuntimeError("lost the thread")

        result = bench.put(Acting(act))

        assert result.outcome == Solved(reason="the agent failed: RuntimeError: lost the thread")
        assert result.agent_note == "the agent failed: RuntimeError: lost the thread"

    def test_a_failing_agent_that_did_nothing_has_not_solved_it(self, bench: Bench) -> None:
        def act(task: Task, environment: Environment) -> None:
            raise KeyError("x")

        assert bench.put(Acting(act)).outcome == Unsolved(
            reason="1 of 1 checks did not pass: exit code; the agent failed: KeyError: 'x'"
        )

    @pytest.mark.parametrize("error", [SystemExit("bye"), KeyboardInterrupt("bye")])
    def test_an_agent_that_ends_its_process_has_failed_and_not_run_out_of_time(
        self, bench: Bench, error: BaseException
    ) -> None:
        def act(task: Task, environment: Environment) -> None:
            environment.run(["work"])
            raise error

        result = bench.put(Acting(act))

        assert result.outcome == Solved(reason=f"the agent failed: {type(error).__name__}: bye")
        assert result.limits_hit == ()

    @pytest.mark.parametrize("report", [None, "done", {"note": "done"}])
    def test_what_is_no_report_is_the_agents_failure(self, bench: Bench, report: object) -> None:
        class Careless(Acting):
            def act(self, task: Task, environment: Desk) -> AgentReport:
                environment.run(["work"])
                return report  # type: ignore[return-value]  # The mistake that is tested.

        result = bench.put(Careless())

        assert result.outcome == Solved(
            reason=f"the agent failed: TypeError: `act` returned {report!r}, not an AgentReport"
        )
        assert result.limits_hit == ()

    @pytest.mark.parametrize(
        "wrong",
        [
            lambda desk: desk.add_usage(Usage(cost_usd=float("nan"))),
            lambda desk: desk.add_usage(Usage(input_tokens=1.5)),  # type: ignore[arg-type]
            lambda desk: desk.add_usage({"calls": 1}),
            lambda desk: AgentReport(usage={"calls": 1}),  # type: ignore[arg-type]
            lambda desk: AgentReport(note=None),  # type: ignore[arg-type]
        ],
    )
    def test_so_is_what_no_record_can_hold(self, bench: Bench, wrong: Callable[[Desk], object]) -> None:
        result = bench.put(Acting(lambda task, desk: wrong(desk)))

        assert isinstance(result.outcome, Unsolved)
        assert "the agent failed: " in result.agent_note
        assert read_result(bench.root / result.folder / "result.json").usage == result.usage

    def test_what_an_agent_says_of_itself_is_kept(self, bench: Bench) -> None:
        usage = Usage(input_tokens=5, output_tokens=2, cost_usd=0.5, calls=1, turns=1)
        result = bench.put(Acting(lambda task, environment: AgentReport(note="done", usage=usage)))

        assert (result.agent_note, result.usage) == ("done", usage)

    def test_limits_that_were_hit_are_named(self, bench: Bench) -> None:
        report = StopReport(oom_kills=2, pids_refused=1, memory_peak_mb=3.5, memory_counter="memory.peak")
        environment = FakeEnvironment(REPLIES, stop_report=report)

        result = bench.put(Nop(), environment, environment={"memory_mb": 64, "pids": 32})

        assert result.limits_hit == ("memory_mb", "pids")
        assert (result.memory_peak_mb, result.memory_counter) == (3.5, "memory.peak")
        assert result.outcome == Unsolved(
            reason="1 of 1 checks did not pass: exit code; out of memory: 2 processes killed at memory_mb = 64; "
            "out of processes: the limit pids = 32 was hit"
        )

    def test_more_than_can_be_collected_is_an_answer(self, bench: Bench) -> None:
        class Hoard(FakeEnvironment):
            def export(self, path: str) -> Iterator[bytes] | None:
                raise TooMuchToCopy(f"{path} holds more than 1024 MiB; collect less of it")

        result = bench.put(Oracle(), Hoard(REPLIES), fake(), verifier={"isolation": "fresh"})

        assert result.outcome == Unsolved(reason="/app holds more than 1024 MiB; collect less of it")

    def test_processes_that_cannot_be_stopped_are_an_answer_in_the_same_container(self, bench: Bench) -> None:
        environment = FakeEnvironment(REPLIES, stop_report=StopReport(unstoppable=True, pids_refused=1))

        assert bench.put(Oracle(), environment).outcome == Unsolved(
            reason="the agent left processes that cannot be stopped; out of processes: the limit pids = 512 was hit"
        )

    def test_in_a_fresh_container_they_do_not_matter(self, bench: Bench) -> None:
        environment = FakeEnvironment(REPLIES, stop_report=StopReport(unstoppable=True))

        assert bench.put(Oracle(), environment, fake(), verifier={"isolation": "fresh"}).outcome == Solved()

    def test_who_ends_the_container_has_not_solved_it(self, bench: Bench) -> None:
        result = bench.put(ScriptedAgent(["work", "end-container"]))

        assert result.outcome == Unsolved(
            reason="the agent ended its own container, so nothing is left to judge; the agent failed: EnvironmentLost: "
            "the fake environment is gone",
            phase=Phase.AGENT,
        )
        assert result.retries == ()

    @pytest.mark.parametrize("isolation", ["same", "fresh"])
    def test_nor_has_who_left_something_that_ends_the_verifiers(self, bench: Bench, isolation: str) -> None:
        environments = [fake(**{"/tests/": end_container}) for _ in range(2)]

        result = bench.put(Oracle(), *environments, verifier={"isolation": isolation})

        assert isinstance(result.outcome, Unsolved)
        assert (result.outcome.phase, result.retries) == (Phase.VERIFY, ())


class TestTime:
    def test_who_runs_out_of_it_is_judged(self, bench: Bench) -> None:
        result = bench.put(ScriptedAgent(["work", "slow", "never"]), environment := fake(), timeouts={"agent_s": 0.05})

        assert result.outcome == Solved(reason="the agent ran out of time (agent_s = 0.05 s)")
        assert result.limits_hit == ("agent_s",)
        assert "sh -c never" not in environment.log

    def test_a_command_at_its_deadline_is_too(self, bench: Bench) -> None:
        late = ExecResult(exit_code=None, stdout="half", stderr="", duration_s=9.0, timed_out=True)
        result = bench.put(ScriptedAgent(["long", "never"]), environment := fake(long=late), timeouts={"agent_s": 5})

        assert result.outcome == Unsolved(
            reason="1 of 1 checks did not pass: exit code; the agent ran out of time (agent_s = 5 s)"
        )
        assert environment.calls[0].timeout_s <= 5
        assert "sh -c never" not in environment.log

    def test_a_commands_own_time_is_not_the_agents(self, bench: Bench) -> None:
        late = ExecResult(exit_code=None, stdout="", stderr="", duration_s=1.0, timed_out=True)
        agent = ScriptedAgent(["long", "work"], command_timeout_s=1)

        assert bench.put(agent, fake(long=late)).outcome == Solved()

    def test_an_agent_that_never_comes_back_is_left_behind(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        """With nothing to act on: its environment takes no further command."""
        monkeypatch.setattr("pytest_terminalbench.trials.acting.AGENT_GRACE_S", 0.05)
        go_on, ended = threading.Event(), threading.Event()

        def act(task: Task, environment: Environment) -> None:
            go_on.wait(10)
            try:
                environment.put({"/app/done": b""})
            finally:
                ended.set()

        environment = fake()
        result = bench.put(Acting(act), environment, timeouts={"agent_s": 0.01})
        go_on.set()
        assert ended.wait(10)

        assert isinstance(result.outcome, Unsolved)
        assert result.limits_hit == ("agent_s",)
        assert "/app/done" not in environment.files

    def test_what_an_agent_leaves_running_on_the_host_has_nothing_to_act_on_either(self, bench: Bench) -> None:
        """A thread of its own, with time left: the agent has said that it is done."""
        judged, refused = threading.Event(), threading.Event()

        def later(environment: Environment) -> None:
            judged.wait(10)
            try:
                environment.put({"/app/done": b""})
            except AgentTimeExpired:
                refused.set()

        def act(task: Task, environment: Environment) -> None:
            threading.Thread(target=later, args=[environment], daemon=True).start()

        def judge(environment: FakeEnvironment, argv: Sequence[str]) -> int:
            judged.set()
            assert refused.wait(10)
            return is_done(environment, argv)

        assert isinstance(bench.put(Acting(act), fake(**{"/tests/": judge})).outcome, Unsolved)

    def test_limits_are_multiplied(self, bench: Bench) -> None:
        told: list[float] = []
        bench.multiplier = 2.0
        agent = Acting(lambda task, environment: told.append(task.timeout_s))

        result = bench.put(agent, environment := fake(), timeouts={"agent_s": 3, "verifier_s": 5})

        assert told == [6.0]
        assert environment.calls[-1].timeout_s == 10.0
        assert result.fingerprint["limits"]["timeout_multiplier"] == 2.0

    def test_a_wait_that_is_not_the_agents_comes_on_top(self, bench: Bench) -> None:
        def act(task: Task, environment: Desk) -> None:
            with environment.waiting():
                time.sleep(0.1)
            environment.run(["work"])

        bench.wait_s = 60.0
        result = bench.put(Acting(act), timeouts={"agent_s": 0.05})

        assert result.outcome == Solved()
        assert result.timing.working_s <= result.timing.agent_s - 0.1
        assert result.limits is not None
        assert result.limits.wait_s == 60.0

    def test_a_command_that_another_thread_had_under_way_is_waited_for(self, bench: Bench) -> None:
        """And whatever it began only after the others were killed is killed, too."""
        begun = threading.Event()
        stopped = threading.Event()

        class Slow(FakeEnvironment):
            def stop_agent(self, *, keep: Sequence[str] = (), remove: Sequence[str] = ()) -> StopReport:
                stopped.set()
                return super().stop_agent(keep=keep, remove=remove)

        def linger(environment: FakeEnvironment, argv: Sequence[str]) -> int:
            begun.set()
            assert stopped.wait(10)
            environment.files["/tests/planted"] = b""
            return 0

        def act(task: Task, environment: Environment) -> None:
            threading.Thread(target=environment.run, args=[["linger"]], daemon=True).start()
            assert begun.wait(10)

        def judge(environment: FakeEnvironment, argv: Sequence[str]) -> int:
            return int("/tests/planted" in environment.files)

        environment = Slow({"linger": linger, "/tests/": judge})

        assert bench.put(Acting(act), environment).outcome == Solved()
        assert len(environment.stops) == 2

    def test_one_that_does_not_end_is_as_a_process_that_cannot_be_stopped(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pytest_terminalbench.trials.acting.AGENT_GRACE_S", 0.05)
        begun, judged = threading.Event(), threading.Event()

        def linger(environment: FakeEnvironment, argv: Sequence[str]) -> int:
            begun.set()
            judged.wait(10)
            return 0

        def act(task: Task, environment: Environment) -> None:
            threading.Thread(target=environment.run, args=[["linger"]], daemon=True).start()
            assert begun.wait(10)

        result = bench.put(Acting(act), fake(linger=linger))
        judged.set()

        assert result.outcome == Unsolved(reason="the agent left processes that cannot be stopped")


class TestUsage:
    USED = Usage(input_tokens=5, output_tokens=2, cost_usd=0.5, calls=1, turns=1)

    def test_what_the_desk_measured_counts_and_not_what_the_agent_says(self, bench: Bench) -> None:
        def act(task: Task, environment: Desk) -> AgentReport:
            environment.add_usage(self.USED)
            return AgentReport(usage=Usage(calls=99))

        assert bench.put(Acting(act)).usage == self.USED

    @pytest.mark.parametrize(
        ("command", "timeouts"), [("slow", {"agent_s": 0.05}), ("break-engine", {}), ("end-container", {})]
    )
    def test_it_is_kept_however_acting_ends(self, bench: Bench, command: str, timeouts: dict[str, float]) -> None:
        def act(task: Task, environment: Desk) -> AgentReport:
            environment.add_usage(self.USED)
            while True:
                environment.run([command])

        assert bench.put(Acting(act), timeouts=timeouts).usage == self.USED

    def test_of_an_agent_that_never_came_back_too(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("pytest_terminalbench.trials.acting.AGENT_GRACE_S", 0.05)
        ended = threading.Event()

        def act(task: Task, environment: Desk) -> None:
            environment.add_usage(self.USED)
            ended.wait(10)

        result = bench.put(Acting(act), timeouts={"agent_s": 0.01})
        ended.set()

        assert result.usage == self.USED


class TestSnapshot:
    """Between acting and judging, where the verifier gets a container of its own."""

    def folder(self, bench: Bench) -> Path:
        return bench.root / "trials/demo/make-it/oracle/1"

    def test_what_the_agent_left_is_kept(self, bench: Bench) -> None:
        result = bench.put(Oracle(), fake(), fake(), verifier={"isolation": "fresh"})

        assert result.snapshot == SnapshotFacts(kept=True)
        assert {"snapshot/1.tar.gz", "snapshot/snapshot.json"} <= set(result.artifacts)
        assert read_snapshot(self.folder(bench) / "snapshot").archives == {"/app": "1.tar.gz"}

    def test_and_how_acting_ended(self, bench: Bench) -> None:
        report = StopReport(oom_kills=2, memory_peak_mb=3.5, memory_counter="memory.peak")
        agents = FakeEnvironment(REPLIES, stop_report=report)
        bench.put(ScriptedAgent(["work"]), agents, fake(), verifier={"isolation": "fresh"})

        acted = read_snapshot(bench.root / "trials/demo/make-it/scripted/1/snapshot").acted
        assert acted == Acted(note="typed 1 command", stop=report)

    def test_each_path_is_copied_out_once(self, bench: Bench) -> None:
        exported: list[str] = []

        class Counting(FakeEnvironment):
            def export(self, path: str) -> Iterator[bytes] | None:
                exported.append(path)
                return super().export(path)

        bench.put(Oracle(), Counting(REPLIES), fake(), verifier={"isolation": "fresh", "collect": ["/app", "/srv"]})

        assert exported == ["/app", "/srv"]

    def test_what_is_too_large_is_judged_all_the_same(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("pytest_terminalbench.trials.snapshot.MAX_BYTES_READ", 10)

        result = bench.put(Oracle(), fake(), fake(), verifier={"isolation": "fresh"})

        assert result.outcome == Solved()
        assert result.snapshot is not None
        assert not result.snapshot.kept
        assert "is larger than" in result.snapshot.reason
        assert not (self.folder(bench) / "snapshot").exists()

    def test_a_container_that_ends_after_it_does_not_matter(self, bench: Bench) -> None:
        agents = fake()

        def judge(environment: FakeEnvironment, argv: Sequence[str]) -> int:
            agents.gone = "engine"
            return is_done(environment, argv)

        result = bench.put(Oracle(), agents, fake(**{"/tests/": judge}), verifier={"isolation": "fresh"})

        assert result.outcome == Solved()

    @pytest.mark.parametrize(
        ("gone", "outcome"),
        [
            (
                "agent",
                Unsolved(reason="the agent ended its own container, so nothing is left to judge", phase=Phase.AGENT),
            ),
            ("engine", Void(reason="the fake environment is gone", phase=Phase.VERIFY, transient=True)),
        ],
    )
    def test_one_that_ends_while_it_is_taken_is_judged_by_whose_fault_it_was(
        self, bench: Bench, gone: str, outcome: Outcome
    ) -> None:
        class Ending(FakeEnvironment):
            def export(self, path: str) -> Iterator[bytes] | None:
                self.gone = gone
                return super().export(path)

        agents = [Ending(REPLIES), Ending(REPLIES)]
        result = bench.put(Oracle(), *agents, verifier={"isolation": "fresh"})

        assert result.outcome == outcome

    def test_a_void_verdict_has_one_too(self, bench: Bench) -> None:
        """So that a verifier that is fixed judges it without a second trial."""
        result = bench.put(
            Oracle(), fake(), fake(**{"/tests/": "boom"}), verifier={"isolation": "fresh", "result": "junit"}
        )

        assert isinstance(result.outcome, Void)
        assert result.snapshot == SnapshotFacts(kept=True)

    def test_a_trial_that_ended_before_has_none(self, bench: Bench) -> None:
        result = bench.put(ScriptedAgent(["break-engine"]), verifier={"isolation": "fresh"})

        assert result.snapshot == SnapshotFacts(kept=False, reason="the trial ended before anything could be kept")


class TestSecrets:
    """Values of arguments that an agent's class declares secret are in no file of the trial."""

    def spec(self, act: Callable[[Task, Environment], object]) -> AgentSpec:
        class Keyed(Acting):
            secret_arguments: ClassVar[tuple[str, ...]] = ("key",)

            def __init__(self, key: str) -> None:
                super().__init__(act)

        return AgentSpec.of(Keyed, name="keyed", arguments={"key": "sk-12345"})

    def run(
        self, bench: Bench, act: Callable[[Task, Environment], object], *environments: FakeEnvironment
    ) -> TrialResult:
        cell = Cell(scenario=a_scenario(bench.folder / "dataset"), agent=self.spec(act))
        return run_trial(
            bench.request(cell),
            scenario=cell.scenario,
            environments=fake_environments(*(environments or [fake(), fake()])),
            store=bench.store,
            journal=bench.journal,
        )

    def in_files(self, bench: Bench) -> list[str]:
        return [file.name for file in bench.root.rglob("*") if file.is_file() and b"sk-12345" in file.read_bytes()]

    def test_not_in_commands_nor_what_they_print(self, bench: Bench) -> None:
        self.run(bench, lambda task, environment: environment.run(["echo", "sk-12345"]))

        assert self.in_files(bench) == []

    def test_not_in_what_the_agent_says_of_itself(self, bench: Bench) -> None:
        result = self.run(bench, lambda task, environment: AgentReport(note="used sk-12345"))

        assert result.agent_note == "used [secret]"
        assert self.in_files(bench) == []

    @pytest.mark.parametrize("error", [RuntimeError, AgentSetupError])
    def test_not_in_how_it_failed(self, bench: Bench, error: type[Exception]) -> None:
        def act(task: Task, environment: Environment) -> None:
            raise error("401 for sk-12345")

        assert "401 for [secret]" in self.run(bench, act).outcome.reason
        assert self.in_files(bench) == []

    def test_not_in_why_its_environment_broke(self, bench: Bench) -> None:
        """The engine's message has the command line in it."""

        def refuse(environment: FakeEnvironment, argv: Sequence[str]) -> int:
            raise EnvironmentFailure(f"cannot run {list(argv)}")

        result = self.run(
            bench, lambda task, environment: environment.run(["login", "sk-12345"]), fake(login=refuse), fake()
        )

        assert result.outcome == Void(reason="cannot run ['login', '[secret]']", phase=Phase.AGENT)
        assert self.in_files(bench) == []

    def test_not_in_what_the_verifier_says_of_the_work(self, bench: Bench) -> None:
        result = self.run(bench, lambda task, environment: None, fake(**{"/tests/": "expected 5, found sk-12345\n"}))

        assert result.verifier_tail == "expected 5, found [secret]"

    def test_not_in_why_it_could_not_even_begin(self, bench: Bench) -> None:
        cell = Cell(scenario=a_scenario(bench.folder / "dataset"), agent=self.spec(print))
        reason = "cannot be made: bad key sk-12345"

        record_void(bench.request(cell), store=bench.store, journal=bench.journal, phase=Phase.AGENT, reason=reason)

        assert self.in_files(bench) == []


class TestVoid:
    def test_a_verifier_without_a_result(self, bench: Bench) -> None:
        result = bench.put(Oracle(), fake(**{"/tests/": "boom\n"}), verifier={"isolation": "same", "result": "junit"})

        assert result.outcome == Void(
            reason="the verifier wrote no junit.xml to /logs/verifier (exit code 0), so nothing was judged: boom",
            phase=Phase.VERIFY,
        )
        assert (result.reward, result.checks, result.retries) == (None, {}, ())

    def test_an_agent_that_cannot_be_made(self, bench: Bench) -> None:
        cell = Cell(scenario=a_scenario(bench.folder), agent=AgentSpec.of(Acting, arguments={"y": 1}))

        result = run_trial(
            bench.request(cell),
            scenario=cell.scenario,
            environments=fake_environments(fake()),
            store=bench.store,
            journal=bench.journal,
        )

        assert isinstance(result.outcome, Void)
        assert (result.outcome.phase, result.outcome.transient) == (Phase.AGENT, False)

    def test_an_agent_that_lacks_something(self, bench: Bench) -> None:
        def act(task: Task, environment: Environment) -> None:
            raise AgentSetupError("no credentials")

        assert bench.put(Acting(act)).outcome == Void(reason="no credentials", phase=Phase.AGENT)

    def test_an_environment_that_does_not_start(self, bench: Bench) -> None:
        result = bench.put(Nop(), factory=lambda: never_started(EnvironmentFailure("no room")))

        assert result.outcome == Void(reason="no room", phase=Phase.START)
        assert bench.folders() == ["demo/make-it/nop/1"]

    def test_an_engine_that_breaks_while_the_agent_acts(self, bench: Bench) -> None:
        result = bench.put(ScriptedAgent(["work", "break-engine"]))

        assert result.outcome == Void(reason="the engine broke", phase=Phase.AGENT)

    def test_also_when_the_agent_has_not_let_it_pass(self, bench: Bench) -> None:
        def act(task: Task, environment: Environment) -> None:
            for command in ("break-engine", "work"):
                try:
                    environment.run([command])
                except EnvironmentFailure:
                    continue

        assert bench.put(Acting(act)).outcome == Void(reason="the engine broke", phase=Phase.AGENT)

    def test_an_engine_that_breaks_while_files_are_copied(self, bench: Bench) -> None:
        class Full(FakeEnvironment):
            def put(self, files: Any, *, root: str = "/") -> None:
                raise EnvironmentFailure("no space left")

        agent = Acting(lambda task, environment: environment.put({"/x": b""}))

        assert bench.put(agent, Full()).outcome == Void(reason="no space left", phase=Phase.AGENT)

    def test_an_engine_that_breaks_while_it_is_judged(self, bench: Bench) -> None:
        result = bench.put(Oracle(), fake(**{"/tests/": break_engine}))

        assert result.outcome == Void(reason="the engine broke", phase=Phase.VERIFY)

    def test_a_question_that_could_not_even_be_put(self, bench: Bench) -> None:
        result = record_void(
            bench.request(bench.cell(Nop()), 2),
            store=bench.store,
            journal=bench.journal,
            phase=Phase.BUILD,
            reason="does not build",
        )

        assert result.outcome == Void(reason="does not build", phase=Phase.BUILD)
        assert read_result(bench.root / result.folder / "result.json").outcome == result.outcome
        assert bench.folders() == ["demo/make-it/nop/2"]


class TestTriedAgain:
    def test_a_lost_environment_is_tried_once_more_and_the_first_try_is_kept(self, bench: Bench) -> None:
        lost = fake(**{"/solution/": remove_container})

        result = bench.put(Oracle(), lost, fake())

        assert (result.outcome, result.retries) == (Solved(), ("somebody removed it",))
        assert bench.folders() == ["demo/make-it/oracle/1", "demo/make-it/oracle/1.void1"]
        first = read_result(bench.root / "trials/demo/make-it/oracle/1.void1/result.json")
        assert first.outcome == Void(reason="somebody removed it", phase=Phase.AGENT)
        assert first.folder == "trials/demo/make-it/oracle/1.void1"
        assert lost.closed

    def test_the_second_time_it_is_void(self, bench: Bench) -> None:
        result = bench.put(Oracle(), *(fake(**{"/solution/": remove_container}) for _ in range(3)))

        assert result.outcome == Void(reason="somebody removed it", phase=Phase.AGENT, transient=True)
        assert result.retries == ("somebody removed it",)
        assert bench.folders() == ["demo/make-it/oracle/1", "demo/make-it/oracle/1.void1"]

    def test_what_will_not_change_is_not_tried_again(self, bench: Bench) -> None:
        assert bench.put(ScriptedAgent(["break-engine"])).retries == ()

    def test_the_second_try_has_an_agent_of_its_own(self, bench: Bench) -> None:
        """One that remembers the first try would act on what is no longer there."""
        made: list[int] = []

        class Remembering(Acting):
            def act(self, task: Task, environment: Desk) -> AgentReport:
                made.append(id(self))
                environment.run(["remove-container"])
                return AgentReport()

        agent = Remembering()
        bench.put(agent, fake(), fake())

        assert made[0] == id(agent)
        assert len(set(made)) == 2

    def test_its_times_are_its_own(self, bench: Bench) -> None:
        cell = bench.cell(Oracle())
        result = run_trial(
            bench.request(cell),
            scenario=cell.scenario,
            environments=fake_environments(fake(**{"/solution/": remove_container}), fake()),
            store=bench.store,
            journal=bench.journal,
            build_s=100.0,
            start_s=50.0,
        )

        first = read_result(bench.root / "trials/demo/make-it/oracle/1.void1/result.json")
        assert (first.timing.build_s, first.timing.wall_s >= 150) == (100.0, True)
        assert (result.timing.build_s, result.timing.wall_s < 50) == (0.0, True)


class TestSecrecy:
    """What the agent gets to see."""

    def test_only_the_oracle_is_told_where_the_solution_is(self, bench: Bench) -> None:
        told: list[Path | None] = []

        def tell(task: Task, environment: Environment) -> None:
            told.append(task.solution)

        class OfThatName(Acting):
            name: ClassVar[str] = "oracle"

        class ThatInherits(Oracle):
            def act(self, task: Task, environment: Environment) -> AgentReport:
                told.append(task.solution)
                return AgentReport()

        for agent in (Acting(tell), OfThatName(tell), ThatInherits()):
            bench.put(agent)
        # One that a conftest.py has put in the oracle's place.
        cell = bench.cell(Oracle(), verifier={"isolation": "same"})
        run_trial(
            bench.request(cell),
            scenario=cell.scenario,
            environments=fake_environments(fake()),
            store=bench.store,
            journal=bench.journal,
            agent=ThatInherits(),
        )

        assert told == [None] * 4
        assert bench.put(Oracle()).outcome == Solved()

    @pytest.mark.parametrize("isolation", ["same", "fresh"])
    def test_tests_come_in_after_the_agent_has_stopped(self, bench: Bench, isolation: str) -> None:
        seen: list[object] = []

        def judge(environment: FakeEnvironment, argv: Sequence[str]) -> int:
            seen.append(("judged", sorted(environment.files)))
            return 0

        agents, judges = fake(**{"/tests/": judge}), fake(**{"/tests/": judge})
        agent = Acting(lambda task, environment: seen.append(("acts", list(agents.files), list(agents.stops))))
        bench.put(agent, agents, judges, verifier={"isolation": isolation})

        assert seen == [("acts", [], []), ("judged", ["/logs/verifier/.keep", "/tests/test.sh"])]
        assert agents.stops == [[]]
        assert isolation == "same" or agents.files == {}

    @pytest.mark.parametrize("isolation", ["same", "fresh"])
    def test_what_the_agent_puts_in_their_place_is_gone(self, bench: Bench, isolation: str) -> None:
        def judge(environment: FakeEnvironment, argv: Sequence[str]) -> int:
            return int(any("planted" in name for name in environment.files))

        planted = {"/tests/planted": b"", "/logs/verifier/planted": b"", "/logs/verifier/reward.txt": b"1"}
        agent = Acting(lambda task, environment: environment.put(planted))
        environments = [fake(**{"/tests/": judge}) for _ in range(2)]

        assert bench.put(agent, *environments, verifier={"isolation": isolation}).outcome == Solved()

    def test_kept_services_are_named_when_the_agent_is_stopped(self, bench: Bench) -> None:
        bench.put(Nop(), environment := fake(), verifier={"isolation": "same", "keep": ["nginx", "app.py"]})

        assert environment.stops == [["nginx", "app.py"]]

    def test_an_agent_can_neither_stop_itself_nor_close_its_environment(self, bench: Bench) -> None:
        errors: list[str] = []

        def act(task: Task, environment: Environment) -> None:
            for call in (environment.stop_agent, environment.close):
                with pytest.raises(PermissionError) as error:
                    call()
                errors.append(str(error.value))

        bench.put(Acting(act))

        assert errors == ["an agent does not stop itself", "an agent does not close its environment"]

    def test_a_fresh_container_gets_what_is_collected_and_nothing_else(self, bench: Bench) -> None:
        agents = FakeEnvironment(REPLIES, files={"/app/old": b"1", "/etc/x": b"1"})
        judges = FakeEnvironment(REPLIES, files={"/app/old": b"1", "/app/deleted": b"1", "/etc/x": b"image"})
        agent = Acting(lambda task, environment: environment.put({"/app/new": b"2", "/etc/x": b"2"}))

        bench.put(agent, agents, judges, verifier={"isolation": "fresh", "collect": ["/app", "/opt/nothing"]})

        left = {name: content for name, content in judges.files.items() if not name.startswith(("/tests", "/logs"))}
        assert left == {"/app/old": b"1", "/app/new": b"2", "/etc/x": b"image"}


class TestFolder:
    def test_result_json_says_everything_that_the_contract_names(self, bench: Bench) -> None:
        result = bench.put(ScriptedAgent(["work"]), attempt=3)

        content = json.loads((bench.root / "trials/demo/make-it/scripted/3/result.json").read_text())
        timing = content.pop("timing")
        scenario = a_scenario(bench.folder / "dataset", verifier={"isolation": "same"})
        assert content == {
            "schema_version": 2,
            "run_id": "run",
            "scenario": "make-it",
            "scenario_id": "make-it",
            "dataset": "demo",
            "agent": "scripted",
            "model": None,
            "profile": None,
            "source": "live",
            "arguments": {},
            "configuration": AgentSpec.of(ScriptedAgent).configuration("make-it"),
            "limits": {"build_s": 600.0, "agent_s": 600.0, "verifier_s": 120.0, "wait_s": 0.0},
            "snapshot": {"kept": False, "reason": "judged in the agent's own container"},
            "regraded": [],
            "attempt": 3,
            "outcome": "solved",
            "reason": "",
            "phase": None,
            "reward": 1.0,
            "checks": {"exit code": "passed"},
            "messages": {},
            "usage": {
                "input_tokens": 0,
                "output_tokens": 0,
                "cached_tokens": 0,
                "cost_usd": 0.0,
                "calls": 0,
                "turns": 0,
            },
            "memory_peak_mb": 1.0,
            "memory_counter": "fake",
            "limits_hit": [],
            "agent_note": "typed 1 command",
            "verifier_tail": "",
            "retries": [],
            "folder": "trials/demo/make-it/scripted/3",
            "session": None,
            "fingerprint": {
                "scenario": scenario.digest,
                "dataset": "demo==0",
                "image": "sha256:1",
                "limits": {
                    "cpus": 1.0,
                    "memory_mb": 1024,
                    "pids": 512,
                    "network": "none",
                    "agent_s": 600,
                    "verifier_s": 120,
                    "build_s": 600,
                    "timeout_multiplier": 1.0,
                },
                "verifier": scenario.verifier_digest,
                "platform": "linux",
                "judging": scenario.judging_facts,
                "ignored": [],
                **scenario.visible_facts,
            },
            "artifacts": ["agent.cast", "commands.jsonl", "trajectory.json", "verifier/stderr", "verifier/stdout"],
        }
        assert sorted(timing) == ["agent_s", "build_s", "start_s", "teardown_s", "verify_s", "wall_s", "working_s"]
        again = read_result(bench.root / result.folder / "result.json").to_json()
        assert json.loads(json.dumps(again)) == {**content, "timing": timing}

    @pytest.mark.parametrize(
        ("agent", "reply", "outcome", "reward", "phase"),
        [
            (Oracle(), is_done, "solved", 1.0, None),
            (Nop(), is_done, "unsolved", 0.0, "verify"),
            (Oracle(), break_engine, "void", None, "verify"),
        ],
    )
    def test_outcomes_are_told_by_word(
        self, bench: Bench, agent: Agent, reply: Reply, outcome: str, reward: float | None, phase: str | None
    ) -> None:
        result = bench.put(agent, fake(**{"/tests/": reply}))

        content = json.loads((bench.root / result.folder / "result.json").read_text())
        assert (content["outcome"], content["reward"], content["phase"]) == (outcome, reward, phase)

    def test_it_appears_whole(self, bench: Bench) -> None:
        """While the trial runs it has another name."""
        seen: list[list[str]] = []

        bench.put(Acting(lambda task, environment: seen.append(bench.folders())))

        assert seen == [["demo/make-it/acting/.1.running"]]
        assert bench.folders() == ["demo/make-it/acting/1"]

    def test_an_interrupted_trial_has_none_and_its_environment_is_closed(self, bench: Bench) -> None:
        def interrupt(environment: FakeEnvironment, argv: Sequence[str]) -> int:
            raise KeyboardInterrupt

        environment = fake(**{"/tests/": interrupt})
        with pytest.raises(KeyboardInterrupt):
            bench.put(Oracle(), environment)

        assert environment.closed
        assert bench.folders() == ["demo/make-it/oracle/.1.running"]

    def test_what_an_interrupted_trial_left_is_not_found_in_the_next(self, bench: Bench) -> None:
        (bench.root / "trials/demo/make-it/nop/.1.running").mkdir(parents=True)
        (bench.root / "trials/demo/make-it/nop/.1.running/stale").write_text("x")

        assert "stale" not in bench.put(Nop()).artifacts

    def test_a_trial_that_is_put_again_replaces_the_first(self, bench: Bench) -> None:
        bench.put(ScriptedAgent([]))
        bench.put(ScriptedAgent(["work"]))

        assert read_result(bench.root / "trials/demo/make-it/scripted/1/result.json").outcome == Solved()
        assert bench.folders() == ["demo/make-it/scripted/1"]

    def test_models_have_folders_of_their_own(self, bench: Bench) -> None:
        scenario = a_scenario(bench.folder / "dataset")
        cell = Cell(scenario=scenario, agent=AgentSpec.of(Nop, name="a b", model="provider/one"))

        result = record_void(
            bench.request(cell, 2), store=bench.store, journal=bench.journal, phase=Phase.BUILD, reason=""
        )

        assert result.folder == f"trials/demo/make-it/{cell.id.label}/2"
        assert bench.folders() == [f"demo/make-it/{cell.id.label}/2"]
        assert cell.key == "demo/make-it[a%20b,provider%2Fone]"

    def test_the_verifiers_last_lines_and_words_are_kept(self, bench: Bench) -> None:
        said = "".join(f"line {n}\n" for n in range(20))

        result = bench.put(Nop(), fake(**{"/tests/": said}))

        assert result.verifier_tail.splitlines() == [f"line {n}" for n in range(8, 20)]
        assert (bench.root / result.folder / "verifier/stdout").read_text() == said


class TestEnd:
    def test_the_journal_tells_of_start_and_end(self, bench: Bench) -> None:
        bench.put(Nop())

        assert bench.events() == [("trial-start", None), ("trial-end", "unsolved")]

    def test_every_try_is_journalled(self, bench: Bench) -> None:
        bench.put(Oracle(), fake(**{"/solution/": remove_container}), fake())

        assert bench.events() == [
            ("trial-start", None),
            ("trial-end", "void"),
            ("trial-start", None),
            ("trial-end", "solved"),
        ]

    def test_environments_are_closed(self, bench: Bench) -> None:
        agents, judges = fake(), fake()
        bench.put(Oracle(), agents, judges, verifier={"isolation": "fresh"})

        assert (agents.closed, judges.closed) == (True, True)

    @pytest.mark.parametrize("isolation", ["same", "fresh"])
    def test_what_was_judged_stands_though_an_environment_cannot_be_removed(self, bench: Bench, isolation: str) -> None:
        class Sticky(FakeEnvironment):
            def close(self) -> None:
                raise EnvironmentFailure("the engine is stuck")

        result = bench.put(Oracle(), Sticky(REPLIES), Sticky(REPLIES), verifier={"isolation": isolation})

        assert result.outcome == Solved()
        assert ("teardown-failed", None) in bench.events()

    def test_a_failure_to_remove_does_not_hide_what_went_wrong(self, bench: Bench) -> None:
        class Sticky(FakeEnvironment):
            def close(self) -> None:
                raise EnvironmentFailure("the engine is stuck")

        assert bench.put(ScriptedAgent(["break-engine"]), Sticky(REPLIES)).outcome == Void(
            reason="the engine broke", phase=Phase.AGENT
        )

    def test_phases_are_measured(self, bench: Bench) -> None:
        result = bench.put(ScriptedAgent(["slow"]), fake(**{"/tests/": REPLIES["slow"]}))

        timing = result.timing
        assert timing.agent_s >= 0.06
        assert timing.verify_s >= 0.06
        assert timing.working_s == timing.agent_s
        assert timing.wall_s >= timing.start_s + timing.agent_s + timing.verify_s + timing.teardown_s


# -- when the disk is full -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("room", [20, 100, 400, 600, 900])
def test_a_trial_that_cannot_be_recorded_is_void_and_leaves_nothing_half_written(bench: Bench, room: int) -> None:
    bench.room = room

    result = bench.put(Acting(lambda task, desk: desk.run(["work"])))

    assert isinstance(result.outcome, Void)
    assert result.outcome.reason == "the results cannot be written: File too large"
    assert not (bench.root / "trials").exists() or bench.folders() == []


def test_an_agent_that_does_not_mind_is_not_judged(bench: Bench) -> None:
    """What it did is not known as a whole."""

    def act(task: Task, desk: Desk) -> None:
        with suppress(Exception):
            desk.run(["sh", "-c", "work; " + "x" * 3000])

    bench.room = 2_800
    result = bench.put(Acting(act))

    assert isinstance(result.outcome, Void)
    assert result.outcome.reason == "the results cannot be written: File too large"


def test_why_a_trial_could_not_begin_is_told_though_it_cannot_be_recorded(bench: Bench) -> None:
    request = bench.request(bench.cell(Nop()))

    with files_up_to(20):
        result = record_void(
            request, store=bench.store, journal=bench.journal, phase=Phase.BUILD, reason="it does not build"
        )

    assert result.outcome == Void(reason="it does not build", phase=Phase.BUILD)
    assert bench.folders() == []
