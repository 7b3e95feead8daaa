"""The file of a scenario of kind `terminal`: what it may say, and what is said of one that is wrong."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.errors import ScenarioError
from pytest_terminalbench.scenarios.formats import load_scenario
from pytest_terminalbench.scenarios.model import Scenario
from tests.scenario_files import a_scenario, scenario_json, write_scenario

SEE = "see `terminalbench docs writing-scenarios`, or let an editor check the file by its $schema"
UNKNOWN = "remove or correct the key; `terminalbench docs writing-scenarios` lists those that exist"
RENAME = "set id to 'other', or rename the file"
PATHS = "paths are relative to the JSON file and stay below its folder"
JSON = "correct the JSON at that line and column"


def problems_of(file: Path) -> tuple[list[str], str]:
    """What is wrong with a scenario, and the cure; the message has both, with the file's name in each line."""
    with pytest.raises(ScenarioError) as raised:
        load_scenario(file, dataset="demo")
    error = raised.value
    assert str(error).splitlines() == [*(f"{file}: {problem}" for problem in error.problems), f"To fix it: {error.cure}"]
    return error.problems, error.cure


def without(content: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name != key}


class TestRight:
    def test_its_script_is_never_told_to_be_ignored(self, tmp_path: Path) -> None:
        """It is always copied, whatever git would do."""
        scenario = a_scenario(tmp_path)
        script = scenario.verifier_file
        (script.parent / ".gitignore").write_text("*\n")

        assert list(scenario.ignored_files) == [".gitignore"]
        assert scenario.verifier_files == [script]

    def test_what_is_left_out_has_its_default(self, tmp_path: Path) -> None:
        scenario = a_scenario(tmp_path)

        assert scenario.spec.model_dump(exclude={"title", "instruction"}) == {
            "schema_ref": None,
            "schema_version": 1,
            "kind": "terminal",
            "id": "make-it",
            "difficulty": "easy",
            "category": "files",
            "tags": [],
            "environment": {
                "image": "debian:bookworm-slim",
                "build": None,
                "workdir": "/app",
                "env": {},
                "user": None,
                "cpus": 1.0,
                "memory_mb": 1024,
                "pids": 512,
                "network": "none",
                "platform": None,
            },
            "solution": "make-it/solution/solve.sh",
            "verifier": {
                "script": "make-it/tests/test.sh",
                "result": "exit_code",
                "isolation": "fresh",
                "collect": None,
                "keep": [],
            },
            "timeouts": {"agent_s": 600, "verifier_s": 120, "build_s": 600},
        }

    def test_its_files_are_found_beside_it(self, tmp_path: Path) -> None:
        scenario = a_scenario(tmp_path)

        assert scenario.verifier_file == tmp_path / "make-it/tests/test.sh"
        assert scenario.solution_file == tmp_path / "make-it/solution/solve.sh"
        assert scenario.build_folder is None

    def test_the_working_directory_is_collected_unless_paths_are_named(self, tmp_path: Path) -> None:
        plain = a_scenario(tmp_path, environment={"workdir": "/srv"})
        named = a_scenario(tmp_path, verifier={"collect": ["/a", "/b"]})
        nothing = a_scenario(tmp_path, verifier={"collect": []})

        assert [one.collected_paths for one in (plain, named, nothing)] == [["/srv"], ["/a", "/b"], []]

    def test_a_link_within_the_dataset_is_fine(self, tmp_path: Path) -> None:
        file = write_scenario(tmp_path)
        (tmp_path / "make-it" / "tests").rename(tmp_path / "shared")
        (tmp_path / "make-it" / "tests").symlink_to("../shared")

        assert load_scenario(file, dataset="demo").id == "make-it"


WRONG = {
    "unknown key": ({"colour": "red"}, ["colour: unknown key"], UNKNOWN),
    "unknown key below": ({"environment": {"gpus": 1}}, ["environment.gpus: unknown key (did you mean 'cpus'?)"], UNKNOWN),
    "a misspelt key": ({"verifier": {"isolated": "same"}}, ["verifier.isolated: unknown key (did you mean 'isolation'?)"], UNKNOWN),
    "our own name for $schema": ({"schema_ref": "x"}, ["schema_ref: unknown key (did you mean '$schema'?)"], UNKNOWN),
    "wrong type": ({"environment": {"cpus": "2"}}, ["environment.cpus: Input should be a valid number"], SEE),
    "a truth for a number": ({"timeouts": {"agent_s": True}}, ["timeouts.agent_s: Input should be a valid number"], SEE),
    "no time": ({"timeouts": {"agent_s": 0}}, ["timeouts.agent_s: Input should be greater than 0"], SEE),
    "unknown word": ({"difficulty": "trivial"}, ["difficulty: Input should be 'easy', 'medium' or 'hard'"], SEE),
    "future version": ({"schema_version": 2}, ["schema_version: Input should be 1"], SEE),
    "empty instruction": (
        {"instruction": ""},
        ["instruction: String should have at least 1 character"],
        SEE,
    ),
    "both image and build": (
        {"environment": {"build": "make-it"}},
        ["environment: give exactly one of `image` (a name) and `build` (a folder with a Dockerfile)"],
        SEE,
    ),
    "neither image nor build": (
        {"environment": {"image": None}},
        ["environment: give exactly one of `image` (a name) and `build` (a folder with a Dockerfile)"],
        SEE,
    ),
    "kept in a fresh container": (
        {"verifier": {"keep": ["nginx"]}},
        ["verifier: `keep` needs `isolation: same`: nothing of the agent's runs in a fresh container"],
        SEE,
    ),
    "collected in the same container": (
        {"verifier": {"isolation": "same", "collect": ["/app"]}},
        ["verifier: `collect` needs `isolation: fresh`: nothing is copied when the container stays the same"],
        SEE,
    ),
    "a relative path": (
        {"environment": {"workdir": "app"}},
        ["environment.workdir: String should match pattern '^/.*$'"],
        SEE,
    ),
    "several problems": (
        {"colour": "red", "difficulty": "x"},
        ["difficulty: Input should be 'easy', 'medium' or 'hard'", "colour: unknown key"],
        UNKNOWN,
    ),
}


@pytest.mark.parametrize(("changes", "problems", "cure"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_with_field_and_cure(
    tmp_path: Path, changes: dict[str, Any], problems: list[str], cure: str
) -> None:
    assert problems_of(write_scenario(tmp_path, **changes)) == (problems, cure)


@pytest.mark.parametrize("key", ["schema_version", "kind", "id", "instruction", "environment", "verifier"])
def test_what_is_missing_is_told(tmp_path: Path, key: str) -> None:
    file = write_scenario(tmp_path)
    file.write_text(json.dumps(without(scenario_json(), key)))

    assert problems_of(file) == ([f"{key}: Field required"], SEE)


@pytest.mark.parametrize("name", ["", "a b", "-a", ".a", "a::b", "a[b]", "a/b", "ä", "a\n", "x" * 101])
def test_an_id_is_a_plain_name(tmp_path: Path, name: str) -> None:
    file = write_scenario(tmp_path)
    file.write_text(json.dumps({**scenario_json(), "id": name}))

    (problem,), cure = problems_of(file)
    assert problem.startswith("id: String should ")
    assert cure == SEE


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "Invalid JSON: EOF while parsing a value at line 1 column 0"),
        ('{"id": ', "Invalid JSON: EOF while parsing a value at line 1 column 7"),
        ("{\n'id'}", "Invalid JSON: key must be a string at line 2 column 1"),
    ],
)
def test_broken_json_is_told_with_its_place(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "broken.json"
    file.write_text(text)

    assert problems_of(file) == ([problem], JSON)


@pytest.mark.parametrize("text", ["[]", "null", '"text"', "7"])
def test_what_is_no_object_is_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "other.json"
    file.write_text(text)

    assert problems_of(file) == (["Input should be an object"], SEE)


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    file = tmp_path / "binary.json"
    file.write_bytes(b"\xff\xfe{}")

    assert problems_of(file)[1] == JSON


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError) as raised:
        load_scenario(tmp_path / "none.json", dataset="demo")

    assert str(raised.value) == f"{tmp_path / 'none.json'}: cannot be read: No such file or directory"


def test_the_id_is_the_files_name(tmp_path: Path) -> None:
    file = write_scenario(tmp_path).rename(tmp_path / "other.json")

    assert problems_of(file) == (["id: is 'make-it', but the file is 'other.json'; they must agree"], RENAME)


def remove_script(folder: Path) -> None:
    (folder / "make-it/tests/test.sh").unlink()


def remove_folder(folder: Path) -> None:
    (folder / "make-it/solution/solve.sh").unlink()
    (folder / "make-it/solution").rmdir()


def folder_for_script(folder: Path) -> None:
    remove_script(folder)
    (folder / "make-it/tests/test.sh").mkdir()


def link_out(folder: Path) -> None:
    outside = folder.parent / "outside"
    (folder / "make-it/tests").rename(outside)
    (folder / "make-it/tests").symlink_to(outside)


def link_to_nothing(folder: Path) -> None:
    remove_script(folder)
    (folder / "make-it/tests/test.sh").symlink_to("gone")


def link_to_itself(folder: Path) -> None:
    remove_script(folder)
    (folder / "make-it/tests/test.sh").symlink_to("test.sh")


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (remove_script, "verifier.script: 'make-it/tests/test.sh' does not exist"),
        (remove_folder, "solution: 'make-it/solution/solve.sh' does not exist"),
        (folder_for_script, "verifier.script: 'make-it/tests/test.sh' is not a file"),
        (link_out, "verifier.script: 'make-it/tests/test.sh' leaves the dataset's folder by a link"),
        (link_to_nothing, "verifier.script: 'make-it/tests/test.sh' does not exist"),
        (link_to_itself, "verifier.script: 'make-it/tests/test.sh' does not exist"),
    ],
)
def test_files_that_are_not_where_they_should_be_are_told(
    tmp_path: Path, spoil: Callable[[Path], None], problem: str
) -> None:
    folder = tmp_path / "dataset"
    file = write_scenario(folder)
    spoil(folder)

    assert problems_of(file) == ([problem], PATHS)


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("../outside/test.sh", "leaves the dataset's folder"),
        ("make-it/../../test.sh", "leaves the dataset's folder"),
        ("/etc/passwd", "leaves the dataset's folder"),
        ("test.sh", "must be in a folder of its own, for the whole folder is copied"),
        ("make-it/tests/te\0st.sh", "does not exist"),
        ("make-it/tests", "is not a file"),
    ],
)
def test_paths_that_lead_astray_are_told(tmp_path: Path, script: str, problem: str) -> None:
    file = write_scenario(tmp_path / "dataset", verifier={"script": script})

    assert problems_of(file) == ([f"verifier.script: {script!r} {problem}"], PATHS)


@pytest.mark.parametrize(
    ("build", "problem"),
    [
        ("nowhere", "'nowhere' does not exist"),
        ("make-it/tests/test.sh", "'make-it/tests/test.sh' is not a folder"),
        ("make-it/tests", "'make-it/tests' has no Dockerfile"),
        ("..", "'..' leaves the dataset's folder"),
    ],
)
def test_a_build_folder_has_a_dockerfile(tmp_path: Path, build: str, problem: str) -> None:
    file = write_scenario(tmp_path, environment={"image": None, "build": build})

    assert problems_of(file) == ([f"environment.build: {problem}"], PATHS)


class TestDigests:
    def test_the_same_content_elsewhere_has_the_same(self, tmp_path: Path) -> None:
        here, there = a_scenario(tmp_path / "here"), a_scenario(tmp_path / "there")

        assert digests(here) == digests(there)

    def test_modes_that_git_does_not_keep_change_nothing(self, tmp_path: Path) -> None:
        before = digests(a_scenario(tmp_path))
        (tmp_path / "make-it/tests/test.sh").chmod(0o700)

        assert digests(read_again(tmp_path)) == before

    def test_the_address_of_the_schema_changes_nothing(self, tmp_path: Path) -> None:
        assert digests(a_scenario(tmp_path, **{"$schema": "somewhere"})) == digests(a_scenario(tmp_path))

    @pytest.mark.parametrize(
        ("changed", "expected"),
        [
            ({"instruction": "Other."}, ["question"]),
            ({"timeouts": {"agent_s": 5}}, ["limits", "question"]),
            ({"environment": {"memory_mb": 64}}, ["limits", "question"]),
            ({"verifier": {"isolation": "same"}}, ["question", "verifier"]),
            ({"tests": {"test.sh": "#!/bin/sh\nfalse\n"}}, ["question", "verifier"]),
            ({"solution": "#!/bin/sh\nfalse\n"}, ["solution"]),
        ],
        ids=["instruction", "time", "memory", "isolation", "tests", "solution"],
    )
    def test_a_change_shows_where_it_belongs(
        self, tmp_path: Path, changed: dict[str, Any], expected: list[str]
    ) -> None:
        before, after = digests(a_scenario(tmp_path)), digests(a_scenario(tmp_path, **changed))

        assert sorted(name for name in before if before[name] != after[name]) == expected

    def test_a_file_of_the_build_changes_the_question(self, tmp_path: Path) -> None:
        (tmp_path / "context").mkdir()
        (tmp_path / "context" / "Dockerfile").write_text("FROM scratch\n")
        build = {"image": None, "build": "context"}
        before = digests(a_scenario(tmp_path, environment=build))
        (tmp_path / "context" / "data").write_text("x")
        after = digests(a_scenario(tmp_path, environment=build))

        assert sorted(name for name in before if before[name] != after[name]) == ["question"]


def read_again(folder: Path) -> Scenario:
    return load_scenario(folder / "make-it.json", dataset="demo")


def digests(scenario: Scenario) -> dict[str, str | None]:
    return {
        "question": scenario.digest,
        "verifier": scenario.verifier_digest,
        "solution": scenario.solution_digest,
        "limits": scenario.limits_digest,
    }


def test_ten_thousand_paths_are_not_resolved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Collection reads every file of a dataset, and resolving a path is twenty times as slow as looking at it."""
    file = write_scenario(tmp_path)

    def resolve(path: Path, strict: bool = False) -> Path:
        raise AssertionError(f"{os.fspath(path)} is resolved")

    monkeypatch.setattr(Path, "resolve", resolve)

    assert load_scenario(file, dataset="demo").id == "make-it"


@pytest.mark.parametrize(
    ("line", "problem", "cure"),
    [
        (
            '"category": "other",\n  "category": "scripting"',
            "the key 'category' stands twice in one object",
            "leave one of the two values",
        ),
        (
            '"category": "scripting",\n  "timeouts": {"agent_s": NaN}',
            "NaN is no number in JSON",
            "write a number in digits",
        ),
    ],
    ids=["a key twice", "no number"],
)
def test_what_json_does_not_have_is_told(tmp_path: Path, line: str, problem: str, cure: str) -> None:
    file = write_scenario(tmp_path)
    content = {key: value for key, value in json.loads(file.read_text()).items() if key not in ("category", "timeouts")}
    file.write_text(json.dumps(content).removesuffix("}") + f",\n  {line}\n}}\n")

    with pytest.raises(ScenarioError) as error:
        load_scenario(file, dataset="demo")

    assert error.value.problems[0].startswith(problem)
    assert str(error.value).endswith(cure)


def test_an_ignore_file_that_docker_refuses_is_told(tmp_path: Path) -> None:
    file = write_scenario(tmp_path, environment={"image": None, "build": "make-it/tests"})
    (tmp_path / "make-it" / "tests" / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "make-it" / "tests" / ".dockerignore").write_text("[\n")

    with pytest.raises(ScenarioError) as error:
        load_scenario(file, dataset="demo")

    assert error.value.problems == [
        "environment.build: 'make-it/tests' has a .dockerignore that Docker refuses: line 1: '[': a bracket that is not "
        "closed, or a backslash at the end"
    ]
