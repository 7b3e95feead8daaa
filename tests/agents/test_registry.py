"""Agents by name: which exist, how they are made, and what is said of those that cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

from pytest_terminalbench.agents.base import AgentReport, Task
from pytest_terminalbench.agents.nop import Nop
from pytest_terminalbench.agents.oracle import Oracle
from pytest_terminalbench.agents.registry import AgentRegistry, AgentSpec, parse_arguments
from pytest_terminalbench.agents.scripted import ScriptedAgent
from pytest_terminalbench.environments.base import Environment
from pytest_terminalbench.errors import AgentSetupError, SettingsError


class Talker:
    """Takes a model and an argument."""

    name: ClassVar[str] = "talker"
    deterministic: ClassVar[bool] = False

    def __init__(self, model: str, *, depth: int = 1) -> None:
        if depth < 1:
            raise ValueError(f"depth is {depth}")
        self.model, self.depth = model, depth

    def act(self, task: Task, environment: Environment) -> AgentReport:
        return AgentReport()


class Mute:
    """No agent: it cannot act."""


NOTHING = 7


def a_talker(**anything: Any) -> Talker:
    return Talker("from a function", **anything)


def spec(request: str, *, model: str | None = None, **arguments: Any) -> AgentSpec:
    return AgentRegistry().spec(request, model=model, arguments=arguments)


def problem(request: str, *, model: str | None = None, **arguments: Any) -> str:
    with pytest.raises(SettingsError) as error:
        spec(request, model=model, **arguments)
    return str(error.value)


class TestNames:
    def test_ours_are_known(self) -> None:
        assert {"nop", "oracle", "scripted"} <= set(AgentRegistry().names())

    @pytest.mark.parametrize(("name", "kind"), [("oracle", Oracle), ("nop", Nop), ("scripted", ScriptedAgent)])
    def test_each_is_made_by_its_name(self, name: str, kind: type) -> None:
        assert type(spec(name).make()) is kind

    def test_each_trial_has_its_own(self) -> None:
        nop = spec("nop")

        assert nop.make() is not nop.make()

    def test_ours_always_do_the_same(self) -> None:
        assert [spec(name).deterministic for name in ("oracle", "nop", "scripted")] == [True, True, True]

    def test_a_class_is_found_by_its_module(self) -> None:
        talker = spec(f"{__name__}:Talker", model="provider/one", depth=3)

        assert (talker.name, talker.model, talker.deterministic) == ("talker", "provider/one", False)
        made = talker.make()
        assert isinstance(made, Talker)
        assert (made.model, made.depth) == ("provider/one", 3)

    def test_a_function_that_makes_one_is_found_too(self) -> None:
        made = spec(f"{__name__}:a_talker", depth=2)

        assert made.name == "a_talker"
        assert isinstance(made.make(), Talker)

    def test_one_that_is_registered_is_known_by_that_name(self) -> None:
        registry = AgentRegistry()
        registry.register("mine", Talker)

        assert "mine" in registry.names()
        assert registry.spec("mine", model="m", arguments={}).name == "mine"


class TestRefused:
    def test_an_unknown_name_lists_what_exists_and_the_nearest(self) -> None:
        known = ", ".join(AgentRegistry().names())

        assert problem("orakle") == (
            f"--tb-agent 'orakle' is not known (did you mean 'oracle'?); known: {known}, or module:Class"
        )

    @pytest.mark.parametrize(
        ("request_", "said"),
        [
            ("no_such_module:X", "cannot import no_such_module: No module named 'no_such_module'"),
            (f"{__name__}:Nobody", f"{__name__} has no 'Nobody'"),
            (f"{__name__}:Mute", "Mute has no method `act`, so it is not an agent"),
            (f"{__name__}:NOTHING", "NOTHING is neither a class nor a function that makes one"),
            (":X", "importing  raises ValueError: Empty module name"),
        ],
    )
    def test_what_is_no_agent_is_told(self, request_: str, said: str) -> None:
        assert problem(request_) == f"--tb-agent {request_!r}: {said}"

    def test_a_module_that_breaks_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "breaks_on_import.py").write_text("1 / 0")
        monkeypatch.syspath_prepend(tmp_path)

        assert problem("breaks_on_import:X") == (
            "--tb-agent 'breaks_on_import:X': importing breaks_on_import raises ZeroDivisionError: division by zero"
        )

    def test_a_model_for_an_agent_without_is_told(self) -> None:
        assert problem("nop", model="m") == "--tb-model 'm': agent 'nop' uses no model; leave the option out"

    def test_an_argument_that_it_does_not_take_is_told(self) -> None:
        assert problem("scripted", comands=[]) == (
            "--tb-agent-arg: agent 'scripted' takes no comands; it takes: command_timeout_s, commands, script"
        )
        assert problem("nop", x=1) == "--tb-agent-arg: agent 'nop' takes no x; it takes: none"


class TestMaking:
    def test_what_is_missing_is_told(self) -> None:
        with pytest.raises(AgentSetupError) as error:
            spec(f"{__name__}:Talker").make()

        assert str(error.value) == (
            "agent 'talker' cannot be made with no arguments: missing a required argument: 'model'; it takes "
            "(model: 'str', *, depth: 'int' = 1) -> 'None'"
        )

    def test_what_the_constructor_refuses_is_told(self) -> None:
        with pytest.raises(AgentSetupError) as error:
            spec(f"{__name__}:Talker", model="m", depth=0).make()

        assert str(error.value) == "agent 'talker' cannot be made: ValueError: depth is 0"

    def test_our_own_refusal_is_told_as_it_is(self) -> None:
        with pytest.raises(AgentSetupError) as error:
            spec("scripted", commands="ls").make()

        assert str(error.value) == "the scripted agent's `commands` is a list of strings, not 'ls'"


class TestArguments:
    def test_values_that_are_json_become_what_they_say(self) -> None:
        pairs = ["a=1", "b=text", 'c=["x"]', "d=null", "e=true", "f=", "g=k=v", 'h="1"']

        assert parse_arguments(pairs) == {
            "a": 1,
            "b": "text",
            "c": ["x"],
            "d": None,
            "e": True,
            "f": "",
            "g": "k=v",
            "h": "1",
        }

    @pytest.mark.parametrize("pair", ["a", "=1", "a b=1", "1a=1", "a-b=1"])
    def test_what_is_no_pair_is_told(self, pair: str) -> None:
        with pytest.raises(SettingsError) as error:
            parse_arguments([pair])

        assert str(error.value) == f"--tb-agent-arg {pair!r} is not KEY=VALUE"
