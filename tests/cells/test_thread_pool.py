from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError

import pytest

from pytest_terminalbench.cells.thread_pool import TrialPool

PATIENCE_S = 20.0


MakePool = Callable[[int], TrialPool]


@pytest.fixture
def pool_of() -> Iterator[MakePool]:
    """Makes pools that have ended when the test has."""
    pools: list[TrialPool] = []

    def make(size: int) -> TrialPool:
        pools.append(TrialPool(size))
        return pools[-1]

    yield make
    for pool in pools:
        pool.stop(interrupt=lambda: None, patience_s=PATIENCE_S)


def nobody() -> None:
    raise AssertionError("nothing runs that would have to be interrupted")


class Gate:
    """Work that has begun and goes on until it may pass."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.open = threading.Event()

    def __call__(self) -> str:
        self.begun.set()
        assert self.open.wait(PATIENCE_S)
        return "passed"


def test_what_a_call_gives_is_the_futures(pool_of: MakePool) -> None:
    pool = pool_of(2)

    assert pool.submit(lambda: "given").result(PATIENCE_S) == "given"

    assert pool.stop(interrupt=nobody, patience_s=PATIENCE_S)


def test_what_a_call_raises_is_raised_where_it_is_waited_for(pool_of: MakePool) -> None:
    pool = pool_of(1)

    def fail() -> None:
        raise KeyError("inside")

    with pytest.raises(KeyError, match="inside"):
        pool.submit(fail).result(PATIENCE_S)
    assert pool.submit(lambda: "still there").result(PATIENCE_S) == "still there"


def test_as_many_run_at_a_time_as_it_is_large(pool_of: MakePool) -> None:
    pool = pool_of(2)
    gates = [Gate() for _ in range(3)]
    futures = [pool.submit(gate) for gate in gates]

    assert gates[0].begun.wait(PATIENCE_S)
    assert gates[1].begun.wait(PATIENCE_S)
    assert not gates[2].begun.is_set()
    gates[0].open.set()
    assert gates[2].begun.wait(PATIENCE_S)

    for gate in gates:
        gate.open.set()
    assert [future.result(PATIENCE_S) for future in futures] == ["passed"] * 3


def test_an_earlier_turn_goes_first_and_within_a_turn_who_came_first(pool_of: MakePool) -> None:
    pool = pool_of(1)
    gate = Gate()
    pool.submit(gate)
    assert gate.begun.wait(PATIENCE_S)
    order: list[str] = []

    def noted(name: str) -> Callable[[], None]:
        return lambda: order.append(name)

    futures = [pool.submit(noted("second turn"), turn=2), pool.submit(noted("a")), pool.submit(noted("b"))]
    gate.open.set()
    for future in futures:
        future.result(PATIENCE_S)

    assert order == ["a", "b", "second turn"]


def test_stopped_it_begins_nothing_more_and_interrupts_what_runs(pool_of: MakePool) -> None:
    pool = pool_of(1)
    gate = Gate()
    running = pool.submit(gate)
    waiting = pool.submit(lambda: "never")
    assert gate.begun.wait(PATIENCE_S)

    assert pool.stop(interrupt=gate.open.set, patience_s=PATIENCE_S)

    assert running.result(0) == "passed"
    with pytest.raises(CancelledError):
        waiting.result(0)
    with pytest.raises(CancelledError):
        pool.submit(lambda: "too late").result(0)


def test_it_stops_while_threads_take_the_last_of_the_work(pool_of: MakePool) -> None:
    interval = sys.getswitchinterval()
    # So often that each round is another race.
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(300):
            pool = pool_of(4)
            for _ in range(12):
                pool.submit(lambda: None)
            assert pool.stop(interrupt=lambda: None, patience_s=PATIENCE_S)
    finally:
        sys.setswitchinterval(interval)


def test_what_does_not_end_is_told_of_and_left_behind(pool_of: MakePool) -> None:
    pool = pool_of(1)
    gate = Gate()
    pool.submit(gate)
    assert gate.begun.wait(PATIENCE_S)
    interrupts: list[int] = []

    ended = pool.stop(interrupt=lambda: interrupts.append(1), patience_s=0.3, again_s=0.1)

    assert not ended
    assert interrupts
    gate.open.set()


def test_shared_calls_run_beside_each_other_and_have_all_ended(pool_of: MakePool) -> None:
    party = threading.Barrier(3)
    met: list[int] = []

    def meet() -> None:
        party.wait(PATIENCE_S)
        met.append(1)

    pool_of(2).share([meet] * 3)

    assert len(met) == 3


def test_who_shares_runs_what_no_thread_is_free_for(pool_of: MakePool) -> None:
    """A call that runs in the pool may share: nobody waits for a thread that waits for him."""
    pool = pool_of(1)
    threads: list[str] = []

    def share() -> None:
        pool.share([lambda: threads.append(threading.current_thread().name)] * 3)

    pool.submit(share).result(PATIENCE_S)

    assert threads == ["trial-1"] * 3


def test_a_shared_call_that_fails_does_not_leave_the_others_running(pool_of: MakePool) -> None:
    """Who shares closes what the calls use when they are shared no longer."""
    begun, is_shared_no_longer = threading.Event(), threading.Event()
    outlived: list[bool] = []

    def fail() -> None:
        assert begun.wait(PATIENCE_S)
        raise KeyError("first")

    def go_on() -> None:
        begun.set()
        outlived.append(is_shared_no_longer.wait(0.1))
        raise ValueError("second")

    with pytest.raises(KeyError, match="first"):
        pool_of(1).share([fail, go_on])
    is_shared_no_longer.set()

    assert outlived == [False]


def test_what_a_shared_call_raises_is_raised_when_all_have_ended(pool_of: MakePool) -> None:
    ended: list[int] = []

    def fail() -> None:
        raise KeyError("inside")

    with pytest.raises(KeyError, match="inside"):
        pool_of(1).share([fail, lambda: ended.append(1)])

    assert ended == [1]
