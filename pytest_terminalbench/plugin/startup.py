"""Less work while a session starts, in each of its processes."""

from __future__ import annotations

import gc
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

__all__ = ["import_compiled", "keep_for_good", "thaw", "without_garbage_collection"]

PREFIX = "pytest_terminalbench."
# Has an assert whose two sides pytest is to show.
REWRITTEN = "pytest_terminalbench.plugin.collection"

# Of objects that are made and stay: a few hundred thousand are those of ten thousand scenarios.
NEVER = 2**31 - 1


class _CompiledLoader(SourceFileLoader):
    """Says of each module, in the words that pytest documents, that its asserts are not to be rewritten.

    Else pytest warns that they cannot be, where somebody names a module in ``pytest_plugins`` that is imported already.
    """

    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        module.__doc__ = f"{module.__doc__ or ''}\n\nPYTEST_DONT_REWRITE"


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
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _CompiledLoader(spec.loader.name, spec.loader.path)
        return spec


def import_compiled() -> None:
    """Import our modules from their bytecode from now on, in this process."""
    if not any(isinstance(finder, _CompiledModules) for finder in sys.meta_path):
        sys.meta_path.insert(0, _CompiledModules())


@contextmanager
def without_garbage_collection() -> Generator[None]:
    """While modules are imported and scenarios collected: what is made stays.

    Looking through all of it for garbage again and again finds nothing, and is a tenth of the time. A module that
    switches the collector off while it is imported has it off afterwards.
    """
    thresholds = gc.get_threshold()
    gc.set_threshold(NEVER)
    try:
        yield
    finally:
        if gc.get_threshold()[0] == NEVER:
            gc.set_threshold(*thresholds)


class _Garbage:
    """What this process's collector passes over because of us."""

    is_kept = False


def keep_for_good() -> None:
    """Do not look for garbage in what there is now, until the next session of this process.

    pytest looks for it ten times at the end of each process, and Python once more: half a second. Not for sessions with
    tests of the user's own, which may ask the collector about what their modules hold.
    """
    if not gc.get_freeze_count():
        gc.freeze()
        _Garbage.is_kept = True


def thaw() -> None:
    """Look for garbage again in what an earlier session of this process has kept."""
    if _Garbage.is_kept:
        gc.unfreeze()
        _Garbage.is_kept = False
