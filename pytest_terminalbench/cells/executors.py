"""How the cells of a session are run: one after the other, or several at a time in threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass
from functools import partial

from pytest_terminalbench.cells.bench import Bench
from pytest_terminalbench.cells.cell_run import CellRun, NeedsMoreTrials, RunAttempts, in_turn
from pytest_terminalbench.cells.thread_pool import TrialPool
from pytest_terminalbench.errors import TerminalBenchError
from pytest_terminalbench.trials.acting import WAIT_TURN_S
from pytest_terminalbench.trials.cell import Cell

__all__ = ["CellThreads", "FinishedTurn", "run_in_threads", "run_in_turn"]

# What running trials get to end in when the session is stopped; their containers are removed under them.
PATIENCE_S = 30.0


@dataclass(frozen=True, kw_only=True)
class FinishedTurn:
    """A cell whose turn has ended, and the error that ended it: `CellVoid`, or `NeedsMoreTrials` after a first turn."""

    run: CellRun
    error: TerminalBenchError | None


def run_in_turn(bench: Bench, cells: Iterable[Cell]) -> Iterator[FinishedTurn]:
    """Run `cells` one after the other; those that need more trials get them after all have had their first."""
    waiting: list[CellRun] = []
    for cell in cells:
        turn = _turn(bench, CellRun(bench, cell))
        if isinstance(turn.error, NeedsMoreTrials):
            waiting.append(turn.run)
        else:
            yield turn
    for run in waiting:
        yield _turn(bench, run)


def run_in_threads(bench: Bench, cells: Iterable[Cell], size: int) -> Iterator[FinishedTurn]:
    """Run `cells`, `size` trials at a time; yields them in their order."""
    threads = CellThreads(bench, size)
    try:
        cells = list(cells)
        threads.submit(cells)
        for cell in cells:
            turn = threads.take(cell.key)
            while isinstance(turn.error, NeedsMoreTrials):
                turn = threads.take(cell.key)
            yield turn
    finally:
        threads.stop()


def _turn(bench: Bench, run: CellRun, run_attempts: RunAttempts = in_turn) -> FinishedTurn:
    may_wait = bench.settings.attempts is None and not run.trials
    try:
        run.read_baseline()
        agent = run.make_agent()
        environments = run.prepare()
        try:
            run.run(agent, environments, may_wait=may_wait, run_attempts=run_attempts)
        finally:
            environments.close()
    except TerminalBenchError as error:
        run.trouble = run.trouble or str(error)
        return FinishedTurn(run=run, error=error)
    return FinishedTurn(run=run, error=None)


class CellThreads:
    """Runs cells in threads, `size` trials at a time, beside whoever takes them one by one.

    Attempts of one cell run beside each other when no other cell waits for its first.

    A cell that needs more trials is taken twice: after its first turn with NeedsMoreTrials, then with the rest, which
    runs when no other cell waits for its first.
    """

    def __init__(self, bench: Bench, size: int) -> None:
        self._bench = bench
        self._pool = TrialPool(size)
        self._turns: dict[str, Future[FinishedTurn]] = {}

    def submit(self, cells: Iterable[Cell]) -> None:
        """Run `cells` when threads are free; each is taken by its key."""
        with self._pool.held():
            for cell in cells:
                self._submit(cell.key, CellRun(self._bench, cell), turn=1)

    def has(self, key: str) -> bool:
        """Whether a turn of this cell is run here, and was not taken yet."""
        return key in self._turns

    def take(self, key: str) -> FinishedTurn:
        """The cell's turn; waits for its end."""
        future = self._turns[key]
        # In short waits: a signal that comes just before a wait in the main thread is looked at only after it.
        while not future.done():
            wait([future], timeout=WAIT_TURN_S)
        turn = future.result()
        # Where more trials are needed, the next turn's is there already.
        if self._turns[key] is future:
            del self._turns[key]
        return turn

    def stop(self) -> None:
        """Begin nothing more, and end what runs by removing its containers."""
        self._bench.stop()
        self._pool.stop(interrupt=self._bench.sweep, patience_s=PATIENCE_S)

    def _submit(self, key: str, run: CellRun, *, turn: int) -> None:
        self._turns[key] = self._pool.submit(self._call(key, run, turn), turn=turn)

    def _call(self, key: str, run: CellRun, turn: int) -> Callable[[], FinishedTurn]:
        def in_thread() -> FinishedTurn:
            finished = _turn(self._bench, run, partial(self._pool.share, turn=turn))
            if isinstance(finished.error, NeedsMoreTrials):
                # Before this turn's future is done, so that who takes it finds the next.
                self._submit(key, run, turn=2)
            return finished

        return in_thread
