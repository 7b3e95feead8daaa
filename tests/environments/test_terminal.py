"""A command in a container with this process's terminal: what becomes of the connection."""

from __future__ import annotations

import os
import pty
import socket
import sys
from collections.abc import Iterator

import pytest

from pytest_terminalbench.environments.docker_environment import DockerEnvironment


class Engine:
    """One with a single command, which has ended: its side of the connection is closed."""

    def __init__(self) -> None:
        self.ours, theirs = socket.socketpair()
        theirs.close()

    @property
    def api(self) -> Engine:
        return self

    def exec_create(self, *_: object, **__: object) -> dict[str, str]:
        return {"Id": "exec"}

    def exec_start(self, *_: object, **__: object) -> object:
        """As docker-py gives it over a Unix socket: a file around the socket."""
        return self.ours.makefile("rb", buffering=0)

    def exec_resize(self, *_: object, **__: object) -> None:
        pass

    def exec_inspect(self, _: str) -> dict[str, int]:
        return {"ExitCode": 3}

    def remove(self, container: str) -> None:
        raise NotImplementedError


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Standard input is a terminal."""
    screen, keys = pty.openpty()
    with os.fdopen(keys) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield
        monkeypatch.undo()
    os.close(screen)


@pytest.mark.usefixtures("keyboard")
def test_the_connection_is_closed_when_the_command_has_ended() -> None:
    engine = Engine()

    result = DockerEnvironment(engine, "c1", lifetime_s=60, pids=10).terminal(["sh"], timeout_s=5)  # type: ignore[arg-type]

    assert result.exit_code == 3
    assert engine.ours.fileno() == -1


def test_the_connection_is_closed_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine()
    with open(os.devnull) as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        with pytest.raises(Exception, match="Inappropriate ioctl"):
            DockerEnvironment(engine, "c1", lifetime_s=60, pids=10).terminal(["sh"], timeout_s=5)  # type: ignore[arg-type]

    assert engine.ours.fileno() == -1
