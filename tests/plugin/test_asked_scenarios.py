"""Scenarios come to a session when they are asked for: by an option, the ini file, or a path to them."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.plugin.conftest import Suite, collected, lines_of

MINE = ["test_mine.py::test_one", "test_mine.py::test_two"]
DEMO = [f"scenarios/demo/{name}.json::{name}[oracle]" for name in ("alpha", "beta", "gamma")]
OTHER = ["scenarios/other/omega.json::omega[oracle]"]
WITH_INI = ["-o", "tb_dataset=demo"]


@pytest.fixture
def project(demo: Suite) -> Suite:
    """Two tests of the user's own beside the datasets `demo` and `other`."""
    demo.dataset("other", "omega")
    demo.pytester.makepyfile(test_mine="def test_one(): pass\ndef test_two(): pass\n")
    return demo


@pytest.fixture
def without_engine(project: Suite, monkeypatch: pytest.MonkeyPatch) -> Suite:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent")
    project.pytester.makeini("[pytest]\n")
    return project


def ids(suite: Suite, *args: str | Path) -> list[str]:
    return collected(suite.run("--collect-only", "-q", *args))


# -- what is collected -----------------------------------------------------------------------------------------------


# What is typed, and what it collects.
COLLECTED = {
    "": MINE,
    ".": MINE,
    "test_mine.py": MINE,
    "-o testpaths=test_mine.py": MINE,
    "--tb-dataset=demo": DEMO,
    "--tb-dataset=demo -o testpaths=test_mine.py": DEMO,
    "test_mine.py --tb-dataset=demo": MINE + DEMO,
    "test_mine.py::test_one --tb-dataset=demo": MINE[:1] + DEMO,
    "test_mine.py --tb-dataset=demo --tb-dataset=other": MINE + DEMO + OTHER,
    ". --tb-dataset=demo": MINE + DEMO,
    "scenarios/other --tb-dataset=demo": OTHER + DEMO,
    "scenarios --tb-dataset=demo": DEMO + OTHER,
    "scenarios/demo/beta.json --tb-dataset=demo": DEMO[1:2],
    f"{DEMO[1]} test_mine.py --tb-dataset=demo": DEMO[1:2] + MINE,
    ". scenarios/other": MINE + OTHER,
    "test_mine.py scenarios": MINE + DEMO + OTHER,
    "-o 'testpaths=test_mine.py scenarios/other'": MINE + OTHER,
    "-o tb_dataset=demo": DEMO,
    "-o tb_dataset=demo test_mine.py": MINE + DEMO,
    "-o tb_dataset=demo scenarios/demo/beta.json": DEMO[1:2],
    "-o tb_dataset=demo test_mine.py::test_one": MINE[:1],
    f"-o tb_dataset=demo {DEMO[1]}": DEMO[1:2],
    "-o tb_dataset=demo test_mine.py::test_one --tb-dataset=other": MINE[:1] + OTHER,
    "-o tb_dataset=demo -o tb_dataset= test_mine.py": MINE,
    "--pyargs test_mine --tb-dataset=demo": MINE + DEMO,
    "-k 'beta or two' test_mine.py --tb-dataset=demo": [MINE[1], DEMO[1]],
}


@pytest.mark.parametrize("typed", COLLECTED)
def test_what_is_asked_for_is_collected_and_nothing_else(project: Suite, typed: str) -> None:
    project.pytester.syspathinsert()

    # The order is pytest's own.
    assert sorted(ids(project, *shlex.split(typed))) == sorted(COLLECTED[typed])


@pytest.mark.parametrize("typed", ["", "test_mine.py --tb-dataset=demo", "-o tb_dataset=demo test_mine.py"])
def test_workers_collect_the_same(project: Suite, typed: str) -> None:
    project.run_apart(*typed.split(), "-n", "2").assert_outcomes(passed=len(COLLECTED[typed]))


# What leaves the folder of datasets out, and what is typed beside it.
@pytest.mark.parametrize(
    "leaving_out",
    ["-o norecursedirs=scenarios", "-o norecursedirs=demo", "--ignore=scenarios", "--ignore-glob=*/demo"],
)
@pytest.mark.parametrize("typed", [". --tb-dataset=demo", ". scenarios/demo"])
def test_a_dataset_that_is_named_is_collected_from_a_folder_that_is_left_out(
    project: Suite, leaving_out: str, typed: str
) -> None:
    project.write("scenarios/test_tools.py", "def test_tool(): pass\n")
    tools = [] if leaving_out.endswith("=scenarios") else ["scenarios/test_tools.py::test_tool"]

    assert sorted(ids(project, *typed.split(), *leaving_out.split())) == sorted([*MINE, *DEMO, *tools])


@pytest.mark.parametrize(
    ("leaving_out", "expected"), [("-o norecursedirs=scenarios", MINE + DEMO), ("--ignore=scenarios", MINE)]
)
def test_one_that_the_ini_file_names_is_too_unless_the_command_line_leaves_it_out(
    project: Suite, leaving_out: str, expected: list[str]
) -> None:
    assert sorted(ids(project, ".", "-o", "tb_dataset=demo", *leaving_out.split())) == sorted(expected)


def test_of_a_dataset_that_is_named_single_scenarios_can_be_left_out(project: Suite) -> None:
    assert ids(project, ".", "--tb-dataset=demo", "--ignore=scenarios/demo/beta.json") == [DEMO[0], DEMO[2], *MINE]


def test_workers_collect_it_from_there_too(project: Suite) -> None:
    args = [".", "--tb-dataset=demo", "-o", "norecursedirs=scenarios", "-n", "1"]

    project.run_apart(*args).assert_outcomes(passed=5)


def test_last_failed_finds_scenarios_beside_tests(project: Suite) -> None:
    project.scenario("beta", solution=None)
    project.run("test_mine.py", "--tb-dataset", "demo").assert_outcomes(passed=4, errors=1)

    assert ids(project, "test_mine.py", "--tb-dataset", "demo", "--lf") == DEMO[1:2]


def test_from_another_folder_paths_mean_what_they_mean_to_pytest(
    project: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.path / "scenarios")

    assert ids(project) == []
    assert ids(project, ".") == DEMO + OTHER
    assert ids(project, "demo/beta.json") == DEMO[1:2]
    assert ids(project, "..") == MINE


def test_tests_of_verifiers_stay_out_when_scenarios_do(project: Suite) -> None:
    project.write("scenarios/demo/alpha/tests/test_outputs.py", "raise SystemExit('imported on the host')\n")

    project.run().assert_outcomes(passed=2)


# -- a note about what is left out -----------------------------------------------------------------------------------

NOTE = (
    "terminalbench: not asked for, so not run: {0}; to run scenarios, name their dataset: `pytest {0}`, or --tb-dataset"
)


@pytest.mark.parametrize("args", [[], ["-n", "1"]], ids=["alone", "xdist"])
def test_a_folder_that_was_named_and_holds_a_dataset_gets_a_note(suite: Suite, args: list[str]) -> None:
    """`pytest bench` meant something; that it collected nothing must not look like success."""
    suite.dataset("mine", "one", folder="bench/mine")
    suite.pytester.makepyfile(test_mine="def test_one(): pass\n")

    done = suite.run_apart("test_mine.py", "bench", *args)

    done.assert_outcomes(passed=1)
    assert lines_of(done, "terminalbench:") == [NOTE.format("bench/mine")]


def test_who_runs_nothing_is_told_of_the_datasets_that_are_there(demo: Suite) -> None:
    done = demo.run()

    assert done.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert lines_of(done, "terminalbench:") == [NOTE.format("scenarios/demo")]


def test_who_runs_his_own_tests_is_told_nothing(project: Suite) -> None:
    assert lines_of(project.run(), "terminalbench:") == []


# -- without an engine -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["", ".", "test_mine.py", f"-o tb_dataset=demo {MINE[0]} {MINE[1]}"])
def test_tests_of_ones_own_need_no_engine(without_engine: Suite, typed: str) -> None:
    without_engine.run(*typed.split()).assert_outcomes(passed=2)

    assert not (without_engine.path / "results").exists()


@pytest.mark.parametrize("asked", ["--tb-dataset=demo", "scenarios/demo", DEMO[0]])
def test_what_the_command_line_asks_for_is_refused(without_engine: Suite, asked: str) -> None:
    done = without_engine.run("test_mine.py", asked)

    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert done.errlines[0] == "ERROR: no container engine answers; tried"


NOTHING_RAN = "terminalbench: no scenario ran, so nothing was compared: 3 cells skipped"


@pytest.mark.parametrize("args", [[], ["-n", "2"], ["--tb-concurrency", "2"]], ids=["alone", "xdist", "threads"])
def test_what_the_ini_file_asks_for_is_an_error_and_other_tests_run(without_engine: Suite, args: list[str]) -> None:
    done = without_engine.run_apart(*WITH_INI, "test_mine.py", *args)

    done.assert_outcomes(passed=2, errors=3)
    assert done.ret == 22
    assert without_engine.statuses == {f"demo/{name}[oracle]": "void" for name in ("alpha", "beta", "gamma")}
    assert lines_of(done, "alpha: no container engine answers; tried")


@pytest.mark.parametrize("args", [[], ["-n", "2"], ["--tb-concurrency", "2"]], ids=["alone", "xdist", "threads"])
def test_a_setting_skips_them(without_engine: Suite, args: list[str]) -> None:
    done = without_engine.run_apart(*WITH_INI, "-o", "tb_no_engine=skip", "test_mine.py", "-rs", *args)

    done.assert_outcomes(passed=2, skipped=3)
    assert done.ret == pytest.ExitCode.OK
    assert done.stdout.str().count("no container engine answers") >= 1
    assert lines_of(done, "terminalbench: no") == [NOTHING_RAN]


@pytest.mark.parametrize("args", [[], ["-n", "1"]], ids=["alone", "xdist"])
def test_where_doubt_fails_a_session_that_ran_nothing_does(without_engine: Suite, args: list[str]) -> None:
    done = without_engine.run_apart(*WITH_INI, "--tb-no-engine=skip", "--tb-inconclusive=fail", "test_mine.py", *args)

    done.assert_outcomes(passed=2, skipped=3, failed=1)
    assert done.ret == 1
    assert "nobody can tell: no scenario ran, so nothing was compared: 3 cells skipped" in done.stdout.str()


@pytest.mark.parametrize(("policy", "outcome"), [("skip", "skipped"), ("error", "errors")])
def test_the_setting_holds_for_the_command_line_too(without_engine: Suite, policy: str, outcome: str) -> None:
    done = without_engine.run("--tb-dataset=demo", "--tb-no-engine", policy)

    done.assert_outcomes(**{outcome: 3})


def test_scenarios_that_need_no_engine_run_without_one(without_engine: Suite) -> None:
    (without_engine.path / "conftest.py").unlink()

    without_engine.run(*WITH_INI, "test_mine.py", "--tb-env", "fake").assert_outcomes(passed=5)
