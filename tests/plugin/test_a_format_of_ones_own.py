"""A package's format of scenario files: collected, selected and judged as our own are, without a line changed here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks
from tests.packages import install, put_on_path
from tests.plugin.conftest import Suite, collected

# The page's own code: what it shows is what works.
PAGE = ROOT / "docs" / "extending.md"
CODE = next(block.text for block in blocks(PAGE) if block.text.startswith('"""Scenarios in TOML'))
TOML = """
    schema_version = 1
    kind = "terminal"
    id = "{id}"
    title = "Do {id}"
    instruction = "Leave /app/done behind."
    difficulty = "easy"
    category = "scripting"
    solution = "{id}/solution/solve.sh"

    [environment]
    image = "debian:bookworm-slim"

    [verifier]
    script = "{id}/tests/test.sh"
    result = "exit_code"
"""
ALL = [f"scenarios/demo/{file}::{file.partition('.')[0]}[oracle]" for file in ("alpha.toml", "beta.json", "gamma.toml")]


def write_toml(suite: Suite, scenario_id: str) -> None:
    suite.scenario(scenario_id).unlink()
    suite.write(f"scenarios/demo/{scenario_id}.toml", TOML.replace("{id}", scenario_id))


@pytest.fixture
def mixed(suite: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """A dataset of two TOML files and a JSON file, where a package reads TOML."""
    points = {"pytest_terminalbench.formats": {"toml": "toml_scenarios:Toml"}}
    put_on_path(install(tmp_path / "site", "toml_scenarios", CODE, points), monkeypatch)
    suite.dataset("demo", "beta")
    for scenario_id in ("alpha", "gamma"):
        write_toml(suite, scenario_id)
    return suite


def ids(suite: Suite, *args: str) -> list[str]:
    return collected(suite.run_apart("--collect-only", "-q", *args))


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--tb-dataset", "demo"], ALL),
        (["scenarios"], ALL),
        (["scenarios/demo/gamma.toml"], ALL[2:]),
        ([ALL[0], ALL[1]], ALL[:2]),
        (["scenarios/demo/alpha.toml::alpha"], ALL[:1]),
        (["--tb-dataset", "demo", "-k", "gamma or beta"], ALL[1:]),
        (["--tb-dataset", "demo", "--ignore", "scenarios/demo/alpha.toml"], ALL[1:]),
        (["--tb-dataset", "demo", "--deselect", ALL[2]], ALL[:2]),
    ],
    ids=["dataset", "folder", "file", "ids", "id", "k", "ignore", "deselect"],
)
def test_its_files_are_collected_and_selected(mixed: Suite, args: list[str], expected: list[str]) -> None:
    assert ids(mixed, *args) == expected


@pytest.mark.parametrize("args", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_its_scenarios_are_run_and_judged(mixed: Suite, args: list[str]) -> None:
    mixed.run_apart("--tb-dataset", "demo", *args).assert_outcomes(passed=3)

    assert set(mixed.statuses.values()) == {"solved"}
    assert mixed.summary["totals"]["cells"] == 3


def test_a_file_outside_of_the_project_is_run_by_its_path(mixed: Suite, tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    (mixed.path / "scenarios").rename(place)

    found = ids(mixed, "--rootdir", str(mixed.path), str(place / "demo" / "gamma.toml"))

    assert [nodeid.rpartition("/")[2] for nodeid in found] == ["gamma.toml::gamma[oracle]"]


def test_what_is_wrong_with_one_is_told_and_the_others_run(mixed: Suite) -> None:
    mixed.write("scenarios/demo/alpha.toml", "kind = 'terminal'\n'")

    done = mixed.run_apart("--tb-dataset", "demo")

    done.assert_outcomes(passed=2, errors=1)
    done.stdout.fnmatch_lines(
        [
            "*ERROR collecting scenarios/demo/alpha.toml*",
            "*alpha.toml: not TOML: *",
            "To fix it: correct the TOML there",
        ]
    )


def test_one_id_in_two_formats_is_an_error(mixed: Suite) -> None:
    mixed.scenario("alpha")

    done = mixed.run_apart("--tb-dataset", "demo")

    done.assert_outcomes(passed=3, errors=1)
    done.stdout.fnmatch_lines(["*alpha.toml: id: 'alpha' is the id of *alpha.json too*"])


def test_a_format_that_cannot_be_loaded_is_refused_by_name(mixed: Suite, tmp_path: Path) -> None:
    (tmp_path / "site" / "toml_scenarios.py").write_text("")

    done = mixed.run_apart("scenarios/demo/beta.json")

    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(
        [
            "ERROR: a format of scenarios: 'toml', which is toml_scenarios:Toml, cannot be loaded: AttributeError: *",
        ]
    )


def test_the_commands_of_datasets_read_it(mixed: Suite) -> None:
    validated = mixed.pytester.run(sys.executable, "-m", "pytest_terminalbench", "dataset", "validate", "demo")
    chosen = mixed.pytester.run(
        sys.executable,
        "-m",
        "pytest_terminalbench",
        "run",
        "--dataset",
        "demo",
        "--scenarios",
        "alpha",
        "--",
        "--co",
        "-q",
    )

    validated.stdout.fnmatch_lines(["demo: 3 valid scenarios, no problems"])
    assert collected(chosen) == ALL[:1]
