"""One who builds an image at a time, on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pytest_terminalbench.errors import EnvironmentFailure

__all__ = ["BuildRuns", "only_builder"]


class BuildRuns(Exception):
    """Another process builds the image at this moment."""


@contextmanager
def only_builder(locks: Path, name: str, *, wait: bool = True) -> Iterator[None]:
    """Nobody else builds, or removes, what is called `name` meanwhile.

    Waits for who does, or raises BuildRuns where it shall not. Raises EnvironmentFailure where nothing can be locked.
    """
    file = locks / f"{name}.lock"
    try:
        locks.mkdir(parents=True, exist_ok=True)
        lock = _locked(file, wait=wait)
    except BlockingIOError:
        raise BuildRuns(name) from None
    except OSError as error:
        raise EnvironmentFailure(
            f"builds of images cannot be locked in {locks}: {error.strerror or error}; let that be a folder that can "
            "be written, or name another place for caches in XDG_CACHE_HOME"
        ) from None
    try:
        yield
    finally:
        # Every image and every step of one has a file of its own, and there is no end of them. Not filelock: its older
        # versions take a file for locked that is not there any more.
        with suppress(OSError):
            file.unlink()
        os.close(lock)


def _locked(file: Path, *, wait: bool) -> int:
    """A descriptor of `file`, which nobody else has locked; raises BlockingIOError instead of waiting."""
    import fcntl

    while True:
        lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Who had it before has removed the file: whoever comes now makes another.
            is_there = os.fstat(lock).st_nlink > 0
        except BaseException:
            os.close(lock)
            raise
        if is_there:
            return lock
        os.close(lock)
