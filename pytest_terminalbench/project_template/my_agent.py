"""An agent of our own: ask a model in `next_command`, the rest is done."""

from pytest_terminalbench import AgentReport, Desk, Task


class MyAgent:
    """Types one command after the other, until it has none left."""

    name = "mine"  # What results and baselines call it.

    def __init__(self, *, max_turns: int = 20) -> None:
        self._max_turns = max_turns

    def act(self, task: Task, environment: Desk) -> AgentReport:
        seen = [task.instruction]
        for turn in range(self._max_turns):
            command = self.next_command(seen)
            if command is None:
                return AgentReport(note=f"typed {turn} commands")
            result = environment.run(["sh", "-c", command], timeout_s=60)
            seen.append(f"$ {command}\n{result.stdout}{result.stderr}exit code {result.exit_code}")
        return AgentReport(note=f"not done after {self._max_turns} commands")

    def next_command(self, seen: list[str]) -> str | None:
        """What to type after what was `seen`: the task, then each command with what it printed; None when done."""
        return "ls -la" if len(seen) == 1 else None
