"""`terminalbench import`: results of other harnesses as runs and as baselines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Project

HARBOR = Path(__file__).parents[1] / "data" / "harbor" / "jobs" / "2026-03-01__10-00-00"
TB = Path(__file__).parents[1] / "data" / "terminal-bench" / "one-file" / "results.json"


def test_a_job_of_harbor_becomes_a_run_that_can_be_reported(project: Project) -> None:
    done = project.call("import", str(HARBOR), "--run-id", "theirs")

    assert (done.exit_code, done.out) == (0, "results/theirs\n")
    report = project.call("report", "theirs", "--format", "json")
    assert report.exit_code == 0
    assert {one["scenario_id"] for one in report.json["scenarios"]} == {"fix-git", "hello-world", "play-zork"}
    assert not (project.path / "baselines").exists()


def approved(project: Project) -> dict[str, int]:
    """Scenario -> attempts of its baseline."""
    files = (project.path / "baselines").glob("*/*/*.json")
    return {file.stem: json.loads(file.read_text())["attempts"] for file in files}


def test_cells_with_void_attempts_are_refused_and_the_others_approved(project: Project) -> None:
    done = project.call("import", str(HARBOR), "--run-id", "theirs", "--approve", "--approver", "ada")

    assert done.exit_code == 4
    assert list(approved(project)) == ["hello-world"]
    first, warning, *others = done.err.splitlines()
    assert first == "1 baselines written, 0 unchanged"
    # No command: the attempts are another harness's.
    assert warning == (
        "warning: sample-core terminus-2 some/model-4: 1 cell approved with fewer than 3 attempts: sessions of as many "
        "can see no drop at all"
    )
    assert others == [
        "terminalbench: not approved: sample-core/fix-git[terminus-2,some%2Fmodel-4]: 1 of 2 attempts void",
        "terminalbench: not approved: sample-core/play-zork[terminus-2,some%2Fmodel-4]: 1 of 2 attempts void",
        "--leave-out-void approves cells with void attempts by their other attempts",
    ]


def test_void_attempts_are_left_out_when_asked_and_that_is_said(project: Project) -> None:
    done = project.call(
        "import", str(HARBOR), "--run-id", "theirs", "--approve", "--approver", "ada", "--leave-out-void"
    )

    assert done.exit_code == 0, done.err
    cells = json.loads((project.path / "results" / "theirs" / "summary.json").read_text())["cells"]
    judged = {cell["scenario"]: sum(one["outcome"] != "void" for one in cell["attempts"]) for cell in cells}
    assert approved(project) == {name: count for name, count in judged.items() if count}
    assert "approved by its other attempts: " in done.err
    files = {file.stem: json.loads(file.read_text()) for file in (project.path / "baselines").glob("*/*/*.json")}
    assert {record["approved_by"] for record in files.values()} == {"ada"}
    assert project.call("baseline", "audit").exit_code == 0


@pytest.mark.parametrize("options", [(), ("--leave-out-void",)])
def test_where_nothing_can_be_approved_the_exit_code_says_so(project: Project, options: tuple[str, ...]) -> None:
    content = json.loads(TB.read_text())
    void = [one for one in content["results"] if one["is_resolved"] is None]
    project.write("results.json", {**content, "results": void})

    done = project.call("import", "results.json", "--run-id", "theirs", "--approve", "--approver", "ada", *options)

    assert done.exit_code == 4
    assert done.err.splitlines() == [
        "0 baselines written, 0 unchanged",
        "terminalbench: not approved: imported/fix-git[unknown]: 1 of 1 attempts void",
    ]
    assert approved(project) == {}


def test_what_is_no_result_is_exit_code_3(project: Project) -> None:
    (project.path / "results.json").write_text("{}")

    done = project.call("import", "results.json")

    assert done.exit_code == 3
    assert "is no results file that can be read here" in done.err.replace("\n", " ")


def test_who_is_no_maintainer_is_refused(project: Project) -> None:
    (project.path / "pyproject.toml").write_text('[tool.terminalbench]\nmaintainers = ["grace"]\n')

    done = project.call("import", str(HARBOR), "--approve", "--approver", "ada")

    assert done.exit_code == 4
    assert not (project.path / "baselines").exists()
