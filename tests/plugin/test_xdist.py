"""Under xdist nothing is lost: killed workers, reports that never come, every way of distributing."""

from __future__ import annotations

import json

import pytest

from tests.plugin.conftest import Suite, lines_of, scripted

# The command `die` kills its worker; `die-once` only the first that comes to it.
DYING = """

import signal
from pathlib import Path


def die(environment, argv):
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(environment, argv):
    try:
        Path("died").touch(exist_ok=False)
    except FileExistsError:
        return work(environment, argv)
    die(environment, argv)


REPLIES = {"die-once": die_once, "die": die, **REPLIES}


@pytest.fixture
def tb_agent(tb_scenario):
    from pytest_terminalbench import ScriptedAgent

    return ScriptedAgent([{"beta": os.environ["BETA"]}.get(tb_scenario.id, "work")])
"""


@pytest.fixture
def dying(demo: Suite) -> Suite:
    """Four cells; what the agent types in `beta` is in the variable BETA."""
    demo.scenario("delta", category="git")
    demo.write("conftest.py", demo.conftest + DYING)
    return demo


def events(suite: Suite, kind: str) -> list[dict[str, object]]:
    lines = (suite.latest / "events.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["type"] == kind]


def test_a_cell_whose_worker_is_killed_is_run_once_more(dying: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BETA", "die-once")

    done = dying.run_apart("--tb-dataset", "demo", "-n", "2", "-v")

    assert done.ret == pytest.ExitCode.OK
    assert done.parseoutcomes() == {"passed": 4, "retried": 1}
    assert set(dying.statuses.values()) == {"solved"}
    assert dying.summary["totals"]["cells"] == 4
    assert [(e["cell"], e["crashes"]) for e in events(dying, "worker-crash")] == [("demo/beta[tb_agent]", 1)]
    assert dying.result("beta", "scripted")["outcome"] == "solved"


def test_the_second_time_it_is_void_and_the_others_have_run(dying: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BETA", "die")

    done = dying.run_apart("--tb-dataset", "demo", "-n", "2", "--tb-run-id", "mine")

    assert done.parseoutcomes() == {"passed": 3, "errors": 1, "retried": 1}
    assert done.ret == 22
    assert dying.statuses == {
        "demo/alpha[scripted]": "solved",
        "demo/beta[tb_agent]": "void",
        "demo/delta[scripted]": "solved",
        "demo/gamma[scripted]": "solved",
    }
    beta = dying.summary["cells"][1]
    assert (beta["scenario"], beta["category"], beta["difficulty"], beta["attempts"]) == (
        "beta",
        "scripting",
        "easy",
        [],
    )
    assert beta["text"].startswith("the worker that ran it died 2 times (worker 'gw")
    assert dying.summary["lost"] == []
    assert lines_of(done, "beta: void: the worker that ran it died 2 times (worker 'gw")
    assert lines_of(done, "journal:") == [f"journal: {dying.path}/results/mine/events.jsonl"]


def test_a_cell_that_was_run_once_more_may_be_approved(dying: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BETA", "die-once")

    dying.run_apart("--tb-dataset", "demo", "-n", "2", "--update-baselines")

    assert sorted(dying.files("baselines")) == [
        "audit.jsonl",
        *(f"demo/scripted/{name}.json" for name in ("alpha", "beta", "delta", "gamma")),
    ]


def test_a_cell_that_killed_its_workers_hinders_an_approval(dying: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BETA", "die")

    done = dying.run_apart("--tb-dataset", "demo", "-n", "2", "--update-baselines")

    assert lines_of(done, "baselines") == ["baselines NOT updated: 1 void among the selected cells"]
    assert not (dying.path / "baselines").exists()


@pytest.mark.parametrize("dist", ["loadscope", "loadfile", "loadgroup", "worksteal"])
def test_every_way_of_distributing_reports_every_cell(demo: Suite, dist: str) -> None:
    demo.run_apart("--tb-dataset", "demo", "-n", "2", "--dist", dist).assert_outcomes(passed=3)

    assert demo.summary["lost"] == []
    assert set(demo.statuses.values()) == {"solved"}


def test_worksteal_runs_a_killed_workers_cell_once_more_too(dying: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others cannot: `--dist loadscope` and its kin hang after a crash, in xdist 3.8 without us as well."""
    monkeypatch.setenv("BETA", "die-once")

    dying.run_apart("--tb-dataset", "demo", "-n", "2", "--dist", "worksteal")

    assert set(dying.statuses.values()) == {"solved"}
    assert len(dying.statuses) == 4


def test_a_worker_that_dies_where_none_may_be_started_again(dying: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BETA", "die")

    done = dying.run_apart("--tb-dataset", "demo", "-n", "1", "--max-worker-restart", "0")

    assert done.ret == pytest.ExitCode.INTERNAL_ERROR
    told = {*dying.statuses, *dying.summary["lost"]}
    assert len(told) == 4
    assert dying.summary["lost"] != []


def test_what_was_collected_and_never_reported_is_told_and_exit_code_3(demo: Suite) -> None:
    """A worker's other plugin swallows the reports of one cell."""
    demo.write(
        "conftest.py",
        demo.conftest
        + """

@pytest.hookimpl(tryfirst=True, wrapper=True)
def pytest_runtest_protocol(item):
    if item.name.startswith("beta"):
        interactor = next(p for p in item.config.pluginmanager.get_plugins() if type(p).__name__ == "WorkerInteractor")
        item.config.pluginmanager.unregister(interactor)
        try:
            return (yield)
        finally:
            item.config.pluginmanager.register(interactor)
    return (yield)
""",
    )

    done = demo.run_apart("--tb-dataset", "demo", "-n", "2", "--update-baselines")

    assert done.ret == pytest.ExitCode.INTERNAL_ERROR
    lost = "demo/beta[oracle]"
    assert demo.summary["lost"] == [lost]
    assert demo.summary["totals"]["lost"] == 1
    assert demo.summary["totals"]["cells"] == 3
    assert lines_of(done, "lost:") == [f"lost: {lost}: was collected and never reported"]
    assert lines_of(done, "baselines") == ["baselines NOT updated: 1 lost among the selected cells"]
    assert not (demo.path / "baselines").exists()


@pytest.mark.parametrize("hook", ["pytest_runtest_logreport(report)", "pytest_runtest_logstart(nodeid)"])
def test_an_internal_error_in_a_worker_is_exit_code_3(demo: Suite, hook: str) -> None:
    """xdist itself may end with 0 and one test less."""
    demo.write(
        "conftest.py",
        demo.conftest
        + f"""

def {hook}:
    name = nodeid if "{hook}".endswith("(nodeid)") else report.nodeid
    if name.endswith("beta[oracle]") and os.environ.get("PYTEST_XDIST_WORKER"):
        raise RuntimeError("a plugin broke")
""",
    )

    done = demo.run_apart("--tb-dataset", "demo", "-n", "2")

    assert done.ret == pytest.ExitCode.INTERNAL_ERROR
    told = {
        *(cell.partition("/")[2] for cell in demo.statuses),
        *(name.partition("/")[2] for name in demo.summary["lost"]),
    }
    assert told == {"alpha[oracle]", "beta[oracle]", "gamma[oracle]"}
    assert "demo/beta[oracle]" in demo.summary["lost"]


@pytest.mark.parametrize("stop", ["-x", "--maxfail=1"])
def test_stopped_by_failures_it_ends_as_without_workers(demo: Suite, stop: str) -> None:
    done = demo.run_apart("--tb-dataset", "demo", "-n", "1", stop, *scripted("rest"), "--tb-run-id", "mine")

    assert done.ret == pytest.ExitCode.TESTS_FAILED
    assert demo.summary["lost"] == []
    # A worker goes on to the next cell before it hears that it shall stop.
    assert demo.statuses.items() >= {"demo/alpha[scripted]": "unsolved"}.items()
    assert [line.strip("!") for line in lines_of(done, "!!!")] == [" stopping after 1 failures "]
    assert [file.name for file in (demo.latest / "incidents").iterdir()] == ["mine-1.json"]
    assert events(demo, "interrupted") == []


@pytest.mark.parametrize("stop", [[], ["-x"]], ids=["alone", "with -x"])
def test_an_interruption_in_a_worker_is_none_of_failures(demo: Suite, stop: list[str]) -> None:
    demo.write(
        "conftest.py",
        demo.conftest
        + """

def pytest_runtest_logfinish(nodeid):
    if os.environ.get("PYTEST_XDIST_WORKER"):
        raise KeyboardInterrupt
""",
    )

    done = demo.run_apart("--tb-dataset", "demo", "-n", "1", "--max-worker-restart", "0", *stop, *scripted("rest"))

    assert done.ret == pytest.ExitCode.INTERRUPTED
    assert not (demo.latest / "incidents").exists()


def test_users_own_tests_with_cells_end_as_without_workers_too(demo: Suite) -> None:
    """The first that the controller hears of a cell is its report."""
    own = demo.write(
        "test_own.py",
        """
        import pytest

        @pytest.mark.parametrize("tb_scenario", ["demo/alpha", "demo/beta"], indirect=True)
        def test_own(tb_trials, tb_baseline):
            assert tb_trials == tb_baseline
        """,
    )

    done = demo.run_apart(own, "-n", "1", "-x", *scripted("rest"))

    assert done.ret == pytest.ExitCode.TESTS_FAILED
    assert len(list((demo.latest / "incidents").iterdir())) == 1


def test_a_session_without_cells_ends_as_xdist_has_it(suite: Suite) -> None:
    own = suite.write("test_own.py", "def test_own():\n    assert False\n")

    assert suite.run_apart(own, "-n", "1", "-x").ret == pytest.ExitCode.INTERRUPTED


def test_two_workers_and_two_agents_leave_every_trial(demo: Suite) -> None:
    demo.run_apart("--tb-dataset", "demo", "-n", "2", "--tb-agent", "oracle", "--tb-agent", "nop")

    assert demo.statuses == {
        f"demo/{name}[{agent}]": status
        for name in ("alpha", "beta", "gamma")
        for agent, status in (("nop", "unsolved"), ("oracle", "solved"))
    }
    manifest = json.loads((demo.latest / "manifest.json").read_text())
    assert manifest["workers"] == 2


def test_scripted_arguments_reach_the_workers(demo: Suite) -> None:
    demo.run_apart("--tb-dataset", "demo", "-n", "2", *scripted("work")).assert_outcomes(passed=3)


@pytest.mark.parametrize("args", [["scenarios/demo"], ["scenarios"], ["scenarios/demo/alpha.json"]], ids=" ".join)
def test_positional_arguments_work_under_xdist(demo: Suite, args: list[str]) -> None:
    demo.run_apart(*args, "-n", "1")

    assert set(demo.statuses.values()) == {"solved"}
    assert demo.summary["lost"] == []
