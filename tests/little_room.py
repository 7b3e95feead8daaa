"""A disk that is nearly full, without one: files of this process that may not grow beyond a size."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["files_up_to"]


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """What is written beyond `size` bytes of a file fails; a write that crosses it writes a part, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
