"""Which verifier judges a scenario."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_terminalbench.environments.fake import FakeEnvironment
from pytest_terminalbench.errors import VerifierError
from pytest_terminalbench.scenarios.kinds import ENTRY_POINTS as KINDS
from pytest_terminalbench.scenarios.model import Scenario, ScenarioSpec
from pytest_terminalbench.verifiers.base import ENTRY_POINTS, verifier_of
from pytest_terminalbench.verifiers.script import ScriptVerifier
from tests.packages import install
from tests.scenario_files import a_scenario

CODE = """
    from pytest_terminalbench.scenarios.kinds import Kind
    from pytest_terminalbench.scenarios.model import Scenario, ScenarioSpec


    class Lenient:
        def judge(self, scenario, environment, folder, *, timeout_s):
            return "everything is right"


    class Blind:
        pass


    def kind(name, verifier):
        return Kind(name=name, model=ScenarioSpec, scenario=Scenario, environment="none", verifier=verifier)


    PLACED = kind("placed", "judges:Lenient")
    NAMED = kind("named", "lenient")
    BLIND = kind("blind", "judges:Blind")
    MISSPELT = kind("misspelt", "lennient")
"""


@pytest.fixture(autouse=True)
def judges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with a verifier, and with kinds that name it or another."""
    kinds = {name: f"judges:{name.upper()}" for name in ("placed", "named", "blind", "misspelt")}
    folder = install(tmp_path / "site", "judges", CODE, {KINDS: kinds, ENTRY_POINTS: {"lenient": "judges:Lenient"}})
    monkeypatch.syspath_prepend(folder)


def of_kind(kind: str) -> Scenario:
    spec = ScenarioSpec(
        schema_version=1, kind=kind, id="x", title="t", instruction="i", difficulty="easy", category="c"
    )
    return Scenario(spec=spec, file=Path("x.json"), dataset="demo")


def test_a_script_judges_a_terminal_scenario(tmp_path: Path) -> None:
    assert isinstance(verifier_of(a_scenario(tmp_path)), ScriptVerifier)


@pytest.mark.parametrize("kind", ["placed", "named"])
def test_a_kinds_own_is_found_by_its_place_or_its_name(kind: str, tmp_path: Path) -> None:
    judged = verifier_of(of_kind(kind)).judge(of_kind(kind), FakeEnvironment(), tmp_path, timeout_s=1)

    assert str(judged) == "everything is right"


def test_it_is_made_once() -> None:
    assert verifier_of(of_kind("placed")) is verifier_of(of_kind("placed"))


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        (
            "blind",
            "kind 'blind': its verifier 'judges:Blind' cannot be loaded: TypeError: Blind has no method `judge`",
        ),
        (
            "misspelt",
            (
                "kind 'misspelt': its verifier 'lennient' is not installed (did you mean 'lenient'?); installed: "
                "lenient, script; a package adds one by an entry point of the group pytest_terminalbench.verifiers"
            ),
        ),
    ],
)
def test_one_that_cannot_be_had_judges_nothing(kind: str, problem: str) -> None:
    with pytest.raises(VerifierError) as error:
        verifier_of(of_kind(kind))

    assert str(error.value) == problem


def test_the_script_verifier_refuses_a_scenario_without_a_script(tmp_path: Path) -> None:
    with pytest.raises(VerifierError) as error:
        ScriptVerifier().judge(of_kind("placed"), FakeEnvironment(), tmp_path, timeout_s=1)

    assert str(error.value) == "scenario x of kind 'placed' has no script that could judge"
