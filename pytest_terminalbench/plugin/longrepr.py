"""Text of ours in the shape of pytest's own failures, so that each of its writers finds the line it wants."""

from __future__ import annotations

from _pytest._code.code import ReprEntryNative, ReprExceptionInfo, ReprFileLocation, ReprTraceback

__all__ = ["longrepr"]


def longrepr(text: str, path: str) -> ReprExceptionInfo:
    """What a failed report shows: all of ``text``, and its first line where pytest has room for one only.

    A plain string would do for a terminal, but on CI pytest's short summary shows a string in full. ``path`` is what
    ``--tb=line`` and the JSON report name as the place of the failure.
    """
    lines = text.splitlines() or [""]
    traceback = ReprTraceback([ReprEntryNative([f"{line}\n" for line in lines])], None, style="native")
    return ReprExceptionInfo(traceback, ReprFileLocation(path, 1, lines[0]))
