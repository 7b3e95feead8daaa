"""What pytest shows for each way a cell can end: letters, words, counts, and the reports of other plugins."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest

from tests.plugin.conftest import Suite, lines_of, scripted


@pytest.fixture
def mixed(suite: Suite) -> Suite:
    """Five cells that end in five ways: each scenario's solution is what its name says."""
    suite.dataset("demo", "baselined", "broken", "regressed", "solved", "unsolved")
    suite.write(
        "conftest.py",
        suite.conftest
        + """

from pytest_terminalbench import ScriptedAgent

# What is done before anything is approved, and afterwards.
BEFORE = {"baselined": "rest", "broken": "work", "regressed": "work", "solved": "work"}
AFTER = {"baselined": "rest", "broken": "break-engine", "regressed": "rest", "solved": "work", "unsolved": "rest"}


@pytest.fixture
def tb_agent(tb_scenario):
    return ScriptedAgent([(BEFORE if os.environ.get("BEFORE") else AFTER)[tb_scenario.id]])
""",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BEFORE", "1")
        suite.run("--tb-dataset", "demo", "--update-baselines", "--deselect", "scenarios/demo/unsolved.json")
    return suite


def test_each_outcome_has_its_letter(mixed: Suite) -> None:
    done = mixed.run("--tb-dataset", "demo", "-q")

    assert done.outlines[0].split() == ["uEF.F", "[100%]"]


def test_each_outcome_has_its_word(mixed: Suite) -> None:
    done = mixed.run("--tb-dataset", "demo", "-v")

    lines = [line for line in lines_of(done, "scenarios/demo/") if "%" in line]
    assert [line.split("[tb_agent] ")[1].split("  ")[0] for line in lines] == [
        "AS BASELINE",
        "VOID",
        "REGRESSED",
        "SOLVED",
        "UNSOLVED",
    ]


def test_the_last_line_counts_them(mixed: Suite) -> None:
    done = mixed.run("--tb-dataset", "demo")

    assert done.outlines[-1].partition(" in ")[0].strip("= ") == "2 failed, 1 passed, 1 error, 1 as baseline"
    assert done.ret == 22


@pytest.mark.parametrize("ci", ["", "true"], ids=["terminal", "ci"])
def test_the_short_summary_names_them_with_their_reason(mixed: Suite, monkeypatch: pytest.MonkeyPatch, ci: str) -> None:
    # On CI pytest does not shorten what a report says of itself.
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("BUILD_NUMBER", "")

    done = mixed.run("--tb-dataset", "demo", "-rA")

    start = next(n for n, line in enumerate(done.outlines) if "short test summary info" in line)
    assert [line.partition(" - ")[0] for line in done.outlines[start + 1 : -1]] == [
        "SOLVED scenarios/demo/solved.json::solved[tb_agent]",
        "VOID scenarios/demo/broken.json::broken[tb_agent]",
        "REGRESSED scenarios/demo/regressed.json::regressed[tb_agent]",
        "UNSOLVED scenarios/demo/unsolved.json::unsolved[tb_agent]",
    ]


def test_the_summary_has_every_cell_with_its_status(mixed: Suite) -> None:
    mixed.run("--tb-dataset", "demo")

    assert mixed.statuses == {
        "demo/baselined[scripted]": "as-baseline",
        "demo/broken[scripted]": "void",
        "demo/regressed[scripted]": "regressed",
        "demo/solved[scripted]": "solved",
        "demo/unsolved[scripted]": "unsolved",
    }
    assert mixed.summary["totals"] == {
        "cells": 5,
        "solved": 1,
        "as_baseline": 1,
        "unsolved": 1,
        "regressed": 1,
        "inconclusive": 0,
        "void": 1,
        "blocked": 0,
        "lost": 0,
        "improved": 0,
        "xfailed": 0,
    }


def test_a_void_cell_has_no_score(mixed: Suite) -> None:
    mixed.run("--tb-dataset", "demo")

    assert mixed.summary["mean"] == 0.25
    assert mixed.result("broken", "scripted")["reward"] is None


def test_the_terminal_tells_it_per_category_and_by_name(mixed: Suite) -> None:
    mixed.scenario("solved", category="git")

    # Another category is another question than the one approved, which is not the point here.
    done = mixed.run("--tb-dataset", "demo", "--tb-run-id", "mine", "--tb-parity", "off")

    start = next(n for n, line in enumerate(done.outlines) if line.strip("= ") == "terminalbench")
    # Without the seconds, which are the machine's.
    lines = [re.sub(r" \d+\.\d$", "", " ".join(line.split())) for line in done.outlines[start + 1 :]]
    regressed = mixed_id(mixed, "regressed")
    assert lines[:9] == [
        "category cells solved as baseline unsolved regressed void seconds",
        "git 1 1 - - - -",
        "scripting 4 - 1 1 1 1",
        "all 5 1 1 1 1 1",
        f"regressed: demo/regressed[scripted]: solved 0 of 1, but the baseline {regressed} approved 1 of 1",
        "unsolved: demo/unsolved[scripted]: solved 0 of 1, and no baseline allows that",
        "void: demo/broken[scripted]: the fake engine broke",
        "5 cells: 1 solved, 1 as baseline, 1 unsolved, 1 regressed, 1 void",
        "mean 25.0% of 4 cells with 1 attempt each; 95 % interval 4.6% to 69.9% for tasks like these (Wilson)",
    ]
    assert f"results: {mixed.path}/results/mine" in done.outlines


def mixed_id(suite: Suite, scenario_id: str) -> str:
    return str(json.loads(suite.baseline(scenario_id, "scripted").read_text())["baseline_id"])


def test_junit_xml_has_failures_for_answers_and_errors_for_void(mixed: Suite) -> None:
    mixed.run("--tb-dataset", "demo", "--junitxml", "out.xml")

    root = ElementTree.parse(mixed.path / "out.xml").getroot()
    assert {case.get("name"): [child.tag for child in case] for case in root.iter("testcase")} == {
        "baselined[tb_agent]": ["properties"],
        "broken[tb_agent]": ["properties", "error"],
        "regressed[tb_agent]": ["properties", "failure"],
        "solved[tb_agent]": ["properties"],
        "unsolved[tb_agent]": ["properties", "failure"],
    }
    suite = root.find("testsuite")
    assert suite is not None
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "5",
        "failures": "2",
        "errors": "1",
        "skipped": "0",
    }


def test_junit_xml_carries_our_fields_in_one_property(mixed: Suite) -> None:
    mixed.run("--tb-dataset", "demo", "--junitxml", "out.xml")

    properties = list(ElementTree.parse(mixed.path / "out.xml").getroot().iter("property"))
    cells = [json.loads(one.get("value") or "") for one in properties]
    assert [one.get("name") for one in properties] == ["tb"] * 5
    assert cells == mixed.summary["cells"]


def test_the_json_report_says_what_the_session_ends_with(mixed: Suite) -> None:
    """Though it is written before anybody knows of too many void cells."""
    done = mixed.run("--tb-dataset", "demo", "--json-report", "--json-report-file", "out.json")

    assert json.loads((mixed.path / "out.json").read_text())["exitcode"] == done.ret == 22


def test_the_json_report_carries_our_fields(mixed: Suite) -> None:
    mixed.run("--tb-dataset", "demo", "--json-report", "--json-report-file", "out.json")

    report = json.loads((mixed.path / "out.json").read_text())
    assert [test["terminalbench"] for test in report["tests"]] == mixed.summary["cells"]
    assert [test["outcome"] for test in report["tests"]] == ["as baseline", "error", "failed", "passed", "failed"]


def test_a_cell_in_a_report_says_what_it_was(mixed: Suite) -> None:
    mixed.run("--tb-dataset", "demo")

    cell = mixed.summary["cells"][0]
    attempt = cell["attempts"][0]
    assert attempt.pop("agent_s") >= 0
    assert attempt.pop("wall_s") >= 0
    assert attempt.pop("session") == mixed.summary["run_id"]
    assert cell.pop("configuration").startswith("sha256:")
    assert cell == {
        "cell": "demo/baselined[scripted]",
        "scenario": "baselined",
        "dataset": "demo",
        "category": "scripting",
        "difficulty": "easy",
        "agent": "scripted",
        "model": None,
        "profile": None,
        "source": "live",
        "arguments": {},
        "status": "as-baseline",
        "change": "same",
        "tolerated": False,
        "approving": False,
        "xfailed": False,
        "improved": False,
        "inconclusive": False,
        "adjusted_p": None,
        "gate": "strict",
        "mismatches": [],
        "baseline_id": mixed_id(mixed, "baselined"),
        "worse_in": [],
        "text": f"solved 0 of 1; the baseline {mixed_id(mixed, 'baselined')} approved 0 of 1",
        "attempts": [
            {
                "attempt": 1,
                "outcome": "unsolved",
                "reason": "1 of 1 checks did not pass: exit code",
                "reward": 0.0,
                "phase": "verify",
                "memory_peak_mb": 1.0,
                "cost_usd": 0.0,
                "tokens": 0,
                "folder": "trials/demo/baselined/scripted/1",
            }
        ],
    }


# -- exit codes ------------------------------------------------------------------------------------------------------


def test_solved_is_exit_code_0(demo: Suite) -> None:
    assert demo.run("--tb-dataset", "demo").ret == pytest.ExitCode.OK


def test_unsolved_is_exit_code_1(demo: Suite) -> None:
    assert demo.run("--tb-dataset", "demo", "--tb-agent", "nop").ret == pytest.ExitCode.TESTS_FAILED


def test_no_scenario_is_exit_code_5(demo: Suite) -> None:
    assert demo.run("--tb-dataset", "demo", "-k", "nothing").ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert not (demo.path / "results").exists()


@pytest.mark.parametrize(
    ("limit", "code"),
    [("0.34", 1), ("0.33", 22), ("0", 22), ("1", 1)],
)
def test_more_void_cells_than_the_limit_are_exit_code_22(demo: Suite, limit: str, code: int) -> None:
    demo.scenario("beta", solution=None)

    assert demo.run("--tb-dataset", "demo", "--tb-max-void-rate", limit).ret == code


def test_by_default_one_void_cell_in_twenty_is_allowed(suite: Suite) -> None:
    suite.dataset("demo", *(f"s{n:02}" for n in range(20)))
    suite.scenario("s00", solution=None)

    assert suite.run("--tb-dataset", "demo").ret == pytest.ExitCode.TESTS_FAILED
    assert suite.run("--tb-dataset", "demo", "--deselect", "scenarios/demo/s01.json").ret == 22


def test_the_manifest_and_the_journal_tell_the_exit_code(mixed: Suite) -> None:
    mixed.run("--tb-dataset", "demo")

    assert json.loads((mixed.latest / "manifest.json").read_text())["exit_status"] == 22
    last = json.loads((mixed.latest / "events.jsonl").read_text().splitlines()[-1])
    assert (last["type"], last["exit_status"]) == ("session-end", 22)


# -- what else can go wrong with a cell ------------------------------------------------------------------------------


@pytest.mark.parametrize("args", [[], ["-n", "1"]], ids=["alone", "xdist"])
def test_an_error_in_a_users_fixture_is_void_and_told_in_the_summary(demo: Suite, args: list[str]) -> None:
    demo.write(
        "conftest.py",
        """
        import pytest

        @pytest.fixture
        def tb_environment(tb_scenario):
            raise ValueError("no machine for " + tb_scenario.id)
        """,
    )

    done = demo.run_apart("--tb-dataset", "demo", "-k", "alpha", *args)

    done.assert_outcomes(errors=1)
    assert done.ret == 22
    assert [(c["status"], c["text"]) for c in demo.summary["cells"]] == [("void", "ValueError: no machine for alpha")]


def test_a_scenario_that_a_users_fixture_skips_is_skipped_and_counts_nowhere(demo: Suite) -> None:
    demo.write(
        "conftest.py",
        demo.conftest
        + """

@pytest.fixture(autouse=True)
def only_beta(tb_scenario):
    if tb_scenario.id != "beta":
        pytest.skip("not today")
""",
    )

    done = demo.run("--tb-dataset", "demo", "--update-baselines")

    done.assert_outcomes(passed=1, skipped=2)
    assert demo.statuses == {"demo/beta[oracle]": "solved"}
    assert lines_of(done, "baselines") == ["baselines NOT updated: 2 skipped among the selected cells"]


def test_a_scenario_may_be_expected_to_fail(demo: Suite) -> None:
    demo.write(
        "conftest.py",
        demo.conftest
        + """

def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.xfail(reason="known"))
""",
    )

    done = demo.run("--tb-dataset", "demo", "-k", "alpha", "--tb-agent", "nop")

    done.assert_outcomes(xfailed=1)
    assert demo.statuses == {"demo/alpha[nop]": "unsolved"}
    assert lines_of(done, "1 cell") == ["1 cell: 0 solved, 1 unsolved; 1 of these expected to fail"]
    assert lines_of(done, "unsolved:")[0].endswith("(expected to fail)")


def test_one_that_is_expected_to_fail_and_not_run_counts_nowhere(demo: Suite) -> None:
    """It is not void either, which would be exit code 22."""
    demo.write(
        "conftest.py",
        demo.conftest
        + """

def pytest_collection_modifyitems(items):
    items[0].add_marker(pytest.mark.xfail(run=False, reason="hangs"))
""",
    )

    done = demo.run("--tb-dataset", "demo")

    done.assert_outcomes(passed=2, xfailed=1)
    assert done.ret == 0
    assert demo.statuses == {"demo/beta[oracle]": "solved", "demo/gamma[oracle]": "solved"}


def test_an_error_while_cleaning_up_is_an_error_beside_the_outcome(demo: Suite) -> None:
    demo.write(
        "conftest.py",
        demo.conftest
        + """

@pytest.fixture(autouse=True)
def untidy():
    yield
    raise OSError("cannot clean up")
""",
    )

    done = demo.run("--tb-dataset", "demo", "-k", "alpha")

    done.assert_outcomes(passed=1, errors=1)
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    assert demo.statuses == {"demo/alpha[oracle]": "solved"}


def test_an_item_that_is_run_twice_starts_afresh(demo: Suite) -> None:
    """As plugins do that run failed tests again."""
    demo.write(
        "conftest.py",
        demo.conftest
        + """

from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    runtestprotocol(item, nextitem=None, log=False)
    for report in runtestprotocol(item, nextitem=nextitem, log=False):
        item.ihook.pytest_runtest_logreport(report=report)
    return True
""",
    )

    demo.run("--tb-dataset", "demo", "-k", "alpha").assert_outcomes(passed=1)

    assert len(demo.summary["cells"][0]["attempts"]) == 1


def test_scripted_commands_decide_the_outcome(demo: Suite) -> None:
    """The fake world of these tests does what they say."""
    demo.run("--tb-dataset", "demo", "-k", "alpha", *scripted("work", "spoil")).assert_outcomes(failed=1)
    demo.run("--tb-dataset", "demo", "-k", "alpha", *scripted("spoil", "work")).assert_outcomes(passed=1)


def test_an_agent_that_cannot_be_made_tells_no_secrets(demo: Suite) -> None:
    """Neither in its first attempt, whose error pytest shows and writes to its reports, nor in a later one."""
    demo.pytester.makeconftest(
        demo.conftest
        + """
class Keyed:
    name, deterministic, secret_arguments = "keyed", False, ("key",)
    made = 0

    def __init__(self, *, key: str, good: int) -> None:
        Keyed.made += 1
        if Keyed.made > good:
            raise ValueError(f"401 for {key}")

    def act(self, task, environment):
        return pytest_terminalbench.AgentReport()


import pytest_terminalbench


def pytest_terminalbench_agents(registry):
    registry.register("keyed", Keyed)
"""
    )
    for good in (0, 1):
        args = ["--tb-attempts", "2", "--tb-agent-arg", "key=sk-12345", "--tb-agent-arg", f"good={good}"]
        done = demo.run("scenarios/demo/alpha.json", "--tb-agent", "keyed", "--junitxml=junit.xml", *args)

        assert demo.statuses == {"demo/alpha[keyed]": "void"}
        assert "401 for [secret]" in demo.summary["cells"][0]["text"]
        files = [demo.path / "junit.xml", *(file for file in demo.latest.rglob("*") if file.is_file())]
        assert [file for file in files if b"sk-12345" in file.read_bytes()] == []
        assert "sk-12345" not in done.stdout.str()
