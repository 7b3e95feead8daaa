"""A person at the desk: an agent whose acting is a shell."""

from __future__ import annotations

import os
import sys
from typing import ClassVar

from pytest_terminalbench.agents.base import AgentReport, Desk, Task
from pytest_terminalbench.environments.base import HasTerminal

__all__ = ["Human", "is_at_terminal"]

# bash where the image has it: it knows arrow keys.
SHELL = ("sh", "-c", "if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi")


class Human:
    """Whoever sits at this process's terminal types; where standard input is no terminal, its text is the script.

    Where commands run, as whom and with which variables is as for every agent.
    """

    name: ClassVar[str] = "human"
    deterministic: ClassVar[bool] = False

    def act(self, task: Task, environment: Desk) -> AgentReport:
        if not is_at_terminal():
            return self._run_script(task, environment)
        _tell(f"{task.instruction}\n")
        _tell(
            f"You are in {task.workdir}, for {task.timeout_s / 60:.0f} minutes at most. "
            "`exit` ends it; then you are judged."
        )
        if isinstance(environment, HasTerminal):
            environment.terminal(SHELL, timeout_s=task.timeout_s, env={"TERM": os.environ.get("TERM", "dumb")})
        return AgentReport(note="typed in a terminal")

    def _run_script(self, task: Task, environment: Desk) -> AgentReport:
        script = sys.stdin.read() if sys.stdin is not None else ""
        done = environment.run(["sh", "-c", script], timeout_s=task.timeout_s)
        sys.stdout.write(done.stdout)
        sys.stderr.write(done.stderr)
        return AgentReport(note=f"typed a script that ended with exit code {done.exit_code}")


def is_at_terminal() -> bool:
    """Whether somebody can type: standard input may be a file, a pipe, or closed."""
    return sys.stdin is not None and sys.stdin.isatty()


def _tell(text: str) -> None:
    # Beside the output, which may be kept in a file.
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
