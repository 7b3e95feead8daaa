"""Judging a cell's trials again, in fake environments."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.agents.registry import AgentSpec
from pytest_terminalbench.agents.scripted import ScriptedAgent
from pytest_terminalbench.baselines.cell_gate import CellGate, cell_gate
from pytest_terminalbench.baselines.cell_side import CellSide
from pytest_terminalbench.baselines.comparison_policy import ComparisonPolicy
from pytest_terminalbench.baselines.parity import Mismatch
from pytest_terminalbench.baselines.record import BaselineRecord
from pytest_terminalbench.cells.regrade import CellRegrader, RegradedCell, RegradedTrial, compared_again
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.documents import read_json, write_json
from pytest_terminalbench.environments.base import Environment, ExecResult, StopReport
from pytest_terminalbench.environments.fake import FakeEnvironment, Reply, fake_environments
from pytest_terminalbench.errors import EngineUnreachable, EnvironmentFailure, ImageBuildError, RunFolderError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.limits import Limits
from pytest_terminalbench.outcome import Solved, Unsolved, Void, outcome_name
from pytest_terminalbench.scenarios.model import Scenario
from pytest_terminalbench.status import Status
from pytest_terminalbench.trials.cell import Cell
from pytest_terminalbench.trials.fingerprint import conditions
from pytest_terminalbench.trials.journal import FileJournal, read_events
from pytest_terminalbench.trials.request import AttemptRequest
from pytest_terminalbench.trials.result import TrialResult, read_result
from pytest_terminalbench.trials.trial import run_trial
from pytest_terminalbench.trials.trial_store import TrialFolders, files_in
from tests.scenario_files import a_scenario

# What a verifier looks for, and what agents leave.
WANTED = {"/tests/": lambda environment, argv: 0 if "/app/wanted" in environment.files else 1}
DONE = {"/tests/": lambda environment, argv: 0 if "/app/done" in environment.files else 1}


Replies = Mapping[str, Reply | ExecResult | int | str]


def strict_gate(baseline: BaselineRecord | None) -> CellGate:
    return cell_gate("strict", CellSide.approved(baseline) if baseline else None, ComparisonPolicy())


def work(environment: FakeEnvironment, argv: Sequence[str]) -> int:
    environment.files["/app/done"] = b"yes"
    return 0


class FakePrepared:
    """Environments of which each verifier answers as `replies` say."""

    platform: str | None = "linux/amd64"
    build_s = 0.0
    start_s = 0.0

    def __init__(self, replies: Replies, *, recipe: str = "sha256:1") -> None:
        self.recipe = recipe
        self.made: list[FakeEnvironment] = []
        self.is_closed = False
        self._replies = replies

    def __call__(self) -> AbstractContextManager[Environment]:
        self.made.append(FakeEnvironment(self._replies, files={"/app/done": b"of the image"}))
        return fake_environments(self.made[-1])()

    def close(self) -> None:
        self.is_closed = True


class Run:
    """A run of one cell, `attempts` of which an agent types `commands` in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "run"
        self.journal = FileJournal(self.root / "events.jsonl")
        self.stop = StopReport(memory_peak_mb=5.0, memory_counter="fake")
        self.prepared = FakePrepared(dict(DONE))
        self.asked: list[Limits] = []

    def scenario(self, **changes: Any) -> Scenario:
        return a_scenario(self.folder / "dataset", **changes)

    def trials(
        self, *commands: str, replies: Replies | None = None, multiplier: float = 1.0, **changes: Any
    ) -> CellResult:
        """A trial for each of the `commands`; their verifier looks for what nobody makes."""
        scenario = self.scenario(**changes)
        limits = Limits.of(scenario.timeouts, timeout_multiplier=multiplier)
        fingerprint = conditions(
            scenario, image="sha256:1", platform="linux/amd64", dataset_version="1", timeout_multiplier=multiplier
        )
        results = []
        for attempt, command in enumerate(commands, start=1):
            agent = AgentSpec.of(ScriptedAgent, name="scripted", arguments={"commands": [command]})
            cell = Cell(scenario=scenario, agent=agent)
            environments = [FakeEnvironment({"work": work, **(replies or WANTED)}, stop_report=self.stop) for _ in "ab"]
            results.append(
                run_trial(
                    AttemptRequest.of(cell, run_id="run", attempt=attempt, limits=limits, fingerprint=fingerprint),
                    scenario=scenario,
                    environments=fake_environments(*environments),
                    store=TrialFolders(self.root),
                    journal=self.journal,
                )
            )
        attempts = tuple(result.attempt_result() for result in results)
        return CellResult(id=cell.id, status=Status.UNSOLVED, attempts=attempts, category="files")

    def regrade(
        self,
        cell: CellResult,
        scenario: Scenario | None = None,
        *,
        ignores_conditions: bool = False,
        baseline: BaselineRecord | None = None,
    ) -> RegradedCell:
        def prepare(scenario: Scenario, limits: Limits) -> FakePrepared:
            self.asked.append(limits)
            return self.prepared

        def compare(cell: CellResult, trials: Sequence[TrialResult]) -> CellResult:
            return compared_again(cell, trials, baseline=baseline, gate=strict_gate(baseline))

        regrader = CellRegrader(
            root=self.root, prepare=prepare, journal=self.journal, ignores_conditions=ignores_conditions
        )
        return regrader.regrade(cell, scenario or self.scenario(), dataset_version="2", compare=compare)

    def place(self, attempt: int = 1) -> Path:
        return self.root / f"trials/demo/make-it/scripted/{attempt}"

    def result(self, attempt: int = 1) -> TrialResult:
        return read_result(self.place(attempt) / "result.json")

    def digests(self, attempt: int = 1) -> dict[str, bytes]:
        return {name: (self.place(attempt) / name).read_bytes() for name in files_in(self.place(attempt))}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def names(cell: RegradedCell) -> list[tuple[str, str | None]]:
    return [(outcome_name(t.before), outcome_name(t.after) if t.after else None) for t in cell.trials]


class TestTrials:
    def test_each_is_judged_by_the_verifier_as_it_is_now(self, run: Run) -> None:
        """And by what its agent left, not by what the image has."""
        cell = run.trials("work", "rest")

        regraded = run.regrade(cell)

        assert names(regraded) == [("unsolved", "solved"), ("unsolved", "unsolved")]
        assert run.result(1).outcome == Solved()
        assert [environment.files.get("/app/done") for environment in run.prepared.made] == [b"yes", None]

    def test_no_agent_acts(self, run: Run) -> None:
        run.regrade(run.trials("work"))

        assert [line for made in run.prepared.made for line in made.log if "/tests/" not in line] == []
        assert run.prepared.is_closed

    def test_the_verdict_before_is_kept(self, run: Run) -> None:
        cell = run.trials("work", replies={"/tests/": "before\n"}, verifier={"result": "junit"})
        before = run.digests()
        run.prepared = FakePrepared({"/tests/": lambda environment, argv: "now\n"})

        run.regrade(cell, run.scenario(verifier={"result": "exit_code"}))

        kept = run.place() / "regraded/1"
        assert (kept / "result.json").read_bytes() == before["result.json"]
        assert (kept / "verifier/stdout").read_text() == "before\n"
        assert (run.place() / "verifier/stdout").read_text() == "now\n"

    def test_its_result_says_that_and_when(self, run: Run) -> None:
        run.regrade(run.trials("work"))

        result = run.result()
        (regrading,) = result.regraded
        assert (regrading.outcome, regrading.folder) == ("unsolved", "regraded/1")
        assert regrading.at.endswith("Z")
        assert "regraded/1/result.json" in result.artifacts
        assert "result.json" not in result.artifacts
        assert result.verifier_tail == ""
        assert result.checks == {"exit code": "passed"}

    def test_again_and_again(self, run: Run) -> None:
        cell = run.trials("work")
        first = run.regrade(cell)
        run.prepared = FakePrepared(dict(WANTED))
        run.regrade(first.after)

        result = run.result()
        assert [(each.outcome, each.folder) for each in result.regraded] == [
            ("unsolved", "regraded/1"),
            ("solved", "regraded/2"),
        ]
        assert isinstance(result.outcome, Unsolved)

    def test_what_the_agent_took_and_had_is_as_it_was(self, run: Run) -> None:
        cell = run.trials("work", timeouts={"agent_s": 50}, multiplier=2.0)
        before = run.result()

        run.regrade(cell, run.scenario(timeouts={"agent_s": 70, "verifier_s": 30}))

        after = run.result()
        assert (after.timing, after.usage, after.limits) == (before.timing, before.usage, before.limits)
        assert after.memory_peak_mb == 5.0
        assert run.asked == [Limits(build_s=1200, agent_s=100, verifier_s=60)]
        assert run.prepared.made[0].calls[-1].timeout_s == 60

    def test_what_it_ran_into_still_explains_the_outcome(self, run: Run) -> None:
        run.stop = StopReport(oom_kills=1)
        cell = run.trials("rest")

        run.regrade(cell)

        assert run.result().outcome == Unsolved(
            reason="1 of 1 checks did not pass: exit code; out of memory: 1 process killed at memory_mb = 1024"
        )

    def test_its_fingerprint_has_the_scenario_the_verifier_and_the_dataset_as_they_are_now(self, run: Run) -> None:
        cell = run.trials("work")
        before = run.result().fingerprint
        scenario = run.scenario(tests={"test.sh": "#!/bin/sh\ntest -e /app/done\n"}, timeouts={"verifier_s": 5})

        run.regrade(cell, scenario)

        assert run.result().fingerprint == {
            **before,
            "scenario": scenario.digest,
            "verifier": scenario.verifier_digest,
            "judging": scenario.judging_facts,
            "dataset": "demo==2",
            "limits": {**before["limits"], "verifier_s": 5},
        }
        assert before["verifier"] != scenario.verifier_digest

    def test_it_is_journalled(self, run: Run) -> None:
        run.regrade(run.trials("work"))

        last = list(read_events(run.journal.file))[-1]
        assert (last["type"], last["cell"], last["trial"]) == ("trial-regraded", "demo/make-it[scripted]", 1)
        assert (last["outcome"], last["folder"]) == ("solved", "trials/demo/make-it/scripted/1")

    def test_one_that_was_void_for_its_verifier_is_judged_at_last(self, run: Run) -> None:
        cell = run.trials("work", replies={"/tests/": "boom"}, verifier={"result": "junit"})
        assert isinstance(run.result().outcome, Void)

        regraded = run.regrade(cell, run.scenario(verifier={"result": "exit_code"}))

        assert names(regraded) == [("void", "solved")]
        assert regraded.after.status is Status.SOLVED


class TestNotJudged:
    """Everything is as it was, and the trial is named with the reason."""

    def check(self, run: Run, cell: CellResult, problem: str, *, has_failed: bool, **how: Any) -> None:
        before = run.digests()

        regraded = run.regrade(cell, **how)

        (trial,) = regraded.trials
        assert trial == RegradedTrial(
            folder=cell.attempts[0].folder,
            attempt=1,
            before=cell.attempts[0].outcome,
            problem=trial.problem,
            has_failed=has_failed,
        )
        assert problem in trial.problem
        assert (regraded.after, regraded.was_judged) == (cell, False)
        assert run.digests() == before

    def test_one_that_was_judged_in_its_agents_container(self, run: Run) -> None:
        cell = run.trials("work", verifier={"isolation": "same"})

        self.check(run, cell, "judged in the agent's own container", has_failed=False)
        assert run.asked == []

    def test_one_whose_scenario_is_judged_there_now(self, run: Run) -> None:
        cell = run.trials("work")
        scenario = run.scenario(verifier={"isolation": "same"})

        self.check(run, cell, "in the agent's own container now, which is gone", has_failed=False, scenario=scenario)

    def test_one_that_left_nothing(self, run: Run) -> None:
        def broken(environment: FakeEnvironment, argv: Sequence[str]) -> int:
            raise EnvironmentFailure("broke")

        cell = run.trials("broken", replies={"broken": broken})

        self.check(run, cell, "the trial ended before anything could be kept", has_failed=False)

    def test_one_of_an_earlier_version(self, run: Run) -> None:
        cell = run.trials("work")
        file = run.place() / "result.json"
        old = {**json.loads(file.read_text()), "schema_version": 1}
        for key in ("snapshot", "limits", "regraded", "scenario"):
            del old[key]
        write_json(file, old)

        self.check(run, cell, "an earlier version, which kept nothing", has_failed=False)

    def test_one_whose_agent_was_told_something_else(self, run: Run) -> None:
        cell = run.trials("work")

        scenario = run.scenario(instruction="Make another.")
        self.check(run, cell, "the scenario's instruction is another now", has_failed=True, scenario=scenario)

    def test_one_whose_agent_acted_in_another_image(self, run: Run) -> None:
        cell = run.trials("work")
        run.prepared.recipe = "sha256:2"

        self.check(run, cell, "the scenario's image is another now", has_failed=True)
        assert run.prepared.is_closed

    def test_one_without_the_paths_that_are_judged_now(self, run: Run) -> None:
        cell = run.trials("work")
        scenario = run.scenario(verifier={"collect": ["/app", "/srv"]})

        self.check(run, cell, "has no /srv: the agent's work was collected as /app", has_failed=True, scenario=scenario)

    def test_one_whose_snapshot_is_damaged(self, run: Run) -> None:
        cell = run.trials("work")
        (run.place() / "snapshot/1.tar.gz").write_bytes(b"x")

        self.check(run, cell, "1.tar.gz is damaged or missing", has_failed=True)

    def test_one_whose_verifier_leaves_no_verdict(self, run: Run) -> None:
        cell = run.trials("work")
        run.prepared = FakePrepared({"/tests/": lambda environment, argv: "boom"})
        scenario = run.scenario(verifier={"result": "junit"})

        self.check(run, cell, "the verifier wrote no junit.xml", has_failed=True, scenario=scenario)

    def test_one_whose_environment_breaks(self, run: Run) -> None:
        def broken(environment: FakeEnvironment, argv: Sequence[str]) -> int:
            raise EnvironmentFailure("the engine broke")

        cell = run.trials("work")
        run.prepared = FakePrepared({"/tests/": broken})

        self.check(run, cell, "the engine broke", has_failed=True)

    def test_one_whose_image_cannot_be_had(self, run: Run, tmp_path: Path) -> None:
        def prepare(scenario: Scenario, limits: Limits) -> FakePrepared:
            raise ImageBuildError("does not build")

        cell = run.trials("work", "rest")
        regrader = CellRegrader(root=run.root, prepare=prepare, journal=run.journal)
        regraded = regrader.regrade(cell, run.scenario(), dataset_version="1", compare=lambda cell, trials: cell)

        assert [(trial.problem, trial.has_failed) for trial in regraded.trials] == [("does not build", True)] * 2


def test_without_an_engine_there_is_nothing_to_judge_in(run: Run) -> None:
    def prepare(scenario: Scenario, limits: Limits) -> FakePrepared:
        raise EngineUnreachable("no engine answers")

    regrader = CellRegrader(root=run.root, prepare=prepare, journal=run.journal)

    with pytest.raises(EngineUnreachable):
        regrader.regrade(run.trials("work"), run.scenario(), dataset_version="1", compare=lambda cell, trials: cell)


def test_other_conditions_can_be_ignored(run: Run) -> None:
    cell = run.trials("work")
    run.prepared.recipe = "sha256:2"

    regraded = run.regrade(cell, run.scenario(instruction="Make another."), ignores_conditions=True)

    assert names(regraded) == [("unsolved", "solved")]


def a_baseline(fingerprint: Any, *, solved: int = 1, attempts: int = 1) -> BaselineRecord:
    return BaselineRecord(
        baseline_id="b-1",
        scenario_id="make-it",
        cell=CellId(dataset="demo", scenario="make-it", agent="scripted"),
        status="active",
        approved_on="2026-01-01",
        approved_by="me",
        attempts=attempts,
        solved=solved,
        rewards=[1.0] * solved + [0.0] * (attempts - solved),
        metrics={},
        fingerprint=fingerprint,
    )


class TestCell:
    """The cell is compared anew, under the same rules as in its session."""

    def test_it_has_its_attempts_as_they_are_now(self, run: Run) -> None:
        cell = run.trials("work", "work")

        after = run.regrade(cell).after

        assert (after.status, after.tally, after.id, after.category) == (Status.SOLVED, (2, 2), cell.id, "files")
        assert after.attempts == tuple(run.result(number).attempt_result() for number in (1, 2))

    def test_those_that_could_not_be_judged_again_count_as_they_are(self, run: Run) -> None:
        cell = run.trials("work", "work")
        (run.place(2) / "snapshot/1.tar.gz").write_bytes(b"x")

        regraded = run.regrade(cell)

        assert names(regraded) == [("unsolved", "solved"), ("unsolved", None)]
        assert (regraded.after.status, regraded.after.tally) == (Status.UNSOLVED, (1, 2))

    @pytest.mark.parametrize(("agent", "status"), [("work", Status.SOLVED), ("rest", Status.REGRESSED)])
    def test_it_is_compared_with_its_baseline(self, run: Run, agent: str, status: Status) -> None:
        cell = run.trials(agent)
        baseline = a_baseline({"image": "sha256:1"})

        after = run.regrade(cell, baseline=baseline).after

        assert (after.status, after.baseline_id) == (status, "b-1")

    def test_other_conditions_than_the_baselines_block_it(self, run: Run) -> None:
        cell = run.trials("work")

        after = run.regrade(cell, baseline=a_baseline({"platform": "linux/arm64"})).after

        assert after.status is Status.BLOCKED
        assert "platform: approved linux/arm64, now linux/amd64" in after.text
        assert [mismatch.field for mismatch in after.mismatches] == ["platform"]

    @pytest.mark.parametrize(("parity", "noted"), [("warn", 1), ("off", 0)])
    def test_unless_its_session_only_noted_them(self, run: Run, parity: str, noted: int) -> None:
        cell = run.trials("work", replies=dict(DONE))
        baseline = a_baseline({"platform": "linux/arm64"})

        after = compared_again(cell, [run.result()], baseline=baseline, gate=strict_gate(baseline), parity=parity)

        assert (after.status, len(after.mismatches)) == (Status.SOLVED, noted)

    def test_another_configuration_is_noted_as_in_its_session(self, run: Run) -> None:
        cell = replace(run.trials("work", replies=dict(DONE)), configuration="sha256:2")
        baseline = a_baseline({}).model_copy(update={"configuration": "sha256:1"})

        after = compared_again(cell, [run.result()], baseline=baseline, gate=strict_gate(baseline))

        assert after.status is Status.SOLVED
        assert list(after.mismatches) == [Mismatch("configuration", "sha256:1", "sha256:2")]

    @pytest.mark.parametrize("multiplier", ["x", None, 0, True])
    def test_a_record_without_a_usable_multiplier_is_damaged(self, run: Run, multiplier: object) -> None:
        cell = run.trials("work")
        file = run.place() / "result.json"
        content = read_json(file)
        content["fingerprint"]["limits"]["timeout_multiplier"] = multiplier
        write_json(file, content)

        with pytest.raises(RunFolderError, match=f"its timeout_multiplier is {multiplier!r}"):
            run.regrade(cell)

    def test_a_void_attempt_leaves_it_void(self, run: Run) -> None:
        cell = run.trials("work", replies={"/tests/": "boom"}, verifier={"result": "junit"})

        after = compared_again(cell, [run.result()], baseline=None, gate=strict_gate(None))

        assert after.status is Status.VOID
        assert after.text.startswith("the verifier wrote no junit.xml")
