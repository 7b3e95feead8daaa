"""`terminalbench scenario shell`: a person in the scenario's environment, judged as an agent is."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pytest_terminalbench.cli.app import app
from pytest_terminalbench.environments.docker_engine import DockerEngine
from pytest_terminalbench.environments.image_map import machine_image_map
from pytest_terminalbench.environments.owner import RUN_LABEL
from tests.cli.conftest import Done, Project

# Far more than an idle machine takes, far less than a hanging test.
PATIENCE_S = 60.0


def shell(script: str, *arguments: str) -> Done:
    """The command with `script` on its standard input, which is no terminal."""
    result = CliRunner().invoke(app, ["scenario", "shell", *arguments], input=script, catch_exceptions=False)
    return Done(exit_code=result.exit_code, out=result.stdout, err=result.stderr)


def trial_folder(project: Project) -> Path:
    (folder,) = project.path.glob("results/by-hand-*/trials/demo/alpha/human/1")
    return folder


class TestWithoutEngine:
    def test_what_is_typed_runs_in_the_environment_and_is_judged(self, project: Project) -> None:
        project.dataset("demo", "alpha")

        done = shell("touch /app/done\n", "alpha", "--env", "fake")

        assert (done.exit_code, done.out) == (0, "solved\n  passed  exit code\n")
        assert done.err.splitlines()[-1] == f"trial folder: {trial_folder(project).relative_to(project.path)}"
        recorded = json.loads((trial_folder(project) / "commands.jsonl").read_text())
        assert (recorded["command"], recorded["exit_code"]) == ("touch /app/done\n", 0)

    def test_it_is_no_run(self, project: Project) -> None:
        """Nothing is compared with what somebody tried by hand."""
        project.dataset("demo", "alpha")
        shell("", "demo/alpha", "--env", "fake")

        assert not (project.path / "results/latest").exists()
        assert project.call("report").exit_code != 0

    def test_the_projects_settings_hold(self, project: Project) -> None:
        project.write("pytest.ini", "[pytest]\ntb_env = fake\ntb_results = elsewhere\n")
        project.dataset("demo", "alpha")

        assert shell("", "alpha").exit_code == 0
        assert list(project.path.glob("elsewhere/by-hand-*/trials/demo/alpha/human/1/result.json"))

    def test_limits_are_multiplied_as_in_the_projects_sessions(self, project: Project) -> None:
        project.write("pytest.ini", "[pytest]\ntb_env = fake\ntb_timeout_multiplier = 2.5\n")
        project.dataset("demo")
        project.scenario(timeouts={"agent_s": 300, "verifier_s": 10})

        shell("", "alpha", "--minutes", "3")

        limits = json.loads((trial_folder(project) / "result.json").read_text())["limits"]
        assert (limits["verifier_s"], limits["agent_s"]) == (25.0, 180.0)

    def test_a_multiplier_that_is_none_is_refused(self, project: Project) -> None:
        project.write("pytest.ini", "[pytest]\ntb_env = fake\ntb_timeout_multiplier = twice\n")
        project.dataset("demo", "alpha")

        done = shell("", "alpha")

        assert done.exit_code == 4
        assert done.err == "terminalbench: tb_timeout_multiplier 'twice' is not a number of at least 0.01\n"

    def test_an_unknown_scenario_is_told_with_the_nearest(self, project: Project) -> None:
        project.dataset("demo", "alpha")

        done = shell("", "alhpa")

        assert (done.exit_code, done.err) == (
            4,
            "terminalbench: there is no scenario 'alhpa' (did you mean 'alpha'?); searched: demo\n",
        )

    def test_one_that_several_datasets_have_is_told_with_all(self, project: Project) -> None:
        project.dataset("demo", "alpha")
        project.dataset("other", "alpha")

        assert shell("", "alpha").err == (
            "terminalbench: several datasets have a scenario 'alpha': name one of demo/alpha, other/alpha\n"
        )
        assert shell("", "other/alpha", "--env", "fake").exit_code == 0

    def test_closed_standard_input_is_an_empty_script(self, project: Project) -> None:
        project.dataset("demo", "alpha")
        command = f"exec {sys.executable} -m pytest_terminalbench scenario shell alpha --env fake <&-"

        assert subprocess.run(["sh", "-c", command], cwd=project.path, check=False).returncode == 0

    def test_results_that_cannot_be_written_are_told(self, project: Project) -> None:
        project.dataset("demo", "alpha")
        project.write("taken", "")

        done = shell("", "alpha", "--env", "fake", "--results", "taken")

        assert done.exit_code == 4
        assert done.err.endswith(f"terminalbench: --results: {project.path}/taken cannot be written: Not a directory\n")

    @pytest.mark.parametrize("minutes", ["0", "nan", "inf"])
    def test_what_is_no_time_is_refused(self, project: Project, minutes: str) -> None:
        project.dataset("demo", "alpha")

        done = shell("", "alpha", "--minutes", minutes)

        assert (done.exit_code, done.out) == (4, "")

    def test_without_an_engine_it_says_so(self, project: Project, no_engine: str) -> None:
        project.dataset("demo", "alpha")

        done = shell("", "alpha")

        assert done.exit_code == 4
        assert "no container engine answers" in done.err

    def test_an_environment_without_terminals_says_what_to_do(self, project: Project) -> None:
        """With a terminal, which the fake environment cannot pass on."""
        project.dataset("demo", "alpha")

        with Terminal(project, "alpha", "--env", "fake") as terminal:
            assert terminal.ended() == 22
        assert "this kind of environment has no terminal; give the commands on standard input" in terminal.shown


class Terminal:
    """`terminalbench scenario shell` in a process of its own that has a terminal, and a person's hands on it."""

    def __init__(self, project: Project, *arguments: str) -> None:
        self._project = project
        self._arguments = arguments
        self.shown = ""
        self._status: int | None = None

    def __enter__(self) -> Terminal:
        command = [sys.executable, "-m", "pytest_terminalbench", "scenario", "shell", *self._arguments]
        self.pid, self._screen = pty.fork()
        if self.pid == 0:
            os.chdir(self._project.path)
            os.execv(command[0], command)
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self.close()

    def type(self, text: str) -> None:
        os.write(self._screen, text.encode())

    def wait_for(self, pattern: str) -> None:
        self._read_until(lambda: re.search(pattern, self.shown) is not None)

    def close(self) -> None:
        """Close the window."""
        if self._screen >= 0:
            os.close(self._screen)
            self._screen = -1

    def ended(self) -> int:
        """Its exit code, when it has ended."""
        if self._screen >= 0:
            self._read_until(lambda: False)
        _, status = os.waitpid(self.pid, 0)
        self._status = status
        return os.waitstatus_to_exitcode(status)

    def _read_until(self, has_come: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE_S
        while not has_come():
            assert time.monotonic() < until, self.shown
            ready, _, _ = select.select([self._screen], [], [], 1)
            try:
                data = os.read(self._screen, 1 << 16) if ready else None
            except OSError:
                data = b""  # As Linux says that the other side is gone.
            if data == b"":
                return
            self.shown += (data or b"").decode(errors="replace")


@pytest.fixture
def real(project: Project, engine: DockerEngine, machine_map: None, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose scenario runs in containers."""
    monkeypatch.setenv("DOCKER_HOST", engine.url)
    monkeypatch.setenv("TERM", "xterm")
    project.dataset("demo")
    project.scenario(environment={"image": "debian:bookworm-slim", "workdir": "/app", "env": {"COLOUR": "blue"}})
    return project


def containers(project: Project, engine: DockerEngine) -> list[str]:
    """What is left of the containers of the project's shells."""
    runs = [folder.name for folder in project.path.glob("results/by-hand-*")]
    assert runs
    return [container["Id"] for run in runs for container in engine.containers(f"{RUN_LABEL}={run}")]


@pytest.mark.docker
class TestInContainers:
    def test_a_wrong_answer_is_unsolved_and_why(self, real: Project, engine: DockerEngine) -> None:
        done = shell("pwd; echo $COLOUR; id -un\n", "alpha")

        assert (done.exit_code, done.out.splitlines()[:4]) == (
            1,
            ["/app", "blue", "root", "unsolved: 1 of 1 checks did not pass: exit code"],
        )
        assert containers(real, engine) == []

    def test_locks_that_cannot_be_had_are_not_blamed_on_the_results(
        self, real: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        machine = json.loads(machine_image_map().read_text()) if machine_image_map().is_file() else {}
        real.write("images.json", machine)
        real.scenario("never-built", environment={"build": "never-built/environment"})
        cache = real.write("../other-cache/pytest-terminalbench/locks", "").parents[1]
        monkeypatch.setenv("XDG_CACHE_HOME", str(cache))

        done = shell("", "never-built", "--image-map", "images.json")

        assert done.exit_code == 22
        assert "void: builds of images cannot be locked in " in done.err
        assert "--results" not in done.err

    def test_a_person_types_and_is_judged(self, real: Project, engine: DockerEngine) -> None:
        with Terminal(real, "alpha") as terminal:
            terminal.wait_for(r"Make an empty file /app/done")
            terminal.wait_for(r"[#$] ")
            terminal.type('touch done; echo "$COLOUR at $(tty)"\r')
            terminal.wait_for(r"blue at /dev/pts/\d")
            terminal.type("exit\r")
            assert terminal.ended() == 0

        assert re.search(r"^solved\r?$", terminal.shown, re.M)
        recorded = json.loads((trial_folder(real) / "commands.jsonl").read_text())
        assert "blue at /dev/pts/" in recorded["stdout"]
        assert containers(real, engine) == []

    def test_ctrl_c_is_for_what_runs_in_the_container(self, real: Project, engine: DockerEngine) -> None:
        with Terminal(real, "alpha") as terminal:
            terminal.wait_for(r"[#$] ")
            terminal.type("echo $((6 * 7)); sleep 1000\r")
            terminal.wait_for("42")
            terminal.type("\x03")
            terminal.wait_for(r"\^C")
            terminal.type("touch /app/done\r")
            terminal.type("exit\r")
            assert terminal.ended() == 0

    def test_a_window_that_is_closed_leaves_no_container(self, real: Project, engine: DockerEngine) -> None:
        with Terminal(real, "alpha") as terminal:
            terminal.wait_for(r"[#$] ")
            terminal.close()
            assert terminal.ended() == 130

        assert containers(real, engine) == []

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_script_that_is_interrupted_leaves_no_container(
        self, real: Project, engine: DockerEngine, number: signal.Signals
    ) -> None:
        command = [sys.executable, "-m", "pytest_terminalbench", "scenario", "shell", "alpha"]
        with subprocess.Popen(command, cwd=real.path, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdin is not None
            process.stdin.write(b"sleep 1000\n")
            process.stdin.close()
            until = time.monotonic() + PATIENCE_S
            while not list(real.path.glob("results/by-hand-*/trials/demo/alpha/human/.1.running/agent")):
                assert time.monotonic() < until
                time.sleep(0.1)
            assert containers(real, engine) != []
            process.send_signal(number)
            assert process.wait(PATIENCE_S) == 130

        assert containers(real, engine) == []
