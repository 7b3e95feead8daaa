"""The fixtures: overridden in conftest.py, and used in tests of a user's own."""

from __future__ import annotations

import json

import pytest

from tests.plugin.conftest import Suite

ALONE_AND_IN_WORKERS = pytest.mark.parametrize("args", [[], ["-n", "2"]], ids=["alone", "xdist"])
NAMED = '@pytest.mark.parametrize("tb_scenario", ["demo/alpha"], indirect=True)'


def own_test(suite: Suite, body: str) -> None:
    suite.write("test_mine.py", f"import pytest\n\n{body}")


# -- overridden ------------------------------------------------------------------------------------------------------


def test_an_agent_of_the_users_own_acts_in_every_scenario(demo: Suite) -> None:
    demo.write(
        "conftest.py",
        demo.conftest
        + """

from pytest_terminalbench import AgentReport

@pytest.fixture
def tb_agent(tb_scenario):
    class Mine:
        def act(self, task, environment):
            environment.run(["work"])
            return AgentReport(note=f"mine did {task.scenario_id}: {task.instruction} in {task.workdir}")
    return Mine()
""",
    )

    demo.run("--tb-dataset", "demo").assert_outcomes(passed=3)

    assert demo.result("beta", "Mine")["agent_note"] == "mine did beta: Leave /app/done behind. in /app"


def test_a_users_agent_is_never_shown_the_solution(demo: Suite) -> None:
    demo.write(
        "mine.py",
        """
        from pytest_terminalbench import AgentReport

        class Curious:
            name = "curious"
            def act(self, task, environment):
                return AgentReport(note=str(task.solution))
        """,
    )

    demo.run("--tb-dataset", "demo", "-k", "alpha", "--tb-agent", "mine:Curious")

    assert demo.result("alpha", "curious")["agent_note"] == "None"


def test_trials_of_the_users_own_are_compared_with_the_baseline(demo: Suite) -> None:
    demo.run("--tb-dataset", "demo", "-k", "alpha", "--update-baselines").assert_outcomes(passed=1)
    demo.write(
        "conftest.py",
        """
        import pytest

        @pytest.fixture
        def tb_trials():
            class Mine:
                solved = 0
                rewards = [0.0]
            return Mine()
        """,
    )

    demo.run("--tb-dataset", "demo", "-k", "alpha").assert_outcomes(failed=1)

    assert demo.statuses == {"demo/alpha[oracle]": "regressed"}


def test_trials_that_are_none_are_an_error_that_says_so(demo: Suite) -> None:
    demo.write("conftest.py", "import pytest\n\n@pytest.fixture\ndef tb_trials():\n    return 'solved'\n")

    demo.run("--tb-dataset", "demo", "-k", "alpha").assert_outcomes(errors=1)

    assert "TypeError: tb_baseline compares tb_trials, not str" in demo.summary["cells"][0]["text"]


def test_the_scenario_is_what_its_file_says(demo: Suite) -> None:
    demo.write(
        "conftest.py",
        demo.conftest
        + """

@pytest.fixture(autouse=True)
def tell(tb_scenario, tb_model):
    print("scenario", tb_scenario.id, tb_scenario.dataset, tb_scenario.title, tb_model)
""",
    )

    done = demo.run("--tb-dataset", "demo", "-k", "alpha", "-s")

    assert [line[line.index("scenario alpha") :] for line in done.outlines if "scenario alpha" in line] == [
        "scenario alpha demo Do alpha None"
    ]


# -- in tests of the user's own --------------------------------------------------------------------------------------


def test_a_test_may_name_a_scenario(demo: Suite) -> None:
    own_test(
        demo,
        f"""
{NAMED}
def test_mine(tb_scenario):
    assert (tb_scenario.id, tb_scenario.dataset) == ("alpha", "demo")
""",
    )

    demo.run("test_mine.py").assert_outcomes(passed=1)

    assert not (demo.path / "results").exists()


def test_a_test_may_compare_its_trials_with_the_baseline(demo: Suite) -> None:
    own_test(
        demo,
        f"""
{NAMED}
def test_mine(tb_trials, tb_baseline):
    assert tb_trials.attempts == 1
    assert tb_trials == tb_baseline
""",
    )

    demo.run("test_mine.py").assert_outcomes(passed=1)
    demo.run("test_mine.py", "--tb-agent", "nop").assert_outcomes(failed=1)


@ALONE_AND_IN_WORKERS
def test_a_test_of_trials_leaves_a_run(demo: Suite, args: list[str]) -> None:
    own_test(
        demo,
        f"""
{NAMED}
def test_mine(tb_trials, tb_baseline):
    assert tb_trials == tb_baseline
""",
    )

    done = demo.run_apart("test_mine.py", *args)

    assert demo.statuses == {"demo/alpha[oracle]": "solved"}
    assert demo.result("alpha")["outcome"] == "solved"
    assert json.loads((demo.latest / "manifest.json").read_text())["settings"]["datasets"] == {"demo": "1.0"}
    assert "1 cell: 1 solved" in done.outlines


@ALONE_AND_IN_WORKERS
def test_a_test_that_compares_with_nothing_is_no_void_cell(demo: Suite, args: list[str]) -> None:
    own_test(
        demo,
        f"""
{NAMED}
def test_mine(tb_trials):
    assert tb_trials.solved == 1
""",
    )

    assert demo.run_apart("test_mine.py", *args).ret == pytest.ExitCode.OK
    assert demo.statuses == {}
    assert demo.result("alpha")["outcome"] == "solved"


def test_a_baseline_approved_for_the_scenario_counts_in_a_test_too(demo: Suite) -> None:
    demo.run("--tb-dataset", "demo", "--tb-agent", "nop", "--update-baselines")
    own_test(
        demo,
        f"""
{NAMED}
def test_mine(tb_trials, tb_baseline):
    assert tb_trials == tb_baseline
""",
    )

    assert demo.run("test_mine.py", "--tb-agent", "nop").ret == pytest.ExitCode.OK
    assert demo.statuses == {"demo/alpha[nop]": "as-baseline"}


def test_a_test_may_act_in_the_scenarios_environment_itself(demo: Suite) -> None:
    own_test(
        demo,
        f"""
{NAMED}
def test_mine(tb_environment):
    with tb_environment() as environment:
        assert environment.run(["work"]).stdout == "worked\\n"
""",
    )

    demo.run("test_mine.py").assert_outcomes(passed=1)


@pytest.mark.parametrize("fixture", ["tb_trials", "tb_baseline", "tb_scenario"])
def test_a_test_that_names_no_scenario_is_told_how(demo: Suite, fixture: str) -> None:
    (demo.path / "conftest.py").unlink()
    own_test(demo, f"def test_mine({fixture}): pass\n")

    done = demo.run("test_mine.py")

    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines_random(
        "E *UsageError: test_mine.py::test_mine uses a scenario but names none; add "
        '@pytest.mark.parametrize("tb_scenario", [[]"DATASET/ID"], indirect=True)'
    )


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            "demmo/alpha",
            "*--tb-dataset 'demmo' is neither a folder nor a known dataset (did you mean 'demo'?); known: demo",
        ),
        ("demo/alhpa", "*dataset demo has no scenario 'alhpa' (did you mean 'alpha'?)"),
    ],
)
def test_a_scenario_that_is_not_there_is_told(demo: Suite, request_: str, message: str) -> None:
    own_test(
        demo,
        f"""
@pytest.mark.parametrize("tb_scenario", [{request_!r}], indirect=True)
def test_mine(tb_scenario): pass
""",
    )

    done = demo.run("test_mine.py")

    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["E  " + message])


def test_a_path_names_a_dataset_too(demo: Suite) -> None:
    demo.dataset("other", "omega", folder="elsewhere/other")
    own_test(
        demo,
        """
@pytest.mark.parametrize("tb_scenario", ["elsewhere/other/omega"], indirect=True)
def test_mine(tb_scenario):
    assert (tb_scenario.id, tb_scenario.dataset) == ("omega", "other")
""",
    )

    demo.run("test_mine.py").assert_outcomes(passed=1)


def test_agent_and_model_are_fixtures_of_any_test(suite: Suite) -> None:
    (suite.path / "conftest.py").unlink()
    own_test(
        suite,
        """
def test_mine(tb_agent, tb_model):
    assert (type(tb_agent).__name__, tb_model) == ("Nop", None)
""",
    )

    suite.run("test_mine.py", "--tb-agent", "nop").assert_outcomes(passed=1)


@pytest.mark.docker
def test_an_ordinary_test_gets_containers_by_image(real: Suite) -> None:
    own_test(
        real,
        """
def test_mine(tb_environment):
    with tb_environment("debian:bookworm-slim") as one, tb_environment("debian:bookworm-slim") as two:
        one.run(["touch", "/tmp/here"])
        assert one.run(["ls", "/tmp"]).stdout == "here\\n"
        assert two.run(["ls", "/tmp"]).stdout == ""
        assert two.run(["true"]).ok
""",
    )

    real.run_apart("test_mine.py").assert_outcomes(passed=1)

    assert not (real.path / "results").exists()


# -- hooks -----------------------------------------------------------------------------------------------------------


HOOKS = """

def pytest_terminalbench_agents(registry):
    from pytest_terminalbench import ScriptedAgent
    registry.register("worker", lambda: ScriptedAgent(["work"]))


def pytest_terminalbench_trial_start(cell):
    tell("start", cell.key)


def pytest_terminalbench_trial_end(cell, outcome):
    tell("end", cell.key, outcome.attempt, type(outcome.outcome).__name__, outcome.folder)


def tell(*words):
    with open("told.txt", "a") as file:
        print(*words, file=file)
"""


@pytest.mark.parametrize("args", [[], ["-n", "1"]], ids=["alone", "xdist"])
def test_hooks_add_agents_and_hear_of_every_trial(demo: Suite, args: list[str]) -> None:
    demo.write("conftest.py", demo.conftest + HOOKS)

    done = demo.run_apart("scenarios/demo/alpha.json", "--tb-agent", "worker", "--tb-agent", "nop", *args)

    done.assert_outcomes(passed=1, failed=1)
    assert (demo.path / "told.txt").read_text().splitlines() == [
        "start demo/alpha[worker]",
        "end demo/alpha[worker] 1 Solved trials/demo/alpha/worker/1",
        "start demo/alpha[nop]",
        "end demo/alpha[nop] 1 Unsolved trials/demo/alpha/nop/1",
    ]


def test_the_folder_of_a_trial_is_written_when_its_end_is_told(demo: Suite) -> None:
    demo.write(
        "conftest.py",
        demo.conftest
        + """

def pytest_terminalbench_trial_end(cell, outcome):
    from pathlib import Path
    assert (Path("results/mine") / outcome.folder / "result.json").is_file()
""",
    )

    demo.run("--tb-dataset", "demo", "--tb-run-id", "mine").assert_outcomes(passed=3)


def test_a_hook_with_an_unknown_argument_is_refused(demo: Suite) -> None:
    demo.write("conftest.py", demo.conftest + "\n\ndef pytest_terminalbench_trial_start(celll): pass\n")

    done = demo.run("--tb-dataset", "demo")

    assert done.ret != pytest.ExitCode.OK
    assert "celll" in done.stderr.str() + done.stdout.str()


def test_agents_of_a_hook_are_listed_when_one_is_not_known(demo: Suite) -> None:
    demo.write("conftest.py", demo.conftest + HOOKS)

    done = demo.run("--tb-dataset", "demo", "--tb-agent", "wroker")

    assert done.errlines[0] == (
        "ERROR: --tb-agent 'wroker' is not known (did you mean 'worker'?); known: nop, oracle, scripted, worker, "
        "or module:Class"
    )


def test_two_attempts_are_told_apart(demo: Suite) -> None:
    demo.write("conftest.py", demo.conftest + HOOKS)

    demo.run("scenarios/demo/alpha.json", "--tb-attempts", "2")

    events = [json.loads(line) for line in (demo.latest / "events.jsonl").read_text().splitlines()]
    assert [(e["type"], e["cell"], e["trial"]) for e in events] == [
        ("session-start", None, None),
        ("trial-start", "demo/alpha[oracle]", 1),
        ("trial-end", "demo/alpha[oracle]", 1),
        ("trial-start", "demo/alpha[oracle]", 2),
        ("trial-end", "demo/alpha[oracle]", 2),
        ("session-end", None, None),
    ]
