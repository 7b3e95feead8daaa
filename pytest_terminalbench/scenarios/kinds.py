"""Kinds of scenarios: each brings its model, the provider of its environments and its verifier."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from pytest_terminalbench.errors import ScenarioError, SettingsError
from pytest_terminalbench.extensions import Extensions
from pytest_terminalbench.scenarios.model import Scenario, ScenarioSpec, parse_model

if TYPE_CHECKING:
    from pytest_terminalbench.scenarios.lint.finding import Finding

__all__ = ["ENTRY_POINTS", "Kind", "agent_methods", "kind_named", "scenario_from"]

ENTRY_POINTS = "pytest_terminalbench.kinds"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of scenario, as the entry point of its package gives it.

    `model` checks what a file of this kind says, and `scenario` is made of it. `environment` names the provider of
    its environments. `verifier` names who judges, or is its place, ``module:Class``. `agent_method` is the method
    that its agents must have. `lint`, ``module:function``, finds what is valid in a scenario and yet not what its
    author wants.
    """

    name: str
    model: type[ScenarioSpec]
    scenario: type[Scenario]
    environment: str
    verifier: str
    agent_method: str = "act"
    lint: str | None = None

    def parse(self, raw: bytes, file: Path, dataset: str) -> Scenario:
        """The scenario whose file says `raw`, as JSON; raises ScenarioError, which names `file` and the fields."""
        return self.scenario(spec=parse_model(self.model, raw, file), file=file, dataset=dataset)

    def findings(self, scenario: Scenario) -> Iterable[Finding]:
        """What the kind's own rules find in `scenario`."""
        if self.lint is None:
            return ()
        module, _, function = self.lint.partition(":")
        rules: Callable[[Scenario], Iterable[Finding]] = getattr(import_module(module), function)
        return rules(scenario)


def _accepted(found: object) -> Kind:
    if not isinstance(found, Kind):
        raise TypeError(f"it is {type(found).__name__}, not a Kind")
    return found


_KINDS = Extensions(ENTRY_POINTS, {"terminal": "pytest_terminalbench.scenarios.terminal:TERMINAL"}, _accepted)


def kind_named(name: str) -> Kind:
    """The kind that files call `name`; raises SettingsError naming those that are installed."""
    return _KINDS.named(name)


def agent_methods() -> list[str]:
    """The methods by which agents act at scenarios of the kinds that are installed; a broken kind counts for none."""
    methods = set()
    for name in _KINDS.names():
        try:
            methods.add(kind_named(name).agent_method)
        except SettingsError:
            continue
    return sorted(methods)


class _Head(BaseModel):
    """What is read of a file before anything else."""

    kind: str


def scenario_from(raw: bytes, file: Path, *, dataset: str, scenario_id: str) -> Scenario:
    """The scenario that `raw`, as JSON, describes: its kind is read first, and that kind's model checks all of it.

    `file` is where it stands, and `scenario_id` what it must call itself there. Raises ScenarioError naming the file,
    the field and the cure: broken JSON, a kind that is not installed, unknown keys, wrong types, files that are
    missing, paths that leave the dataset's folder.
    """
    scenario = _kind_of(raw, file).parse(raw, file, dataset)
    problems = list(scenario.problems())
    cures = ["paths are relative to the JSON file and stay below its folder"] if problems else []
    if scenario.id != scenario_id:
        problems.insert(0, f"id: is {scenario.id!r}, but the file is {file.name!r}; they must agree")
        cures.insert(0, f"set id to {scenario_id!r}, or rename the file")
    if problems:
        raise ScenarioError(file, problems, cure="; ".join(cures))
    return scenario


def _kind_of(raw: bytes, file: Path) -> Kind:
    try:
        return kind_named(parse_model(_Head, raw, file).kind)
    except SettingsError as error:
        cure = "correct the kind, or install the package that brings it; see `terminalbench docs kinds-of-scenarios`"
        raise ScenarioError(file, [f"kind: {error}"], cure=cure) from None
