"""An agent that a user wrote: found by its module, given its arguments, and never taken for another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.sessions.closing import rebuild_summary
from tests.plugin.conftest import Suite, collected

AGENT = """
from pytest_terminalbench import AgentReport
from words import DONE


class Mine:
    name = "mine"
    deterministic = True

    def __init__(self, *, command="work"):
        self._command = command

    def act(self, task, environment):
        environment.run([self._command])
        return AgentReport(note=DONE)
"""


@pytest.fixture
def own(demo: Suite) -> Suite:
    """A project with an agent in a module beside the configuration."""
    demo.write("my_agent.py", AGENT)
    demo.write("words.py", "DONE = 'done'")
    return demo


def call(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A command as a shell runs it: pytester, as ``python -m pytest``, puts the current folder on the path."""
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def pytest_command(suite: Suite, *arguments: str, folder: str = ".") -> subprocess.CompletedProcess[str]:
    command = str(Path(sys.executable).with_name("pytest"))
    return call(suite.path / folder, command, "--tb-dataset=demo", *arguments)


@pytest.fixture
def plain(own: Suite) -> Suite:
    """The same without a conftest.py, whose folder pytest itself puts on the path."""
    (own.path / "conftest.py").unlink()
    own.write("tox.ini", "[pytest]\ntb_env = fake\n")
    return own


class TestModules:
    @pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "xdist"])
    def test_the_bare_command_finds_them_in_its_folder(self, plain: Suite, workers: list[str]) -> None:
        done = pytest_command(plain, "--tb-agent", "my_agent:Mine", "-k", "alpha", *workers)

        assert (done.returncode, plain.statuses) == (0, {"demo/alpha[mine]": "solved"}), done.stdout + done.stderr

    def test_it_finds_them_in_the_root_from_further_down(self, plain: Suite) -> None:
        (plain.path / "deep").mkdir()

        assert pytest_command(plain, "--tb-agent", "my_agent:Mine", "-k", "alpha", folder="deep").returncode == 0

    def test_terminalbench_run_finds_them(self, plain: Suite) -> None:
        # -P: as a command that is installed.
        command = [sys.executable, "-P", "-m", "pytest_terminalbench", "run", "--dataset", "demo"]
        done = call(plain.path, *command, "--agent", "my_agent:Mine", "--scenarios", "alpha")

        assert (done.returncode, plain.statuses) == (0, {"demo/alpha[mine]": "solved"}), done.stdout + done.stderr

    def test_one_that_is_nowhere_is_told_with_the_places(self, plain: Suite) -> None:
        done = pytest_command(plain, "--tb-agent", "my_agnet:Mine")

        assert done.returncode == pytest.ExitCode.USAGE_ERROR
        assert done.stderr.startswith(
            f"ERROR: --tb-agent 'my_agnet:Mine': there is no module my_agnet; searched: {plain.path}, what "
            f"{sys.executable} can import; start the command in the folder that has it, or name that folder in "
            "pytest's ini option `pythonpath`"
        )


class TestArguments:
    def test_one_for_one_agent_is_for_no_other(self, own: Suite) -> None:
        own.run(
            *("--tb-dataset", "demo", "-k", "alpha"),
            *("--tb-agent", "oracle", "--tb-agent", "my_agent:Mine", "--tb-agent-arg", "mine:command=spoil"),
        )

        assert own.statuses == {"demo/alpha[mine]": "unsolved", "demo/alpha[oracle]": "solved"}

    def test_those_of_the_ini_file_do_not_stand_in_the_way_of_another_agent(self, own: Suite) -> None:
        own.write(
            "tox.ini",
            "[pytest]\ntb_preflight = false\ntb_agent = my_agent:Mine\ntb_agent_arg = mine:command=spoil\n",
        )

        assert own.run("--tb-dataset", "demo", "-k", "alpha").ret == pytest.ExitCode.TESTS_FAILED
        own.run("--tb-dataset", "demo", "-k", "alpha", "--tb-agent", "oracle").assert_outcomes(passed=1)

    def test_a_slip_in_the_ini_file_is_told_when_its_own_agents_run(self, own: Suite) -> None:
        own.write(
            "tox.ini",
            "[pytest]\ntb_preflight = false\ntb_agent = my_agent:Mine\ntb_agent_arg = mien:command=spoil\n",
        )

        assert own.run("--tb-dataset", "demo").errlines[0] == (
            "ERROR: --tb-agent-arg mien:command=…: no agent of this session is called 'mien' (did you mean 'mine'?); "
            "its agents: mine"
        )


GIVING = """

@pytest.fixture
def tb_agent():
    from my_agent import Mine
    return Mine(command="{command}")
"""


def give(suite: Suite, command: str = "work") -> None:
    """Have the fixture `tb_agent` give the agent."""
    suite.write("conftest.py", suite.conftest + GIVING.format(command=command))


class TestFixture:
    """An agent that the fixture `tb_agent` of a user's conftest.py gives."""

    @pytest.mark.parametrize("workers", [[], ["-n", "1"], ["--tb-concurrency", "2"]], ids=["alone", "xdist", "threads"])
    def test_its_cells_are_called_by_its_name(self, own: Suite, workers: list[str]) -> None:
        give(own)

        done = own.run_apart("--tb-dataset", "demo", "-v", *workers)

        assert done.ret == pytest.ExitCode.OK
        assert own.statuses == {f"demo/{name}[mine]": "solved" for name in ("alpha", "beta", "gamma")}
        assert own.result("beta", "mine")["agent"] == "mine"
        assert "oracle" not in done.stdout.str()
        done.stdout.fnmatch_lines("terminalbench: demo==1.0; agent of the fixture tb_agent; run *")

    def test_its_items_are_called_as_the_fixture(self, own: Suite) -> None:
        """Nobody knows its name before it is made."""
        give(own)

        assert collected(own.run("--tb-dataset", "demo", "--collect-only", "-q")) == [
            f"scenarios/demo/{name}.json::{name}[tb_agent]" for name in ("alpha", "beta", "gamma")
        ]
        own.run("scenarios/demo/beta.json::beta[tb_agent]").assert_outcomes(passed=1)

    def test_the_life_of_its_baseline_touches_nobody_elses(self, own: Suite) -> None:
        """An oracle's baseline neither excuses it nor is written by it."""
        own.run("--tb-dataset", "demo", "-k", "alpha", "--update-baselines")
        oracles = own.baseline("alpha").read_bytes()
        give(own, "spoil")

        assert own.run("--tb-dataset", "demo", "-k", "alpha").ret == pytest.ExitCode.TESTS_FAILED
        assert own.statuses == {"demo/alpha[mine]": "unsolved"}  # Not regressed: it has no baseline yet.
        assert own.run("--tb-dataset", "demo", "-k", "alpha", "--update-baselines").ret == pytest.ExitCode.OK
        assert own.run("--tb-dataset", "demo", "-k", "alpha").ret == pytest.ExitCode.OK
        assert own.statuses == {"demo/alpha[mine]": "as-baseline"}
        assert own.baseline("alpha", "mine").is_file()
        assert own.baseline("alpha").read_bytes() == oracles

    def test_the_summary_made_again_is_the_same(self, own: Suite) -> None:
        give(own)
        own.run("--tb-dataset", "demo")
        before = (own.latest / "summary.json").read_bytes()

        rebuild_summary(RunFolder(own.latest), baselines=own.path / "baselines")

        assert (own.latest / "summary.json").read_bytes() == before
        assert own.summary["totals"]["lost"] == 0

    def test_a_session_that_asks_for_another_is_told(self, own: Suite) -> None:
        give(own)

        done = own.run("--tb-dataset", "demo", "-k", "alpha", "--tb-agent", "nop")

        done.assert_outcomes(errors=1)
        assert own.statuses == {"demo/alpha[nop]": "void"}
        done.stdout.fnmatch_lines(
            "alpha: void in phase agent: the fixture tb_agent gives agent 'mine' (my_agent:Mine), and --tb-agent asks "
            "for 'nop'; leave the option out to run the fixture's, or have the fixture give the agent that is asked for"
        )

    def test_a_session_that_asks_for_just_this_one_has_it(self, own: Suite) -> None:
        give(own)

        own.run("--tb-dataset", "demo", "-k", "alpha", "--tb-agent", "my_agent:Mine").assert_outcomes(passed=1)

        assert own.statuses == {"demo/alpha[mine]": "solved"}

    def test_one_that_calls_itself_oracle_is_refused(self, own: Suite) -> None:
        own.write("my_agent.py", AGENT.replace('"mine"', '"oracle"'))
        give(own)

        done = own.run("--tb-dataset", "demo", "-k", "alpha")

        done.assert_outcomes(errors=1)
        assert own.statuses == {"demo/alpha[tb_agent]": "void"}
        done.stdout.fnmatch_lines(
            "alpha: void in phase agent: the fixture tb_agent gives an agent of my_agent:Mine: it is called 'oracle', "
            "and pytest_terminalbench.agents.oracle:Oracle is known as 'oracle'; the two would share results and "
            "baselines: give the class another `name`"
        )

    def test_the_sessions_own_agent_may_be_given_on(self, own: Suite) -> None:
        """A fixture that only looks on."""
        own.write("conftest.py", f"{own.conftest}\n\n@pytest.fixture\ndef tb_agent(tb_agent):\n    return tb_agent\n")

        own.run("--tb-dataset", "demo", "-k", "alpha").assert_outcomes(passed=1)

        assert own.statuses == {"demo/alpha[oracle]": "solved"}

    def test_a_fixture_may_give_what_was_asked_for_and_else_its_own(self, own: Suite) -> None:
        """As the documentation shows it."""
        giving = """

@pytest.fixture
def tb_agent(request, tb_agent):
    if request.config.getoption("--tb-agent"):
        return tb_agent
    from my_agent import Mine
    return Mine()
"""
        own.write("conftest.py", own.conftest + giving)

        own.run("--tb-dataset", "demo", "-k", "alpha", "--tb-agent", "nop", "--tb-agent", "oracle")
        assert own.statuses == {"demo/alpha[nop]": "unsolved", "demo/alpha[oracle]": "solved"}
        own.run("--tb-dataset", "demo", "-k", "alpha")
        assert own.statuses == {"demo/alpha[mine]": "solved"}

    def test_an_agent_is_made_once_for_all_attempts_where_a_fixture_makes_it(self, own: Suite) -> None:
        give(own)

        own.run("--tb-dataset", "demo", "-k", "alpha", "--tb-attempts", "2").assert_outcomes(passed=1)

        assert own.result("alpha", "mine", 2)["outcome"] == "solved"

    def test_in_a_test_of_ones_own_it_is_called_by_its_name_too(self, own: Suite) -> None:
        give(own)
        own.write(
            "test_mine.py",
            """
            import pytest

            @pytest.mark.parametrize("tb_scenario", ["demo/alpha"], indirect=True)
            def test_mine(tb_baseline, tb_trials):
                assert tb_trials == tb_baseline
            """,
        )

        own.run("test_mine.py").assert_outcomes(passed=1)

        assert own.statuses == {"demo/alpha[mine]": "solved"}
