"""An agent that can be made, here or in another process, and what identifies it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pytest_terminalbench.agents.argument_texts import by_content
from pytest_terminalbench.agents.base import Agent
from pytest_terminalbench.agents.find_module import import_agent_module
from pytest_terminalbench.agents.oracle import Oracle
from pytest_terminalbench.digest import canonical_json, digest_bytes
from pytest_terminalbench.errors import AgentSetupError, SettingsError
from pytest_terminalbench.identity import CellId, identifying
from pytest_terminalbench.naming import nearest
from pytest_terminalbench.scenarios.kinds import agent_methods

__all__ = ["AgentFactory", "AgentSpec", "find_class", "own_name", "place_of", "taken_arguments"]

# What pytest and Python call modules that no other process can import by that name.
_LOCAL_MODULES = ("conftest", "__main__")

AgentFactory = Callable[..., Agent]


@dataclass(frozen=True, kw_only=True)
class AgentSpec:
    """An agent that can be made, here or in another process: its name, its class, its arguments and its model.

    `place` is where its class, or a function that makes it, is imported from: ``module:Class``. `local` is that class
    itself where a conftest.py registered it; it need not be importable then. `model` None: the agent uses none.
    """

    name: str
    place: str
    # May hold secrets, which a traceback must not show.
    arguments: Mapping[str, Any] = field(default_factory=dict, repr=False)
    model: str | None = None
    local: AgentFactory | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(
        cls,
        factory: AgentFactory,
        *,
        name: str | None = None,
        arguments: Mapping[str, Any] | None = None,
        model: str | None = None,
    ) -> AgentSpec:
        """The spec of a class, or of a function that makes an agent, that is at hand."""
        place = place_of(factory)
        return cls(
            name=name or own_name(factory, place),
            place=place,
            arguments=dict(arguments or {}),
            model=model,
            local=factory,
        )

    @cached_property
    def factory(self) -> AgentFactory:
        """The class; raises SettingsError where `place` does not lead to one."""
        return self.local if self.local is not None else find_class(self.place, f"agent {self.name!r} ({self.place})")

    @property
    def deterministic(self) -> bool:
        return bool(getattr(self.factory, "deterministic", False))

    @cached_property
    def signature(self) -> inspect.Signature:
        """What the class takes.

        Looked at once, when the spec is made: `inspect` may have to parse, which Python 3.11 cannot do in two threads.
        """
        return inspect.signature(self.factory)

    @property
    def secret_arguments(self) -> tuple[str, ...]:
        """The names of the arguments that the class declares secret."""
        return self._declared("secret_arguments")

    # -- who it is ---------------------------------------------------------------------------------------------------

    @property
    def identifying_names(self) -> frozenset[str]:
        """The names of the arguments that make another cell, which the class declares; a secret one never does."""
        return frozenset(self._declared("identified_by")) - frozenset(self.secret_arguments)

    @cached_property
    def identifying_arguments(self) -> tuple[tuple[str, str], ...]:
        """The arguments that make another cell, as `CellId` has them; one that has its default value is left out."""
        parameters = self.signature.parameters
        names = self.identifying_names
        return identifying(
            {
                name: by_content(value)
                for name, value in self.arguments.items()
                if name in names and not (name in parameters and _is_default(value, parameters[name].default))
            }
        )

    @cached_property
    def label(self) -> str:
        """The label of its cells, which is the same for every scenario."""
        return self.cell_id(dataset="any", scenario="any").label

    def cell_id(self, *, dataset: str, scenario: str) -> CellId:
        """The identity of this agent's cell for a scenario."""
        return CellId(
            dataset=dataset,
            scenario=scenario,
            agent=self.name,
            model=self.model,
            arguments=self.identifying_arguments,
        )

    def configuration(self, scenario_id: str) -> str:
        """The digest of everything that may change how it behaves at a scenario: its class, arguments and model.

        Files that arguments name count by their content, ``{scenario}`` in their names stands for `scenario_id`, and
        secret arguments do not count.
        """
        secret = self.secret_arguments
        arguments = {
            name: by_content(value, scenario_id=scenario_id)
            for name, value in self.arguments.items()
            if name not in secret
        }
        # Values that are not JSON come from Python code alone; of those only the type is known to last.
        content = json.dumps([self.place, arguments, self.model], sort_keys=True, default=place_of)
        return digest_bytes(content.encode())

    def may_see_solution(self, agent: Agent) -> bool:
        """Whether `agent`, made from this spec, is told where the solution lies: our own oracle and nobody else.

        Its class itself decides: neither a name nor a subclass opens the door.
        """
        return self.factory is Oracle and type(agent) is Oracle

    # -- making and sending ------------------------------------------------------------------------------------------

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
        # The seam to foreign code: whatever a constructor raises, and that it exits, says that there is no agent.
        except (Exception, SystemExit) as error:
            raise AgentSetupError(f"agent {self.name!r} cannot be made: {type(error).__name__}: {error}") from error

    def to_json(self) -> dict[str, Any]:
        """What another process needs to make this agent. It holds the values of secret arguments: send it, store
        it nowhere.

        Raises SettingsError where no other process could: the class cannot be imported, or an argument is not JSON.
        """
        self._check_importable()
        for name, value in self.arguments.items():
            try:
                canonical_json(value)
            except (TypeError, ValueError):
                raise SettingsError(
                    f"agent {self.name!r} cannot be sent to another process: its argument {name!r} is a "
                    f"{type(value).__name__}; give a value that JSON has"
                ) from None
        return {"name": self.name, "place": self.place, "arguments": dict(self.arguments), "model": self.model}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> AgentSpec:
        """The opposite of `to_json`; raises KeyError or TypeError for what is no agent."""
        name, place, arguments, model = (content[key] for key in ("name", "place", "arguments", "model"))
        is_spec = isinstance(name, str) and isinstance(place, str) and isinstance(arguments, dict)
        if not is_spec or not isinstance(model, str | None):
            raise TypeError("an agent is a name, a place, arguments and a model or none")
        return cls(name=name, place=place, arguments=arguments, model=model)

    def _check_importable(self) -> None:
        if self.local is None:
            return
        try:
            is_there = find_class(self.place, self.place) is self.local
        except SettingsError:
            is_there = False
        if not is_there or self.place.partition(":")[0].rpartition(".")[2] in _LOCAL_MODULES:
            raise SettingsError(
                f"agent {self.name!r} cannot be sent to another process, which could not import {self.place}; move "
                "its class to a module that can be imported, and name it by --tb-agent module:Class or an entry point"
            )

    def _declared(self, attribute: str) -> tuple[str, ...]:
        """The names of arguments in the class's `attribute`; raises SettingsError for one that it does not take."""
        names = getattr(self.factory, attribute, ())
        if isinstance(names, str):
            raise SettingsError(
                f"agent {self.name!r}: {attribute} of {self.place} is {names!r}, not a tuple of names: ({names!r},)"
            )
        taken, takes_anything = taken_arguments(self.signature)
        unknown = [] if takes_anything else sorted(set(names) - taken)
        if unknown:
            raise SettingsError(
                f"agent {self.name!r}: {attribute} of {self.place} names {', '.join(unknown)}, which its constructor "
                f"does not take; it takes: {', '.join(sorted(taken)) or 'none'}"
            )
        return tuple(names)


def find_class(place: str, asked_by: str, folders: Sequence[Path] = ()) -> AgentFactory:
    """What lies at ``module:Class``, see `import_agent_module`; raises SettingsError that begins with `asked_by`."""
    module, _, attribute = place.partition(":")
    home = import_agent_module(module, asked_by, folders)
    factory: AgentFactory | None = getattr(home, attribute, None)
    if factory is None:
        raise SettingsError(f"{asked_by}: {module} has no {attribute!r}{nearest(attribute, vars(home))}")
    if not callable(factory):
        raise SettingsError(f"{asked_by}: {attribute} is neither a class nor a function that makes one")
    methods = agent_methods() if isinstance(factory, type) else []
    if methods and not any(callable(getattr(factory, method, None)) for method in methods):
        raise SettingsError(f"{asked_by}: {attribute} has no method `{'` or `'.join(methods)}`, so it is not an agent")
    return factory


def place_of(factory: Callable[..., object]) -> str:
    """``module:Class``; of an object that is neither class nor function, its class."""
    named = factory if hasattr(factory, "__qualname__") else type(factory)
    return f"{named.__module__}:{named.__qualname__}"


def own_name(factory: object, place: str) -> str:
    """What an agent or its class calls itself, or else the class is called in its module."""
    return str(getattr(factory, "name", place.rpartition(":")[2]))


def taken_arguments(signature: inspect.Signature) -> tuple[set[str], bool]:
    """The names of the arguments that a class takes, and whether it takes any others."""
    takes_anything = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    return set(signature.parameters) - {"args", "kwargs"}, takes_anything


def _is_default(value: Any, default: Any) -> bool:
    try:
        return default is not inspect.Parameter.empty and canonical_json(value) == canonical_json(default)
    except (TypeError, ValueError):
        return False  # No JSON: nothing that can be typed.
