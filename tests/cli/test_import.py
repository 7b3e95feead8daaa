"""`terminalbench import`: results of other harnesses as runs and as baselines."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Project

HARBOR = Path(__file__).parents[1] / "data" / "harbor" / "jobs" / "2026-03-01__10-00-00"


def test_a_job_of_harbor_becomes_a_run_that_can_be_reported(project: Project) -> None:
    done = project.call("import", str(HARBOR), "--run-id", "theirs")

    assert (done.exit_code, done.out) == (0, "results/theirs\n")
    report = project.call("report", "theirs", "--format", "json")
    assert report.exit_code == 0
    assert {one["scenario_id"] for one in report.json["scenarios"]} == {"fix-git", "hello-world", "play-zork"}
    assert not (project.path / "baselines").exists()


def test_imported_results_can_be_approved_and_void_attempts_are_left_out(project: Project) -> None:
    done = project.call("import", str(HARBOR), "--run-id", "theirs", "--approve", "--approver", "ada")

    assert done.exit_code == 0, done.err
    cells = json.loads((project.path / "results" / "theirs" / "summary.json").read_text())["cells"]
    judged = {cell["scenario"]: sum(one["outcome"] != "void" for one in cell["attempts"]) for cell in cells}
    files = {file.stem: json.loads(file.read_text()) for file in (project.path / "baselines").glob("*/*/*.json")}
    assert {name: record["attempts"] for name, record in files.items()} == {n: k for n, k in judged.items() if k}
    assert {record["approved_by"] for record in files.values()} == {"ada"}
    assert project.call("baseline", "audit").exit_code == 0


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
