"""The agents that ship with the package, each in a fake environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_terminalbench.agents.base import AgentReport, Task
from pytest_terminalbench.agents.nop import Nop
from pytest_terminalbench.agents.oracle import Oracle
from pytest_terminalbench.agents.scripted import ScriptedAgent
from pytest_terminalbench.environments.fake import FakeCall, FakeEnvironment
from pytest_terminalbench.errors import AgentSetupError


def task(folder: Path, *, solution: Path | None = None) -> Task:
    return Task(
        scenario_id="make-it",
        instruction="Make it.",
        workdir="/app",
        timeout_s=30.0,
        folder=folder,
        solution=solution,
    )


class TestScripted:
    def test_it_types_its_commands_in_order_whatever_they_end_with(self, tmp_path: Path) -> None:
        environment = FakeEnvironment({"false": 1})

        report = ScriptedAgent(["false", "ls | wc"], command_timeout_s=5).act(task(tmp_path), environment)

        assert environment.calls == [
            FakeCall("sh -c false", {}, None, None, 5),
            FakeCall("sh -c ls | wc", {}, None, None, 5),
        ]
        assert report == AgentReport(note="typed 2 commands")

    def test_a_script_of_the_host_is_copied_in_and_run_last(self, tmp_path: Path) -> None:
        (tmp_path / "wrong make-it.sh").write_text("#!/bin/sh\n")
        environment = FakeEnvironment()

        ScriptedAgent(["first"], script=f"{tmp_path}/wrong {{scenario}}.sh").act(task(tmp_path), environment)

        assert environment.files == {"/tmp/wrong make-it.sh": b"#!/bin/sh\n"}
        assert environment.log == ["sh -c first", "sh -c '/tmp/wrong make-it.sh'"]

    def test_a_script_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(AgentSetupError) as error:
            ScriptedAgent(script="nowhere/{scenario}.sh").act(task(tmp_path), FakeEnvironment())

        assert str(error.value) == "the scripted agent's script 'nowhere/make-it.sh' is not a file"

    def test_without_commands_it_does_nothing(self, tmp_path: Path) -> None:
        environment = FakeEnvironment()

        assert ScriptedAgent().act(task(tmp_path), environment) == AgentReport(note="typed 0 commands")
        assert environment.log == []

    @pytest.mark.parametrize("commands", ["ls", [1], [["ls"]], [None]])
    def test_commands_are_a_list_of_strings(self, commands: list[str]) -> None:
        with pytest.raises(AgentSetupError) as error:
            ScriptedAgent(commands)

        assert str(error.value) == f"the scripted agent's `commands` is a list of strings, not {commands!r}"


class TestOracle:
    @pytest.fixture
    def solution(self, tmp_path: Path) -> Path:
        folder = tmp_path / "solution"
        folder.mkdir()
        (folder / "solve.sh").write_text("#!/bin/sh\n")
        (folder / "data").write_text("d")
        return folder / "solve.sh"

    def test_it_runs_the_solution_from_a_copy_of_its_folder(self, tmp_path: Path, solution: Path) -> None:
        environment = FakeEnvironment()

        report = Oracle().act(task(tmp_path, solution=solution), environment)

        assert environment.files == {"/solution/solve.sh": b"#!/bin/sh\n", "/solution/data": b"d"}
        assert environment.calls == [FakeCall('sh -c exec "$0" /solution/solve.sh', {}, None, None, 30.0)]
        assert report == AgentReport()

    def test_a_solution_that_fails_is_noted(self, tmp_path: Path, solution: Path) -> None:
        report = Oracle().act(task(tmp_path, solution=solution), FakeEnvironment({"solve.sh": 3}))

        assert report == AgentReport(note="the solution ended with exit code 3")

    def test_without_a_solution_there_is_nothing_to_run(self, tmp_path: Path) -> None:
        with pytest.raises(AgentSetupError) as error:
            Oracle().act(task(tmp_path), FakeEnvironment())

        assert str(error.value) == "the scenario has no `solution`, so the oracle has nothing to run"


def test_nop_touches_nothing(tmp_path: Path) -> None:
    environment = FakeEnvironment()

    assert Nop().act(task(tmp_path), environment) == AgentReport(note="did nothing")
    assert (environment.calls, environment.files) == ([], {})
