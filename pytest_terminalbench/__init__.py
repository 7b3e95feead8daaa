"""Benchmarks for terminal agents as a pytest plugin.

pytest imports this package in every project where it is installed, so nothing heavy is imported here:
the public names are loaded on first use.

PYTEST_DONT_REWRITE (there is no assert here): pytest warns of modules imported before it starts, and the command line
``terminalbench run`` has to be in this package.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_terminalbench.agents.asynchronous import AsyncAgent, AsyncDesk
    from pytest_terminalbench.agents.base import Agent, AgentEvents, AgentReport, AgentTimeExpired, Desk, Task, Usage
    from pytest_terminalbench.agents.scripted import ScriptedAgent
    from pytest_terminalbench.environments.base import Environment, EnvironmentFactory, ExecResult
    from pytest_terminalbench.environments.fake import FakeEnvironment, fake_environments
    from pytest_terminalbench.errors import (
        AgentSetupError,
        BaselineError,
        EnvironmentFailure,
        ScenarioError,
        SettingsError,
        TerminalBenchError,
        TooMuchToCopy,
        VerifierError,
    )
    from pytest_terminalbench.outcome import Outcome, Phase, Solved, Unsolved, Void
    from pytest_terminalbench.scenarios.model import Scenario
    from pytest_terminalbench.trials.cell import Cell
    from pytest_terminalbench.trials.trial import run_trial

__version__ = "0.1.0"

_HOME = {
    "Agent": "agents.base",
    "AgentEvents": "agents.base",
    "AgentReport": "agents.base",
    "AgentSetupError": "errors",
    "AgentTimeExpired": "agents.base",
    "AsyncAgent": "agents.asynchronous",
    "AsyncDesk": "agents.asynchronous",
    "BaselineError": "errors",
    "Cell": "trials.cell",
    "Desk": "agents.base",
    "Environment": "environments.base",
    "EnvironmentFactory": "environments.base",
    "EnvironmentFailure": "errors",
    "ExecResult": "environments.base",
    "FakeEnvironment": "environments.fake",
    "Outcome": "outcome",
    "Phase": "outcome",
    "Scenario": "scenarios.model",
    "ScenarioError": "errors",
    "ScriptedAgent": "agents.scripted",
    "SettingsError": "errors",
    "Solved": "outcome",
    "Task": "agents.base",
    "TerminalBenchError": "errors",
    "TooMuchToCopy": "errors",
    "Unsolved": "outcome",
    "Usage": "agents.base",
    "VerifierError": "errors",
    "Void": "outcome",
    "fake_environments": "environments.fake",
    "run_trial": "trials.trial",
}

__all__ = [
    "Agent",
    "AgentEvents",
    "AgentReport",
    "AgentSetupError",
    "AgentTimeExpired",
    "AsyncAgent",
    "AsyncDesk",
    "BaselineError",
    "Cell",
    "Desk",
    "Environment",
    "EnvironmentFactory",
    "EnvironmentFailure",
    "ExecResult",
    "FakeEnvironment",
    "Outcome",
    "Phase",
    "Scenario",
    "ScenarioError",
    "ScriptedAgent",
    "SettingsError",
    "Solved",
    "Task",
    "TerminalBenchError",
    "TooMuchToCopy",
    "Unsolved",
    "Usage",
    "VerifierError",
    "Void",
    "__version__",
    "fake_environments",
    "run_trial",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    """The public names, those that are not loaded yet too: for completion and `help`."""
    return sorted({*globals(), *__all__})
