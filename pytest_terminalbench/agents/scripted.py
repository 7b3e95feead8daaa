"""An agent that types a list of commands: for tests, examples and wrong answers."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from pytest_terminalbench.agents.base import AgentReport, Task
from pytest_terminalbench.environments.base import Environment
from pytest_terminalbench.errors import AgentSetupError
from pytest_terminalbench.naming import counted

__all__ = ["ScriptedAgent"]


class ScriptedAgent:
    """Runs `commands` one after the other in the working directory, each through ``sh -c``, whatever they end with.

    On the command line: ``--tb-agent-arg 'commands=["ls", "touch done"]'``, a JSON list. `script` is a file of the
    host, copied in and run after the commands; ``{scenario}`` in its path stands for the scenario's id. Each command
    has `command_timeout_s` seconds, or what is left of the trial if that is less.
    """

    name: ClassVar[str] = "scripted"
    deterministic: ClassVar[bool] = True

    def __init__(
        self, commands: Sequence[str] = (), *, script: str | None = None, command_timeout_s: float = 3600.0
    ) -> None:
        if isinstance(commands, str) or not all(isinstance(command, str) for command in commands):
            raise AgentSetupError(f"the scripted agent's `commands` is a list of strings, not {commands!r}")
        self._commands = list(commands)
        self._script = script
        self._command_timeout_s = command_timeout_s

    def act(self, task: Task, environment: Environment) -> AgentReport:
        commands = list(self._commands)
        if self._script:
            commands.append(self._copied_in(task, environment))
        for command in commands:
            environment.run(["sh", "-c", command], timeout_s=self._command_timeout_s)
        return AgentReport(note=f"typed {counted(len(commands), 'command')}")

    def _copied_in(self, task: Task, environment: Environment) -> str:
        script = Path(str(self._script).replace("{scenario}", task.scenario_id))
        if not script.is_file():
            raise AgentSetupError(f"the scripted agent's script {str(script)!r} is not a file")
        place = f"/tmp/{script.name}"
        environment.put({place: script.read_bytes()})
        return shlex.quote(place)
