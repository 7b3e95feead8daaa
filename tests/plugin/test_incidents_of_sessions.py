"""Which sessions open incidents, and what becomes of these: through pytest and the command line."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import pytest
from typer.testing import CliRunner

from pytest_terminalbench.cli.app import app
from tests.plugin.conftest import Suite, lines_of, scripted

WORKS, RESTS = scripted("work"), scripted("rest")


@pytest.fixture
def alpha(suite: Suite) -> Suite:
    """A project with one scenario."""
    suite.dataset("demo", "alpha")
    return suite


def run(suite: Suite, *options: str) -> pytest.RunResult:
    return suite.run("--tb-dataset", "demo", *options)


def incidents(suite: Suite) -> list[str]:
    """Of the newest run."""
    folder = suite.latest / "incidents"
    return sorted(file.name for file in folder.iterdir()) if folder.exists() else []


def call(suite: Suite, *arguments: str) -> tuple[int, Any]:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    return done.exit_code, done.stdout


def known(suite: Suite) -> list[tuple[str, str]]:
    """Every incident with its state."""
    _, text = call(suite, "incident", "list", "--all", "--format", "json")
    return [(incident["id"], incident["state"]) for incident in json.loads(text)]


def test_a_failure_opens_one(alpha: Suite) -> None:
    assert run(alpha, *RESTS, "--tb-run-id", "mine").ret == 1
    assert incidents(alpha) == ["mine-1.json"]


def test_the_agent_that_does_nothing_opens_none(alpha: Suite) -> None:
    assert run(alpha, "--tb-agent", "nop").ret == 1
    assert incidents(alpha) == []


def test_nor_does_a_session_that_was_told_not_to(alpha: Suite) -> None:
    assert run(alpha, *RESTS, "--tb-no-incidents").ret == 1
    assert incidents(alpha) == []


def test_nor_a_cell_that_is_expected_to_fail(alpha: Suite) -> None:
    alpha.write(
        "conftest.py",
        alpha.conftest
        + """

def pytest_collection_modifyitems(items):
    items[0].add_marker(pytest.mark.xfail(reason="known"))
""",
    )

    run(alpha, *RESTS).assert_outcomes(xfailed=1)

    assert incidents(alpha) == []
    assert alpha.summary["totals"]["xfailed"] == 1


def test_nor_a_test_of_the_users_own_that_is_expected_to_fail(alpha: Suite) -> None:
    own = alpha.write(
        "test_own.py",
        """
        import pytest

        @pytest.mark.xfail
        @pytest.mark.parametrize("tb_scenario", ["demo/alpha"], indirect=True)
        def test_own(tb_trials, tb_baseline):
            assert tb_trials == tb_baseline
        """,
    )

    alpha.run(own, *RESTS).assert_outcomes(xfailed=1)

    assert incidents(alpha) == []


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ("raise KeyboardInterrupt", pytest.ExitCode.INTERRUPTED),
        ("session.shouldstop = 'enough'", pytest.ExitCode.INTERRUPTED),
        ("pytest.exit('enough', returncode=7)", 7),
    ],
    ids=["Ctrl-C", "shouldstop", "exit"],
)
def test_nor_a_session_that_was_interrupted(suite: Suite, how: str, status: int) -> None:
    suite.dataset("demo", "alpha", "beta")
    suite.write(
        "conftest.py",
        suite.conftest
        + f"""

session = None

def pytest_sessionstart(session):
    globals()["session"] = session

def pytest_runtest_logfinish(nodeid):
    {how}
""",
    )

    done = suite.run_apart("--tb-dataset", "demo", *RESTS)

    assert done.ret == status
    assert suite.summary["lost"] == []
    assert incidents(suite) == []


def test_one_that_stopped_at_its_first_failure_does(suite: Suite) -> None:
    suite.dataset("demo", "alpha", "beta")

    assert run(suite, *RESTS, "-x").ret == pytest.ExitCode.TESTS_FAILED
    assert len(incidents(suite)) == 1


def test_a_hook_that_raises_is_told_of_and_ends_nothing(suite: Suite) -> None:
    """Neither the session nor what else is told at its end."""
    suite.dataset("demo", "alpha", "beta")
    run(suite, *WORKS, "-k", "alpha", "--update-baselines")
    suite.write(
        "conftest.py",
        suite.conftest
        + """

told = []

def pytest_terminalbench_incident(incident):
    told.append(incident["id"])
    raise [ValueError("no chat today\\nnor tomorrow"), SystemExit("enough")][len(told) - 1]
""",
    )

    done = run(suite, *RESTS, "--tb-run-id", "mine")

    assert done.ret == pytest.ExitCode.TESTS_FAILED
    assert incidents(suite) == ["mine-1.json", "mine-2.json"]
    assert lines_of(done, "terminalbench: ")[-2:] == [
        "terminalbench: incident mine-1: a hook pytest_terminalbench_incident raises ValueError: no chat today",
        "terminalbench: incident mine-2: a hook pytest_terminalbench_incident raises SystemExit: enough",
    ]
    assert lines_of(done, "results: ")


def test_a_release_waits_until_somebody_acknowledges_it(alpha: Suite) -> None:
    """From the regression to the new baseline."""
    run(alpha, *WORKS, "--update-baselines")
    assert call(alpha, "incident", "check")[0] == 0
    run(alpha, *RESTS, "--tb-run-id", "first")
    assert call(alpha, "incident", "check")[0] == 1

    assert call(alpha, "incident", "ack", "first-1", "--by", "Grace")[0] == 0
    assert call(alpha, "incident", "check")[0] == 0
    assert known(alpha) == [("first-1", "acknowledged")]

    # The session still fails, and the incident is the same.
    again = run(alpha, *RESTS)
    assert (again.ret, incidents(alpha)) == (1, [])
    assert re.sub(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "DAY", "\n".join(lines_of(again, "incident: "))) == (
        "incident: known since DAY: first-1 (acknowledged by Grace)"
    )
    assert call(alpha, "incident", "check")[0] == 0

    run(alpha, *RESTS, "--update-baselines", "--tb-agent-arg", "command_timeout_s=5")
    assert known(alpha) == [("first-1", "resolved")]
    assert run(alpha, *RESTS).ret == 0


# An agent whose mood says whether it solves, and what it costs.
MOODY = """
import json
from pathlib import Path

from pytest_terminalbench import AgentReport, Usage


class Moody:
    name = "moody"
    deterministic = False

    def act(self, task, environment):
        solves, cost = json.loads(Path(__file__).with_name("mood.json").read_text())
        environment.run(["work" if solves else "idle"])
        return AgentReport(usage=Usage(cost_usd=cost))
"""


def test_a_drop_that_somebody_has_taken_hides_no_cost_that_rises_after_it(suite: Suite) -> None:
    """What the suite gate fails for has a ticket of its own each time, with what was worse and how to run it again."""
    names = [f"task-{number}" for number in range(8)]
    suite.dataset("demo", *names)
    suite.write("moods.py", MOODY)

    def session(mood: str, *options: str) -> pytest.RunResult:
        suite.write("mood.json", mood)
        return run(suite, "--tb-agent", "moods:Moody", "--tb-attempts", "3", *options)

    assert session("[true, 0.1]", "--update-baselines").ret == 0
    assert session("[false, 0.1]", "--tb-run-id", "dropped").ret == 1
    for incident, _ in known(suite):
        call(suite, "incident", "ack", incident, "--by", "Grace")
    assert call(suite, "incident", "check")[0] == 0

    dearer = session("[true, 0.2]", "--tb-run-id", "dearer")

    assert (dearer.ret, incidents(suite)) == (1, ["dearer-1.json"])
    assert call(suite, "incident", "check")[0] == 1
    ticket = json.loads((suite.latest / "incidents/dearer-1.json").read_text())
    assert (ticket["kind"], ticket["worse_in"], ticket["run"]) == ("suite-gate", "cost_usd", str(suite.latest))
    assert [cell["text"] for cell in ticket["cells"]] == [f"{name} cost 0.1 → 0.2 USD" for name in names]
    trials = suite.latest / "trials/demo/task-0/moody"
    assert ticket["cells"][0]["artifacts"] == [str(trials / number) for number in "123"]

    command = shlex.split(ticket["once_more"])
    assert command[:2] == ["pytest", "scenarios/demo"]
    before = sorted(suite.statuses.items())
    again = suite.run(*command[1:])
    assert (again.ret, sorted(suite.statuses.items())) == (1, before)
    assert [line for line in again.outlines if "known since" in line and "dearer-1" in line]


def test_what_is_fixed_keeps_no_release_waiting(alpha: Suite) -> None:
    run(alpha, *WORKS, "--update-baselines")
    run(alpha, *RESTS, "--tb-run-id", "first")

    run(alpha, *WORKS)

    assert known(alpha) == [("first-1", "resolved")]
    assert call(alpha, "incident", "check")[0] == 0
    assert json.loads(call(alpha, "incident", "list", "--format", "json")[1]) == []


def test_what_waits_is_listed_with_its_day_and_what_to_do(alpha: Suite) -> None:
    run(alpha, *RESTS, "--tb-run-id", "first")

    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["incident", "check"])

    assert done.exit_code == 1
    assert "first-1   functional-failure  open" in done.stdout
    assert done.stderr.startswith(
        "terminalbench: 1 open, of these 0 overdue; take one by `terminalbench incident ack ID`"
    )
