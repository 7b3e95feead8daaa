"""The line of syrupy's below the summary: it is about the user's own snapshots, not about baselines."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plugin.conftest import Suite, lines_of


@pytest.fixture(autouse=True)
def outside_xdist(monkeypatch: pytest.MonkeyPatch) -> None:
    """Syrupy tells by the environment that it is in a worker, where it prints nothing: also when these tests are."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)


def snapshot_lines(done: pytest.RunResult) -> list[str]:
    return [line for line in done.outlines if "snapshot " in line or "snapshots " in line]


@pytest.mark.parametrize("processes", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_cells_are_no_snapshots_that_passed(demo: Suite, processes: list[str]) -> None:
    done = demo.run_apart(
        "--tb-dataset", "demo", "--tb-agent", "oracle", "--tb-agent", "nop", "--snapshot-details", *processes
    )

    done.assert_outcomes(passed=3, failed=3)
    assert snapshot_lines(done) == []


@pytest.mark.parametrize("processes", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_the_users_own_snapshots_are_counted_alone(demo: Suite, processes: list[str]) -> None:
    own = demo.write("tests/test_own.py", "def test_own(snapshot):\n    assert 'hello' == snapshot\n")
    demo.run_apart(own, "--snapshot-update")

    done = demo.run_apart("scenarios/demo", own, *processes)

    done.assert_outcomes(passed=4)
    assert lines_of(done, "1 snapshot") == ["1 snapshot passed."]


def test_the_users_unused_snapshots_still_fail_a_session_with_scenarios(demo: Suite) -> None:
    own = demo.write("tests/test_own.py", "def test_own(snapshot):\n    assert 'hello' == snapshot\n")
    demo.run(own, "--snapshot-update")
    own.write_text("def test_own(snapshot):\n    pass\n")

    done = demo.run("scenarios/demo", own)

    assert done.ret == pytest.ExitCode.TESTS_FAILED
    assert lines_of(done, "1 snapshot") == ["1 snapshot unused."]
    assert Path(demo.path / "tests/__snapshots__/test_own.ambr").is_file()
