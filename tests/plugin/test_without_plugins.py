"""Sessions in which a plugin is switched off that ours works with."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import Suite
from tests.plugin.test_option_dataset import usage_error


@pytest.mark.parametrize(
    "name", ["xdist", "cacheprovider", "terminal", "junitxml", "pytest_jsonreport", "metadata", "capture", "logging"]
)
def test_without_it_scenarios_run_all_the_same(demo: Suite, name: str) -> None:
    done = demo.run("-p", f"no:{name}", "--tb-dataset", "demo", "--tb-agent", "oracle", "--tb-agent", "nop")

    assert done.ret == pytest.ExitCode.TESTS_FAILED
    assert demo.summary["totals"]["solved"] == 3
    assert demo.summary["totals"]["unsolved"] == 3


def test_without_the_terminal_nothing_is_printed_but_everything_written(demo: Suite) -> None:
    done = demo.run("-p", "no:terminal", "--tb-dataset", "demo", "--tb-progress", "0.1")

    assert done.outlines == []
    assert (demo.latest / "report.md").is_file()


def test_without_syrupy_there_is_one_clear_message(demo: Suite) -> None:
    message = "scenarios need the plugin syrupy, which is switched off (-p no:syrupy)"

    assert usage_error(demo, "-p", "no:syrupy", "--tb-dataset", "demo") == message


def test_without_syrupy_other_tests_run(demo: Suite) -> None:
    demo.pytester.makepyfile(test_mine="def test_one(): pass\n")

    demo.run("-p", "no:syrupy", "test_mine.py").assert_outcomes(passed=1)


def test_without_us_nothing_of_ours_is_known(demo: Suite) -> None:
    done = demo.run("-p", "no:terminalbench", "--tb-dataset", "demo")

    assert done.ret == pytest.ExitCode.USAGE_ERROR
