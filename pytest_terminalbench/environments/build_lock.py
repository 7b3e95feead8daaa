"""One who builds an image at a time, on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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
    from filelock import FileLock, Timeout

    lock = FileLock(locks / f"{name}.lock", timeout=-1 if wait else 0)
    try:
        locks.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise BuildRuns(name) from None
    # filelock raises NotImplementedError where the file system knows no locks.
    except (OSError, NotImplementedError) as error:
        raise EnvironmentFailure(
            f"builds of images cannot be locked in {locks}: {getattr(error, 'strerror', None) or error}; let that be a "
            "folder that can be written, or name another place for caches in XDG_CACHE_HOME"
        ) from None
    try:
        yield
    finally:
        lock.release()
