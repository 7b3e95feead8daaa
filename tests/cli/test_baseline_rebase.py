"""`terminalbench baseline rebase`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.baselines import audit
from pytest_terminalbench.baselines.approval import CellToApprove, approve, retire
from pytest_terminalbench.outcome import Solved
from pytest_terminalbench.scenarios.catalog import Catalog
from pytest_terminalbench.trials.fingerprint import conditions
from tests.cli.conftest import Done, Project
from tests.cli.runs import CELL, a_run, edit

NAME = "demo/oracle/alpha"


def fingerprint(project: Project, **changes: Any) -> dict[str, Any]:
    """That of a trial of `alpha` as it is now."""
    (scenario,) = Catalog(project.path).find("demo").scenarios()
    return conditions(scenario, **{"image": "sha256:1", "platform": "linux", "dataset_version": "1.0", **changes})


@pytest.fixture
def approved(project: Project) -> Project:
    """A project with `alpha` and its baseline."""
    project.dataset("demo", "alpha")
    approve(
        [
            CellToApprove(
                cell=CELL, attempts=[AttemptResult(attempt=1, outcome=Solved())], fingerprint=fingerprint(project)
            )
        ],
        run_id="r1",
        baselines=project.path / "baselines",
        approver="ada",
    )
    return project


def record(project: Project) -> Any:
    return json.loads((project.path / f"baselines/{NAME}.json").read_text())


def rebased(project: Project, *arguments: str) -> Done:
    return project.call("baseline", "rebase", "--yes", "--approver", "grace", *arguments)


def blocked_run(project: Project, mismatches: list[dict[str, Any]], *, name: str = "r2") -> Path:
    """A run whose cell was blocked: no trial, and what differed."""
    baseline_id = record(project)["baseline_id"]
    facts = {"status": "blocked", "attempts": [], "mismatches": mismatches, "baseline_id": baseline_id}
    return a_run(project.path, name, day=2, **facts)


def test_a_difference_that_is_shown_is_accepted_without_a_run(approved: Project) -> None:
    before = record(approved)
    approved.scenario("alpha", instruction="Make an empty file /app/done, and nothing else.")

    done = rebased(approved, "--notes", "clearer words")

    assert done.exit_code == 0, done.err
    head, instruction, field, scenario, file = done.out.splitlines()
    assert head == f"{NAME} ({before['baseline_id']})"
    assert instruction.startswith("  instruction: approved sha256:")
    assert field == "    what has changed: git log -p scenarios/demo/alpha.json (instruction)"
    assert scenario.startswith("  scenario: approved sha256:")
    assert file == "    what has changed: git log -p scenarios/demo/alpha.json"
    assert done.err.endswith("1 baseline rebased\n")
    assert record(approved) == {**before, "fingerprint": fingerprint(approved)}
    *_, line = audit.entries(approved.path / "baselines/audit.jsonl")
    assert (line["action"], line["by"], line["notes"]) == ("rebased", "grace", "clearer words")
    assert approved.call("baseline", "audit").exit_code == 0


def test_without_a_yes_it_only_shows(approved: Project) -> None:
    before = record(approved)
    approved.scenario("alpha", title="Another title")

    done = approved.call("baseline", "rebase")
    dry = approved.call("baseline", "rebase", "--dry-run")

    assert done.exit_code == 4
    assert done.err.endswith("terminalbench: nothing was written; accept what is shown with --yes\n")
    assert (dry.exit_code, dry.out) == (0, done.out)
    assert dry.err.endswith("1 baseline to rebase\n")
    assert record(approved) == before


def test_where_nothing_differs_nothing_is_done(approved: Project) -> None:
    done = rebased(approved)

    assert (done.exit_code, done.out, done.err) == (0, "", "nothing differs from what was approved in baselines\n")


def test_the_image_comes_from_the_run_that_it_blocked(approved: Project) -> None:
    approved.scenario("alpha", environment={"build": "alpha/environment", "pids": 64})
    now = fingerprint(approved)
    scenario = {"field": "scenario", "baseline": record(approved)["fingerprint"]["scenario"], "now": now["scenario"]}
    blocked_run(approved, [{"field": "image", "baseline": "sha256:1", "now": "sha256:2"}, scenario])

    done = rebased(approved)

    assert done.err == "1 baseline rebased\n"
    assert record(approved)["fingerprint"] == {**now, "image": "sha256:2"}


def test_a_run_of_another_scenario_tells_nothing_of_the_image(approved: Project) -> None:
    blocked_run(approved, [{"field": "image", "baseline": "sha256:1", "now": "sha256:2"}])
    approved.scenario("alpha", title="Another title")

    done = rebased(approved)

    assert f"{NAME}: no run has put the scenario as it is now, so the image stays as it was approved" in done.err
    assert record(approved)["fingerprint"]["image"] == "sha256:1"


def test_the_newest_run_with_a_trial_tells_it_too(approved: Project) -> None:
    approved.scenario("alpha", title="Another title")
    for name, day, image in (("old", 2, "sha256:2"), ("new", 3, "sha256:3")):
        run = a_run(approved.path, name, day=day)
        edit(run / "trials/demo/alpha/oracle/1/result.json", fingerprint=fingerprint(approved, image=image))

    rebased(approved)

    assert record(approved)["fingerprint"]["image"] == "sha256:3"


def test_json_says_what_blocks(approved: Project) -> None:
    approved.scenario("alpha", environment={"build": "alpha/environment", "memory_mb": 2048})

    (shown,) = approved.call("baseline", "rebase", NAME, "--dry-run", "--format", "json").json

    assert shown["name"] == NAME
    assert [each["field"] for each in shown["differences"] if not each["blocks"]] == ["scenario"]
    limit, scenario = shown["differences"]
    assert limit == {"field": "limits.memory_mb", "baseline": 1024, "now": 2048, "blocks": True}
    assert scenario["changed_in"] == str(approved.path / "scenarios/demo/alpha.json")


def test_what_judges_is_looked_for_in_its_folder(approved: Project) -> None:
    approved.write("scenarios/demo/alpha/tests/test.sh", "#!/bin/sh\ntest -f /app/done\n", executable=True)

    shown = approved.call("baseline", "rebase", NAME, "--dry-run").out

    assert "    what has changed: git log -p scenarios/demo/alpha/tests\n" in shown


def test_only_what_is_named_is_rebased(approved: Project) -> None:
    approved.scenario("alpha", title="Another title")

    unknown = rebased(approved, "alhpa")

    assert unknown.exit_code == 4
    assert "no baseline 'alhpa' (did you mean 'alpha'?); `terminalbench baseline list` shows them" in unknown.err
    assert rebased(approved, "alpha").err.endswith("1 baseline rebased\n")


def test_only_a_maintainer_may(approved: Project) -> None:
    approved.write("pyproject.toml", '[tool.terminalbench]\nmaintainers = ["ada"]\n')
    approved.scenario("alpha", title="Another title")

    done = rebased(approved)

    assert done.exit_code == 4
    assert "'grace' may not rebase; [tool.terminalbench] maintainers names: ada" in done.err


def test_one_without_a_scenario_is_told(approved: Project) -> None:
    (approved.path / "scenarios/demo/alpha.json").unlink()

    done = rebased(approved)

    assert f"1 baseline without a scenario here: {NAME}; see `terminalbench baseline list`" in done.err


def test_a_retired_one_is_refused(approved: Project) -> None:
    retire(NAME, baselines=approved.path / "baselines", by="ada")

    done = rebased(approved, NAME)

    assert (done.exit_code, done.err) == (
        4,
        f"terminalbench: {NAME} is retired: it is not compared with, so there is nothing to rebase\n",
    )


def test_what_was_changed_since_it_was_approved_is_refused(approved: Project) -> None:
    file = approved.path / f"baselines/{NAME}.json"
    file.write_text(file.read_text().replace('"ada"', '"eve"'))
    approved.scenario("alpha", title="Another title")

    done = rebased(approved)

    assert done.exit_code == 4
    assert f"is not what the last line of {NAME} in audit.jsonl says (approved_by)" in done.err


def test_a_scenario_that_is_wrong_is_told(approved: Project) -> None:
    approved.scenario("alpha", difficulty="trivial")

    done = rebased(approved)

    assert done.exit_code == 4
    assert "difficulty: Input should be 'easy', 'medium' or 'hard'" in done.err
