"""With ``--tb-concurrency N``: trials of items that wait run in threads, beside the item whose turn it is.

pytest runs one item after the other. The item's fixtures find its trials done, or wait for them; reports come in the
usual order. An item with a fixture of the user's own runs in its own turn: only pytest can set that up.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_terminalbench.cells.thread_pool import TrialPool
from pytest_terminalbench.errors import TerminalBenchError
from pytest_terminalbench.plugin import fixtures
from pytest_terminalbench.plugin.cell_runner import CellRunner
from pytest_terminalbench.plugin.cell_state import CellState, PutAside
from pytest_terminalbench.plugin.stash_keys import CELL
from pytest_terminalbench.trials.cell import Cell
from pytest_terminalbench.trials.result import TrialResult
from pytest_terminalbench.trials.trial import WAIT_TURN_S

if TYPE_CHECKING:
    from pytest_terminalbench.plugin.session import BenchSession

__all__ = ["Ahead", "RunAhead"]

# What running trials get to end in when the session is stopped; their containers are removed under them.
PATIENCE_S = 30.0
# Marks by which pytest may decide not to run an item at all.
_MARKS_THAT_STOP = ("skip", "skipif", "xfail")


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """What became of a cell that was run ahead: its state so far, and the error that ended it."""

    state: CellState
    error: TerminalBenchError | None


class RunAhead:
    """A plugin of sessions with ``--tb-concurrency`` in one process."""

    def __init__(self, bench: BenchSession, size: int) -> None:
        self._bench = bench
        self._size = size
        self._pool: TrialPool | None = None
        self._futures: dict[str, Future[Ahead]] = {}

    def has(self, node: pytest.Item) -> bool:
        """Whether the trials of `node` are run here, and were not taken yet."""
        return node.nodeid in self._futures

    def take(self, node: pytest.Item) -> Ahead:
        """What became of `node`'s trials; waits for them."""
        future = self._futures[node.nodeid]
        # In turns: a signal that comes just before a wait in the main thread is looked at only after it.
        while not future.done():
            wait([future], timeout=WAIT_TURN_S)
        ahead = future.result()
        # Put aside, the next turn's are there already.
        if self._futures[node.nodeid] is future:
            del self._futures[node.nodeid]
        return ahead

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        if self._pool is None and not getattr(item.config.option, "setupplan", False):
            self._start(item.session.items)
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        try:
            return (yield)
        finally:
            self._stop()

    def _start(self, items: Sequence[pytest.Item]) -> None:
        self._pool = TrialPool(self._size)
        # Made here: threads would each make their own.
        _ = self._bench.scheduler
        for item in items:
            if _may_run_ahead(item):
                self._submit(item.nodeid, item.stash[CELL], ())

    def _stop(self) -> None:
        if self._pool is not None:
            self._bench.scheduler.close()
            self._pool.stop(interrupt=self._bench.sweep, patience_s=PATIENCE_S)

    def _submit(self, nodeid: str, cell: Cell, earlier: Sequence[TrialResult]) -> None:
        assert self._pool is not None
        turn = 2 if earlier else 1
        self._futures[nodeid] = self._pool.submit(lambda: self._run(nodeid, cell, earlier), turn=turn)

    def _run(self, nodeid: str, cell: Cell, earlier: Sequence[TrialResult]) -> Ahead:
        """In a thread: what the fixtures do in their item's turn."""
        state = CellState(cell=cell)
        runner = CellRunner(self._bench, state)
        try:
            runner.read_baseline()
            agent = runner.make_agent()
            lease = runner.lease()
            try:
                may_be_put_aside = self._bench.options.attempts is None and not earlier
                runner.run(agent, lease, earlier=earlier, may_be_put_aside=may_be_put_aside)
            finally:
                lease.close()
        except PutAside as aside:
            # Before this turn's future is done, so that who takes it finds the next.
            self._submit(nodeid, cell, aside.results)
            return Ahead(state=state, error=aside)
        except TerminalBenchError as error:
            return Ahead(state=state, error=error)
        return Ahead(state=state, error=None)


def _may_run_ahead(item: pytest.Item) -> bool:
    if CELL not in item.stash or any(item.get_closest_marker(name) for name in _MARKS_THAT_STOP):
        return False
    # Where pytest keeps what it found out about an item's fixtures; it has no public name.
    found = getattr(item, "_fixtureinfo").name2fixturedefs  # noqa: B009
    names = [name for name in getattr(item, "fixturenames", ()) if name != "request"]
    return all(name in found and _is_known(name, found[name][-1].func) for name in names)


def _is_known(name: str, function: object) -> bool:
    """Whether a fixture is ours, or at least none that a user's conftest.py has put in our way."""
    if name.startswith("tb_"):
        return getattr(function, "__module__", None) == fixtures.__name__
    code = getattr(function, "__code__", None)
    return code is None or Path(code.co_filename).name != "conftest.py"
