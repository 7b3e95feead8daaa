"""Agents by name: our own, those that packages and conftest.py add, and any class by ``module:Class``."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from pytest_terminalbench.agents.base import Agent
from pytest_terminalbench.errors import AgentSetupError, SettingsError
from pytest_terminalbench.naming import nearest

__all__ = ["ENTRY_POINTS", "AgentFacts", "AgentRegistry", "AgentSpec", "parse_arguments"]

ENTRY_POINTS = "pytest_terminalbench.agents"

_OWN = {
    "oracle": "pytest_terminalbench.agents.oracle:Oracle",
    "nop": "pytest_terminalbench.agents.nop:Nop",
    "scripted": "pytest_terminalbench.agents.scripted:ScriptedAgent",
}

AgentFactory = Callable[..., Agent]


@dataclass(frozen=True, kw_only=True)
class AgentSpec:
    """An agent that can be made: its name, its class, its arguments and its model (None: it uses none)."""

    name: str
    factory: AgentFactory
    arguments: Mapping[str, Any] = field(default_factory=dict)
    model: str | None = None

    @property
    def deterministic(self) -> bool:
        return bool(getattr(self.factory, "deterministic", False))

    @cached_property
    def signature(self) -> inspect.Signature:
        """What the class takes.

        Looked at once, when the spec is made: `inspect` may have to parse, which Python 3.11 cannot do in two threads.
        """
        return inspect.signature(self.factory)

    def make(self) -> Agent:
        """A new agent; raises AgentSetupError, which names no values, when its arguments do not fit."""
        arguments = {**self.arguments, **({"model": self.model} if self.model else {})}
        try:
            self.signature.bind(**arguments)
        except TypeError as error:
            raise AgentSetupError(
                f"agent {self.name!r} cannot be made with {', '.join(arguments) or 'no arguments'}: {error}; it takes "
                f"{self.signature}"
            ) from None
        try:
            return self.factory(**arguments)
        except AgentSetupError:
            raise
        # The seam to foreign code: whatever a constructor raises says that there is no agent.
        except Exception as error:
            raise AgentSetupError(f"agent {self.name!r} cannot be made: {type(error).__name__}: {error}") from error


@dataclass(frozen=True, kw_only=True)
class AgentFacts:
    """An agent as a list shows it. ``problem`` says why it cannot be loaded; then the rest is not known."""

    name: str
    place: str
    purpose: str = ""
    deterministic: bool = False
    uses_model: bool = False
    arguments: tuple[str, ...] = ()
    problem: str = ""


class AgentRegistry:
    """The agents that a session can name."""

    def __init__(self) -> None:
        self._places: dict[str, str | AgentFactory] = dict(_OWN)
        for point in entry_points(group=ENTRY_POINTS):
            self._places.setdefault(point.name, point.value)

    def register(self, name: str, agent: AgentFactory) -> None:
        """Make `agent` (a class, or a function that returns an agent) known as `name`."""
        self._places[name] = agent

    def names(self) -> list[str]:
        return sorted(self._places)

    def facts(self) -> list[AgentFacts]:
        """Every agent by name, those that cannot be loaded too."""
        return [self._facts(name) for name in self.names()]

    def _facts(self, name: str) -> AgentFacts:
        place = self._places[name]
        shown = place if isinstance(place, str) else f"{place.__module__}:{place.__qualname__}"
        try:
            factory = self._find(name)
        except SettingsError as error:
            return AgentFacts(name=name, place=shown, problem=str(error))
        parameters = inspect.signature(factory).parameters.values()
        return AgentFacts(
            name=name,
            place=shown,
            purpose=(inspect.getdoc(factory) or "").partition("\n")[0],
            deterministic=bool(getattr(factory, "deterministic", False)),
            uses_model="model" in _parameters(factory),
            arguments=tuple(str(p.replace(annotation=p.empty)) for p in parameters if p.name != "model"),
        )

    def spec(self, request: str, *, model: str | None, arguments: Mapping[str, Any]) -> AgentSpec:
        """The agent for `request`, a known name or ``module:Class``.

        Raises SettingsError, listing what exists, for one that is not known, and for arguments it does not take.
        """
        factory = self._find(request)
        name = request if request in self._places else str(getattr(factory, "name", request.rpartition(":")[2]))
        spec = AgentSpec(name=name, factory=factory, arguments=dict(arguments), model=model)
        known = set(spec.signature.parameters) - {"args", "kwargs"}
        takes_anything = any(p.kind is p.VAR_KEYWORD for p in spec.signature.parameters.values())
        if model is not None and "model" not in known:
            raise SettingsError(f"--tb-model {model!r}: agent {name!r} uses no model; leave the option out")
        unknown = [] if takes_anything else sorted(set(arguments) - known)
        if unknown:
            listed = ", ".join(sorted(known)) or "none"
            raise SettingsError(f"--tb-agent-arg: agent {name!r} takes no {', '.join(unknown)}; it takes: {listed}")
        return spec

    def _find(self, request: str) -> AgentFactory:
        place = self._places.get(request, request)
        if callable(place):
            return place
        module, colon, attribute = place.partition(":")
        if not colon:
            raise SettingsError(
                f"--tb-agent {request!r} is not known{nearest(request, self.names())}; known: "
                f"{', '.join(self.names())}, or module:Class"
            )
        try:
            home = import_module(module)
        except ImportError as error:
            raise SettingsError(f"--tb-agent {request!r}: cannot import {module}: {error}") from None
        except Exception as error:  # A foreign module's own code runs here, and may raise anything.
            raise SettingsError(
                f"--tb-agent {request!r}: importing {module} raises {type(error).__name__}: {error}"
            ) from error
        found: AgentFactory | None = getattr(home, attribute, None)
        if found is None:
            raise SettingsError(f"--tb-agent {request!r}: {module} has no {attribute!r}")
        if not callable(found):
            raise SettingsError(f"--tb-agent {request!r}: {attribute} is neither a class nor a function that makes one")
        if not callable(getattr(found, "act", None)) and isinstance(found, type):
            raise SettingsError(f"--tb-agent {request!r}: {attribute} has no method `act`, so it is not an agent")
        return found


def parse_arguments(pairs: Sequence[str]) -> dict[str, Any]:
    """``KEY=VALUE`` pairs as keyword arguments; a value that is JSON becomes what it says, any other stays text."""
    arguments: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.isidentifier():
            raise SettingsError(f"--tb-agent-arg {pair!r} is not KEY=VALUE")
        try:
            arguments[key] = json.loads(value)
        except ValueError:
            arguments[key] = value
    return arguments


def _parameters(factory: AgentFactory) -> set[str]:
    return set(inspect.signature(factory).parameters) - {"args", "kwargs"}
