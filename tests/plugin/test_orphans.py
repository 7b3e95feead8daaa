"""Baselines whose scenario is gone: a note, or a failure with `--tb-strict-baselines`."""

from __future__ import annotations

import json

import pytest

from tests.plugin.conftest import Suite

CURE = (
    "fix it by `terminalbench baseline move OLD NEW` where it has another name, or by `terminalbench baseline retire "
    "NAME` where it is gone"
)
NOTE = f"1 baseline without a scenario: demo/oracle/gamma; {CURE}"


@pytest.fixture
def orphaned(suite: Suite) -> Suite:
    """A dataset `demo` with baselines of alpha, beta and gamma, from which gamma is gone."""
    suite.dataset("demo", "alpha", "beta", "gamma")
    suite.run("--tb-dataset", "demo", "--update-baselines").assert_outcomes(passed=3)
    (suite.path / "scenarios/demo/gamma.json").unlink()
    return suite


def test_it_is_noted_and_fails_nothing(orphaned: Suite) -> None:
    result = orphaned.run("--tb-dataset", "demo")

    assert result.ret == 0
    assert NOTE in result.outlines


def test_scenarios_that_are_only_not_selected_have_their_baselines(orphaned: Suite) -> None:
    orphaned.scenario("gamma")

    result = orphaned.run("--tb-dataset", "demo", "-k", "alpha", "--tb-strict-baselines")

    result.assert_outcomes(passed=1, deselected=2)
    assert "without a scenario" not in result.stdout.str()


@pytest.mark.parametrize(
    "selection",
    [["--tb-dataset", "other"], ["scenarios/other"], ["scenarios", "-k", "delta"], ["scenarios/other/delta.json"]],
    ids=" ".join,
)
def test_strictly_a_session_does_not_fail_for_what_is_gone_from_a_dataset_of_which_it_runs_nothing(
    orphaned: Suite, selection: list[str]
) -> None:
    orphaned.dataset("other", "delta")

    result = orphaned.run(*selection, "--tb-strict-baselines")

    result.assert_outcomes(passed=1, deselected=2 if "-k" in selection else 0)
    assert result.ret == 0
    assert "without a scenario" not in result.stdout.str()


def test_scenarios_of_another_folder_with_the_same_dataset_are_there_though_it_is_not_asked_for(
    orphaned: Suite,
) -> None:
    second = orphaned.dataset("demo", "gamma", folder="scenarios/second")

    for folder in (second, orphaned.path / "scenarios/demo"):
        result = orphaned.run(folder, "--tb-strict-baselines")

        assert result.ret == 0
        assert "without a scenario" not in result.stdout.str()


@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "xdist"])
@pytest.mark.parametrize("asked", [["--tb-dataset", "demo"], ["scenarios/demo/alpha.json"]], ids=["dataset", "path"])
def test_strictly_it_fails_the_session(orphaned: Suite, workers: list[str], asked: list[str]) -> None:
    result = orphaned.run_apart(*asked, "--tb-strict-baselines", "--junitxml", "junit.xml", *workers)

    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "*baselines without scenario*",
            "no scenario for what was approved:",
            "  demo/oracle/gamma",
            "Fix it by `terminalbench baseline move OLD NEW` where it has another name, or by *",
        ]
    )
    assert 'name="baselines without scenario"' in (orphaned.path / "junit.xml").read_text()
    assert json.loads((orphaned.latest / "manifest.json").read_text())["exit_status"] == 1


def test_the_ini_file_can_ask_for_it(orphaned: Suite) -> None:
    ini = orphaned.path / "tox.ini"
    ini.write_text(ini.read_text() + "\ntb_strict_baselines = true\n")

    assert orphaned.run("--tb-dataset", "demo").ret == 1


def test_retiring_cures_it(orphaned: Suite) -> None:
    from pytest_terminalbench.baselines.approval import retire

    retire("demo/oracle/gamma", baselines=orphaned.path / "baselines", by="ada")

    result = orphaned.run("--tb-dataset", "demo", "--tb-strict-baselines")

    assert result.ret == 0
    assert "without a scenario" not in result.stdout.str()


def test_a_session_of_another_dataset_does_not_speak_of_it(orphaned: Suite) -> None:
    orphaned.dataset("other", "delta")

    result = orphaned.run("--tb-dataset", "other", "--tb-gate", "off")

    assert "without a scenario" not in result.stdout.str()
