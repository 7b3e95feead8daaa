"""What pytest's output says of a cell: its card when a fixture raised, and the summary."""

from __future__ import annotations

import json

import pytest

CONFTEST = """
import pytest
from pytest_terminalbench import FakeEnvironment
from pytest_terminalbench.environments.fake import fake_environments

@pytest.fixture
def tb_environment(tb_scenario):
    return fake_environments(FakeEnvironment({"/tests/": VERIFIER_ENDS_WITH}))
"""


def run_one_scenario(pytester: pytest.Pytester, *, verifier_ends_with: int) -> list[str]:
    """Run a project with one scenario as the run ``r``; the lines of pytest's output."""
    folder = pytester.mkdir("demo")
    for script in ("solution/solve.sh", "tests/test.sh"):
        file = folder / "hello" / script
        file.parent.mkdir(parents=True)
        file.write_text("#!/bin/sh\n")
    spec = {
        "schema_version": 1,
        "kind": "terminal",
        "id": "hello",
        "title": "Write a greeting",
        "instruction": "Write a greeting to /app/hello.txt.",
        "difficulty": "easy",
        "category": "files",
        "environment": {"image": "debian:bookworm-slim"},
        "solution": "hello/solution/solve.sh",
        "verifier": {"script": "hello/tests/test.sh", "result": "exit_code"},
    }
    (folder / "hello.json").write_text(json.dumps(spec))
    pytester.makeconftest(CONFTEST.replace("VERIFIER_ENDS_WITH", str(verifier_ends_with)))
    pytester.makeini("[pytest]\ntb_preflight = false\n")
    return pytester.runpytest_subprocess("--tb-dataset", "demo", "--tb-run-id", "r").outlines


def test_an_error_in_a_fixture_is_a_card_and_no_traceback(pytester: pytest.Pytester) -> None:
    lines = run_one_scenario(pytester, verifier_ends_with=126)

    start = next(number for number, line in enumerate(lines) if "ERROR at setup of scenario hello[oracle]" in line)
    assert lines[start + 1 : start + 3] == [
        "hello: void in phase verify: the verifier cannot run (exit code 126): it printed nothing",
        f"trial folder: {pytester.path / 'results/r/trials/demo/hello/oracle/1'}",
    ]
    assert " terminalbench ===" in lines[start + 3]


def test_the_summary_begins_right_below_its_heading(pytester: pytest.Pytester) -> None:
    lines = run_one_scenario(pytester, verifier_ends_with=0)

    heading = next(number for number, line in enumerate(lines) if " terminalbench ===" in line)
    assert [line.split()[:2] for line in lines[heading + 1 : heading + 4]] == [
        ["category", "cells"],
        ["files", "1"],
        ["all", "1"],
    ]


def test_one_cell_is_no_cells(pytester: pytest.Pytester) -> None:
    assert "1 cell: 1 solved" in run_one_scenario(pytester, verifier_ends_with=0)
