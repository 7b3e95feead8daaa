"""The line ``once more:`` of a card and of an incident, pasted into a shell."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.plugin.conftest import Suite, lines_of

# An agent that solves nothing, and notes what it was made with.
MINE = """
import json

from pytest_terminalbench import AgentReport


class Mine:
    name = "mine"
    deterministic = True
    identified_by = ("note",)
    secret_arguments = ("login",)

    def __init__(self, model="", login="", note=None):
        self.told = [model, login, note]

    def act(self, task, environment):
        return AgentReport(note=json.dumps(self.told))
"""
OPTIONS = [
    *("--tb-agent", "mine:Mine", "--tb-model", "lab/x-1", "--tb-attempts", "2", "--tb-timeout-multiplier", "1.5"),
    *("--tb-agent-arg", 'note={"it\'s": "$HOME `id` \\\\ \\"x\\""}', "--tb-agent-arg", "login=hush"),
]


@pytest.fixture
def shell(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """A shell that finds the commands, in a project with the agent `mine`."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    suite.write("mine.py", MINE)
    return suite


def paste(suite: Suite, line: str, *, folder: str = ".") -> pytest.RunResult:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(suite.path / folder)
        return suite.pytester.run("sh", "-c", line)


def once_more(done: pytest.RunResult) -> str:
    (line,) = lines_of(done, "once more:")
    assert "hush" not in line
    return line.removeprefix("once more:").strip()


def what_ran(suite: Suite) -> object:
    """The cells of the newest run, and what their agents were made with, attempt by attempt."""
    folder = suite.latest / "trials"
    results = {file: json.loads(file.read_text()) for file in sorted(folder.rglob("result.json"))}
    return suite.statuses, {
        file.relative_to(folder): (result["agent_note"], result["limits"]) for file, result in results.items()
    }


@pytest.mark.parametrize("place", ["scenarios/demo", "my sets", "../else where"])
def test_it_runs_the_same_cell_with_the_same_agent(shell: Suite, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """In the project's own dataset, in a folder that is none by itself, in one outside of the project."""
    if place == "scenarios/demo":
        shell.dataset("demo", "alpha", "beta")
    else:
        for name in ("alpha", "beta"):
            shell.scenario(name, folder=place)
    first = shell.run_apart(f"--tb-dataset={place}", *OPTIONS, "-k", "alpha", "--tb-run-id", "first")
    first.assert_outcomes(failed=1)
    before = what_ran(shell)
    monkeypatch.setenv("LOGIN", "hush")

    again = paste(shell, once_more(first))

    again.assert_outcomes(failed=1)
    assert shell.latest.name != "first"
    assert what_ran(shell) == before
    assert once_more(again) == once_more(first)


def test_a_secret_that_the_shell_does_not_have_is_asked_for(shell: Suite) -> None:
    shell.dataset("demo", "alpha")
    first = shell.run_apart("--tb-dataset", "demo", *OPTIONS, "-k", "alpha")

    again = paste(shell, once_more(first))

    assert again.ret != 0
    assert "LOGIN" in str(again.stderr)


def test_it_is_for_the_folder_in_which_pytest_was_started(shell: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.dataset("demo", "alpha", "beta")
    monkeypatch.chdir(shell.path / "scenarios")
    first = shell.run_apart("--tb-dataset", "demo", "--tb-agent", "nop", "-k", "alpha")

    again = paste(shell, once_more(first), folder="scenarios")

    again.assert_outcomes(failed=1)
    assert once_more(first) == "pytest demo/alpha.json --tb-agent=nop"


def test_that_of_an_incident_is_for_the_project_s_folder(shell: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.dataset("demo", "alpha", "beta")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(shell.path / "scenarios")
        shell.run_apart("--tb-dataset", "demo", *OPTIONS, "-k", "alpha", "--tb-run-id", "first")
    (incident,) = (shell.latest / "incidents").iterdir()
    (cell,) = json.loads(incident.read_text())["cells"]
    before = what_ran(shell)
    monkeypatch.setenv("LOGIN", "hush")

    paste(shell, cell["once_more"]).assert_outcomes(failed=1)

    assert what_ran(shell) == before
    assert shell.latest.name != "first"


def test_an_agent_that_a_fixture_gives_acts_again(shell: Suite) -> None:
    shell.dataset("demo", "alpha", "beta")
    shell.write(
        "conftest.py",
        f"""{shell.conftest}
from mine import Mine

@pytest.fixture
def tb_agent():
    return Mine(note="given")
""",
    )
    first = shell.run_apart("--tb-dataset", "demo", "-k", "alpha", "-p", "no:cacheprovider", "--tb-run-id", "first")
    before = what_ran(shell)
    (incident,) = (shell.latest / "incidents").iterdir()
    (cell,) = json.loads(incident.read_text())["cells"]

    paste(shell, once_more(first)).assert_outcomes(failed=1)

    assert what_ran(shell) == before
    assert once_more(first) == cell["once_more"] == "pytest scenarios/demo/alpha.json"
