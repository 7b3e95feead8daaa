"""What to type to run one cell again as its session ran it: a line for a shell."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_terminalbench.agents.argument_texts import json_or_text
from pytest_terminalbench.agents.spec import AgentSpec
from pytest_terminalbench.cells.bench_settings import BenchSettings
from pytest_terminalbench.scenarios.dataset_file import is_dataset_folder
from pytest_terminalbench.trials.cell import Cell

__all__ = ["argument_from_shell", "repeat_command", "request_of"]

# Variables that a shell has for itself: an argument of that name is not to be taken from there.
_SHELLS_OWN = frozenset({"EDITOR", "HOME", "HOSTNAME", "LANG", "PATH", "PWD", "SHELL", "TERM", "USER", "_"})

# What a cell's outcome and its verdict depend on, beside who acts.
_SETTINGS = (
    "attempts",
    "max_attempts",
    "gate",
    "alpha",
    "inconclusive",
    "parity",
    "timeout_multiplier",
    "environment",
    "network",
    "image_map",
    "baselines",
    "results",
)


def repeat_command(cell: Cell, settings: BenchSettings, *, start: Path) -> str:
    """The command that runs `cell` again, to be typed in the folder `start`, with what its session was asked for.

    It names the scenario's file: with one agent and one model that is one cell, also where a fixture gives the agent.
    It goes to people who know neither agent nor account. So of the agent's arguments it has the values of those alone
    that identify it, and leaves all others, any of which may be or hold a secret, to the shell's variables.
    """
    scenario = cell.scenario
    dataset = scenario.file.parent
    if not dataset.resolve().is_relative_to(settings.root.resolve()):
        # Given a file from elsewhere, pytest would look for its root, configuration and conftest.py there.
        words = ["terminalbench run", _option("dataset", dataset), _option("scenarios", scenario.id), "--"]
    else:
        words = ["pytest", shlex.quote(_relative(scenario.file, start))]
        if not is_dataset_folder(dataset):
            words.append(_option("tb-dataset", _relative(dataset, start)))
    return " ".join([*words, *_options(cell.agent, settings)])


def _relative(path: Path, start: Path) -> str:
    """`path` as one types it in `start`."""
    text = os.path.relpath(path, start)
    return f"./{text}" if text.startswith("-") else text


def _option(name: str, value: object) -> str:
    return shlex.quote(f"--{name}={value}")


def _options(agent: AgentSpec, settings: BenchSettings) -> Iterator[str]:
    """Who acts, and every setting that is not the default: what the ini file says as well may be repeated."""
    root = settings.root
    default = BenchSettings(root=root, baselines=root / "baselines", results=root / "results")
    if settings.agents:
        yield _option("tb-agent", request_of(agent, settings))
    if agent.model is not None:
        yield _option("tb-model", agent.model)
    yield from (_argument(agent, name, value) for name, value in agent.arguments.items())
    for name in _SETTINGS:
        value = getattr(settings, name)
        if value != getattr(default, name):
            option = "tb-env" if name == "environment" else f"tb-{name.replace('_', '-')}"
            yield _option(option, "auto" if value is None else value)


def request_of(agent: AgentSpec, settings: BenchSettings) -> str:
    """What the session was asked for by: the agent's name, or ``module:Class``."""
    return agent.name if agent.name in settings.agents else agent.place


def _argument(agent: AgentSpec, name: str, value: Any) -> str:
    if name not in agent.identifying_names:
        return argument_from_shell(name)
    is_plain = isinstance(value, str) and json_or_text(value) == value
    return _option(
        "tb-agent-arg", f"{name}={value if is_plain else json.dumps(value, ensure_ascii=False, default=str)}"
    )


def argument_from_shell(name: str) -> str:
    """An option whose value is left to a variable of the shell, which refuses to run it where there is none."""
    return f'--tb-agent-arg={name}="${{{_variable(name)}:?}}"'


def _variable(argument: str) -> str:
    """The name of the shell's variable that somebody sets to an argument's value."""
    name = re.sub(r"[^A-Z0-9_]", "_", argument.upper())
    return f"AGENT_{name}" if name in _SHELLS_OWN else name
