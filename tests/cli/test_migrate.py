"""`terminalbench baseline migrate`."""

from __future__ import annotations

import json

import pytest

from pytest_terminalbench.identity import CellId
from tests.cli.conftest import Project
from tests.cli.runs import a_run, as_schema_1
from tests.old_baselines import approve_as_before

CELL = CellId(dataset="demo", scenario="alpha", agent="t", model="lab/x-1")
OLD, NEW = "demo/t--lab-x-1/alpha", "demo/t,lab%2Fx-1/alpha"


@pytest.fixture
def old(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with a baseline of schema 1, approved in the run `r1`."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(project.path / "cache"))
    approve_as_before(project.path / "baselines", CELL, OLD, run="r1")
    return project


def baselines(project: Project) -> list[str]:
    folder = project.path / "baselines"
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*.json"))


def test_a_run_in_the_results_folder_tells_the_model(old: Project) -> None:
    as_schema_1(a_run(old.path, "r1", agent="t", model="lab/x-1", cell="demo/alpha[t-lab-x-1]"))

    done = old.call("baseline", "migrate", "--approver", "ada")

    assert done.exit_code == 0, done.err
    assert [line.split() for line in done.out.splitlines()] == [["before", "now"], [OLD, NEW]]
    assert done.err == "1 baseline rewritten\n"
    assert baselines(old) == [f"{NEW}.json"]
    content = json.loads((old.path / f"baselines/{NEW}.json").read_text())
    assert (content["schema_version"], content["cell"]["model"]) == (2, "lab/x-1")
    assert old.call("baseline", "audit").exit_code == 0


def test_without_a_run_it_asks_and_takes_the_answer(old: Project) -> None:
    refused = old.call("baseline", "migrate")
    done = old.call("baseline", "migrate", "--model", "lab-x-1=lab/x-1", "--format", "json")

    assert refused.exit_code == 4
    assert refused.err == (
        f"terminalbench: {old.path}/baselines/demo/t--lab-x-1: which model is 'lab-x-1'? (no run in the results folder "
        "tells); say it: --model lab-x-1=PROVIDER/NAME\n"
    )
    (move,) = done.json
    assert (move["from"], move["to"]) == (OLD, NEW)
    assert baselines(old) == [f"{NEW}.json"]


def test_a_dry_run_writes_nothing(old: Project) -> None:
    before = {file: file.read_bytes() for file in (old.path / "baselines").rglob("*") if file.is_file()}

    done = old.call("baseline", "migrate", "--dry-run", "--model", "lab-x-1=lab/x-1")

    assert (done.exit_code, done.err) == (0, "1 baseline to rewrite\n")
    assert NEW in done.out
    assert {file: file.read_bytes() for file in (old.path / "baselines").rglob("*") if file.is_file()} == before


def test_what_is_new_already_is_left_alone(old: Project) -> None:
    old.call("baseline", "migrate", "--model", "lab-x-1=lab/x-1")

    done = old.call("baseline", "migrate")

    assert (done.exit_code, done.out) == (0, "")
    assert done.err == "nothing to rewrite: every baseline in baselines says its cell in full\n"


def test_only_a_maintainer_may(old: Project) -> None:
    old.write("pyproject.toml", '[tool.terminalbench]\nmaintainers = ["grace"]\n')

    refused = old.call("baseline", "migrate", "--model", "lab-x-1=lab/x-1", "--approver", "eve")

    assert refused.exit_code == 4
    assert "'eve' may not migrate; [tool.terminalbench] maintainers names: grace" in refused.err


def test_an_answer_of_another_form_is_told(old: Project) -> None:
    refused = old.call("baseline", "migrate", "--model", "lab/x-1")

    assert refused.exit_code == 4
    assert "--model 'lab/x-1' is not OLD=NEW, as in openai-gpt-5=openai/gpt-5" in refused.err


def test_a_run_of_an_earlier_version_is_approved_under_its_cells_new_name(project: Project) -> None:
    """Its summary calls the cell by a name that no cell has any more."""
    run = a_run(project.path, "r1", agent="t", model="lab/x-1", cell="demo/alpha[t-lab-x-1]")
    as_schema_1(run)
    result = run / "trials/demo/alpha/oracle/1/result.json"
    result.write_text(json.dumps({**json.loads(result.read_text()), "agent": "t", "model": "lab/x-1"}))

    done = project.call("baseline", "approve", "--scenario", "alpha", "--run", "r1", "--approver", "ada")

    assert done.exit_code == 0, done.err
    assert baselines(project) == [f"{NEW}.json"]
