"""`terminalbench init`: what it makes works as it is, and nothing is lost by it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_terminalbench.environments.docker_engine import DockerEngine
from tests.cli.conftest import Done, Project
from tests.docs.pages import ROOT, blocks

MADE = [
    "scenarios/my-set/dataset.json",
    "scenarios/my-set/hello/solution/solve.sh",
    "scenarios/my-set/hello/tests/test.sh",
    "scenarios/my-set/hello.json",
    "my_agent.py",
    ".github/workflows/benchmark.yml",
    "pytest.ini",
    ".gitignore",
]


@pytest.fixture
def empty(project: Project) -> Project:
    """A folder with nothing in it."""
    (project.path / "pytest.ini").unlink()
    return project


def files(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def commands(done: Done) -> list[str]:
    """The lines that are to be pasted, without their comments."""
    lines = [line.partition("  #")[0].strip() for line in done.out.splitlines() if line.startswith("  ")]
    return [line for line in lines if line.startswith(("cd ", "pytest ", "terminalbench "))]


def test_it_says_all_that_it_makes(empty: Project) -> None:
    done = empty.call("init", "new")

    assert done.exit_code == 0
    assert done.out.splitlines()[: len(MADE) + 1] == ["made in new:", *(f"  {name}" for name in MADE)]
    assert sorted(files(empty.path / "new")) == sorted(MADE)
    assert commands(done) == [
        "cd new",
        "pytest --tb-dataset my-set",
        "pytest --tb-dataset my-set --tb-agent nop",
        "pytest --tb-dataset my-set --tb-agent my_agent:MyAgent --tb-no-incidents",
        "terminalbench scenario shell hello",
        "pytest --tb-dataset my-set --tb-agent my_agent:MyAgent --tb-attempts 5 --update-baselines",
    ]


def test_what_it_makes_is_valid_and_wise(empty: Project) -> None:
    empty.call("init")

    assert empty.call("dataset", "validate", "my-set").exit_code == 0
    lint = empty.call("dataset", "lint", "my-set")
    assert lint.out + lint.err == "0 errors, 0 warnings\n"
    scripts = [empty.path / name for name in MADE if name.endswith(".sh")]
    assert all(script.stat().st_mode & stat.S_IXUSR for script in scripts)


def test_the_dataset_is_called_as_you_like(empty: Project) -> None:
    done = empty.call("init", "--dataset", "other")

    assert "scenarios/other/hello.json" in done.out
    assert "pytest --tb-dataset other" in commands(done)
    assert not [name for name, content in files(empty.path).items() if b"my-set" in content]
    assert [dataset["name"] for dataset in empty.call("dataset", "list", "--format", "json").json] == ["other"]


def test_a_name_that_no_dataset_can_have_is_refused(empty: Project) -> None:
    done = empty.call("init", "--dataset", "../mine")

    assert (done.exit_code, files(empty.path)) == (4, {})
    assert done.err == (
        "terminalbench: --dataset '../mine' is no plain name: letters, digits, `_`, `.` and `-`, the first a letter or "
        "digit\n"
    )


def test_nothing_is_overwritten_nor_half_made(empty: Project) -> None:
    empty.write("my_agent.py", "mine")

    done = empty.call("init")

    assert (done.exit_code, files(empty.path)) == (4, {"my_agent.py": b"mine"})
    assert done.err.startswith("terminalbench: nothing was made: . has my_agent.py already; name another folder")


def test_the_second_time_it_makes_nothing(empty: Project) -> None:
    empty.call("init")
    before = files(empty.path)

    assert empty.call("init").exit_code == 4
    assert files(empty.path) == before


def test_settings_that_are_there_are_kept(empty: Project) -> None:
    empty.write("pyproject.toml", "[tool.pytest.ini_options]\n")
    empty.write(".gitignore", "build/\n")

    done = empty.call("init")

    assert not {"pytest.ini", ".gitignore"} & set(done.out.split())
    assert done.err == "there is a .gitignore already: see to it that it has results/\n"
    assert (empty.path / ".gitignore").read_text() == "build/\n"


def test_a_file_is_no_folder_for_a_project(empty: Project) -> None:
    empty.write("new", "")

    assert empty.call("init", "new").err == "terminalbench: new is no folder; name another DIR\n"


@pytest.mark.parametrize(("ci", "file"), [("github", ".github/workflows/benchmark.yml"), ("gitlab", ".gitlab-ci.yml")])
def test_the_ci_job_is_that_of_the_documentation(empty: Project, ci: str, file: str) -> None:
    """Which a test reads and runs."""
    empty.call("init", "--ci", ci)

    (documented,) = (block.text for block in blocks(ROOT / "docs/ci.md") if block.title == file)
    assert (empty.path / file).read_text() == documented


def test_without_ci_there_is_no_job(empty: Project) -> None:
    empty.call("init", "--ci", "none")

    assert not [name for name in files(empty.path) if name.endswith(".yml")]


@pytest.mark.docker
def test_the_commands_that_it_prints_can_be_pasted(empty: Project, engine: DockerEngine, machine_map: None) -> None:
    lines = commands(empty.call("init", "a new one"))
    scripts = str(Path(sys.executable).parent)
    environ = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}", "DOCKER_HOST": engine.url}

    def paste(line: str) -> int:
        done = subprocess.run(
            ["bash", "-c", f"{lines[0]} && {line}"],
            cwd=empty.path,
            env=environ,
            input="echo 'Hello, world!' > hello.txt",
            text=True,
            capture_output=True,
            check=False,
        )
        print(done.stdout, done.stderr)  # noqa: T201
        return done.returncode

    assert lines[0] == "cd 'a new one'"
    assert {line: paste(line) for line in lines[1:]} == {
        "pytest --tb-dataset my-set": 0,
        "pytest --tb-dataset my-set --tb-agent nop": 1,
        "pytest --tb-dataset my-set --tb-agent my_agent:MyAgent --tb-no-incidents": 1,
        "terminalbench scenario shell hello": 0,
        "pytest --tb-dataset my-set --tb-agent my_agent:MyAgent --tb-attempts 5 --update-baselines": 0,
    }
