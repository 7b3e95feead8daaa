"""What a session does so that its processes start fast."""

from __future__ import annotations

import gc
import sys

import pytest

from pytest_terminalbench.plugin.startup import import_compiled, without_garbage_collection
from tests.plugin.conftest import CONFTEST, Suite

TELL_LOADERS = """
import sys


def pytest_unconfigure():
    for name in ("cells.bench", "scenarios.model", "plugin.session", "plugin.collection"):
        print(name, type(sys.modules[f"pytest_terminalbench.{name}"].__loader__).__name__)
"""


def test_pytest_rewrites_only_the_module_whose_assert_it_shows(demo: Suite) -> None:
    demo.pytester.makeconftest(CONFTEST + TELL_LOADERS)

    done = demo.pytester.runpytest_subprocess("--tb-dataset", "demo", "-s")

    done.stdout.fnmatch_lines(
        [
            "cells.bench _CompiledLoader",
            "scenarios.model _CompiledLoader",
            "plugin.session _CompiledLoader",
            "plugin.collection AssertionRewritingHook",
        ]
    )


def test_a_module_of_ours_may_be_imported_and_named_as_a_plugin(demo: Suite) -> None:
    """pytest warns of modules whose asserts it was to rewrite and has not."""
    demo.pytester.makeconftest(CONFTEST + 'pytest_plugins = ["pytest_terminalbench.environments.fake"]\n')

    done = demo.pytester.runpytest_subprocess("-W", "error", "--tb-dataset", "demo")

    done.assert_outcomes(passed=3)
    assert "cannot be rewritten" not in done.stdout.str() + done.stderr.str()


def test_others_modules_are_found_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", [])
    import_compiled()
    import_compiled()

    (finder,) = sys.meta_path
    assert finder.find_spec("tests.plugin.conftest", None) is None
    assert finder.find_spec("pytest_terminalbench_of_mine.cells", None) is None


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_is_collected_as_it_was_before(enabled: bool) -> None:
    before = gc.get_threshold()
    (gc.enable if enabled else gc.disable)()
    try:
        with without_garbage_collection():
            assert gc.get_threshold()[0] > 10**9
        assert gc.get_threshold() == before
        assert gc.isenabled() is enabled
    finally:
        gc.enable()


def test_what_a_module_says_of_garbage_while_it_is_imported_holds() -> None:
    before = gc.get_threshold()
    try:
        with without_garbage_collection():
            gc.disable()
            gc.set_threshold(123, 4, 5)
        assert not gc.isenabled()
        assert gc.get_threshold() == (123, 4, 5)
    finally:
        gc.enable()
        gc.set_threshold(*before)


MY_TEST = """
import gc
import weakref


class Cycle:
    def __init__(self):
        self.me = self


made = Cycle()
seen = weakref.ref(made)


def test_the_collector_sees_what_this_module_made():
    global made
    assert any(one is made for one in gc.get_objects())
    made = None
    gc.collect()
    assert seen() is None
"""


@pytest.mark.parametrize("workers", [[], ["-n", "1"]])
def test_a_test_of_the_users_own_may_ask_for_garbage(demo: Suite, workers: list[str]) -> None:
    demo.pytester.makepyfile(test_mine=MY_TEST)

    done = demo.pytester.runpytest_subprocess("--tb-dataset", "demo", "test_mine.py", *workers)

    done.assert_outcomes(passed=4)


def test_what_a_session_keeps_is_garbage_in_the_next_of_its_process(demo: Suite) -> None:
    demo.run("--tb-dataset", "demo")
    assert gc.get_freeze_count()
    demo.pytester.makepyfile(test_mine="def test_one(): pass")

    demo.run("test_mine.py").assert_outcomes(passed=1)

    assert not gc.get_freeze_count()


TELL_FROZEN = """
import gc


def pytest_runtestloop():
    print("frozen:", gc.get_freeze_count() > 0)
"""


def test_a_session_of_scenarios_alone_is_not_looked_through_again(demo: Suite) -> None:
    demo.pytester.makeconftest(CONFTEST + TELL_FROZEN)

    done = demo.pytester.runpytest_subprocess("--tb-dataset", "demo", "-s")

    done.stdout.fnmatch_lines(["frozen: True"])
