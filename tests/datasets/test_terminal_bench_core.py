"""Every scenario of our own dataset: the oracle solves it; doing nothing, or a plausible wrong answer, does not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from pytest_terminalbench.agents.nop import Nop
from pytest_terminalbench.agents.oracle import Oracle
from pytest_terminalbench.agents.registry import AgentSpec
from pytest_terminalbench.agents.scripted import ScriptedAgent
from pytest_terminalbench.baselines.record import read_record
from pytest_terminalbench.environments.docker_engine import DockerEngine
from pytest_terminalbench.environments.docker_provider import DockerProvider
from pytest_terminalbench.environments.image_map import ImageMap, load_image_map, machine_image_map
from pytest_terminalbench.environments.provider import ProviderSettings
from pytest_terminalbench.limits import Limits
from pytest_terminalbench.outcome import Solved, Unsolved
from pytest_terminalbench.scenarios.catalog import Dataset, check_ids, open_dataset
from pytest_terminalbench.scenarios.lock import dataset_drift, drift, read_lock
from pytest_terminalbench.scenarios.model import Scenario
from pytest_terminalbench.trials.cell import Cell
from pytest_terminalbench.trials.journal import FileJournal
from pytest_terminalbench.trials.request import AttemptRequest
from pytest_terminalbench.trials.result import TrialResult
from pytest_terminalbench.trials.trial import run_trial
from pytest_terminalbench.trials.trial_store import TrialFolders

ROOT = Path(__file__).parents[2]
WRONG_ANSWERS = ROOT / "tests" / "wrong_answers" / "terminal-bench-core"


def the_dataset() -> Dataset:
    return open_dataset(ROOT / "scenarios" / "terminal-bench-core")


SCENARIOS = {scenario.id: scenario for scenario in the_dataset().scenarios()}

CATEGORIES = {
    "building-software",
    "data-processing",
    "databases",
    "debugging",
    "files",
    "git",
    "networking",
    "scientific-computing",
    "scripting",
    "security",
    "system-administration",
    "text-processing",
}


def test_there_are_two_scenarios_in_each_of_twelve_categories() -> None:
    categories = Counter(scenario.category for scenario in SCENARIOS.values())

    assert categories == dict.fromkeys(CATEGORIES, 2)
    check_ids(SCENARIOS.values())


def test_difficulties_are_spread_as_said() -> None:
    difficulties = Counter(scenario.difficulty for scenario in SCENARIOS.values())

    assert difficulties == {"easy": 8, "medium": 10, "hard": 6}


def test_no_scenario_needs_the_network() -> None:
    assert {scenario.limits["network"] for scenario in SCENARIOS.values()} == {"none"}


def test_at_least_five_services_are_judged_while_they_run() -> None:
    assert sum(bool(scenario.kept_programs) for scenario in SCENARIOS.values()) >= 5


@pytest.mark.docker
@pytest.mark.parametrize("scenario_id", SCENARIOS)
def test_the_oracle_solves(scenario_id: str, engine: DockerEngine, tmp_path: Path) -> None:
    result = tried(SCENARIOS[scenario_id], AgentSpec.of(Oracle), engine, tmp_path)

    assert isinstance(result.outcome, Solved), why(result)


@pytest.mark.docker
@pytest.mark.parametrize("scenario_id", SCENARIOS)
def test_doing_nothing_does_not_solve(scenario_id: str, engine: DockerEngine, tmp_path: Path) -> None:
    result = tried(SCENARIOS[scenario_id], AgentSpec.of(Nop), engine, tmp_path)

    assert isinstance(result.outcome, Unsolved), why(result)


@pytest.mark.docker
@pytest.mark.parametrize("scenario_id", SCENARIOS)
def test_a_plausible_wrong_answer_does_not_solve(scenario_id: str, engine: DockerEngine, tmp_path: Path) -> None:
    wrong = AgentSpec.of(ScriptedAgent, arguments={"script": str(WRONG_ANSWERS / f"{scenario_id}.sh")})

    result = tried(SCENARIOS[scenario_id], wrong, engine, tmp_path)

    assert isinstance(result.outcome, Unsolved), why(result)


def tried(scenario: Scenario, agent: AgentSpec, engine: DockerEngine, folder: Path) -> TrialResult:
    machine = machine_image_map()
    provider = DockerProvider(
        ProviderSettings(
            engine_url=engine.url,
            run_id=folder.name,
            image_map=load_image_map(machine) if machine.is_file() else ImageMap(),
        )
    )
    prepared = provider.prepare(scenario, Limits.of(scenario.timeouts))
    try:
        return run_trial(
            AttemptRequest.of(Cell(scenario=scenario, agent=agent), run_id=folder.name),
            scenario=scenario,
            environments=prepared,
            store=TrialFolders(folder),
            journal=FileJournal(folder / "events.jsonl"),
        )
    finally:
        prepared.close()


def why(result: TrialResult) -> str:
    return f"{result.outcome}\n{result.agent_note}\n{dict(result.messages)}\n{result.verifier_tail}"


def test_the_lock_is_up_to_date() -> None:
    """Renewed with ``terminalbench dataset lock terminal-bench-core``."""
    dataset = the_dataset()

    lock = read_lock(dataset)
    assert {one.id: drift(one, lock.scenarios) for one in SCENARIOS.values()} == {key: [] for key in SCENARIOS}
    assert dataset_drift(dataset, lock) == []


def test_every_scenario_has_a_baseline_of_the_oracle_that_still_fits() -> None:
    """Renewed with ``make bench ARGS=--update-baselines``."""
    for scenario in SCENARIOS.values():
        record = read_record(ROOT / "baselines" / "terminal-bench-core" / "oracle" / f"{scenario.id}.json")
        assert record is not None
        assert (record.solved, record.attempts) == (1, 1)
        assert record.fingerprint["scenario"] == scenario.digest
        assert record.fingerprint["verifier"] == scenario.verifier_digest
