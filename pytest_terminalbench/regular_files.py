"""Reads files of a folder in which anything may lie."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

__all__ = ["read_regular"]


def read_regular(file: Path, max_bytes: int = -1) -> bytes:
    """What `file` holds, up to `max_bytes` where these are given.

    Raises OSError as open does, and for what is no regular file: to read a named pipe is to wait for ever, and a device
    may never end.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        # What opening a socket comes to.
        raise _irregular(file, "a socket") if error.errno == errno.ENXIO else error from None
    # Unbuffered: it is read once and whole, ten thousand times.
    with open(descriptor, "rb", buffering=0) as content:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))
        if not stat.S_ISREG(mode):
            raise _irregular(file, "a named pipe" if stat.S_ISFIFO(mode) else "a device")
        return content.read(max_bytes)


def _irregular(file: Path, what: str) -> OSError:
    return OSError(errno.EINVAL, f"it is {what}, and no regular file", str(file))
