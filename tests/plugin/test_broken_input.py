"""Scenario files that are wrong are errors of collection that name file, field and cure; the others still run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.conftest import Suite, scenario_json


def broken_json(file: Path) -> None:
    file.write_text('{"schema_version": 1,\n "kind": }')


def unknown_keys(file: Path) -> None:
    write(file, colour="red", environment={"image": "x", "imagge": "y"})


def wrong_types(file: Path) -> None:
    write(file, difficulty="trivial", timeouts={"agent_s": "long"})


def missing_fields(file: Path) -> None:
    content = scenario_json("beta")
    del content["instruction"], content["verifier"]["script"]
    file.write_text(json.dumps(content))


def missing_files(file: Path) -> None:
    write(file, solution="beta/solution/gone.sh", environment={"build": "beta/gone"})


def leaving_paths(file: Path) -> None:
    write(file, solution="../../secret.sh", verifier={"script": "/etc/passwd"})


def two_sources(file: Path) -> None:
    write(file, environment={"image": "x", "build": "beta/tests"})


def wrong_id(file: Path) -> None:
    write(file, id="gamma")


def future_version(file: Path) -> None:
    write(file, schema_version=2)


def a_list(file: Path) -> None:
    file.write_text("[]")


def write(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps({**scenario_json("beta"), **changes}))


SEE = "see `terminalbench docs writing-scenarios`, or let an editor check the file by its $schema"
PATHS = "paths are relative to the JSON file and stay below its folder"
CASES = [
    (broken_json, ["Invalid JSON: expected value at line 2 column 10"], "correct the JSON at that line and column"),
    (
        unknown_keys,
        ["environment.imagge: unknown key (did you mean 'image'?)", "colour: unknown key"],
        "remove or correct the key; `terminalbench docs writing-scenarios` lists those that exist",
    ),
    (
        wrong_types,
        [
            "difficulty: Input should be 'easy', 'medium' or 'hard'",
            "timeouts.agent_s: Input should be a valid number",
        ],
        SEE,
    ),
    (missing_fields, ["instruction: Field required", "verifier.script: Field required"], SEE),
    (
        missing_files,
        ["environment.build: 'beta/gone' does not exist", "solution: 'beta/solution/gone.sh' does not exist"],
        PATHS,
    ),
    (
        leaving_paths,
        [
            "solution: '../../secret.sh' leaves the dataset's folder",
            "verifier.script: '/etc/passwd' leaves the dataset's folder",
        ],
        PATHS,
    ),
    (
        two_sources,
        ["environment: give exactly one of `image` (a name) and `build` (a folder with a Dockerfile)"],
        SEE,
    ),
    (
        wrong_id,
        ["id: is 'gamma', but the file is 'beta.json'; they must agree"],
        "set id to 'beta', or rename the file",
    ),
    (future_version, ["schema_version: Input should be 1"], SEE),
    (a_list, ["Input should be an object"], SEE),
]


@pytest.mark.parametrize(("spoil", "problems", "cure"), CASES, ids=lambda value: getattr(value, "__name__", ""))
@pytest.mark.parametrize("place", ["--tb-dataset=demo", "scenarios/demo", "scenarios"])
def test_the_error_names_file_field_and_cure_and_the_others_run(
    demo: Suite, spoil: Callable[[Path], None], problems: list[str], cure: str, place: str
) -> None:
    file = demo.path / "scenarios/demo/beta.json"
    spoil(file)

    done = demo.run(place)

    done.assert_outcomes(passed=2, errors=1)
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    assert error_of(done, "scenarios/demo/beta.json") == [
        *(f"{file}: {problem}" for problem in problems),
        f"To fix it: {cure}",
    ]
    assert demo.statuses == {"demo/alpha[oracle]": "solved", "demo/gamma[oracle]": "solved"}


def error_of(done: pytest.RunResult, name: str) -> list[str]:
    """The lines of the error that pytest shows for the collector `name`."""
    lines = done.outlines
    start = next(n for n, line in enumerate(lines) if line.strip("_ ") == f"ERROR collecting {name}")
    end = next(n for n in range(start + 1, len(lines)) if lines[n].startswith(("=", "_")))
    return lines[start + 1 : end]


def test_under_xdist_the_others_run_too_and_the_error_is_shown_once(demo: Suite) -> None:
    unknown_keys(demo.path / "scenarios/demo/beta.json")

    done = demo.run_apart("scenarios/demo", "-n", "2")

    done.assert_outcomes(passed=2, errors=1)
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    assert error_of(done, "scenarios/demo/beta.json")[0].endswith(
        "beta.json: environment.imagge: unknown key (did you mean 'image'?)"
    )
    assert demo.statuses == {"demo/alpha[oracle]": "solved", "demo/gamma[oracle]": "solved"}


def test_a_broken_scenario_named_by_itself_is_an_error(demo: Suite) -> None:
    broken_json(demo.path / "scenarios/demo/beta.json")

    done = demo.run("scenarios/demo/beta.json")

    done.assert_outcomes(errors=1)
    assert done.ret != pytest.ExitCode.OK


def test_a_file_that_cannot_be_read_is_an_error(demo: Suite) -> None:
    file = demo.path / "scenarios/demo/beta.json"
    file.unlink()
    file.mkdir()
    (demo.path / "scenarios/demo/delta.json").symlink_to("nowhere.json")

    demo.run("scenarios/demo").assert_outcomes(passed=2)


def test_the_same_id_twice_in_a_dataset_names_both_files(demo: Suite) -> None:
    """Only a file system that does not tell capitals apart, or a link, gives two files the same id."""
    (demo.path / "scenarios/demo/sub").mkdir()
    first = demo.path / "scenarios/demo/alpha.json"
    demo.dataset("demo", "alpha", folder="elsewhere")

    done = demo.run("scenarios/demo", "elsewhere")

    second = demo.path / "elsewhere/alpha.json"
    done.assert_outcomes(passed=3, errors=1)
    assert error_of(done, "elsewhere/alpha.json") == [
        f"{second}: id: 'alpha' is the id of {first} too, in the same dataset 'demo'",
        "To fix it: give one of the two another id (and file name)",
    ]


def test_a_broken_manifest_is_an_error_and_other_datasets_run(demo: Suite) -> None:
    demo.dataset("other", "omega")
    manifest = demo.write("scenarios/demo/dataset.json", '{"schema_version": 1, "name": "demo", "version": }')

    done = demo.run("scenarios")

    done.assert_outcomes(passed=1, errors=1)
    assert error_of(done, "scenarios/demo") == [
        f"{manifest}: Invalid JSON: expected value at line 1 column 50",
        "To fix it: correct the JSON at that line and column",
    ]


def test_a_broken_scenario_does_not_keep_the_others_from_being_approved(demo: Suite) -> None:
    broken_json(demo.path / "scenarios/demo/beta.json")

    demo.run("--tb-dataset", "demo", "--update-baselines").assert_outcomes(passed=2, errors=1)

    assert sorted(demo.files("baselines")) == ["audit.jsonl", "demo/oracle/alpha.json", "demo/oracle/gamma.json"]


def test_errors_in_other_modules_still_stop_a_session_without_scenarios(suite: Suite) -> None:
    suite.pytester.makepyfile(test_bad="import nowhere\n", test_good="def test_one(): pass\n")

    done = suite.run()

    done.assert_outcomes(errors=1)
    assert done.ret == pytest.ExitCode.INTERRUPTED


def test_a_link_of_the_datasets_folder_to_itself_is_not_followed(demo: Suite) -> None:
    (demo.path / "scenarios/loop").symlink_to(".")

    done = demo.run("scenarios", "--collect-only", "-q")

    assert done.ret == pytest.ExitCode.OK
    assert [line for line in done.outlines if "::" in line] == [
        f"scenarios/demo/{name}.json::{name}[oracle]" for name in ("alpha", "beta", "gamma")
    ]
