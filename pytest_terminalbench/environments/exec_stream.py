"""One command in a container, from its start to its exit code."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from pytest_terminalbench.environments.command_output import BoundedOutput, Demultiplexer, FirstLine
from pytest_terminalbench.environments.engine_errors import check_response
from pytest_terminalbench.errors import EnvironmentLost

if TYPE_CHECKING:
    import docker

__all__ = ["Command"]

# How long a command may take until its first byte: for connecting, as for all that an engine is asked.
CONNECT_TIMEOUT_S = 120
# After the main process of a command has ended, output already on its way still arrives this late.
DRAIN_S = 0.2
# How late the engine may book a command's end; milliseconds, except on a machine whose disk is busy.
BOOKING_S = 15.0
# The leader's number is the first thing that a command prints; this is for a machine that is very busy.
LEADER_S = 5.0


class Command:
    """One exec: a thread reads its stream while we wait with a deadline (docker-py's exec knows none).

    `token` is the word that the command's first line on stderr begins with, where it was started so as to tell its
    leader, and else None.
    `errors` makes our errors of what the engine answers, see `DockerEnvironment`.
    """

    def __init__(
        self,
        api: docker.APIClient,
        exec_id: str,
        *,
        errors: Callable[[str], AbstractContextManager[None]],
        output_cap: int,
        token: str | None,
    ) -> None:
        self.stdout = BoundedOutput(output_cap)
        self.stderr = BoundedOutput(output_cap)
        self._first_line = FirstLine(f"{token} ".encode(), self.stderr) if token else None
        self._api = api
        self._exec_id = exec_id
        self._errors = errors
        self._ended = threading.Event()

    def start(self) -> None:
        """Raises EnvironmentFailure, with the engine's own words as its cause, where the command does not start."""
        with self._errors("run a command"):
            # Asked for without an upgrade of the connection: docker-py reads an upgraded one past the buffer that took
            # the header, and loses output that came in the same packet.
            response = self._api.post(
                f"{self._api.base_url}/v{self._api.api_version}/exec/{self._exec_id}/start",
                json={"Detach": False, "Tty": False},
                stream=True,
                timeout=(CONNECT_TIMEOUT_S, None),
            )
            check_response(response)
        threading.Thread(target=self._read, args=[response], daemon=True).start()

    def _read(self, response: Any) -> None:
        demultiplexer = Demultiplexer(self.stdout, self._first_line or self.stderr)
        try:
            while data := response.raw.read1(1 << 16):
                demultiplexer.feed(data)
        except Exception:  # noqa: BLE001 - any broken stream means the same: no more output; the exit code tells why.
            pass
        finally:
            if self._first_line is not None:
                self._first_line.close()
            response.close()
            self._ended.set()

    def leader(self) -> int | None:
        """The number of the command's first process in its container, once it has told; None for one that never does.

        It leads the session of all that the command has started and that did not begin a session of its own.
        """
        if self._first_line is None:
            return None
        self._first_line.settled.wait(LEADER_S)
        value = self._first_line.value or b""
        # Not the container's first process, whatever a shell of the agent's own may say.
        return int(value) if value.isdigit() and int(value) > 1 else None

    def wait(self, until: float) -> bool:
        """Wait for the end; False at the deadline `until` (monotonic clock)."""
        step = 0.2
        while not self._ended.wait(max(0.0, min(step, until - time.monotonic()))):
            # A background process that inherited the output keeps the stream open after the command has ended.
            if not self.is_running():
                self._ended.wait(DRAIN_S)
                return True
            if time.monotonic() >= until:
                return False
            step = min(step * 1.5, 1.0)
        return True

    def is_running(self) -> bool:
        return bool(self._state()["Running"])

    def exit_code(self) -> int:
        """The exit code; the engine books it a moment after the stream has ended."""
        until = time.monotonic() + BOOKING_S
        while time.monotonic() < until:
            state = self._state()
            if not state["Running"] and state["ExitCode"] is not None:
                return int(state["ExitCode"])
            time.sleep(0.01)
        raise EnvironmentLost("the engine did not say how a command ended")

    @property
    def is_truncated(self) -> bool:
        return self.stdout.truncated or self.stderr.truncated

    def _state(self) -> dict[str, Any]:
        with self._errors("watch a command"):
            state: dict[str, Any] = self._api.exec_inspect(self._exec_id)
            return state
