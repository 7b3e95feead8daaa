"""What travels can be sent: a request as JSON to another process, and its result back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_terminalbench.agents.registry import AgentSpec
from pytest_terminalbench.agents.scripted import ScriptedAgent
from pytest_terminalbench.environments.fake import FakeEnvironment, fake_environments
from pytest_terminalbench.errors import ScenarioError
from pytest_terminalbench.limits import Limits
from pytest_terminalbench.outcome import Solved
from pytest_terminalbench.trials.cell import Cell
from pytest_terminalbench.trials.fingerprint import conditions
from pytest_terminalbench.trials.journal import FileJournal
from pytest_terminalbench.trials.request import AttemptRequest
from pytest_terminalbench.trials.result import Timing, TrialResult, read_result
from pytest_terminalbench.trials.trial import run_trial
from pytest_terminalbench.trials.trial_store import TrialFolders
from tests.scenario_files import a_scenario, write_scenario

# Somebody who has the package, the dataset and an environment, and was told nothing but the request.
ELSEWHERE = """
import json, sys
from pathlib import Path
from pytest_terminalbench.environments.fake import FakeEnvironment, fake_environments
from pytest_terminalbench.trials.trial_store import TrialFolders
from pytest_terminalbench.trials.journal import FileJournal
from pytest_terminalbench.trials.request import AttemptRequest
from pytest_terminalbench.trials.trial import run_trial

request = AttemptRequest.from_json(json.load(sys.stdin))
root = Path(sys.argv[1])
result = run_trial(
    request,
    scenario=request.load_scenario(),
    environments=fake_environments(FakeEnvironment({"/tests/": 0}), FakeEnvironment({"/tests/": 0})),
    store=TrialFolders(root),
    journal=FileJournal(root / "events.jsonl"),
)
json.dump(result.to_json(), sys.stdout)
"""


@pytest.fixture
def request_(tmp_path: Path) -> AttemptRequest:
    scenario = a_scenario(tmp_path / "dataset")
    agent = AgentSpec.of(ScriptedAgent, name="scripted", arguments={"commands": ["ls", "make it"]})
    limits = Limits(build_s=10, agent_s=20, verifier_s=30, wait_s=4)
    fingerprint = conditions(scenario, image="sha256:1", platform="linux/amd64", dataset_version="2")
    cell = Cell(scenario=scenario, agent=agent)
    return AttemptRequest.of(cell, run_id="run", attempt=3, limits=limits, fingerprint=fingerprint)


def sent(request: AttemptRequest) -> AttemptRequest:
    return AttemptRequest.from_json(json.loads(json.dumps(request.to_json())))


def run_here(request: AttemptRequest, root: Path) -> TrialResult:
    return run_trial(
        request,
        scenario=request.load_scenario(),
        environments=fake_environments(FakeEnvironment({"/tests/": 0}), FakeEnvironment({"/tests/": 0})),
        store=TrialFolders(root),
        journal=FileJournal(root / "events.jsonl"),
    )


def test_a_request_goes_to_json_and_back(request_: AttemptRequest) -> None:
    assert sent(request_) == request_


def test_another_process_runs_it_and_gives_back_an_equal_result(request_: AttemptRequest, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, str(tmp_path / "there")],
        input=json.dumps(request_.to_json()),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )

    result = TrialResult.from_json(json.loads(done.stdout))
    here = run_here(request_, tmp_path / "here")
    assert result.outcome == Solved()
    assert replace(result, timing=Timing()) == replace(here, timing=Timing())
    assert read_result(tmp_path / "there" / result.folder / "result.json") == result


def test_its_key_is_that_of_cell_attempt_and_configuration(request_: AttemptRequest) -> None:
    other_run = replace(request_, run_id="another", limits=Limits(build_s=1, agent_s=1, verifier_s=1))
    others = [
        replace(request_, attempt=4),
        replace(request_, configuration="sha256:other"),
        replace(request_, cell=replace(request_.cell, model="lab/one")),
    ]

    assert sent(request_).key == request_.key == other_run.key
    assert len({request_.key, *(other.key for other in others)}) == 4


def test_a_scenario_that_is_another_than_was_asked_for_is_refused(request_: AttemptRequest, tmp_path: Path) -> None:
    write_scenario(tmp_path / "dataset", instruction="Make something else.")

    with pytest.raises(ScenarioError, match="its digest is sha256:") as error:
        request_.load_scenario()
    assert str(request_.scenario_file) in str(error.value)


def test_without_limits_of_its_own_a_request_has_the_scenarios(tmp_path: Path) -> None:
    scenario = a_scenario(tmp_path, timeouts={"agent_s": 7})
    request = AttemptRequest.of(Cell(scenario=scenario, agent=AgentSpec.of(ScriptedAgent, name="x")), run_id="r")

    assert request.limits == Limits(build_s=600, agent_s=7, verifier_s=120)
