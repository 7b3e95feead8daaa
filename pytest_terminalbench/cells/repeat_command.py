"""What to type to run a cell, or a suite, again as its session ran it: a line for a shell."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_terminalbench.agents.argument_texts import json_or_text
from pytest_terminalbench.agents.spec import AgentSpec
from pytest_terminalbench.cells.bench_settings import BenchSettings
from pytest_terminalbench.scenarios.dataset_file import is_dataset_folder

__all__ = ["argument_from_shell", "repeat_command", "request_of"]

# Variables that a shell has for itself: an argument of that name is not to be taken from there.
_SHELLS_OWN = frozenset({"EDITOR", "HOME", "HOSTNAME", "LANG", "PATH", "PWD", "SHELL", "TERM", "USER", "_"})

# What a cell's outcome, its verdict and that of the suite depend on, beside who acts.
_SETTINGS = (
    "attempts",
    "max_attempts",
    "gate",
    "alpha",
    "margin",
    "min_visible",
    "inconclusive",
    "parity",
    "timeout_multiplier",
    "environment",
    "network",
    "image_map",
    "baselines",
    "results",
)


def repeat_command(
    agent: AgentSpec, dataset: Path, settings: BenchSettings, *, start: Path, scenarios: Mapping[str, Path]
) -> str:
    """The command that runs cells of `agent` again, to be typed in the folder `start`, with what their session was
    asked for.

    `scenarios`: their files in the folder `dataset`, by their ids; none: all that there are. With files named and one
    agent and one model just these cells run, also where a fixture gives the agent. The command goes to people who know
    neither agent nor account. So of the agent's arguments it has the values of those alone that identify it, and leaves
    all others, any of which may be or hold a secret, to the shell's variables.
    """
    if not dataset.resolve().is_relative_to(settings.root.resolve()):
        # Given a file from elsewhere, pytest would look for its root, configuration and conftest.py there.
        chosen = [_option("scenarios", ",".join(scenarios))] if scenarios else []
        words = ["terminalbench run", _option("dataset", dataset), *chosen, "--"]
    else:
        paths = list(scenarios.values()) or [dataset]
        words = ["pytest", *(shlex.quote(_relative(path, start)) for path in paths)]
        if not is_dataset_folder(dataset):
            words.append(_option("tb-dataset", _relative(dataset, start)))
    return " ".join([*words, *_options(agent, settings)])


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
            value = f"{100 * value:g}" if name == "min_visible" else value  # An option in points.
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
