"""The oracle runs the scenario's own solution: it shows that a scenario can be solved."""

from __future__ import annotations

from typing import ClassVar

from pytest_terminalbench.agents.base import AgentReport, Task
from pytest_terminalbench.environments.base import Environment
from pytest_terminalbench.errors import AgentSetupError

__all__ = ["Oracle"]

SOLUTION_FOLDER = "/solution"


class Oracle:
    """Copies the solution's folder to ``/solution`` and runs the script there."""

    name: ClassVar[str] = "oracle"
    deterministic: ClassVar[bool] = True

    def act(self, task: Task, environment: Environment) -> AgentReport:
        if task.solution is None:
            raise AgentSetupError("the scenario has no `solution`, so the oracle has nothing to run")
        environment.put({SOLUTION_FOLDER: task.solution.parent})
        script = f"{SOLUTION_FOLDER}/{task.solution.name}"
        # Through a shell, so that a script without an interpreter line runs as well.
        done = environment.run(["sh", "-c", 'exec "$0"', script], timeout_s=task.timeout_s)
        return AgentReport(note="" if done.ok else f"the solution ended with exit code {done.exit_code}")
