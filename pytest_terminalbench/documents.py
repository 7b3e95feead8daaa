"""Files written whole or not at all and made for diffs, and JSON read with care."""

from __future__ import annotations

import json
import math
import os
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

__all__ = ["Types", "mistyped", "now_text", "parse_json", "read_json", "time_text", "write_atomically", "write_json"]

# No file of ours is nested deeper than a tenth of this; what is exhausts the stack of whoever walks through it.
DEEPEST = 100
_MISSING = object()

Types: TypeAlias = Mapping[str, type | tuple[type, ...]]


def read_json(file: Path) -> Any:
    """The content of `file`; raises OSError, or ValueError for what is no JSON or nested too deeply."""
    return parse_json(file.read_bytes())


def parse_json(text: str | bytes) -> Any:
    """The value of `text`; raises ValueError for what is no JSON or nested too deeply."""
    try:
        content = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    level = [content]
    for _ in range(DEEPEST):
        level = [child for one in level for child in _children(one)]
        if not level:
            return content
    raise ValueError("nested too deeply")


def _children(value: object) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def mistyped(where: str, value: object, types: Types) -> Iterator[str]:
    """What is wrong with `value`, called `where`: no object, or a field that is missing or of another type.

    True and false are no numbers, and neither are NaN and the infinities.
    """
    if not isinstance(value, dict):
        yield f"{where} is no object"
        return
    for key, wanted in types.items():
        if not _is_one(value.get(key, _MISSING), wanted if isinstance(wanted, tuple) else (wanted,)):
            yield f"{where} has no usable {key!r}"


def _is_one(value: object, wanted: tuple[type, ...]) -> bool:
    if isinstance(value, bool):
        return bool in wanted
    return isinstance(value, wanted) and not (isinstance(value, float) and not math.isfinite(value))


def write_json(file: Path, content: object) -> None:
    """Sorted keys, two spaces, final newline; whole or not at all."""
    write_atomically(file, json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def write_atomically(file: Path, text: str) -> None:
    """Write `text` to a scratch file beside `file`, then put it in place."""
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        # What a verifier says may hold half a surrogate pair, which UTF-8 cannot; in JSON this is its escape.
        scratch.write_text(text, encoding="utf-8", errors="backslashreplace")
        scratch.replace(file)
    except OSError:
        scratch.unlink(missing_ok=True)
        raise


def now_text() -> str:
    """The time now as ISO 8601 in UTC with milliseconds."""
    return time_text(datetime.now(UTC))


def time_text(time: datetime) -> str:
    """`time`, in UTC, as all our files have it."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
