"""Names made from content: the same bytes have the same digest on every machine."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = [
    "canonical_json",
    "digest_bytes",
    "digest_files",
    "digest_json",
    "is_cache",
    "is_file_or_link",
    "is_left_behind",
    "tree_files",
]

# Left behind by tools on the host; they never belong to a scenario.
_CACHES = frozenset({"__pycache__", ".DS_Store", ".pytest_cache"})
# Vim's swap files and Emacs' locks: they are there while somebody edits the file.
_OPEN_IN_EDITOR = re.compile(r"\..+\.sw[a-p]|\.#.+")


def canonical_json(value: object) -> str:
    """`value` as JSON with sorted keys, no spaces and ASCII only: one text per value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest_bytes(data: bytes) -> str:
    """``sha256:<64 hex digits>`` of `data`."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def digest_json(value: object) -> str:
    """The digest of `value` as canonical JSON."""
    return digest_bytes(canonical_json(value).encode())


def is_cache(name: str) -> bool:
    """Whether a tool made the file or folder of this name for itself."""
    return name in _CACHES


def is_left_behind(name: str) -> bool:
    """Whether a tool or an open editor made the file or folder of this name for itself."""
    return is_cache(name) or _OPEN_IN_EDITOR.fullmatch(name) is not None


def is_file_or_link(path: Path) -> bool:
    """Whether `path` can be read or copied as it lies there: to read a named pipe is to wait for ever."""
    return path.is_symlink() or path.is_file()


def tree_files(folder: Path) -> Iterator[Path]:
    """Every file below `folder` in POSIX order of its relative path, links included, tools' leftovers and pipes not."""
    found: list[tuple[str, Path]] = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not is_left_behind(name)]
        for name in [*names, *(name for name in folders if (Path(parent) / name).is_symlink())]:
            if not is_left_behind(name):
                path = Path(parent) / name
                if is_file_or_link(path):
                    found.append((path.relative_to(folder).as_posix(), path))
    for _, path in sorted(found):
        yield path


def digest_files(folder: Path, files: Iterable[Path] | None = None) -> str:
    """The digest of `files` below `folder`, in their order: path, executable bit, content (a link's: its target).

    None: of all its `tree_files`.
    """
    total = hashlib.sha256()
    for path in tree_files(folder) if files is None else files:
        if path.is_symlink():
            mode, content = "l", str(path.readlink()).encode()
        else:
            # Git keeps only this bit, so a clone has the same digest whatever the umask.
            mode = "x" if path.stat().st_mode & 0o100 else "-"
            content = path.read_bytes()
        name = path.relative_to(folder).as_posix()
        total.update(f"{mode} {name}\0{hashlib.sha256(content).hexdigest()}\n".encode())
    return f"sha256:{total.hexdigest()}"
