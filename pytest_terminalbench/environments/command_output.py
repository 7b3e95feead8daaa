"""A command's output, kept within bounds: its head and its tail."""

from __future__ import annotations

import threading
from collections import deque
from typing import Protocol

__all__ = ["DEFAULT_OUTPUT_CAP", "BoundedOutput", "Demultiplexer", "FirstLine", "Sink"]

# Enough for any log a person reads; a runaway `yes` writes this in 10 ms and must not fill the host's memory.
DEFAULT_OUTPUT_CAP = 1 << 20

# A number and a line break, behind the prefix of a first line.
_LONGEST_VALUE = 32


class Sink(Protocol):
    """Takes the bytes of one stream as they come."""

    def append(self, data: bytes) -> None: ...


class BoundedOutput:
    """Bytes appended, of which at most `cap` are kept: half from the start, half from the end."""

    def __init__(self, cap: int = DEFAULT_OUTPUT_CAP) -> None:
        self._half = max(cap // 2, 1)
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self.dropped = 0

    def append(self, data: bytes) -> None:
        room = self._half - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if not data:
            return
        self._tail.append(data)
        self._tail_size += len(data)
        while self._tail_size - len(self._tail[0]) >= self._half:
            self._drop(self._tail.popleft())

    def _drop(self, piece: bytes) -> None:
        self._tail_size -= len(piece)
        self.dropped += len(piece)

    def text(self) -> str:
        """The output as text; a line in the middle says how much is missing."""
        tail = b"".join(self._tail)
        dropped = self.dropped
        if len(tail) > self._half:
            dropped += len(tail) - self._half
            tail = tail[-self._half :]
        head = self._head.decode(errors="replace")
        if not dropped:
            return (bytes(self._head) + tail).decode(errors="replace")
        return f"{head}\n[... {dropped} bytes left out ...]\n{tail.decode(errors='replace')}"

    @property
    def truncated(self) -> bool:
        return self.dropped > 0 or self._tail_size > self._half


class FirstLine:
    """Takes the first line off a stream if it begins with `prefix`; everything else goes on to `sink`.

    ``value`` is what stood behind the prefix, and None for a stream that begins otherwise; ``settled`` is set as soon
    as it is clear which of them it is.
    """

    def __init__(self, prefix: bytes, sink: Sink) -> None:
        self.value: bytes | None = None
        self.settled = threading.Event()
        self._prefix = prefix
        self._sink = sink
        self._held = b""

    def append(self, data: bytes) -> None:
        if self.settled.is_set():
            self._sink.append(data)
            return
        self._held += data
        line, line_break, rest = self._held.partition(b"\n")
        if line_break and line.startswith(self._prefix):
            self.value = line.removeprefix(self._prefix)
            self._settle(rest)
        elif line_break or not self._may_be_the_line():
            self._settle(self._held)

    def close(self) -> None:
        """The stream has ended: what was held back goes on."""
        if not self.settled.is_set():
            self._settle(self._held)

    def _may_be_the_line(self) -> bool:
        is_begun = self._prefix.startswith(self._held) or self._held.startswith(self._prefix)
        return is_begun and len(self._held) < len(self._prefix) + _LONGEST_VALUE

    def _settle(self, rest: bytes) -> None:
        if rest:
            self._sink.append(rest)
        self.settled.set()


class Demultiplexer:
    """Docker's stream of frames (one byte of stream number, three of padding, four of size) taken apart."""

    def __init__(self, stdout: Sink, stderr: Sink) -> None:
        self._sinks = {1: stdout, 2: stderr}
        self._header = bytearray()
        self._left = 0
        self._sink = stdout

    def feed(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            if self._left:
                piece = view[: self._left]
                self._sink.append(bytes(piece))
                self._left -= len(piece)
                view = view[len(piece) :]
                continue
            needed = 8 - len(self._header)
            self._header += view[:needed]
            view = view[needed:]
            if len(self._header) == 8:
                self._sink = self._sinks.get(self._header[0], self._sinks[1])
                self._left = int.from_bytes(self._header[4:], "big")
                self._header.clear()
