"""The environment without an engine, which tests of agents and verifiers rely on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from pytest_terminalbench.environments.base import ExecResult, StopReport
from pytest_terminalbench.environments.fake import FakeCall, FakeEnvironment, fake_environments
from pytest_terminalbench.errors import EnvironmentLost


def test_a_command_that_nobody_answers_succeeds_in_silence() -> None:
    assert FakeEnvironment().run(["true"]) == ExecResult(exit_code=0, stdout="", stderr="", duration_s=0.0)


def test_the_first_reply_that_fits_counts() -> None:
    environment = FakeEnvironment({"ls /b": "b\n", "ls": 2, "cat": lambda it, argv: it.files[argv[1]].decode()})
    environment.files["/a"] = b"content"

    said = [environment.run(argv) for argv in (["ls", "/b"], ["ls", "/c"], ["cat", "/a"])]

    assert [(done.exit_code, done.stdout) for done in said] == [(0, "b\n"), (2, ""), (0, "content")]


def test_calls_are_remembered() -> None:
    environment = FakeEnvironment()
    environment.run(["a", "b"], env={"K": "v"}, cwd="/x", user="me", timeout_s=3)

    assert environment.calls == [FakeCall("a b", {"K": "v"}, "/x", "me", 3)]
    assert environment.log == ["a b"]


def test_files_go_in_out_and_over_to_another(tmp_path: Path) -> None:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "in" / "sub" / "file").write_text("1")
    one, other = FakeEnvironment(), FakeEnvironment(files={"/work/stale": b"", "/worker": b"kept"})
    one.put({"/work": tmp_path / "in", "note": b"2"}, root="/")

    other.replace("/work", one.export("/work"))
    assert other.get("/work", tmp_path / "out")

    assert other.files == {"/work/sub/file": b"1", "/worker": b"kept"}
    assert (tmp_path / "out" / "sub" / "file").read_text() == "1"
    assert one.export("/nowhere") is None
    assert not one.get("/nowhere", tmp_path)


def test_stopping_removes_paths_and_reports() -> None:
    report = StopReport(killed=3)
    environment = FakeEnvironment(files={"/tests/a": b"", "/app": b""}, stop_report=report)

    assert environment.stop_agent(keep=["nginx"], remove=["/tests"]) == report
    assert (list(environment.files), environment.stops) == (["/app"], [["nginx"]])


def test_one_that_is_gone_takes_no_call() -> None:
    environment = FakeEnvironment()
    environment.gone = "agent"

    with pytest.raises(EnvironmentLost):
        environment.run(["true"])
    assert environment.why_gone() == "agent"


def test_a_factory_hands_them_out_in_order_and_closes_them() -> None:
    one, two = FakeEnvironment(), FakeEnvironment()
    factory = fake_environments(one, two)
    with factory() as first:
        assert not first.closed
    with factory() as second, factory() as third:
        pass

    assert (first, second, third) == (one, two, two)
    assert one.closed


def test_the_recipe_tells_fakes_apart_and_not_what_was_done_in_them() -> None:
    def reply(environment: FakeEnvironment, argv: object) -> int:
        return 0

    same = [FakeEnvironment({"ls": reply}, files={"/a": b""}) for _ in range(2)]
    same[0].put({"/b": b""})
    others = [FakeEnvironment({"ls": 0}, files={"/a": b""}), FakeEnvironment({"ls": reply})]
    others += [FakeEnvironment({"ls": partial(reply)}), FakeEnvironment({"ls": same[0].run(["true"])})]

    assert same[0].recipe == same[1].recipe
    assert len({environment.recipe for environment in (same[0], *others)}) == 5
    assert all(environment.recipe.startswith("fake:") for environment in others)


def test_files_may_be_changed_by_several_threads() -> None:
    environment = FakeEnvironment()

    def work(number: int) -> None:
        for turn in range(50):
            environment.put({f"/app/{number}/{turn}": b"x"})
            environment.export("/app")
            environment.replace(f"/app/{number}", None)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))

    assert environment.files == {}
