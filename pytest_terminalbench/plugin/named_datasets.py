"""Datasets that a session names are collected, also from a folder that pytest is told to leave out."""

from __future__ import annotations

from collections.abc import Collection, Generator
from pathlib import Path

import pytest

__all__ = ["NamedDatasets"]


class NamedDatasets:
    """A plugin of sessions whose arguments lead to the named datasets in `folders` from above.

    `norecursedirs`, `--ignore` and their like mean what pytest comes upon; who names a dataset means it. pytest itself
    does not take it for named: of two arguments it forgets the one that lies in the other.
    """

    def __init__(self, folders: Collection[Path]) -> None:
        self._datasets = frozenset(folders)
        self._on_the_way = {parent for folder in folders for parent in folder.parents}
        # Folders that were to be left out, and are entered for the datasets in them alone.
        self._entered: set[Path] = set()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_ignore_collect(self, collection_path: Path) -> Generator[None, bool | None, bool | None]:
        is_ignored = yield
        if collection_path in self._datasets:
            return False
        is_left_out = is_ignored or collection_path.parent in self._entered
        if is_left_out and collection_path in self._on_the_way:
            self._entered.add(collection_path)
            return False
        return True if is_left_out else is_ignored
