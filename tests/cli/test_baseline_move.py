"""`terminalbench baseline move`."""

from __future__ import annotations

import pytest

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.baselines.approval import CellToApprove, approve
from pytest_terminalbench.outcome import Solved
from tests.cli.conftest import Done, Project
from tests.cli.runs import CELL


@pytest.fixture
def renamed(project: Project) -> Project:
    """A project whose scenario `alpha` is called `omega` now."""
    project.dataset("demo", "omega")
    approve(
        [CellToApprove(cell=CELL, attempts=[AttemptResult(attempt=1, outcome=Solved())], fingerprint={})],
        run_id="r1",
        baselines=project.path / "baselines",
        approver="ada",
    )
    return project


def moved(project: Project, *arguments: str) -> Done:
    return project.call("baseline", "move", "--approver", "grace", *arguments)


def baselines(project: Project) -> list[str]:
    folder = project.path / "baselines"
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*.json"))


def test_a_baseline_follows_its_scenario(renamed: Project) -> None:
    done = moved(renamed, "demo/oracle/alpha", "demo/oracle/omega")

    assert done.exit_code == 0, done.err
    assert [line.split() for line in done.out.splitlines()] == [
        ["before", "now"],
        ["demo/oracle/alpha", "demo/oracle/omega"],
    ]
    assert done.err == "1 baseline moved\n"
    assert baselines(renamed) == ["demo/oracle/omega.json"]
    audited = renamed.call("baseline", "audit")
    assert audited.exit_code == 0
    assert "→" in audited.out
    assert "→" in (renamed.path / "baselines/AUDIT.md").read_text()


def test_a_dry_run_writes_nothing(renamed: Project) -> None:
    done = moved(renamed, "demo/oracle/alpha", "demo/oracle/omega", "--dry-run", "--format", "json")

    assert [(move["from"], move["to"]) for move in done.json] == [("demo/oracle/alpha", "demo/oracle/omega")]
    assert done.err == "1 baseline to move\n"
    assert baselines(renamed) == ["demo/oracle/alpha.json"]


def test_a_name_that_no_scenario_has_is_refused(renamed: Project) -> None:
    done = moved(renamed, "demo/oracle/alpha", "demo/oracle/omgea")

    assert done.exit_code == 4
    assert "demo/oracle/omgea would have no scenario: dataset demo has no 'omgea' (did you mean 'omega'?)" in done.err
    assert baselines(renamed) == ["demo/oracle/alpha.json"]


def test_a_dataset_that_is_not_here_cannot_be_looked_into(renamed: Project) -> None:
    done = moved(renamed, "demo", "elsewhere")

    assert done.exit_code == 0
    assert done.err == (
        "no dataset 'elsewhere' is here, so nobody can tell whether it has these scenarios\n1 baseline moved\n"
    )
    assert baselines(renamed) == ["elsewhere/oracle/alpha.json"]


def test_the_audit_names_those_without_a_scenario(renamed: Project) -> None:
    audited = renamed.call("baseline", "audit")

    assert audited.exit_code == 0
    assert (
        "1 baseline without a scenario: demo/oracle/alpha; fix it by `terminalbench baseline move OLD NEW`"
        in audited.err
    )


def test_only_a_maintainer_may(renamed: Project) -> None:
    renamed.write("pyproject.toml", '[tool.terminalbench]\nmaintainers = ["ada"]\n')

    done = moved(renamed, "demo", "elsewhere")

    assert done.exit_code == 4
    assert "'grace' may not move; [tool.terminalbench] maintainers names: ada" in done.err
