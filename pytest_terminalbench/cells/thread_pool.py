"""Threads that run trials beside each other in one process."""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple, TypeVar

__all__ = ["TrialPool"]

T = TypeVar("T")
# Before every turn of work, so that a pool that stops is not held up.
_STOP_TURN = -1


class _Work(NamedTuple):
    """Ordered by turn, and within a turn by who came first."""

    turn: int
    number: int
    call: Callable[[], Any]
    future: Future[Any]


class TrialPool:
    """At most `size` calls at a time, those of an earlier turn first.

    Not the standard library's pool: that one waits at the process's end for threads that never come back, and knows
    no turns.
    """

    def __init__(self, size: int) -> None:
        self._waiting: queue.PriorityQueue[_Work] = queue.PriorityQueue()
        self._numbers = itertools.count()
        self._stopping = threading.Lock()
        self._stopped = False
        self._may_begin = threading.Event()
        self._may_begin.set()
        self._threads = [threading.Thread(target=self._work, daemon=True, name=f"trial-{n + 1}") for n in range(size)]
        for thread in self._threads:
            thread.start()

    def submit(self, call: Callable[[], T], *, turn: int = 1) -> Future[T]:
        """Run `call` when a thread is free and no work of an earlier turn waits; cancelled where the pool stops first.

        `turn` counts from 1.
        """
        future: Future[T] = Future()
        with self._stopping:
            if self._stopped:
                future.cancel()
            else:
                self._waiting.put(_Work(turn, next(self._numbers), call, future))
        return future

    def share(self, calls: Sequence[Callable[[], None]], *, turn: int = 1) -> None:
        """Run `calls` in this thread, one after the other, while free threads run those that it has not come to.

        Returns when all have ended; raises what the first of them raises that fails.
        """
        shared = [_SharedCall(call) for call in calls]
        for call in shared[1:]:
            self.submit(call.run_unless_begun, turn=turn)
        for call in shared:
            call.run_unless_begun()
        wait([call.ended for call in shared])
        for call in shared:
            call.ended.result()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Begin nothing before the context ends: what is submitted in it is put in its order first."""
        self._may_begin.clear()
        try:
            yield
        finally:
            self._may_begin.set()

    def stop(self, *, interrupt: Callable[[], object], patience_s: float, again_s: float = 2.0) -> bool:
        """Begin nothing more and end what runs; whether everything has ended.

        `interrupt` is called every `again_s` seconds as long as something runs, for at most `patience_s` seconds.
        """
        self._begin_nothing_more()
        until = time.monotonic() + patience_s
        pause_s = 0.1  # Threads without work are gone by then.
        while not self._ended(pause_s) and time.monotonic() < until:
            interrupt()
            pause_s = min(again_s, max(0.1, until - time.monotonic()))
        return self._ended(0.0)

    def _begin_nothing_more(self) -> None:
        with self._stopping:
            self._stopped = True
            # Not asked whether it is empty: a thread may take the last before it is taken here.
            with suppress(queue.Empty):
                while True:
                    self._waiting.get_nowait().future.cancel()
            for _ in self._threads:
                self._waiting.put(_Work(_STOP_TURN, next(self._numbers), _nothing, Future()))

    def _ended(self, wait_s: float) -> bool:
        """Whether all threads have ended, after waiting for at most `wait_s` seconds."""
        until = time.monotonic() + wait_s
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while (work := self._waiting.get()).turn != _STOP_TURN:
            self._may_begin.wait()
            if not work.future.set_running_or_notify_cancel():
                continue
            try:
                work.future.set_result(work.call())
            except BaseException as error:  # noqa: BLE001  # Who waits for it is told.
                work.future.set_exception(error)


class _SharedCall:
    """Run by the thread that comes to it first."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._begun = threading.Lock()
        self.ended: Future[None] = Future()

    def run_unless_begun(self) -> None:
        if not self._begun.acquire(blocking=False):
            return
        try:
            self.ended.set_result(self._call())
        except BaseException as error:  # noqa: BLE001  # Who shares it is told.
            self.ended.set_exception(error)


def _nothing() -> None:
    pass
