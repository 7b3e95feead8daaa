"""One who writes baselines at a time."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_terminalbench.errors import BaselineError

__all__ = ["only_writer"]

# Approving a thousand cells takes a second; who waits longer meets somebody else's approval.
LOCK_TIMEOUT_S = 2.0


@contextmanager
def only_writer(baselines: Path) -> Iterator[None]:
    """Nobody else writes baselines meanwhile; raises BaselineError where somebody does.

    The lock lies outside the folder, which is under version control.
    """
    from filelock import FileLock, Timeout

    name = hashlib.sha256(str(baselines.resolve()).encode()).hexdigest()[:16]
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pytest-terminalbench" / "locks"
    lock = FileLock(folder / f"baselines-{name}.lock", timeout=LOCK_TIMEOUT_S)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise BaselineError(f"somebody else is approving in {baselines} at this moment; try again") from None
    except OSError as error:
        raise BaselineError(
            f"{folder}, where approvals wait for each other, cannot be used: {error.strerror}; set XDG_CACHE_HOME to a "
            "folder that can be written"
        ) from None
    try:
        yield
    finally:
        lock.release()
