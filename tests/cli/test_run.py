"""`terminalbench run`: pytest with shorter options, and exit codes that say what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.exit_codes import run_exit_code
from tests.cli.conftest import Done, Project, scenario_json

# A solution leaves /app/done behind, and the verifier looks for it.
CONFTEST = """
import pytest

from pytest_terminalbench import EnvironmentFailure, FakeEnvironment
from pytest_terminalbench.environments.fake import fake_environments


def solve(environment, argv):
    environment.files["/app/done"] = b""
    return 0


def verify(environment, argv):
    return 0 if "/app/done" in environment.files else 1


def break_down(environment, argv):
    raise EnvironmentFailure("no machine today")


@pytest.fixture
def tb_environment(tb_scenario):
    judge = break_down if "broken" in tb_scenario.tags else verify
    return fake_environments(*(FakeEnvironment({"/solution/": solve, "/tests/": judge}) for _ in range(20)))
"""


@pytest.fixture
def bench(project: Project) -> Project:
    """A project whose scenarios run in a fake environment."""
    project.write("conftest.py", CONFTEST)
    project.write(
        "pytest.ini",
        "[pytest]\ntb_preflight = false\naddopts = -p no:hypothesispytest -p no:cov\nfilterwarnings = error\n",
    )
    project.dataset("demo", "alpha", "beta", "gamma")
    return project


def cells(project: Project) -> dict[str, str]:
    """Cell -> status in the newest run."""
    summary: Any = json.loads((project.path / "results/latest/summary.json").read_text())
    return {cell["cell"]: cell["status"] for cell in summary["cells"]}


def run(project: Project, *arguments: str | Path) -> Done:
    return project.call_apart("run", "--dataset", "demo", *arguments)


def test_a_dataset_that_is_solved_ends_with_0(bench: Project) -> None:
    done = run(bench)

    assert done.exit_code == 0, done.out + done.err
    assert cells(bench) == {f"demo/{name}[oracle]": "solved" for name in ("alpha", "beta", "gamma")}


def test_a_failure_ends_with_1(bench: Project) -> None:
    assert run(bench, "--agent", "nop", "--scenarios", "beta").exit_code == 1
    assert cells(bench) == {"demo/beta[nop]": "unsolved"}


def test_only_the_scenarios_that_are_named_run(bench: Project) -> None:
    assert run(bench, "--scenarios", "gamma, alpha").exit_code == 0
    assert list(cells(bench)) == ["demo/alpha[oracle]", "demo/gamma[oracle]"]


def test_an_unknown_scenario_names_the_nearest_and_what_there_is(bench: Project) -> None:
    done = run(bench, "--scenarios", "alpha,gama")

    assert (done.exit_code, done.out) == (4, "")
    assert done.err == (
        "terminalbench: --scenarios: demo has no 'gama' (did you mean 'gamma'?); it has alpha, beta, gamma\n"
    )


def test_no_scenario_at_all_is_a_usage_error(bench: Project) -> None:
    done = run(bench, "--scenarios", " ,")

    assert (done.exit_code, done.err) == (
        4,
        "terminalbench: --scenarios names no scenario; write their ids with commas between them\n",
    )


@pytest.mark.parametrize("options", [["--agent", "orcale"], ["--attempts", "0"], ["--", "--no-such-option"]])
def test_what_pytest_refuses_ends_with_4(bench: Project, options: list[str]) -> None:
    assert run(bench, *options).exit_code == 4


def test_an_unknown_dataset_ends_with_4_and_names_the_nearest(bench: Project) -> None:
    done = bench.call_apart("run", "--dataset", "dmeo")

    assert done.exit_code == 4
    assert "(did you mean 'demo'?)" in done.err


def test_the_default_dataset_is_terminal_bench_core(bench: Project) -> None:
    assert "--tb-dataset 'terminal-bench-core'" in bench.call_apart("run").err


def test_options_reach_pytest_and_what_follows_two_dashes_too(bench: Project) -> None:
    done = run(bench, "--agent", "nop", "--agent", "oracle", "--attempts", "2", "-n", "2", "--", "-q", "-k", "beta")

    assert done.exit_code == 1
    assert cells(bench) == {"demo/beta[nop]": "unsolved", "demo/beta[oracle]": "solved"}
    assert (bench.path / "results/latest/trials/demo/beta/oracle/2/result.json").is_file()


def test_stopped_by_failures_in_workers_ends_with_1(bench: Project) -> None:
    assert run(bench, "--agent", "nop", "--", "-n", "1", "-x").exit_code == 1


@pytest.mark.parametrize("options", [[], ["-n", "1"]], ids=["alone", "xdist"])
def test_a_test_file_that_cannot_be_imported_ends_with_1(bench: Project, options: list[str]) -> None:
    """Nobody interrupted the session, though pytest says so."""
    broken = bench.write("tests/test_broken.py", "def test_one(:\n")

    assert run(bench, "--", broken, *options).exit_code == 1


def test_stopped_at_the_first_failure_to_go_on_there_later_ends_with_1(bench: Project) -> None:
    assert run(bench, "--agent", "nop", "--", "--stepwise").exit_code == 1


@pytest.mark.parametrize("stop", ["raise KeyboardInterrupt", "import pytest; pytest.exit('enough')"])
def test_an_interrupted_session_ends_with_130(bench: Project, stop: str) -> None:
    """Whatever had failed before."""
    bench.write("tests/test_broken.py", "def test_one(): assert False\n")
    stopping = bench.write("tests/test_stop.py", f"def test_two():\n    {stop}\n")

    assert run(bench, "--", stopping.parent).exit_code == 130


def test_nothing_selected_is_passed_on_as_5(bench: Project) -> None:
    assert run(bench, "--", "-k", "nothing").exit_code == 5


def test_too_many_void_cells_are_passed_on_as_22(bench: Project) -> None:
    bench.scenario("beta", tags=["broken"])

    assert run(bench).exit_code == 22


def test_baselines_are_approved(bench: Project) -> None:
    assert run(bench, "--agent", "nop", "--scenarios", "alpha", "--update-baselines").exit_code == 0
    assert (bench.path / "baselines/demo/nop/alpha.json").is_file()
    assert run(bench, "--agent", "nop", "--scenarios", "alpha").exit_code == 0


def test_scenarios_of_a_dataset_elsewhere_run_in_this_project(bench: Project) -> None:
    """With its configuration and its conftest.py; results lie here."""
    for name in ("delta", "epsilon"):
        bench.write(f"../other/{name}.json", scenario_json(name))
        for file in ("environment/Dockerfile", "solution/solve.sh", "tests/test.sh"):
            bench.write(f"../other/{name}/{file}", "#!/bin/sh\n")

    done = bench.call_apart("run", "--dataset", bench.path.parent / "other", "--scenarios", "delta")

    assert done.exit_code == 0, done.out + done.err
    assert cells(bench) == {"other/delta[oracle]": "solved"}


class TestBlocked:
    """Exit code 2 says that nothing else failed: approve again, or compare under the old conditions."""

    @pytest.fixture
    def blocked(self, bench: Project) -> Project:
        """`alpha` has other limits than were approved."""
        run(bench, "--update-baselines")
        bench.scenario("alpha", environment={"image": "debian:bookworm-slim", "memory_mb": 2048})
        return bench

    def test_2_when_everything_that_failed_was_blocked(self, blocked: Project) -> None:
        assert run(blocked).exit_code == 2
        assert cells(blocked)["demo/alpha[oracle]"] == "blocked"
        assert run(blocked, "-n", "2").exit_code == 2

    def test_1_when_a_cell_failed_beside_it(self, blocked: Project) -> None:
        assert run(blocked, "--agent", "oracle", "--agent", "nop").exit_code == 1

    def test_1_when_a_scenario_could_not_be_read_beside_it(self, blocked: Project) -> None:
        blocked.write("scenarios/demo/broken.json", "{")

        assert run(blocked).exit_code == 1

    def test_1_when_a_test_of_the_users_own_failed_beside_it(self, blocked: Project) -> None:
        test = blocked.write("tests/test_own.py", "def test_own():\n    assert False\n")

        assert run(blocked, "--", blocked.path / "scenarios/demo", test).exit_code == 1

    def test_1_when_a_cell_that_is_expected_to_fail_did_not_beside_it(self, blocked: Project) -> None:
        blocked.write(
            "conftest.py",
            CONFTEST
            + """
def pytest_collection_modifyitems(items):
    for item in items:
        if "beta" in item.name:
            item.add_marker(pytest.mark.xfail(strict=True))
""",
        )

        assert run(blocked).exit_code == 1

    def test_2_when_a_cell_that_is_expected_to_fail_did_beside_it(self, blocked: Project) -> None:
        blocked.write(
            "conftest.py",
            CONFTEST
            + """
def pytest_collection_modifyitems(items):
    for item in items:
        if "beta" in item.name:
            item.add_marker(pytest.mark.xfail)

@pytest.fixture
def tb_agent(tb_scenario, tb_agent):
    if tb_scenario.id != "beta":
        return tb_agent
    class Idle:
        def act(self, task, environment):
            from pytest_terminalbench import AgentReport
            return AgentReport()
    return Idle()
""",
        )

        assert run(blocked).exit_code == 2


@pytest.mark.parametrize(
    ("status", "only_blocked", "expected"),
    [
        (0, False, 0),
        (1, False, 1),
        (1, True, 2),
        (22, True, 22),
        (2, False, 130),
        (2, True, 130),
        (3, True, 3),
        (4, False, 4),
        (5, False, 5),
        (23, True, 23),
    ],
)
def test_exit_codes(status: int, only_blocked: bool, expected: int) -> None:
    assert run_exit_code(status, only_blocked=only_blocked) == expected


@pytest.mark.parametrize(
    ("status", "only_blocked", "expected"), [(2, False, 1), (2, True, 2), (1, False, 1), (3, False, 3), (4, True, 4)]
)
def test_exit_codes_where_pytest_stopped_at_a_failure(status: int, only_blocked: bool, expected: int) -> None:
    assert run_exit_code(status, only_blocked=only_blocked, is_stopped_by_failures=True) == expected
