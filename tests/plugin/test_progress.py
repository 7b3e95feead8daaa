"""Lines that tell what is running while nothing is reported."""

from __future__ import annotations

import re

import pytest

from tests.plugin.conftest import Suite, lines_of, scripted

# The command `linger` takes its time: long enough for a line after a silence of a tenth of a second.
LINGERING = """

import time


def linger(environment, argv):
    time.sleep(1.0)
    return work(environment, argv)


REPLIES = {"linger": linger, **REPLIES}
"""


@pytest.fixture
def slow(demo: Suite) -> Suite:
    demo.write("conftest.py", demo.conftest + LINGERING)
    return demo


@pytest.mark.parametrize("args", [[], ["-n", "2"], ["-q"]], ids=["alone", "xdist", "quiet"])
def test_after_a_silence_a_line_tells_what_is_running(slow: Suite, args: list[str]) -> None:
    done = slow.run_apart("scenarios/demo/alpha.json", *scripted("linger"), "--tb-progress", "0.1", *args)

    done.assert_outcomes(passed=1)
    lines = lines_of(done, "terminalbench: 0 of 1 done")
    assert lines
    assert all(re.fullmatch(r"terminalbench: 0 of 1 done; running: alpha\[scripted\] \d+ s", line) for line in lines)


def test_done_cells_are_counted(slow: Suite) -> None:
    """The first is solved at once, the second lingers."""
    slow.write(
        "conftest.py",
        slow.conftest
        + LINGERING
        + """

@pytest.fixture
def tb_agent(tb_scenario):
    from pytest_terminalbench import ScriptedAgent

    return ScriptedAgent(["linger" if tb_scenario.id == "beta" else "work"])
""",
    )

    done = slow.run_apart("--tb-dataset", "demo", "--tb-progress", "0.1")

    # On a slow machine a line may come while the first still runs.
    said = {line.partition(";")[0] for line in lines_of(done, "terminalbench:") if "done" in line}
    assert "terminalbench: 1 of 3 done" in said


def test_progress_0_is_silence(slow: Suite) -> None:
    done = slow.run_apart("scenarios/demo/alpha.json", *scripted("linger"), "--tb-progress", "0")

    assert not [line for line in done.outlines if "running:" in line]


def test_where_something_is_reported_often_enough_there_is_no_line(demo: Suite) -> None:
    done = demo.run("--tb-dataset", "demo", "--tb-progress", "30")

    assert not [line for line in done.outlines if "running:" in line]
