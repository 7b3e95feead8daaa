"""`terminalbench regrade`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.agents.registry import AgentSpec
from pytest_terminalbench.agents.scripted import ScriptedAgent
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.documents import write_json
from pytest_terminalbench.environments.docker_engine import DockerEngine
from pytest_terminalbench.environments.fake import FakeEnvironment, fake_environments
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.ledger import Closing, FileLedger
from pytest_terminalbench.runs.manifest import RunManifest, RunSettings
from pytest_terminalbench.runs.summary import summarise
from pytest_terminalbench.scenarios.formats import load_scenario
from pytest_terminalbench.status import Status
from pytest_terminalbench.trials.cell import Cell
from pytest_terminalbench.trials.fingerprint import conditions
from pytest_terminalbench.trials.journal import FileJournal
from pytest_terminalbench.trials.request import AttemptRequest
from pytest_terminalbench.trials.trial import run_trial
from pytest_terminalbench.trials.trial_store import TrialFolders
from tests.cli.conftest import Project
from tests.comparing.test_session_gate import approve

CELL = "demo/alpha[scripted]"


def a_run(project: Project, file: Path, *, recipe: str = "", **settings: Any) -> RunFolder:
    """A run of one trial of the scenario in `file`, whose agent did its work and whose verifier refused it."""
    run = RunFolder(project.path / "results/r1")
    scenario = load_scenario(file, dataset="demo")
    agent = AgentSpec.of(ScriptedAgent, name="scripted", arguments={"commands": ["work"]})
    cell = Cell(scenario=scenario, agent=agent)
    fakes = [FakeEnvironment({"/tests/": 1}, files={"/app/done": b""}) for _ in "ab"]
    result = run_trial(
        AttemptRequest.of(cell, run_id="r1", fingerprint=conditions(scenario, image=recipe)),
        scenario=scenario,
        environments=fake_environments(*fakes),
        store=TrialFolders(run.path),
        journal=FileJournal(run.events),
    )
    told = CellResult(id=cell.id, status=Status.UNSOLVED, attempts=(result.attempt_result(),), category="files")
    asked = RunSettings(attempts=1, **settings)
    manifest = RunManifest.begin("r1", asked, expected=[cell.id], root=project.path, workers=0)
    write_json(run.manifest, manifest.to_json())
    ledger = FileLedger(run.ledger)
    ledger.record(told)
    ledger.close(Closing(exit_status=1))
    write_json(run.summary, summarise("r1", [told]).to_json())
    run.point_latest()
    return run


def in_place(project: Project) -> Path:
    """A scenario that is judged in the agent's own container; its file."""
    script = "alpha/tests/test.sh"
    return project.scenario("alpha", verifier={"script": script, "result": "exit_code", "isolation": "same"})


def test_trials_that_cannot_be_judged_again_are_named(project: Project) -> None:
    """Without an engine: there is nothing to start."""
    project.dataset("demo")
    a_run(project, in_place(project))

    done = project.call("regrade")

    assert done.exit_code == 1
    assert done.err == f"[1/1] {CELL}: not judged again\n"
    heading, row, place = done.out.splitlines()[0], " ".join(done.out.split()), done.out.splitlines()[-1]
    assert heading.split() == ["cell", "attempt", "before", "now", "why", "not"]
    assert f"{CELL} 1 unsolved -" in row
    assert "judged in the agent's own container" in row
    assert place == "results: results/r1"


def test_in_json_too(project: Project) -> None:
    project.dataset("demo")
    run = a_run(project, in_place(project))

    done = project.call("regrade", "r1", "--cell", CELL, "--format", "json")

    assert done.exit_code == 1
    (cell,) = done.json["cells"]
    (trial,) = cell["trials"]
    assert (done.json["run_id"], done.json["summary"]) == ("r1", str(run.summary))
    assert (cell["cell"], cell["before"], cell["after"]) == (CELL, "unsolved", "unsolved")
    assert (trial["attempt"], trial["folder"]) == (1, "trials/demo/alpha/scripted/1")
    assert (trial["before"]["outcome"], trial["after"], trial["failed"]) == ("unsolved", None, False)


@pytest.mark.parametrize(
    ("recorded", "options", "baseline"),
    [
        ("approved/here", [], "alpha-1"),
        ("approved/here", ["--baselines", "elsewhere"], None),
        (None, [], None),
        (None, ["--baselines", "approved/here"], "alpha-1"),
    ],
)
def test_cells_are_compared_where_the_session_had_its_baselines(
    project: Project, recorded: str | None, options: list[str], baseline: str | None
) -> None:
    project.dataset("demo")
    run = a_run(project, project.scenario("alpha"), environment="fake", parity="off", baselines=recorded)
    approve(project.path / "approved/here", {"alpha": [1]}, agent="scripted")
    (project.path / "elsewhere").mkdir()

    done = project.call("regrade", *options)

    assert (done.exit_code, done.err) == (0, f"[1/1] {CELL}: unsolved, now solved\n")
    (cell,) = json.loads(run.summary.read_text())["cells"]
    assert cell["baseline_id"] == baseline


def test_a_dataset_elsewhere_is_named_by_its_folder(project: Project) -> None:
    dataset = project.dataset("demo")
    a_run(project, in_place(project))
    dataset.rename(project.path / "elsewhere")

    lost, found = project.call("regrade"), project.call("regrade", "--dataset", "elsewhere")

    assert "'demo' is neither a folder nor a known dataset" in " ".join(lost.out.split())
    assert "judged in the agent's own container" in " ".join(found.out.split())


def test_a_cell_that_is_not_there_is_a_wrong_command_line(project: Project) -> None:
    project.dataset("demo")
    a_run(project, in_place(project))

    done = project.call("regrade", "--cell", "demo/alpha[nop]")

    assert done.exit_code == 4
    assert "run r1 has no cell 'demo/alpha[nop]'" in done.err


def test_so_is_a_parity_that_does_not_exist(project: Project) -> None:
    assert project.call("regrade", "--parity", "off").exit_code == 4


def test_a_run_that_is_not_there_ends_with_3(project: Project) -> None:
    done = project.call("regrade", "nonsense")

    assert done.exit_code == 3
    assert "no run at" in done.err


@pytest.mark.parametrize("name", ["summary.json", "manifest.json", "trials/demo/alpha/scripted/1/result.json"])
def test_so_does_a_damaged_one(project: Project, name: str) -> None:
    project.dataset("demo")
    run = a_run(project, in_place(project))
    (run.path / name).write_text("{")

    done = project.call("regrade")

    assert done.exit_code == 3
    assert name in done.err


@pytest.mark.docker
@pytest.mark.usefixtures("machine_map")
def test_what_is_kept_is_judged_in_a_container(project: Project, engine: DockerEngine) -> None:
    """Put there in a fake one: a snapshot is the same wherever it was taken."""
    project.dataset("demo")
    run = a_run(project, project.scenario("alpha", environment={"image": "debian:bookworm-slim"}))

    done = project.call("regrade")

    assert done.exit_code == 0, done.out + done.err
    assert done.err.splitlines()[-1] == f"[1/1] {CELL}: unsolved, now solved"
    assert (run.path / "trials/demo/alpha/scripted/1/regraded/1/result.json").is_file()
    assert project.call("report", "--format", "json").exit_code == 0
