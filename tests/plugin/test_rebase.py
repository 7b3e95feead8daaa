"""A change that is shown is accepted without a run: from the session that it blocks to the one that compares again."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from pytest_terminalbench.cli.app import app
from tests.plugin.conftest import Suite


def command(*arguments: str) -> str:
    """What ``terminalbench`` prints; it has to end well."""
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def approved(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> Suite:
    monkeypatch.setenv("XDG_CACHE_HOME", str(suite.path / "cache"))
    suite.dataset("demo", "alpha", "beta")
    suite.run("--tb-dataset", "demo", "--update-baselines").assert_outcomes(passed=2)
    return suite


def change_image(suite: Suite) -> None:
    suite.write("conftest.py", suite.conftest.replace('"spoil": spoil,', '"spoil": spoil, "more": 0,'))


def test_the_life_of_a_change(approved: Suite) -> None:
    before = approved.baseline("alpha").read_text()
    change_image(approved)
    approved.scenario("alpha", instruction="Do something else.")

    approved.run("--tb-dataset", "demo").assert_outcomes(errors=2)
    assert not (approved.latest / "trials").exists()
    shown = command("baseline", "rebase", "--yes", "--approver", "ada", "--notes", "a better question")
    now = approved.run("--tb-dataset", "demo")

    assert [line.split(":")[0].strip() for line in shown.splitlines() if line.startswith(" ")] == [
        *("image", "instruction", "what has changed", "scenario", "what has changed"),
        "image",
    ]
    now.assert_outcomes(passed=2)
    assert not (approved.latest / "parity.json").exists()
    assert approved.baseline("alpha").read_text() != before
    command("baseline", "audit")


def test_what_is_rebased_needs_no_approval(approved: Suite) -> None:
    """Approving the next session writes nothing: all that is compared is as it was accepted."""
    approved.dataset("demo", version="2.0")
    command("baseline", "rebase", "--yes", "--approver", "ada")

    result = approved.run("--tb-dataset", "demo", "--update-baselines")

    result.stdout.fnmatch_lines(["baselines: 0 written, 2 unchanged in *"])


def test_a_renamed_scenario_keeps_its_baseline(approved: Suite) -> None:
    (approved.path / "scenarios/demo/alpha.json").unlink()
    approved.scenario("omega")

    approved.run("--tb-dataset", "demo", "--tb-strict-baselines").assert_outcomes(passed=2, failed=1)
    command("baseline", "move", "demo/oracle/alpha", "demo/oracle/omega", "--approver", "ada")
    approved.run("--tb-dataset", "demo", "--tb-strict-baselines").assert_outcomes(passed=2)

    command("baseline", "audit")
