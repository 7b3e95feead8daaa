"""`terminalbench agents list`."""

from __future__ import annotations

from typing import ClassVar

import pytest

from pytest_terminalbench.agents.base import AgentReport, Task
from pytest_terminalbench.agents.registry import ENTRY_POINTS, AgentFacts, AgentRegistry
from pytest_terminalbench.environments.base import Environment
from pytest_terminalbench.errors import SettingsError
from tests.cli.conftest import Project


class Thinker:
    """Thinks with a model.

    And never stops.
    """

    name: ClassVar[str] = "thinker"
    deterministic: ClassVar[bool] = False

    def __init__(self, model: str, *, effort: str = "low") -> None:
        self.model = model

    def act(self, task: Task, environment: Environment) -> AgentReport:
        return AgentReport()


def test_our_agents_are_listed(project: Project) -> None:
    listed = {agent["name"]: agent for agent in project.call("agents", "list", "--format", "json").json}

    assert {"nop", "oracle", "scripted"} <= set(listed)
    assert listed["nop"] == {
        "name": "nop",
        "place": "pytest_terminalbench.agents.nop:Nop",
        "purpose": "Leaves everything as it is.",
        "deterministic": True,
        "uses_model": False,
        "arguments": [],
        "problem": "",
    }
    assert listed["scripted"]["arguments"][0] == "commands=()"
    assert "nop       none   none" in project.call("agents", "list").out


def test_an_added_agent_is_described() -> None:
    registry = AgentRegistry()
    registry.register("mine", Thinker)

    (facts,) = (facts for facts in registry.facts() if facts.name == "mine")

    assert facts == AgentFacts(
        name="mine",
        place=f"{__name__}:Thinker",
        purpose="Thinks with a model.",
        deterministic=False,
        uses_model=True,
        arguments=("effort='low'",),
    )


def test_an_agent_whose_module_breaks_does_not_hide_the_others(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installed package's agent, by its entry point."""
    project.write("broken_agent.py", "raise RuntimeError('no licence')\n")
    project.write("theirs-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    project.write("theirs-1.0.dist-info/entry_points.txt", f"[{ENTRY_POINTS}]\ntheirs = broken_agent:Agent\n")
    monkeypatch.syspath_prepend(project.path)

    listed = {agent["name"]: agent for agent in project.call("agents", "list", "--format", "json").json}

    assert listed["theirs"]["problem"].endswith("importing broken_agent raises RuntimeError: no licence")
    assert listed["oracle"]["problem"] == ""


def test_an_agent_module_that_breaks_is_an_error_of_settings(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("broken_agent2.py", "def (\n")
    monkeypatch.syspath_prepend(project.path)

    with pytest.raises(SettingsError, match="importing broken_agent2 raises SyntaxError"):
        AgentRegistry().spec("broken_agent2:Agent", model=None, arguments={})
