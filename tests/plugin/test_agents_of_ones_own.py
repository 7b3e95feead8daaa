"""An agent that a user wrote: found by its module, given its arguments, and never taken for another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.plugin.conftest import Suite

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
