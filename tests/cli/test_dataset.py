"""`terminalbench dataset list|validate|schema`."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_terminalbench.scenarios.catalog import open_dataset
from pytest_terminalbench.scenarios.json_schema import schema_text
from pytest_terminalbench.scenarios.kinds import kind_named
from tests.cli.conftest import MANIFEST, Project, scenario_json

ROOT = Path(__file__).parents[2]

# -- list ---------------------------------------------------------------------------------------------------------


def test_datasets_are_listed_with_version_size_and_digest(project: Project) -> None:
    folder = project.dataset("demo", "alpha", "beta")
    digest = open_dataset(folder).digest()

    assert project.call("dataset", "list", "--format", "json").json == [
        {
            "name": "demo",
            "version": "1.0",
            "description": "for tests",
            "license": "Apache-2.0",
            "scenarios": 2,
            "problems": 0,
            "digest": digest,
            "folder": str(folder),
        }
    ]
    assert project.call("dataset", "list").out.splitlines() == [
        "name  version  scenarios  digest               folder",
        f"demo  1.0              2  {digest[:19]}  scenarios/demo",
    ]


def test_a_dataset_with_problems_is_listed_without_a_digest(project: Project) -> None:
    project.dataset("demo", "alpha")
    project.scenario("beta", kind="puzzle")
    project.write("scenarios/broken/dataset.json", "{")

    done = project.call("dataset", "list", "--format", "json")

    assert done.exit_code == 0
    assert [(d["name"], d["version"], d["scenarios"], d["problems"], d["digest"]) for d in done.json] == [
        ("broken", "?", 0, 1, None),
        ("demo", "1.0", 1, 1, None),
    ]
    assert project.call("dataset", "list").err == (
        "broken: 1 problem; see `terminalbench dataset validate broken`\n"
        "demo: 1 problem; see `terminalbench dataset validate demo`\n"
    )


def test_a_project_without_datasets_is_told_where_they_are_looked_for(project: Project) -> None:
    done = project.call("dataset", "list")

    assert (done.exit_code, done.out, done.err) == (0, "", "no datasets under scenarios\n")
    assert project.call("dataset", "list", "--format", "json").json == []


def test_datasets_are_found_from_a_folder_below_the_project(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = project.dataset("demo", "alpha")
    monkeypatch.chdir(folder / "alpha")

    assert [dataset["name"] for dataset in project.call("dataset", "list", "--format", "json").json] == ["demo"]


# -- validate -----------------------------------------------------------------------------------------------------


def test_a_valid_dataset_has_no_problems(project: Project) -> None:
    project.dataset("demo", "alpha", "beta")

    done = project.call("dataset", "validate", "demo")

    assert (done.exit_code, done.out, done.err) == (0, "demo: 2 valid scenarios, no problems\n", "")


def test_every_problem_is_told_with_file_field_and_cure(project: Project) -> None:
    project.dataset("demo", "alpha")
    project.scenario("beta", difficulty="trivial", colour="green")
    project.scenario("gamma", solution="gamma/solution/gone.sh")
    project.write("scenarios/demo/delta.json", "{")

    done = project.call("dataset", "validate", "demo")

    assert done.exit_code == 1
    assert done.out.splitlines() == [
        "scenarios/demo/beta.json",
        "  difficulty: Input should be 'easy', 'medium' or 'hard'",
        "  colour: unknown key",
        "  To fix it: remove or correct the key; `terminalbench docs writing-scenarios` lists those that exist",
        "scenarios/demo/delta.json",
        "  Invalid JSON: EOF while parsing an object at line 1 column 1",
        "  To fix it: correct the JSON at that line and column",
        "scenarios/demo/gamma.json",
        "  solution: 'gamma/solution/gone.sh' does not exist",
        "  To fix it: paths are relative to the JSON file and stay below its folder",
        "demo: 1 valid scenario, 4 problems",
    ]


def test_problems_as_json_have_their_parts_apart(project: Project) -> None:
    project.dataset("demo", "alpha")
    file = project.scenario("beta", environment={"build": "beta/environment", "memory_mb": 1})

    done = project.call("dataset", "validate", "demo", "--format", "json")

    assert done.exit_code == 1
    assert done.json == [
        {
            "name": "demo",
            "scenarios": ["alpha"],
            "problems": [
                {
                    "file": str(file),
                    "field": "environment.memory_mb",
                    "text": "Input should be greater than or equal to 6",
                    "cure": (
                        "see `terminalbench docs writing-scenarios`, or let an editor check the file by its $schema"
                    ),
                }
            ],
        }
    ]


def test_a_broken_manifest_hides_no_scenarios_problem(project: Project) -> None:
    project.dataset("demo", "alpha")
    project.write("scenarios/demo/dataset.json", {**MANIFEST, "name": "demo", "version": ""})
    project.scenario("beta", kind="puzzle")

    done = project.call("dataset", "validate", "demo", "--format", "json")

    (checked,) = done.json
    assert checked["scenarios"] == ["alpha"]
    assert [(Path(p["file"]).name, p["field"]) for p in checked["problems"]] == [
        ("dataset.json", "version"),
        ("beta.json", "kind"),
    ]


def test_single_files_and_folders_are_checked(project: Project) -> None:
    good, bad = project.scenario("alpha"), project.scenario("beta", title="")

    assert project.call("dataset", "validate", good).exit_code == 0
    assert project.call("dataset", "validate", good, bad).exit_code == 1
    assert project.call("dataset", "validate", good.parent).exit_code == 1


def test_without_a_name_all_datasets_are_checked(project: Project) -> None:
    project.dataset("one", "alpha")
    project.dataset("two", "beta")

    assert project.call("dataset", "validate").out == (
        "one: 1 valid scenario, no problems\ntwo: 1 valid scenario, no problems\n"
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nope", "dataset 'nope' is neither a folder nor a known dataset; known: demo"),
        ("nope.json", "there is no file nope.json; name a scenario's file, a dataset or its folder"),
        ("demo==2.0", "dataset 'demo==2.0': here is only demo==1.0"),
    ],
)
def test_what_is_not_there_is_a_usage_error(project: Project, name: str, said: str) -> None:
    project.dataset("demo", "alpha")

    for command in ("validate", "lint"):
        done = project.call("dataset", command, name)

        assert (done.exit_code, done.out) == (4, "")
        assert done.err.startswith(f"terminalbench: {said}")


def test_nothing_to_check_is_a_usage_error(project: Project) -> None:
    done = project.call("dataset", "validate")

    assert done.exit_code == 4
    assert done.err.startswith("terminalbench: no datasets under ")


# -- schema -------------------------------------------------------------------------------------------------------


def test_the_schema_in_the_documentation_is_up_to_date() -> None:
    """After a change of the model: `terminalbench dataset schema --output docs/schema/scenario.schema.json`."""
    assert (ROOT / "docs" / "schema" / "scenario.schema.json").read_text(encoding="utf-8") == schema_text(
        kind_named("terminal")
    )


def test_the_schema_is_printed_or_written(project: Project) -> None:
    printed = project.call("dataset", "schema")
    written = project.call("dataset", "schema", "--output", "new/schema.json")

    assert printed.out == schema_text(kind_named("terminal"))
    assert (written.out, written.err) == ("", "wrote new/schema.json\n")
    assert (project.path / "new" / "schema.json").read_text(encoding="utf-8") == schema_text(kind_named("terminal"))


def test_a_schema_that_cannot_be_written_is_a_usage_error(project: Project) -> None:
    project.write("file", "")

    done = project.call("dataset", "schema", "--output", "file/schema.json")

    assert done.exit_code == 4
    assert done.err.startswith("terminalbench: --output file/schema.json cannot be written: ")


def test_the_schema_knows_every_field_of_a_scenario(project: Project) -> None:
    schema = project.call("dataset", "schema").json

    assert set(scenario_json("alpha")) <= set(schema["properties"])
    assert schema["additionalProperties"] is False
    assert [alternative["required"] for alternative in schema["$defs"]["EnvironmentSpec"]["oneOf"]] == [
        ["image"],
        ["build"],
    ]
