"""The agent's desk: its deadline, its threads, its usage."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.agents.base import AgentTimeExpired, Usage
from pytest_terminalbench.environments.base import Environment
from pytest_terminalbench.environments.fake import FakeEnvironment
from pytest_terminalbench.errors import EnvironmentFailure, TooMuchToCopy
from pytest_terminalbench.limits import Limits
from pytest_terminalbench.trials.desk import AgentDesk, shell_line
from pytest_terminalbench.trials.events import EventSink

MakeDesk = Callable[..., AgentDesk]


@pytest.fixture
def desk_of(tmp_path: Path) -> MakeDesk:
    def make(environment: Environment, *, agent_s: float = 60.0, wait_s: float = 0.0) -> AgentDesk:
        limits = Limits(build_s=1, agent_s=agent_s, verifier_s=1, wait_s=wait_s)
        return AgentDesk(environment, limits=limits, events=EventSink(tmp_path / "commands.jsonl"))

    return make


def test_every_command_is_a_line(desk_of: MakeDesk, tmp_path: Path) -> None:
    desk = desk_of(FakeEnvironment({"ls |": "a\n", "false": 1}))
    desk.run(["sh", "-c", "ls | wc"])
    desk.run(["false", "a b"])

    lines = [json.loads(line) for line in (tmp_path / "commands.jsonl").read_text().splitlines()]
    assert [line.pop("at_s") >= 0 for line in lines] == [True, True]
    common = {"timed_out": False, "duration_s": 0.0, "stderr": ""}
    assert lines == [
        {**common, "command": "ls | wc", "exit_code": 0, "stdout": "a\n"},
        {**common, "command": "false 'a b'", "exit_code": 1, "stdout": ""},
    ]


def test_no_command_has_more_time_than_is_left(desk_of: MakeDesk) -> None:
    environment = FakeEnvironment()
    desk = desk_of(environment, agent_s=10)
    desk.run(["a"], timeout_s=3)
    desk.run(["b"], timeout_s=99)

    assert environment.calls[0].timeout_s == 3
    assert 9 < environment.calls[1].timeout_s <= 10


def test_after_the_deadline_nothing_is_taken(desk_of: MakeDesk, tmp_path: Path) -> None:
    environment = FakeEnvironment()
    desk = desk_of(environment, agent_s=0.01)
    time.sleep(0.02)

    for call in (
        lambda: desk.run(["a"]),
        lambda: desk.put({"/x": b""}),
        lambda: desk.get("/x", tmp_path),
        lambda: desk.export("/x"),
        lambda: desk.replace("/x", None),
    ):
        with pytest.raises(AgentTimeExpired):
            call()
    assert (environment.calls, environment.files, desk.expired) == ([], {}, True)


def test_nor_after_it_was_dismissed(desk_of: MakeDesk) -> None:
    desk = desk_of(environment := FakeEnvironment())
    desk.dismiss()

    with pytest.raises(AgentTimeExpired):
        desk.run(["a"])
    assert (environment.calls, desk.expired) == ([], False)


def test_failures_of_the_environment_are_remembered(desk_of: MakeDesk) -> None:
    environment = FakeEnvironment()
    desk = desk_of(environment)
    environment.gone = "engine"

    with pytest.raises(EnvironmentFailure) as error:
        desk.put({"/x": b""})
    assert desk.failure is error.value


def test_asking_for_too_much_is_none(desk_of: MakeDesk, tmp_path: Path) -> None:
    desk = desk_of(FakeEnvironment(files={"/x": b"12345"}))

    with pytest.raises(TooMuchToCopy):
        desk.get("/x", tmp_path, max_bytes=4)
    assert desk.failure is None


def test_files_go_through(desk_of: MakeDesk, tmp_path: Path) -> None:
    desk = desk_of(environment := FakeEnvironment())
    desk.put({"x": b"1"}, root="/srv")
    archive = desk.export("/srv/x")
    desk.replace("/x", archive)

    assert environment.files == {"/srv/x": b"1", "/x": b"1"}
    assert desk.get("/x", tmp_path)
    assert (tmp_path / "x").read_bytes() == b"1"
    assert desk.why_gone() is None


def test_there_is_no_model_yet(desk_of: MakeDesk) -> None:
    assert desk_of(FakeEnvironment()).model is None


class TestThreads:
    def test_a_call_that_was_let_through_can_be_waited_for(self, desk_of: MakeDesk) -> None:
        """Nobody judges while it may still do something."""
        begun, go_on = threading.Event(), threading.Event()

        def linger(environment: FakeEnvironment, argv: Sequence[str]) -> int:
            begun.set()
            assert go_on.wait(10)
            return 0

        desk = desk_of(FakeEnvironment({"linger": linger}))
        thread = threading.Thread(target=desk.run, args=[["linger"]])
        thread.start()
        assert begun.wait(10)
        desk.dismiss()

        assert not desk.wait_until_idle(0.01)
        go_on.set()
        assert desk.wait_until_idle(10)
        thread.join()

    def test_a_call_that_fails_has_ended_too(self, desk_of: MakeDesk) -> None:
        environment = FakeEnvironment()
        environment.gone = "engine"
        desk = desk_of(environment)

        with pytest.raises(EnvironmentFailure):
            desk.run(["a"])
        assert desk.wait_until_idle(0)

    def test_commands_of_several_threads_are_all_recorded(self, desk_of: MakeDesk, tmp_path: Path) -> None:
        desk = desk_of(environment := FakeEnvironment())

        def work(name: str) -> None:
            for number in range(50):
                desk.run([name, str(number)])

        threads = [threading.Thread(target=work, args=[name]) for name in ("a", "b", "c")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        commands = [json.loads(line)["command"] for line in (tmp_path / "commands.jsonl").read_text().splitlines()]
        assert sorted(commands) == sorted(environment.log)
        assert len(commands) == 150


class TestUsage:
    def test_where_nothing_was_measured_there_is_none(self, desk_of: MakeDesk) -> None:
        assert desk_of(FakeEnvironment()).usage is None

    def test_it_adds_up(self, desk_of: MakeDesk) -> None:
        desk = desk_of(FakeEnvironment())
        desk.add_usage(Usage(input_tokens=5, output_tokens=1, cached_tokens=2, cost_usd=0.5, calls=1, turns=1))
        desk.add_usage(Usage(input_tokens=7, cost_usd=0.25, calls=1, turns=1))

        total = Usage(input_tokens=12, output_tokens=1, cached_tokens=2, cost_usd=0.75, calls=2, turns=2)
        assert desk.usage == total

    def test_a_cost_that_is_not_known_makes_the_sum_unknown(self, desk_of: MakeDesk) -> None:
        desk = desk_of(FakeEnvironment())
        desk.add_usage(Usage(cost_usd=None))
        desk.add_usage(Usage(cost_usd=1.0))

        assert desk.usage == Usage(cost_usd=None)

    def test_what_was_bought_before_the_end_may_be_told_after_it(self, desk_of: MakeDesk) -> None:
        desk = desk_of(FakeEnvironment())
        desk.dismiss()
        desk.add_usage(Usage(calls=1))

        assert desk.usage == Usage(calls=1)


class TestWaiting:
    """Waits that are not the agent's come on top of its time, up to the limit for them."""

    def test_they_move_the_deadline(self, desk_of: MakeDesk) -> None:
        desk = desk_of(FakeEnvironment(), agent_s=0.05, wait_s=60)
        with desk.waiting():
            time.sleep(0.1)

        desk.run(["still", "in", "time"])
        assert desk.waited_s >= 0.1

    def test_not_beyond_the_limit(self, desk_of: MakeDesk) -> None:
        desk = desk_of(FakeEnvironment(), agent_s=0.05, wait_s=0.01)
        with desk.waiting():
            time.sleep(0.1)

        with pytest.raises(AgentTimeExpired):
            desk.run(["too", "late"])
        assert desk.waited_s == 0.01

    def test_one_that_goes_on_counts_already(self, desk_of: MakeDesk) -> None:
        desk = desk_of(FakeEnvironment(), wait_s=60)
        with desk.waiting():
            time.sleep(0.02)
            assert desk.waited_s >= 0.02

    def test_those_of_two_threads_at_once_count_once(self, desk_of: MakeDesk) -> None:
        desk = desk_of(FakeEnvironment(), wait_s=60)
        began = time.monotonic()
        with desk.waiting(), desk.waiting():
            time.sleep(0.05)

        assert desk.waited_s <= time.monotonic() - began


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["sh", "-c", "ls | wc"], "ls | wc"),
        (["sh", "-c", "ls $0", "x y"], "sh -c 'ls $0' 'x y'"),
        (["ls", "a b", "$HOME"], "ls 'a b' '$HOME'"),
    ],
)
def test_a_command_is_shown_as_one_would_type_it(argv: list[str], line: str) -> None:
    assert shell_line(argv) == line


def test_an_agent_can_neither_stop_itself_nor_close_its_environment(desk_of: MakeDesk) -> None:
    desk: Any = desk_of(FakeEnvironment())

    for call in (desk.stop_agent, desk.close):
        with pytest.raises(PermissionError):
            call()
