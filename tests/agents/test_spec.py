"""An agent's spec: what identifies it, what counts of its configuration, and how it is sent to another process."""

from __future__ import annotations

import json
import subprocess
import sys
import types
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pytest_terminalbench.agents.base import AgentReport, Task
from pytest_terminalbench.agents.nop import Nop
from pytest_terminalbench.agents.oracle import Oracle
from pytest_terminalbench.agents.scripted import ScriptedAgent
from pytest_terminalbench.agents.spec import AgentSpec
from pytest_terminalbench.environments.base import Environment
from pytest_terminalbench.errors import SettingsError
from pytest_terminalbench.identity import identifying


class Thinker:
    """Has an argument of every sort."""

    name: ClassVar[str] = "thinker"
    deterministic: ClassVar[bool] = False
    identified_by: ClassVar[tuple[str, ...]] = ("effort", "rules", "key")
    secret_arguments: ClassVar[tuple[str, ...]] = ("key",)

    def __init__(
        self, model: str = "", *, effort: str = "low", rules: str = "", key: str = "", prompt: str = ""
    ) -> None:
        self.effort = effort

    def act(self, task: Task, environment: Environment) -> AgentReport:
        return AgentReport()


class Misspelt(Thinker):
    identified_by: ClassVar[tuple[str, ...]] = ("efort",)


class Unbracketed(Thinker):
    secret_arguments: ClassVar[Any] = "key"


def thinker(**arguments: Any) -> AgentSpec:
    return AgentSpec.of(Thinker, arguments=arguments)


def label(**arguments: Any) -> str:
    return thinker(**arguments).cell_id(dataset="demo", scenario="alpha").label


class TestIdentity:
    def test_what_the_class_declares_makes_another_cell(self) -> None:
        cell = thinker(effort="high", prompt="Think.").cell_id(dataset="demo", scenario="alpha")

        assert cell.arguments == identifying({"effort": "high"})
        assert cell.label == f"thinker,~{cell.arguments_digest}"
        assert cell.label != label(effort="higher")

    def test_a_default_is_the_same_cell_as_nothing(self) -> None:
        assert label(effort="low") == label() == "thinker"

    def test_a_file_counts_by_its_content(self, tmp_path: Path) -> None:
        for name, text in (("one", "Be brief."), ("copy", "Be brief."), ("other", "Be long.")):
            (tmp_path / name).write_text(text)

        one, copy, other = (label(rules=str(tmp_path / name)) for name in ("one", "copy", "other"))

        assert one == copy != other

    def test_what_is_secret_never_counts(self) -> None:
        assert label(key="sk-1") == label()

    @pytest.mark.parametrize(
        ("kind", "said"),
        [
            (
                Misspelt,
                (
                    f"agent 'thinker': identified_by of {__name__}:Misspelt names efort, which its constructor does "
                    "not take; it takes: effort, key, model, prompt, rules"
                ),
            ),
            (
                Unbracketed,
                f"agent 'thinker': secret_arguments of {__name__}:Unbracketed is 'key', not a tuple of names: ('key',)",
            ),
        ],
    )
    def test_a_wrong_declaration_is_told(self, kind: type[Thinker], said: str) -> None:
        with pytest.raises(SettingsError) as error:
            AgentSpec.of(kind).cell_id(dataset="demo", scenario="alpha")

        assert str(error.value) == said


class TestConfiguration:
    def test_every_argument_counts_but_secret_ones(self) -> None:
        assert thinker(prompt="a").configuration("alpha") != thinker(prompt="b").configuration("alpha")
        assert thinker(key="sk-1").configuration("alpha") == thinker(key="sk-2").configuration("alpha")

    def test_class_and_model_count(self) -> None:
        specs = [AgentSpec.of(Thinker, name="one"), AgentSpec.of(Thinker, name="one", model="m"), AgentSpec.of(Nop)]

        assert len({spec.configuration("alpha") for spec in specs}) == 3

    def test_files_count_by_their_content_and_not_their_name(self, tmp_path: Path) -> None:
        one, other = tmp_path / "one.md", tmp_path / "other.md"
        one.write_text("Think.")
        other.write_text("Think.")
        before = thinker(prompt=str(one)).configuration("alpha")

        assert thinker(prompt=str(other)).configuration("alpha") == before
        one.write_text("Think again.")
        assert thinker(prompt=str(one)).configuration("alpha") != before

    def test_the_scripted_agents_script_is_the_scenarios_own(self, tmp_path: Path) -> None:
        scripted = AgentSpec.of(ScriptedAgent, arguments={"script": f"{tmp_path}/{{scenario}}.sh"})
        for name in ("alpha", "beta"):
            (tmp_path / f"{name}.sh").write_text(f"echo {name}")
        alpha, beta = scripted.configuration("alpha"), scripted.configuration("beta")
        (tmp_path / "beta.sh").write_text("echo gamma")

        assert alpha != beta
        assert scripted.configuration("alpha") == alpha
        assert scripted.configuration("beta") != beta


class TestSecrecy:
    def test_no_argument_is_shown(self) -> None:
        assert "sk-1" not in repr(thinker(key="sk-1"))

    def test_the_oracle_itself_sees_the_solution(self) -> None:
        assert AgentSpec.of(Oracle).may_see_solution(Oracle())

    def test_nobody_else_does(self) -> None:
        class Impostor(Oracle):
            pass

        assert not AgentSpec.of(Impostor).may_see_solution(Impostor())
        assert not AgentSpec.of(Nop, name="oracle").may_see_solution(Nop())
        assert not AgentSpec.of(Oracle).may_see_solution(Impostor())
        assert not AgentSpec.of(Nop).may_see_solution(Oracle())


MAKES = """
import json, sys
from pytest_terminalbench.agents.spec import AgentSpec

spec = AgentSpec.from_json(json.load(sys.stdin))
print(json.dumps([type(spec.make()).__name__, spec.make().effort, spec.configuration("alpha")]))
"""


class TestSending:
    def test_another_process_makes_the_same_agent(self) -> None:
        spec = thinker(effort="high", key="sk-1")

        made = subprocess.run(
            [sys.executable, "-c", MAKES],
            input=json.dumps(spec.to_json()),
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[2],
        )

        assert json.loads(made.stdout) == ["Thinker", "high", spec.configuration("alpha")]

    def test_what_is_read_is_what_was_written(self) -> None:
        spec = AgentSpec.of(Thinker, arguments={"effort": "high"}, model="lab/x")

        again = AgentSpec.from_json(json.loads(json.dumps(spec.to_json())))

        assert again == spec
        assert again.factory is Thinker

    def test_a_class_that_cannot_be_imported_is_not_sent(self) -> None:
        class Local(Thinker):
            pass

        spec = AgentSpec.of(Local)

        assert isinstance(spec.make(), Local)
        with pytest.raises(SettingsError) as error:
            spec.to_json()
        assert str(error.value) == (
            f"agent 'thinker' cannot be sent to another process, which could not import {spec.place}; move its class "
            "to a module that can be imported, and name it by --tb-agent module:Class or an entry point"
        )

    def test_a_class_of_a_conftest_is_not_sent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """In this process `import conftest` may well find it."""
        mine = type("Mine", (Thinker,), {"__module__": "conftest", "__qualname__": "Mine"})
        conftest = types.ModuleType("conftest")
        conftest.__dict__["Mine"] = mine
        monkeypatch.setitem(sys.modules, "conftest", conftest)

        with pytest.raises(SettingsError, match="could not import conftest:Mine; move its class"):
            AgentSpec.of(mine).to_json()

    def test_an_argument_that_is_not_json_is_not_sent(self) -> None:
        with pytest.raises(SettingsError) as error:
            thinker(prompt=Path("x")).to_json()

        assert str(error.value) == (
            "agent 'thinker' cannot be sent to another process: its argument 'prompt' is a PosixPath; give a value "
            "that JSON has"
        )

    def test_a_place_that_leads_nowhere_is_told_when_it_is_needed(self) -> None:
        spec = AgentSpec(name="gone", place="no_such_module:Agent")

        with pytest.raises(SettingsError, match=r"agent 'gone' \(no_such_module:Agent\): there is no module no_such"):
            spec.make()

    @pytest.mark.parametrize(
        "content",
        [{}, {"name": "a", "place": 1, "arguments": {}, "model": None}, {"name": "a", "place": "b", "arguments": []}],
    )
    def test_what_is_no_agent_is_refused(self, content: dict[str, object]) -> None:
        with pytest.raises((KeyError, TypeError)):
            AgentSpec.from_json(content)
