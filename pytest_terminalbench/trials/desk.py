"""The desk: the environment as an agent gets it, with its deadline, its events and its usage."""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pytest_terminalbench.agents.base import AgentTimeExpired, Usage
from pytest_terminalbench.environments.base import Environment, ExecResult, HasTerminal, StopReport
from pytest_terminalbench.errors import AgentSetupError, EnvironmentFailure, TooMuchToCopy
from pytest_terminalbench.limits import Limits
from pytest_terminalbench.trials.events import EventSink

__all__ = ["AgentDesk", "shell_line"]


class AgentDesk:
    """Commands are recorded, and after the deadline nothing gets through, from whatever thread it comes.

    The agent's time begins when the desk is made. `failure` remembers when the environment broke, for an agent may
    have swallowed the exception; `expired` that the agent asked for something after its time.
    """

    def __init__(self, environment: Environment, *, limits: Limits, events: EventSink) -> None:
        self.events = events
        self.failure: EnvironmentFailure | None = None
        self.expired = False
        self._environment = environment
        self._limits = limits
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._has_ended = threading.Condition(self._lock)
        self._is_closed = False
        self._calls = 0
        self._usage: Usage | None = None
        self._waiters = 0
        self._waiting_since = 0.0
        self._waited_s = 0.0

    # -- what an agent sees ------------------------------------------------------------------------------------------

    @property
    def model(self) -> None:
        """The agent's model: there is none yet. Agents bring their own and tell `add_usage` what it used."""
        return None

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float = 60.0,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        user: str | None = None,
    ) -> ExecResult:
        with self._call() as left_s:
            at_s = self.events.now_s
            result = self._environment.run(argv, timeout_s=min(timeout_s, left_s), env=env, cwd=cwd, user=user)
            self.events.command(shell_line(argv), result, at_s=at_s)
        if result.timed_out and timeout_s >= left_s:
            self.expired = True
            raise AgentTimeExpired("the trial's time for the agent is over")
        return result

    def terminal(self, argv: Sequence[str], *, timeout_s: float, env: Mapping[str, str] | None = None) -> ExecResult:
        """For a person at the desk; raises AgentSetupError where the environment has no terminals."""
        if not isinstance(self._environment, HasTerminal):
            raise AgentSetupError("this kind of environment has no terminal; give the commands on standard input")
        with self._call() as left_s:
            at_s = self.events.now_s
            result = self._environment.terminal(argv, timeout_s=min(timeout_s, left_s), env=env)
            self.events.command(shell_line(argv), result, at_s=at_s)
        if result.timed_out and timeout_s >= left_s:
            self.expired = True
            raise AgentTimeExpired("the trial's time for the agent is over")
        return result

    def put(self, files: Mapping[str, bytes | Path], *, root: str = "/") -> None:
        with self._call():
            self._environment.put(files, root=root)

    def get(self, path: str, target: Path, *, max_bytes: int = 1 << 30) -> bool:
        with self._call():
            return self._environment.get(path, target, max_bytes=max_bytes)

    def export(self, path: str) -> Iterator[bytes] | None:
        with self._call():
            return self._environment.export(path)

    def replace(self, path: str, archive: Iterator[bytes] | None) -> None:
        with self._call():
            self._environment.replace(path, archive)

    def stop_agent(self, *, keep: Sequence[str] = (), remove: Sequence[str] = ()) -> StopReport:
        raise PermissionError("an agent does not stop itself")

    def why_gone(self) -> str | None:
        return self._environment.why_gone()

    def close(self) -> None:
        raise PermissionError("an agent does not close its environment")

    def add_usage(self, usage: Usage) -> None:
        if not isinstance(usage, Usage):
            raise TypeError(f"usage is {usage!r}, not a Usage")
        with self._lock:
            self._usage = usage if self._usage is None else self._usage + usage

    @contextmanager
    def waiting(self) -> Iterator[None]:
        with self._lock:
            if not self._waiters:
                self._waiting_since = time.monotonic()
            self._waiters += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiters -= 1
                if not self._waiters:
                    self._waited_s += time.monotonic() - self._waiting_since

    # -- what the trial asks -----------------------------------------------------------------------------------------

    @property
    def usage(self) -> Usage | None:
        """What was measured here; None where nothing was."""
        return self._usage

    @property
    def waited_s(self) -> float:
        """Seconds in which somebody waited for what is not the agent's, as far as the limit allows them."""
        ongoing_s = time.monotonic() - self._waiting_since if self._waiters else 0.0
        return min(self._waited_s + ongoing_s, self._limits.wait_s)

    @property
    def left_s(self) -> float:
        """Seconds until the deadline; below zero after it."""
        return self._began + self._limits.agent_s + self.waited_s - time.monotonic()

    def dismiss(self) -> None:
        """Let no further call through, whatever time is left."""
        with self._lock:
            self._is_closed = True

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Wait for the end of the calls that were let through before; whether all have ended."""
        with self._has_ended:
            return self._has_ended.wait_for(lambda: self._calls == 0, timeout_s)

    @contextmanager
    def _call(self) -> Iterator[float]:
        """Let one call through to the environment and give the seconds that are left for it.

        Raises AgentTimeExpired. What is let through is counted, so that nobody judges while it may still do something.
        """
        with self._lock:
            left_s = self.left_s
            if left_s <= 0 or self._is_closed:
                self.expired = self.expired or left_s <= 0
                raise AgentTimeExpired("the trial's time for the agent is over")
            self._calls += 1
        try:
            yield left_s
        except TooMuchToCopy:
            raise  # The agent asked for it.
        except EnvironmentFailure as failure:
            self.failure = failure
            raise
        finally:
            with self._has_ended:
                self._calls -= 1
                self._has_ended.notify_all()


def shell_line(argv: Sequence[str]) -> str:
    """The command as one would type it."""
    if len(argv) == 3 and argv[:2] == ["sh", "-c"]:
        return argv[2]
    return shlex.join(argv)
