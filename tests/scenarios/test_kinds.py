"""Kinds of scenarios: the kind is read first, and its own model checks the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.errors import ScenarioError, SettingsError
from pytest_terminalbench.scenarios.container import with_container
from pytest_terminalbench.scenarios.formats import load_scenario
from pytest_terminalbench.scenarios.kinds import ENTRY_POINTS, kind_named, scenario_from
from pytest_terminalbench.scenarios.lint import lint_checked
from pytest_terminalbench.scenarios.terminal import TERMINAL, TerminalScenario
from pytest_terminalbench.scenarios.validation import Checked
from tests.packages import install
from tests.scenario_files import a_scenario, write_scenario

RIDDLES = """
    from pytest_terminalbench.scenarios.kinds import Kind
    from pytest_terminalbench.scenarios.lint.finding import finding
    from pytest_terminalbench.scenarios.model import Scenario, ScenarioSpec


    class RiddleSpec(ScenarioSpec):
        answer: str


    class Riddle(Scenario):
        def problems(self):
            if not self.spec.answer:
                yield "answer: is empty"


    def findings(scenario):
        yield finding("L402", scenario.file, "answer", "it is easy", "ask something else")


    RIDDLE = Kind(
        name="riddle",
        model=RiddleSpec,
        scenario=Riddle,
        environment="none",
        verifier="riddles:Judge",
        lint="riddles:findings",
    )
"""


@pytest.fixture
def riddles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with the kind `riddle` is installed."""
    folder = install(tmp_path / "site", "riddles", RIDDLES, {ENTRY_POINTS: {"riddle": "riddles:RIDDLE"}})
    monkeypatch.syspath_prepend(folder)


def riddle_json(**changes: Any) -> dict[str, Any]:
    """A riddle with which nothing is wrong, and `changes`."""
    return {
        "schema_version": 1,
        "kind": "riddle",
        "id": "why",
        "title": "Why",
        "instruction": "Say what you get when you multiply six by nine, and write it down.",
        "difficulty": "hard",
        "category": "questions",
        "answer": "42",
        **changes,
    }


def write(folder: Path, content: object) -> Path:
    file = folder / "why.json"
    file.write_text(json.dumps(content))
    return file


def problems_of(file: Path) -> tuple[list[str], str]:
    with pytest.raises(ScenarioError) as raised:
        load_scenario(file, dataset="demo")
    return raised.value.problems, raised.value.cure


def test_ours_is_the_kind_of_a_terminal_scenario(tmp_path: Path) -> None:
    kind = kind_named(a_scenario(tmp_path).kind)

    assert kind is TERMINAL
    assert (kind.environment, kind.verifier, kind.agent_method) == ("docker", "script", "act")


def test_a_kind_that_is_not_installed_is_told_with_those_that_are(tmp_path: Path) -> None:
    file = write_scenario(tmp_path, kind="terminel", environment="not even looked at")

    assert problems_of(file) == (
        [
            "kind: 'terminel' is not installed (did you mean 'terminal'?); installed: terminal; a package adds one by an "
            "entry point of the group pytest_terminalbench.kinds"
        ],
        "correct the kind, or install the package that brings it; see `terminalbench docs kinds-of-scenarios`",
    )


@pytest.mark.parametrize(
    ("kind", "problem"),
    [(7, "kind: Input should be a valid string"), (None, "kind: Input should be a valid string")],
)
def test_a_kind_is_a_word(tmp_path: Path, kind: object, problem: str) -> None:
    assert problems_of(write_scenario(tmp_path, kind=kind))[0] == [problem]


def test_a_kind_names_no_module_of_any_other(tmp_path: Path) -> None:
    """What a file says is looked up among installed packages, and never imported."""
    problems, _ = problems_of(write_scenario(tmp_path, kind="os:system"))

    assert problems[0].startswith("kind: 'os:system' is not installed")


class TestAPackagesOwn:
    pytestmark = pytest.mark.usefixtures("riddles")

    def test_its_model_reads_its_file(self, tmp_path: Path) -> None:
        riddle = load_scenario(write(tmp_path, riddle_json()), dataset="demo")

        assert (riddle.id, riddle.kind, riddle.title, riddle.category) == ("why", "riddle", "Why", "questions")
        assert riddle.spec.model_dump()["answer"] == "42"

    def test_its_model_refuses_what_it_does_not_know(self, tmp_path: Path) -> None:
        file = write(tmp_path, riddle_json(environment={"image": "x"}, answer=42))

        assert problems_of(file)[0] == ["answer: Input should be a valid string", "environment: unknown key"]

    def test_its_own_checks_are_made(self, tmp_path: Path) -> None:
        assert problems_of(write(tmp_path, riddle_json(answer="")))[0] == ["answer: is empty"]

    def test_its_lint_finds(self, tmp_path: Path) -> None:
        riddle = load_scenario(write(tmp_path, riddle_json()), dataset="demo")

        found = lint_checked(Checked(name="demo", scenarios=(riddle,)))

        assert [(one.code, one.message) for one in found] == [("L402", "it is easy")]

    def test_it_has_what_the_rest_of_the_house_asks_of_a_scenario(self, tmp_path: Path) -> None:
        riddle = load_scenario(write(tmp_path, riddle_json()), dataset="demo")

        assert riddle.limits == {"agent_s": 600, "verifier_s": 120, "build_s": 600}
        assert (riddle.solution_file, riddle.solution_digest, list(riddle.named_paths)) == (None, None, [])
        assert (riddle.workdir, list(riddle.collected_paths), riddle.judged_in_place) == ("/app", ["/app"], False)
        assert riddle.locked_facts == {}

    def test_its_digest_is_of_what_its_file_says(self, tmp_path: Path) -> None:
        digests = {
            load_scenario(write(tmp_path, riddle_json(**changes)), dataset="demo").digest
            for changes in ({}, {"$schema": "elsewhere"}, {"answer": "43"})
        }

        assert len(digests) == 2

    def test_it_has_no_container(self, tmp_path: Path) -> None:
        riddle = load_scenario(write(tmp_path, riddle_json()), dataset="demo")

        with pytest.raises(SettingsError) as error:
            with_container(riddle)

        assert str(error.value) == "scenario why of kind 'riddle' has no container; its environment is 'none'"


def test_a_scenario_of_another_format_is_made_of_json_as_well(tmp_path: Path) -> None:
    file = write_scenario(tmp_path)

    scenario = scenario_from(file.read_bytes(), tmp_path / "make-it.toml", dataset="demo", scenario_id="make-it")

    assert isinstance(scenario, TerminalScenario)
    assert scenario.file == tmp_path / "make-it.toml"


def test_all_that_is_wrong_with_its_files_is_told_at_once(tmp_path: Path) -> None:
    file = write_scenario(tmp_path, solution="#!/bin/sh\n", environment={"image": None, "build": "nowhere"})
    (tmp_path / "make-it/solution/solve.sh").unlink()

    assert problems_of(file.rename(tmp_path / "other.json"))[0] == [
        "id: is 'make-it', but the file is 'other.json'; they must agree",
        "environment.build: 'nowhere' does not exist",
        "solution: 'make-it/solution/solve.sh' does not exist",
    ]
