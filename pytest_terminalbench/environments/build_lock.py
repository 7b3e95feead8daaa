"""One who builds an image at a time, on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["BuildRuns", "only_builder"]


class BuildRuns(Exception):
    """Another process builds the image at this moment."""


@contextmanager
def only_builder(locks: Path, name: str, *, wait: bool = True) -> Iterator[None]:
    """Nobody else builds, or removes, what is called `name` meanwhile.

    Waits for who does, or raises BuildRuns where it shall not.
    """
    from filelock import FileLock, Timeout

    locks.mkdir(parents=True, exist_ok=True)
    lock = FileLock(locks / f"{name}.lock", timeout=-1 if wait else 0)
    try:
        lock.acquire()
    except Timeout:
        raise BuildRuns(name) from None
    try:
        yield
    finally:
        lock.release()
