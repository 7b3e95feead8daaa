"""What something costs, counted instead of timed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType


def calls_into(package: str, function: Callable[..., object], /, *args: object, **keywords: object) -> int:
    """How many calls `function` makes with these arguments: of functions of `package`, and by these of C's.

    `package` stands for its modules, too. Calls in other threads are not counted.
    """
    calls = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls
        if event in ("call", "c_call") and frame.f_globals.get("__name__", "").startswith(package):
            calls += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        function(*args, **keywords)
    finally:
        sys.setprofile(before)
    return calls
