"""With ``--tb-concurrency N``: trials of items that wait run in threads, beside the item whose turn it is.

pytest runs one item after the other. The item's fixtures find its trials done, or wait for them; reports come in the
usual order. An item with a fixture of the user's own runs in its own turn: only pytest can set that up.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import pytest

from pytest_terminalbench.cells.bench import Bench
from pytest_terminalbench.cells.executors import CellThreads
from pytest_terminalbench.plugin.pytest_internals import fixture_functions, option
from pytest_terminalbench.plugin.stash_keys import CELL
from pytest_terminalbench.scenarios.model import Scenario

__all__ = ["ItemsInThreads", "is_our_fixture"]

# Marks by which pytest may decide not to run an item at all.
_MARKS_THAT_STOP = ("skip", "skipif", "xfail")
# By name: the fixtures' module asks for the session, which asks for this one.
_OUR_FIXTURES = "pytest_terminalbench.plugin.fixtures"


class ItemsInThreads:
    """A plugin of sessions with ``--tb-concurrency`` in one process.

    `may_start`: whether a scenario's environment can be had.
    """

    def __init__(self, bench: Bench, size: int, *, may_start: Callable[[Scenario], bool]) -> None:
        self._bench = bench
        self._size = size
        self._may_start = may_start
        self.threads: CellThreads | None = None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        if self.threads is None and not option(item.config, "setupplan"):
            self._start(item.session.items)
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        try:
            return (yield)
        finally:
            if self.threads is not None:
                self.threads.stop()

    def _start(self, items: Sequence[pytest.Item]) -> None:
        self.threads = CellThreads(self._bench, self._size)
        cells = [item.stash[CELL] for item in items if _may_run_in_thread(item)]
        self.threads.submit(cell for cell in cells if self._may_start(cell.scenario))


def _may_run_in_thread(item: pytest.Item) -> bool:
    if CELL not in item.stash or any(item.get_closest_marker(name) for name in _MARKS_THAT_STOP):
        return False
    functions = fixture_functions(item)
    names = [name for name in getattr(item, "fixturenames", ()) if name != "request"]
    return all(name in functions and _is_known(name, functions[name]) for name in names)


def _is_known(name: str, function: object) -> bool:
    """Whether a fixture is ours, or at least none that a user's conftest.py has put in our way."""
    if name.startswith("tb_"):
        return is_our_fixture(function)
    code = getattr(function, "__code__", None)
    return code is None or Path(code.co_filename).name != "conftest.py"


def is_our_fixture(function: object) -> bool:
    """Whether the function behind a fixture is the package's own, not one that a user has put in its place."""
    return getattr(function, "__module__", None) == _OUR_FIXTURES
