"""The command line as a whole."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pytest_terminalbench import __version__
from pytest_terminalbench.cli.app import app
from tests.cli.conftest import Project

HEAVY = {"docker", "litellm", "pydantic", "pytest", "requests", "rich", "scipy", "syrupy", "xdist"}


def test_help_names_every_command(project: Project) -> None:
    done = project.call("--help")

    assert done.exit_code == 0
    for command in ("run", "report", "baseline", "dataset", "agents", "images", "doctor", "gc"):
        assert f"│ {command} " in done.out


@pytest.mark.parametrize(
    "command",
    [
        "run",
        "report",
        "doctor",
        "gc",
        *("baseline list", "baseline show", "dataset list", "dataset validate", "dataset lint", "dataset schema"),
        *("agents list", "images build", "images prune", "images bootstrap"),
    ],
)
def test_every_command_explains_itself(project: Project, command: str) -> None:
    done = project.call(*command.split(), "--help")

    assert (done.exit_code, done.err) == (0, "")
    assert f"terminalbench {command}".split()[-1] in done.out


def test_nothing_heavy_is_imported_before_a_command_runs() -> None:
    code = "import sys; import pytest_terminalbench.cli.app; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert HEAVY & set(done.stdout.split()) == set()
    assert app is not None


def test_the_version_is_the_packages(project: Project) -> None:
    assert project.call("--version").out == f"pytest-terminalbench {__version__}\n"


def test_it_runs_as_a_module(project: Project) -> None:
    assert project.call_apart("--version").out == f"pytest-terminalbench {__version__}\n"


def test_without_a_command_it_shows_its_help(project: Project) -> None:
    assert "Usage: terminalbench" in project.call_apart().out + project.call_apart().err


@pytest.mark.parametrize(
    "arguments", ["frobnicate", "--frobnicate", "dataset frobnicate", "report --frobnicate", "report --format xml"]
)
def test_a_wrong_command_line_is_exit_code_4_with_a_message(project: Project, arguments: str) -> None:
    done = project.call(*arguments.split())

    assert (done.exit_code, done.out) == (4, "")
    assert arguments.split()[-1] in done.err


def test_an_error_of_ours_is_one_message_and_no_traceback(project: Project) -> None:
    project.dataset("demo", "alpha")

    done = project.call_apart("dataset", "validate", "dmeo")

    assert (done.exit_code, done.out) == (4, "")
    assert done.err == (
        "terminalbench: dataset 'dmeo' is neither a folder nor a known dataset (did you mean 'demo'?); known: demo\n"
    )


def test_a_project_file_that_cannot_be_read_is_named(project: Project) -> None:
    (project.path / "pytest.ini").unlink()
    file = project.write("pyproject.toml", "[tool.pytest\n")

    done = project.call("dataset", "list")

    assert done.exit_code == 4
    assert str(file) in done.err


def test_a_wrong_value_is_refused_in_words_for_people(project: Project) -> None:
    done = project.call("baseline", "list", "--format", "foo")

    assert done.exit_code == 4
    assert "Invalid value for '--format': 'foo' is not one of 'table', 'json'." in " ".join(done.err.split())
