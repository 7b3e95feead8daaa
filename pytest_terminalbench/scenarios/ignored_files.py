"""Which files of a folder git would pass over: those that a ``.gitignore`` in it names, and what tools and editors leave.

Only files in the folder itself decide. What lies above belongs to the project, and names files there (``*.log``) that
somebody may have added all the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_terminalbench.digest import is_cache, is_file_or_link, is_left_behind

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

__all__ = ["SortedOut", "sort_out_ignored"]

GITIGNORE = ".gitignore"
# Editors' copies, which people name in their own ignore lists. A `.gitignore` may take one back: `!notes~`.
_BACKUPS = ("*~", "\\#*#")


@dataclass(frozen=True, kw_only=True)
class SortedOut:
    """The files of a folder, links included, in POSIX order of their relative paths; and the names of what is ignored.

    An ignored folder is named once, with ``/`` at its end, as ``git status --ignored`` does. Caches of tools, which come
    and go, are not named.
    """

    kept: tuple[Path, ...]
    ignored: tuple[str, ...]


def sort_out_ignored(folder: Path) -> SortedOut:
    """The files below `folder` that git would keep, and what it would ignore."""
    lists = {"": _ignore_list(_BACKUPS)}
    kept: list[str] = []
    ignored: list[str] = []
    for parent, folders, names in os.walk(folder):
        place = Path(parent).relative_to(folder).as_posix()
        prefix = "" if place == "." else f"{place}/"
        own_list = Path(parent) / GITIGNORE
        # Git follows no link here, since 2.32.
        if GITIGNORE in names and own_list.is_file() and not own_list.is_symlink():
            lines = own_list.read_text(encoding="utf-8", errors="replace").splitlines()
            lists[prefix] = _ignore_list([*(_BACKUPS if not prefix else ()), *lines])
        links = [name for name in folders if (Path(parent) / name).is_symlink()]
        for name in [*names, *links]:
            # Git keeps no pipes, sockets and devices.
            is_kept = is_file_or_link(Path(parent) / name) and not _is_ignored(f"{prefix}{name}", lists)
            (kept if is_kept else ignored).append(f"{prefix}{name}")
        plain = [name for name in folders if name not in links]
        folders[:] = [name for name in plain if not _is_ignored(f"{prefix}{name}/", lists)]
        ignored += [f"{prefix}{name}/" for name in plain if name not in folders]
    named = (name for name in ignored if not is_cache(_last_part(name)))
    return SortedOut(kept=tuple(folder / name for name in sorted(kept)), ignored=tuple(sorted(named)))


def _ignore_list(lines: Iterable[str]) -> GitIgnoreSpec:
    """What `lines` say; one that says nothing, such as ``!``, is passed over as git does."""
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(line for line in lines if line.strip() not in ("!", "\\"))


def _is_ignored(path: str, lists: dict[str, GitIgnoreSpec]) -> bool:
    """Whether `path`, a folder's with ``/`` at its end, is ignored: the list nearest to it that names it decides."""
    if is_left_behind(_last_part(path)):
        return True
    for prefix in _prefixes(path):
        decided = lists[prefix].check_file(path.removeprefix(prefix)).include if prefix in lists else None
        if decided is not None:
            return decided
    return False


def _last_part(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _prefixes(path: str) -> Sequence[str]:
    """The folders that `path` lies in, the nearest first, each with ``/`` at its end; the outermost is empty."""
    parts = path.rstrip("/").split("/")[:-1]
    return [*("".join(f"{part}/" for part in parts[:depth]) for depth in range(len(parts), 0, -1)), ""]
