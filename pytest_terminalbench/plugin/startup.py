"""Less work while a session starts, in each of its processes."""

from __future__ import annotations

import gc
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

__all__ = ["import_compiled", "without_garbage_collection"]

PREFIX = "pytest_terminalbench."
# Has an assert whose two sides pytest is to show.
REWRITTEN = "pytest_terminalbench.plugin.collection"


class _CompiledModules:
    """Finds our modules as Python does, before pytest's import hook is asked.

    The hook rewrites the asserts of every module of every plugin, and keeps the result in files beside the bytecode.
    Where those cannot be written (a package that root installed, PYTHONDONTWRITEBYTECODE), each process would compile
    all modules anew: half a second, in every worker.
    """

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name == REWRITTEN or not name.startswith(PREFIX):
            return None
        return PathFinder.find_spec(name, path, target)


def import_compiled() -> None:
    """Import our modules from their bytecode from now on, in this process."""
    if not any(isinstance(finder, _CompiledModules) for finder in sys.meta_path):
        sys.meta_path.insert(0, _CompiledModules())


@contextmanager
def without_garbage_collection() -> Generator[None]:
    """While modules are imported and scenarios collected: what is made stays.

    Looking through all of it for garbage again and again finds nothing, and is a tenth of the time. Nor is it looked
    through later: pytest does so several times at the end of each process.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
