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
            "cells.bench SourceFileLoader",
            "scenarios.model SourceFileLoader",
            "plugin.session SourceFileLoader",
            "plugin.collection AssertionRewritingHook",
        ]
    )


def test_others_modules_are_found_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", [])
    import_compiled()
    import_compiled()

    (finder,) = sys.meta_path
    assert finder.find_spec("tests.plugin.conftest", None) is None
    assert finder.find_spec("pytest_terminalbench_of_mine.cells", None) is None


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_is_collected_again_where_it_was_before(enabled: bool) -> None:
    (gc.enable if enabled else gc.disable)()
    try:
        with without_garbage_collection():
            assert not gc.isenabled()
        assert gc.isenabled() is enabled
    finally:
        gc.enable()


def test_what_was_made_is_not_looked_through_again() -> None:
    try:
        with without_garbage_collection():
            made = [[] for _ in range(1000)]  # type: list[list[object]]
        assert not any(one is made for one in gc.get_objects())
    finally:
        gc.unfreeze()
