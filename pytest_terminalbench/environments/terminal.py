"""This process's terminal, attached to a command that runs elsewhere: keys go there, what it prints comes here."""

from __future__ import annotations

import os
import select
import shutil
import socket
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pytest_terminalbench.environments.command_output import Sink

__all__ = ["converse", "raw_terminal", "size_of_terminal"]

# How late a change of the window's size, or the end of the time, is noticed.
TURN_S = 0.5
CHUNK = 1 << 16


def size_of_terminal() -> tuple[int, int]:
    """Rows and columns."""
    size = shutil.get_terminal_size()
    return size.lines, size.columns


@contextmanager
def raw_terminal(keyboard: int) -> Iterator[None]:
    """Pass every key on as it is, Ctrl-C too; afterwards the terminal is as it was, if it is still there."""
    before = termios.tcgetattr(keyboard)
    tty.setraw(keyboard)
    try:
        yield
    finally:
        try:
            termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
        except (OSError, termios.error):
            pass  # The window was closed.


def converse(connection: Any, *, resize: Callable[[int, int], None], printed: Sink, timeout_s: float) -> bool:
    """Carry keys and output between this process's terminal and `connection` until that ends; whether it did in time.

    `connection` is what docker-py gives for a command with a terminal: a socket, or a file around one. `printed` takes
    all that is shown. Raises OSError where this process's terminal is gone.
    """
    peer: socket.socket = getattr(connection, "_sock", connection)
    keyboard, screen = sys.stdin.fileno(), sys.stdout.fileno()
    until = time.monotonic() + timeout_s
    sources: list[Any] = [peer, keyboard]
    size: tuple[int, int] | None = None
    with raw_terminal(keyboard):
        while time.monotonic() < until:
            if size != (now := size_of_terminal()):
                size = now
                resize(*size)
            ready, _, _ = select.select(sources, [], [], TURN_S)
            if peer in ready:
                data = _received(peer)
                if not data:
                    return True
                printed.append(data)
                _write_all(screen, data)
            if keyboard in ready:
                keys = os.read(keyboard, CHUNK)
                if keys:
                    peer.sendall(keys)
                else:
                    sources.remove(keyboard)
                    peer.sendall(b"\x04")  # As Ctrl-D: nobody types any more.
    return False


def _received(peer: socket.socket) -> bytes:
    try:
        return peer.recv(CHUNK)
    except ConnectionError:
        return b""  # The command's container is gone.


def _write_all(screen: int, data: bytes) -> None:
    while data:
        data = data[os.write(screen, data) :]
