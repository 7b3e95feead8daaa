"""Names that are safe in paths, node ids and command lines, and nouns that agree with their number."""

from __future__ import annotations

import re

__all__ = ["counted", "sanitised"]


def counted(number: int, noun: str, plural: str = "") -> str:
    """``1 cell``, ``2 cells``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def sanitised(text: str) -> str:
    """`text` with everything but letters, digits, ``_``, ``.`` and ``-`` replaced by ``-``."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text)
