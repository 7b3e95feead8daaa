"""Agents by name: which exist, how they are made, and what is said of those that cannot be."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pytest_terminalbench.agents.argument_texts import parse_arguments
from pytest_terminalbench.agents.base import AgentReport, Task
from pytest_terminalbench.agents.nop import Nop
from pytest_terminalbench.agents.oracle import Oracle
from pytest_terminalbench.agents.registry import AgentRegistry, AgentSpec
from pytest_terminalbench.agents.scripted import ScriptedAgent
from pytest_terminalbench.environments.base import Environment
from pytest_terminalbench.errors import AgentSetupError, SettingsError


class Leaver:
    def __init__(self) -> None:
        raise SystemExit("no key")

    def act(self, task: Task, environment: Environment) -> AgentReport:
        return AgentReport()


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


class Whisperer(Talker):
    name: ClassVar[str] = "whisperer"


def a_second_talker(**anything: Any) -> Talker:
    return Talker("from a function", **anything)


a_second_talker.name = "talker"  # type: ignore[attr-defined]


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
            (
                "no_such_module:X",
                (
                    f"there is no module no_such_module; searched: what {sys.executable} can import; start the command "
                    "in the folder that has it, or name that folder in pytest's ini option `pythonpath`"
                ),
            ),
            (f"{__name__}:Nobody", f"{__name__} has no 'Nobody'"),
            (f"{__name__}:Mute", "Mute has no method `act`, so it is not an agent"),
            (f"{__name__}:NOTHING", "NOTHING is neither a class nor a function that makes one"),
            (f"{__name__}:Talkr", f"{__name__} has no 'Talkr' (did you mean 'Talker'?)"),
            (":X", "'' is no module's name; write module:Class, such as my_agent:MyAgent"),
            (
                "./lab/my_agent.py:X",
                "'./lab/my_agent.py' is no module's name; write it as Python imports it: lab.my_agent:Class",
            ),
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
            "--tb-agent-arg: agent 'scripted' takes no comands (did you mean 'commands'?); it takes: "
            "command_timeout_s, commands, script"
        )
        assert problem("nop", x=1) == "--tb-agent-arg: agent 'nop' takes no x; it takes: none"


class Impostor(Talker):
    name: ClassVar[str] = "oracle"


class Odd:
    name: ClassVar[str] = "a=b:c"

    def __init__(self, *, key: object = None) -> None:
        self.key = key

    def act(self, task: Task, environment: Environment) -> AgentReport:
        return AgentReport()


class Shouter(Talker):
    name: ClassVar[str] = "TALKER"


def session(agents: Sequence[str], *, models: Sequence[str] = (), arguments: Sequence[str] = ()) -> list[AgentSpec]:
    return AgentRegistry().specs(agents, models=models, arguments=parse_arguments(arguments))


def session_problem(agents: Sequence[str], *, models: Sequence[str] = (), arguments: Sequence[str] = ()) -> str:
    with pytest.raises(SettingsError) as error:
        session(agents, models=models, arguments=arguments)
    return str(error.value)


class TestSession:
    """Agents and models of one session: each with its own arguments, and no two alike."""

    def test_it_has_every_agent_with_every_model_in_order(self) -> None:
        specs = session([f"{__name__}:Talker", f"{__name__}:Whisperer"], models=["m", "n"])

        assert [(spec.name, spec.model) for spec in specs] == [
            ("talker", "m"),
            ("talker", "n"),
            ("whisperer", "m"),
            ("whisperer", "n"),
        ]

    def test_an_argument_is_for_all_or_for_one(self) -> None:
        specs = session(
            [f"{__name__}:Talker", f"{__name__}:Whisperer"],
            models=["m"],
            arguments=["depth=1", f"{__name__}:Whisperer:depth=2"],
        )

        assert [spec.arguments for spec in specs] == [{"depth": 1}, {"depth": 2}]

    def test_one_agent_is_named_by_its_own_name_too(self) -> None:
        specs = session(["nop", "scripted"], arguments=["scripted:commands=[]"])

        assert [spec.arguments for spec in specs] == [{}, {"commands": []}]

    @pytest.mark.parametrize("addressed", [f"{__name__}:Odd", "a%3Db%3Ac"])
    def test_a_name_with_signs_in_it_is_spelled_as_in_labels(self, addressed: str) -> None:
        """``=`` would end the argument's own name."""
        specs = session(["nop", f"{__name__}:Odd"], arguments=[f"{addressed}:key=a:b=c"])

        assert [spec.arguments for spec in specs] == [{}, {"key": "a:b=c"}]

    def test_an_argument_for_one_is_refused_by_no_other(self) -> None:
        specs = session(["oracle", f"{__name__}:Odd"], arguments=[f"{__name__}:Odd:key=1"])

        assert [spec.arguments for spec in specs] == [{}, {"key": 1}]

    def test_an_argument_for_all_that_one_does_not_take_is_refused_with_the_cure(self) -> None:
        assert session_problem(["oracle", f"{__name__}:Odd"], arguments=["key=1"]) == (
            "--tb-agent-arg: agent 'oracle' takes no key; it takes: none; for one agent of several write "
            "AGENT:key=VALUE"
        )

    def test_of_several_values_an_agents_own_wins_and_of_those_the_last(self) -> None:
        specs = session(
            ["scripted", f"{__name__}:Odd"],
            arguments=[f"{__name__}:Odd:key=1", f"{__name__}:Odd:key=2", "scripted:script=x"],
        )

        assert [spec.arguments for spec in specs] == [{"script": "x"}, {"key": 2}]

    def test_arguments_that_stand_in_a_file_may_be_for_others(self) -> None:
        """The ini file's are for its own agents; another may be named for once."""
        (oracle,) = AgentRegistry().specs(
            ["oracle"], models=[], arguments=parse_arguments(["scripted:script=x"]), others_may_be_named=True
        )

        assert oracle.arguments == {}

    def test_an_argument_for_a_stranger_names_who_is_there(self) -> None:
        assert session_problem(["nop", "oracle"], arguments=["scripted:script=x"]) == (
            "--tb-agent-arg scripted:script=…: no agent of this session is called 'scripted'; its agents: nop, oracle"
        )

    def test_a_model_is_no_argument(self) -> None:
        """The cell would not say which."""
        assert session_problem([f"{__name__}:Talker"], arguments=["model=m"]) == (
            "--tb-agent-arg model=…: a model is named by --tb-model, which makes it a cell of its own"
        )

    @pytest.mark.parametrize(
        ("agents", "said"),
        [
            (["nop", "oracle", "nop"], "--tb-agent 'nop' is given 2 times; name each once"),
            (
                [f"{__name__}:Talker", f"{__name__}:a_second_talker"],
                (
                    f"--tb-agent '{__name__}:Talker' and '{__name__}:a_second_talker' are called 'talker' and "
                    "'talker', so that one would overwrite the other's results; name each agent once, or give one of "
                    "the classes another `name`"
                ),
            ),
            (
                [f"{__name__}:Talker", f"{__name__}:Shouter"],
                (
                    f"--tb-agent '{__name__}:Talker' and '{__name__}:Shouter' are called 'talker' and 'TALKER', so "
                    "that one would overwrite the other's results; name each agent once, or give one of the classes "
                    "another `name`"
                ),
            ),
            (
                [f"{__name__}:Impostor"],
                (
                    f"--tb-agent '{__name__}:Impostor': it is called 'oracle', and "
                    "pytest_terminalbench.agents.oracle:Oracle is known as 'oracle'; the two would share results and "
                    "baselines: give the class another `name`, or register it under another"
                ),
            ),
        ],
        ids=["twice", "one name", "case", "a registered name"],
    )
    def test_agents_that_would_share_results_are_refused(self, agents: list[str], said: str) -> None:
        assert session_problem(agents) == said

    def test_a_registered_class_may_be_named_by_its_module(self) -> None:
        (spec,) = session(["pytest_terminalbench.agents.oracle:Oracle"])

        assert spec.name == "oracle"

    def test_a_name_in_other_case_is_refused_though_it_is_alone(self) -> None:
        registry = AgentRegistry()
        registry.register("Oracle", Talker)

        with pytest.raises(SettingsError, match=r"it is called 'Oracle', and .*Oracle is known as 'oracle'"):
            registry.specs(["Oracle"], models=[], arguments=[])

    def test_a_name_is_registered_once(self) -> None:
        registry = AgentRegistry()
        registry.register("mine", Talker)
        registry.register("mine", Talker)

        with pytest.raises(SettingsError) as error:
            registry.register("mine", Impostor)
        assert str(error.value) == (
            f"{__name__}:Impostor cannot be registered as 'mine', which is the name of {__name__}:Talker; register it "
            "under another name"
        )

    @pytest.mark.parametrize(
        ("models", "said"),
        [
            (["m", "m"], "--tb-model 'm' is given 2 times; name each once"),
            (
                ["lab/m", "lab/M"],
                (
                    "--tb-model 'lab/m' and 'lab/M' differ in upper and lower case alone, and would share folders on "
                    "some machines; run them in two sessions, each with a --tb-results and --tb-baselines of its own"
                ),
            ),
            ([""], "a cell's model has an empty name; leave it out, or name it"),
        ],
    )
    def test_models_that_would_share_results_are_refused(self, models: list[str], said: str) -> None:
        assert session_problem([f"{__name__}:Talker"], models=models) == said

    def test_a_model_whose_name_no_folder_can_have_is_refused(self) -> None:
        assert "a folder's name has room for 200" in session_problem([f"{__name__}:Talker"], models=["m" * 200])


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

    def test_a_constructor_that_exits_is_told_of(self) -> None:
        with pytest.raises(AgentSetupError) as error:
            spec(f"{__name__}:Leaver").make()

        assert str(error.value) == "agent 'Leaver' cannot be made: SystemExit: no key"

    def test_our_own_refusal_is_told_as_it_is(self) -> None:
        with pytest.raises(AgentSetupError) as error:
            spec("scripted", commands="ls").make()

        assert str(error.value) == "the scripted agent's `commands` is a list of strings, not 'ls'"
