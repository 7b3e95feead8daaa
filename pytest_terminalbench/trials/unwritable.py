"""A disk that takes nothing more, while a trial is recorded."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from pytest_terminalbench.errors import ResultsUnwritable

__all__ = ["recorded"]

# What a disk says that takes nothing more, whatever is written.
_UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})


@contextmanager
def recorded() -> Iterator[None]:
    """For what writes results: raises ResultsUnwritable where the disk takes nothing more."""
    try:
        yield
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        raise ResultsUnwritable(f"the results cannot be written: {error.strerror}") from None
