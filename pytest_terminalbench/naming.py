"""Names that are safe in paths, node ids and command lines, the nearest of several, nouns that agree with a number."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

__all__ = ["counted", "listed", "nearest", "sanitised"]


def counted(number: int, noun: str, plural: str = "") -> str:
    """``1 cell``, ``2 cells``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def listed(items: Sequence[str], most: int = 5) -> str:
    """The first few of `items`, and how many more there are."""
    more = len(items) - most
    return ", ".join(items[:most]) + (f" and {more} more" if more > 0 else "")


def sanitised(text: str) -> str:
    """`text` with everything but letters, digits, ``_``, ``.`` and ``-`` replaced by ``-``."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text)


def nearest(word: str, known: Iterable[str]) -> str:
    """`` (did you mean 'x'?)`` for the known word most like `word`, else nothing."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
