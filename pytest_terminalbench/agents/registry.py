"""Agents by name: our own, those that packages and conftest.py add, and any class by ``module:Class``."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_terminalbench.agents.argument_texts import AgentArgument
from pytest_terminalbench.agents.base import Agent
from pytest_terminalbench.agents.given import FIXTURE, given_spec, is_made_by
from pytest_terminalbench.agents.spec import AgentFactory, AgentSpec, find_class, own_name, place_of, taken_arguments
from pytest_terminalbench.errors import SettingsError
from pytest_terminalbench.extensions import installed_places
from pytest_terminalbench.identity import escaped
from pytest_terminalbench.naming import nearest

__all__ = ["ENTRY_POINTS", "AgentFacts", "AgentRegistry", "AgentSpec"]

ENTRY_POINTS = "pytest_terminalbench.agents"

_OWN = {
    "oracle": "pytest_terminalbench.agents.oracle:Oracle",
    "nop": "pytest_terminalbench.agents.nop:Nop",
    "scripted": "pytest_terminalbench.agents.scripted:ScriptedAgent",
}


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
    """The agents that a session can name; `folders` are searched for the modules of those that are not installed."""

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._folders = folders
        self._places: dict[str, str | AgentFactory] = {**installed_places(ENTRY_POINTS, _OWN)}

    def register(self, name: str, agent: AgentFactory) -> None:
        """Make `agent` (a class, or a function that returns an agent) known as `name`.

        Raises SettingsError for a name that another agent has: the two would share results and baselines.
        """
        if name in self._places and not self._is_known_as(name, agent):
            raise SettingsError(
                f"{place_of(agent)} cannot be registered as {name!r}, which is the name of "
                f"{_shown(self._places[name])}; register it under another name"
            )
        self._places[name] = agent

    def names(self) -> list[str]:
        return sorted(self._places)

    def facts(self) -> list[AgentFacts]:
        """Every agent by name, those that cannot be loaded too."""
        return [self._facts(name) for name in self.names()]

    def _facts(self, name: str) -> AgentFacts:
        shown = _shown(self._places[name])
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
            uses_model="model" in taken_arguments(inspect.signature(factory))[0],
            arguments=tuple(str(p.replace(annotation=p.empty)) for p in parameters if p.name != "model"),
        )

    def specs(
        self,
        requests: Sequence[str],
        *,
        models: Sequence[str],
        arguments: Sequence[AgentArgument],
        others_may_be_named: bool = False,
    ) -> list[AgentSpec]:
        """Every agent with every model, in their order: who acts in a session.

        Raises SettingsError, with the cure, for what `spec` refuses, for an agent or model that is named twice, for two
        whose names are the same or differ in upper and lower case alone, and for arguments of an agent that is not
        among them, unless `others_may_be_named`.
        """
        _check_named_once("--tb-agent", requests)
        _check_named_once("--tb-model", models)
        _check_models_apart(models)
        names = {request: self._name(request) for request in requests}
        _check_names_apart(names)
        by_request = _arguments_by_request(names, arguments)
        strangers = [argument for argument in arguments if not any(argument in own for own in by_request.values())]
        if strangers and not others_may_be_named:
            raise SettingsError(
                f"--tb-agent-arg {strangers[0].name}=…: no agent of this session is called {strangers[0].agent!r}"
                f"{nearest(str(strangers[0].agent), names.values())}; its agents: {', '.join(names.values())}"
            )
        return [
            self.spec(
                request, model=model, arguments=_in_force(by_request[request]), is_one_of_several=len(requests) > 1
            )
            for request in requests
            for model in models or (None,)
        ]

    def spec(
        self, request: str, *, model: str | None, arguments: Mapping[str, Any], is_one_of_several: bool = False
    ) -> AgentSpec:
        """The agent for `request`, a known name or ``module:Class``.

        Raises SettingsError, listing what exists, for one that is not known, for arguments it does not take, and for
        a class that calls itself as another agent is called.
        """
        factory = self._find(request)
        place = self._places.get(request, request)
        spec = AgentSpec(
            name=self._name(request),
            place=place if isinstance(place, str) else place_of(place),
            arguments=dict(arguments),
            model=model,
            local=factory,
        )
        taken, takes_anything = taken_arguments(spec.signature)
        if model is not None and "model" not in taken:
            raise SettingsError(f"--tb-model {model!r}: agent {spec.name!r} uses no model; leave the option out")
        if "model" in arguments:
            raise SettingsError(
                "--tb-agent-arg model=…: a model is named by --tb-model, which makes it a cell of its own"
            )
        unknown = [] if takes_anything else sorted(set(arguments) - taken)
        if unknown:
            listed = ", ".join(sorted(taken)) or "none"
            cure = f"; for one agent of several write AGENT:{unknown[0]}=VALUE" if is_one_of_several else ""
            raise SettingsError(
                f"--tb-agent-arg: agent {spec.name!r} takes no {', '.join(unknown)}{nearest(unknown[0], taken)}; "
                f"it takes: {listed}{cure}"
            )
        # Refuses a label that no folder can have, now and not in the middle of a session.
        spec.cell_id(dataset="any", scenario="any")
        return spec

    def given(self, agent: Agent) -> AgentSpec:
        """The spec of an agent that the fixture ``tb_agent`` gave.

        Raises SettingsError for one that calls itself as another agent is called, and for a name that no cell can have.
        """
        spec = given_spec(agent)
        for twin in self._twins(spec.name):
            if twin != spec.name or not is_made_by(self.spec(twin, model=None, arguments={}), agent):
                raise SettingsError(
                    f"the fixture {FIXTURE} gives an agent of {spec.place}: {self._clash(spec.name, twin)}"
                )
        # Refuses a label that no folder can have.
        _ = spec.label
        return spec

    def _name(self, request: str) -> str:
        """What the agent for `request` is called; raises SettingsError where another agent is called so."""
        factory = self._find(request)
        name = request if request in self._places else own_name(factory, request)
        for twin in self._twins(name):
            if twin != request and (twin != name or not self._is_known_as(twin, factory)):
                raise SettingsError(f"--tb-agent {request!r}: {self._clash(name, twin)}, or register it under another")
        return name

    def _twins(self, name: str) -> list[str]:
        """Known names that are the same, up to upper and lower case."""
        return [known for known in self._places if known.casefold() == name.casefold()]

    def _clash(self, name: str, twin: str) -> str:
        return (
            f"it is called {name!r}, and {_shown(self._places[twin])} is known as {twin!r}; the two would share "
            "results and baselines: give the class another `name`"
        )

    def _is_known_as(self, name: str, factory: AgentFactory) -> bool:
        try:
            return self._find(name) is factory
        except SettingsError:
            return False

    def _find(self, request: str) -> AgentFactory:
        place = self._places.get(request, request)
        if callable(place):
            return place
        if ":" not in place:
            raise SettingsError(
                f"--tb-agent {request!r} is not known{nearest(request, self.names())}; known: "
                f"{', '.join(self.names())}, or module:Class"
            )
        return find_class(place, f"--tb-agent {request!r}", self._folders if request not in self._places else ())


def _shown(place: str | AgentFactory) -> str:
    return place if isinstance(place, str) else place_of(place)


def _arguments_by_request(
    names: Mapping[str, str], arguments: Sequence[AgentArgument]
) -> dict[str, list[AgentArgument]]:
    """Those for all agents and its own, for each agent; `names` has the name of each by what it was asked for as.

    An argument calls its agent as it was asked for, by its name, or by that name as labels spell it: in a name ``=``
    would end the argument's. Where one agent is called as another is spelled, the former is meant.
    """
    called = {text: request for request, name in names.items() for text in (escaped(request), escaped(name))}
    called |= {name: request for request, name in names.items()}
    called |= {request: request for request in names}
    return {request: [a for a in arguments if a.agent is None or called.get(a.agent) == request] for request in names}


def _in_force(arguments: Sequence[AgentArgument]) -> dict[str, Any]:
    """By their names: an agent's own win over those for all, and the last of several."""
    ordered = sorted(arguments, key=lambda argument: argument.agent is not None)
    return {argument.key: argument.value for argument in ordered}


def _check_named_once(option: str, values: Sequence[str]) -> None:
    for value, times in Counter(values).items():
        if times > 1:
            raise SettingsError(f"{option} {value!r} is given {times} times; name each once")


def _check_models_apart(models: Sequence[str]) -> None:
    """Raises SettingsError for two models whose names differ in upper and lower case alone."""
    seen: dict[str, str] = {}
    for model in models:
        first = seen.setdefault(model.casefold(), model)
        if first != model:
            raise SettingsError(
                f"--tb-model {first!r} and {model!r} differ in upper and lower case alone, and would share folders on "
                "some machines; run them in two sessions, each with a --tb-results and --tb-baselines of its own"
            )


def _check_names_apart(names: Mapping[str, str]) -> None:
    """Raises SettingsError for two requests whose agents have one name, up to upper and lower case."""
    seen: dict[str, str] = {}
    for request, name in names.items():
        first = seen.setdefault(name.casefold(), request)
        if first != request:
            raise SettingsError(
                f"--tb-agent {first!r} and {request!r} are called {names[first]!r} and {name!r}, so that one would "
                "overwrite the other's results; name each agent once, or give one of the classes another `name`"
            )
