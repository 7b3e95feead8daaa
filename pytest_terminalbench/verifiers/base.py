"""Who judges what an agent has left: the protocol of verifiers, and the verifier of a scenario."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol, runtime_checkable

from pytest_terminalbench.environments.base import Environment
from pytest_terminalbench.errors import SettingsError, VerifierError
from pytest_terminalbench.extensions import Extensions
from pytest_terminalbench.scenarios.kinds import kind_named
from pytest_terminalbench.scenarios.model import Scenario
from pytest_terminalbench.verifiers.parsers import Judgement

__all__ = ["ENTRY_POINTS", "Verdict", "Verifier", "verifier_of"]

ENTRY_POINTS = "pytest_terminalbench.verifiers"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a verifier found."""

    judgement: Judgement


@runtime_checkable
class Verifier(Protocol):
    """Judges after the agent has stopped. One of a kind serves all its scenarios, from several threads at once."""

    def judge(self, scenario: Scenario, environment: Environment, folder: Path, *, timeout_s: float) -> Verdict:
        """Judge what is in `environment`, in `timeout_s` seconds at most.

        `folder`, on the host, is for what people may want to read of it; the end of the files `stdout` and `stderr`
        there is shown with the outcome. Raises VerifierError when nothing was judged, and EnvironmentFailure.
        """


def _accepted(found: object) -> Verifier:
    made = found() if isinstance(found, type) else found
    if not isinstance(made, Verifier):
        raise TypeError(f"{type(made).__name__} has no method `judge`")
    return made


_VERIFIERS = Extensions(ENTRY_POINTS, {"script": "pytest_terminalbench.verifiers.script:ScriptVerifier"}, _accepted)


def verifier_of(scenario: Scenario) -> Verifier:
    """Who judges `scenario`: the verifier that its kind names; raises VerifierError when that cannot be loaded."""
    try:
        return _loaded(kind_named(scenario.kind).verifier)
    except SettingsError as error:
        raise VerifierError(f"kind {scenario.kind!r}: its verifier {error}") from error


@cache
def _loaded(name: str) -> Verifier:
    return _VERIFIERS.at(name, called=name) if ":" in name else _VERIFIERS.named(name)
