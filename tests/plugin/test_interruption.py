"""Sessions that are told to end, engines that do not answer: what is left behind, what is said, and the exit code."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.environments.docker_engine import DockerEngine
from pytest_terminalbench.environments.owner import RUN_LABEL
from pytest_terminalbench.environments.reaper import leftovers, remove
from tests.plugin.conftest import Suite, lines_of, scripted

# Far more than any test waits: a session that ends before has not waited for its trials.
NEVER_S = 300
# A busy machine may take this long to start workers.
PATIENCE_S = 60.0


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)


class Started:
    """Pytest, started in a process of its own, with its run `mine`."""

    def __init__(self, suite: Suite, *args: str) -> None:
        self._output = suite.path / "output.txt"
        self.run = suite.path / "results" / "mine"
        with self._output.open("w") as out:
            self.process = suite.pytester.popen(
                [sys.executable, "-m", "pytest", "--tb-run-id", "mine", *args],
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )

    @property
    def events(self) -> list[dict[str, object]]:
        file = self.run / "events.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def wait_for_trials(self, count: int) -> None:
        def are_running() -> bool:
            assert self.process.poll() is None, self.output
            return sum(event["type"] == "trial-start" for event in self.events) >= count

        wait_for(are_running)

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def ended(self) -> int:
        code: int = self.process.wait(timeout=PATIENCE_S)
        return code

    @property
    def output(self) -> str:
        return self._output.read_text()


@pytest.fixture
def start() -> Iterator[Callable[..., Started]]:
    started: list[Started] = []

    def start(suite: Suite, *args: str) -> Started:
        started.append(Started(suite, *args))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


@pytest.fixture
def slow(demo: Suite) -> Suite:
    """A project whose command `linger` does not come back."""
    demo.write(
        "conftest.py",
        demo.conftest
        + f"""

import time


def linger(environment, argv):
    time.sleep({NEVER_S})


REPLIES = {{"linger": linger, **REPLIES}}
""",
    )
    return demo


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_session_that_is_told_to_end_ends_in_order(
    slow: Suite, start: Callable[..., Started], number: int, workers: str
) -> None:
    session = start(slow, "--tb-dataset", "demo", "-n", workers, "--update-baselines", *scripted("linger"))
    session.wait_for_trials(max(1, int(workers)))

    session.signal(number)

    assert session.ended() == pytest.ExitCode.INTERRUPTED, session.output
    summary = json.loads((session.run / "summary.json").read_text())
    assert (summary["cells"], summary["lost"]) == ([], [])
    assert (session.run / "report.md").is_file()
    manifest = json.loads((session.run / "manifest.json").read_text())
    assert (manifest["exit_status"], bool(manifest["finished_at"])) == (2, True)
    assert session.events[-1]["type"] == "session-end"
    running = [f"demo/{name}[scripted]" for name in ("alpha", "beta")][: max(1, int(workers))]
    assert next(event["running"] for event in session.events if event["type"] == "interrupted") == running
    told = next(line for line in session.output.splitlines() if line.startswith("interrupted while running: "))
    named = re.sub(r" \d+ s", "", told).removeprefix("interrupted while running: ").split(", ")
    assert sorted(named) == running
    assert "baselines NOT updated: 3 not run among the selected cells" in session.output.splitlines()
    assert "0 cells: 0 solved; 3 not run" in session.output.splitlines()
    assert "unused snapshot detection" not in session.output.lower()
    assert not (slow.path / "baselines").exists()


@pytest.mark.parametrize("workers", ["0", "2"])
def test_what_had_ended_before_is_kept(slow: Suite, start: Callable[..., Started], workers: str) -> None:
    slow.write(
        "conftest.py",
        (slow.path / "conftest.py").read_text()
        + """

@pytest.fixture
def tb_agent(tb_scenario):
    from pytest_terminalbench import ScriptedAgent

    return ScriptedAgent(["work" if tb_scenario.id == "alpha" else "linger"])
""",
    )
    session = start(slow, "--tb-dataset", "demo", "-n", workers)
    session.wait_for_trials(2 if workers == "0" else 3)

    session.signal(signal.SIGTERM)

    assert session.ended() == pytest.ExitCode.INTERRUPTED
    summary = json.loads((session.run / "summary.json").read_text())
    assert [(cell["cell"], cell["status"]) for cell in summary["cells"]] == [("demo/alpha[scripted]", "solved")]


# Approved as always solving; then its first trial of `alpha` fails, and of the last cell it does not come back.
UNSTEADY = """
import os
import time
from pathlib import Path

from pytest_terminalbench import AgentReport
from pytest_terminalbench.agents.base import Usage


class Unsteady:
    name = "unsteady"
    deterministic = False

    def act(self, task, environment):
        if "APPROVED" in os.environ:
            environment.run(["work"])
        elif task.scenario_id != "alpha":
            (Path.cwd() / f"in-{task.scenario_id}").touch()
            environment.run(["linger"])
        return AgentReport(usage=Usage(calls=1, cost_usd=0.25))
"""


@pytest.mark.parametrize(
    "how", [["-n", "0"], ["-n", "2"], ["--tb-concurrency", "2"]], ids=["alone", "xdist", "threads"]
)
def test_the_first_trial_of_a_cell_that_waits_for_more_is_kept(
    slow: Suite, start: Callable[..., Started], how: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow.write("unsteady.py", UNSTEADY)
    options = ["--tb-dataset", "demo", "--tb-agent", "unsteady:Unsteady"]
    monkeypatch.setenv("APPROVED", "1")
    assert slow.run_apart(*options, "--tb-attempts", "5", "--update-baselines").ret == 0
    monkeypatch.delenv("APPROVED")
    session = start(slow, *options, "--tb-attempts", "auto", *how)
    wait_for(lambda: any(event["type"] == "trial-end" for event in session.events))
    session.wait_for_trials(2)

    session.signal(signal.SIGINT)

    assert session.ended() == pytest.ExitCode.INTERRUPTED, session.output
    summary = json.loads((session.run / "summary.json").read_text())
    (alpha,) = summary["cells"]
    assert (alpha["cell"], alpha["status"]) == ("demo/alpha[unsteady]", "void")
    assert alpha["text"] == "interrupted after 1 trial, so it was not judged"
    assert (summary["cost"]["total_usd"], summary["totals"]["void"]) == (0.25, 1)
    assert summary["not_run"] == [f"demo/{name}[unsteady]" for name in ("alpha", "beta", "gamma")]
    assert summary["gate"]["verdict"] != "pass"
    assert "1 cell: 0 solved, 1 void; 2 not run" in session.output.splitlines()


def test_a_session_that_is_killed_leaves_a_journal_that_can_be_read(slow: Suite, start: Callable[..., Started]) -> None:
    session = start(slow, "--tb-dataset", "demo", *scripted("linger"))
    session.wait_for_trials(1)

    session.signal(signal.SIGKILL)

    assert session.ended() == -signal.SIGKILL
    assert [event["type"] for event in session.events] == ["session-start", "trial-start"]
    assert sorted(path.name for path in (session.run / "trials/demo/alpha/scripted").iterdir()) == [".1.running"]


@pytest.mark.parametrize("name", ["test_two", "test_two[alpha]"])
def test_interrupted_in_a_test_of_the_users_own_the_session_ends_in_order(demo: Suite, name: str) -> None:
    """It is no cell, whatever its id looks like."""
    mark = "@pytest.mark.parametrize('name', ['alpha'])" if "[" in name else ""
    arguments = "name" if mark else ""
    demo.write(
        "tests/test_mine.py", f"import pytest\n\n{mark}\ndef test_two({arguments}):\n    raise KeyboardInterrupt\n"
    )

    done = demo.run_apart("--tb-dataset", "demo", "tests/test_mine.py")

    assert done.ret == pytest.ExitCode.INTERRUPTED
    assert "terminalbench: demo==1.0; agent oracle; run" in done.stdout.str()
    assert "0 cells: 0 solved; 3 not run" in done.outlines
    assert done.stderr.str() == ""


def test_sigterm_is_left_alone_where_no_scenario_runs(demo: Suite) -> None:
    demo.pytester.makepyfile(
        test_mine="""
        import signal

        def test_one():
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        """
    )

    demo.run_apart("test_mine.py").assert_outcomes(passed=1)


def test_after_a_session_sigterm_means_what_it_did(demo: Suite) -> None:
    before = signal.getsignal(signal.SIGTERM)

    demo.run("--tb-dataset", "demo").assert_outcomes(passed=3)

    assert signal.getsignal(signal.SIGTERM) is before


# -- containers ------------------------------------------------------------------------------------------------------


@pytest.fixture
def sleepers(real: Suite) -> Suite:
    """A project with three scenarios of one container each, and an agent that sleeps in it."""
    real.dataset("demo")
    for name in ("alpha", "beta", "gamma"):
        real.scenario(
            name,
            environment={"image": "debian:bookworm-slim", "memory_mb": 64},
            timeouts={"agent_s": NEVER_S, "verifier_s": 10},
        )
    return real


def containers(engine: DockerEngine, run: str) -> list[str]:
    return [container["Id"] for container in engine.containers(f"{RUN_LABEL}={run}")]


@pytest.fixture
def run_id(engine: DockerEngine, tmp_path: Path) -> Iterator[str]:
    """A name for a run that no other test has; what is left of it is removed."""
    name = f"test-{os.getpid()}-{tmp_path.name}"
    yield name
    remove(engine, leftovers(engine, run_id=name))


@pytest.mark.docker
@pytest.mark.parametrize(
    ("number", "how", "at_a_time"),
    [
        (signal.SIGINT, "-n0", 1),
        (signal.SIGTERM, "-n0", 1),
        (signal.SIGTERM, "-n2", 2),
        (signal.SIGINT, "--tb-concurrency=2", 2),
        (signal.SIGTERM, "--tb-concurrency=2", 2),
    ],
)
def test_no_container_is_left(
    sleepers: Suite,
    start: Callable[..., Started],
    engine: DockerEngine,
    run_id: str,
    number: int,
    how: str,
    at_a_time: int,
) -> None:
    session = start(sleepers, "--tb-dataset", "demo", how, "--tb-run-id", run_id, *scripted(f"sleep {NEVER_S}"))
    session.run = sleepers.path / "results" / run_id
    session.wait_for_trials(at_a_time)
    wait_for(lambda: len(containers(engine, run_id)) >= at_a_time)

    session.signal(number)

    assert session.ended() == pytest.ExitCode.INTERRUPTED, session.output
    assert containers(engine, run_id) == []


@pytest.mark.docker
def test_a_test_of_the_users_own_leaves_no_container_either(
    real: Suite, start: Callable[..., Started], engine: DockerEngine, run_id: str
) -> None:
    real.pytester.makepyfile(
        test_mine=f"""
        from pathlib import Path

        def test_one(tb_environment):
            with tb_environment("debian:bookworm-slim") as environment:
                Path("started").touch()
                environment.run(["sleep", "{NEVER_S}"], timeout_s={NEVER_S})
        """
    )
    session = start(real, "--tb-run-id", run_id, "test_mine.py")
    wait_for((real.path / "started").exists)
    assert len(containers(engine, run_id)) == 1

    session.signal(signal.SIGTERM)

    assert session.ended() == pytest.ExitCode.INTERRUPTED, session.output
    assert containers(engine, run_id) == []


class OneRun:
    """The engine as if it had the containers of one run only: a test sweeps nobody else's."""

    def __init__(self, engine: DockerEngine, run: str) -> None:
        self._run = run
        self.remove = engine.remove
        self.images = engine.images
        self.remove_image = engine.remove_image
        self._engine = engine

    def containers(self, label: str) -> list[dict[str, Any]]:
        assert label == RUN_LABEL
        return self._engine.containers(f"{label}={self._run}")


@pytest.mark.docker
def test_the_container_of_a_killed_session_is_an_orphan_and_swept(
    sleepers: Suite, start: Callable[..., Started], engine: DockerEngine, run_id: str
) -> None:
    session = start(sleepers, "scenarios/demo/alpha.json", "--tb-run-id", run_id, *scripted(f"sleep {NEVER_S}"))
    session.run = sleepers.path / "results" / run_id
    session.wait_for_trials(1)
    left = containers(engine, run_id)

    session.signal(signal.SIGKILL)
    session.ended()

    assert len(left) == 1
    assert containers(engine, run_id) == left
    orphans = [container for container in leftovers(OneRun(engine, run_id)) if container.is_orphan]
    assert remove(engine, orphans) == left
    assert containers(engine, run_id) == []


@pytest.mark.docker
def test_a_scenario_runs_in_a_container_and_leaves_none(sleepers: Suite, engine: DockerEngine, run_id: str) -> None:
    (sleepers.path / "scenarios/demo/alpha/tests/test.sh").write_text("#!/bin/sh\ntest -e /app/done\n")
    only = ["--tb-dataset", "demo", "-k", "alpha", "--tb-run-id", run_id]

    sleepers.run_apart(*only, *scripted("touch done")).assert_outcomes(passed=1)

    assert containers(engine, run_id) == []


@pytest.mark.docker
def test_the_containers_of_killed_workers_are_removed_while_the_session_runs_or_at_its_end(
    sleepers: Suite, engine: DockerEngine, run_id: str
) -> None:
    sleepers.write(
        "conftest.py",
        """
        import os
        import signal

        import pytest

        @pytest.fixture
        def tb_agent():
            class Deadly:
                def act(self, task, environment):
                    os.kill(os.getpid(), signal.SIGKILL)

            return Deadly()
        """,
    )

    sleepers.run_apart("scenarios/demo/alpha.json", "-n", "1", "--tb-run-id", run_id)

    assert sleepers.statuses == {"demo/alpha[tb_agent]": "void"}
    events = [json.loads(line) for line in (sleepers.latest / "events.jsonl").read_text().splitlines()]
    assert sum(event.get("removed_containers", 0) for event in events) == 2
    assert containers(engine, run_id) == []


# -- no engine -------------------------------------------------------------------------------------------------------


UNREACHABLE = """
ERROR: no container engine answers; tried
  unix:///nonexistent (DOCKER_HOST): no such socket
Start your Docker or Podman service, or point DOCKER_HOST at an engine; `terminalbench docs no-engine-answers` says how
"""


@pytest.fixture
def no_engine(demo: Suite, monkeypatch: pytest.MonkeyPatch) -> Suite:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent")
    demo.pytester.makeini("[pytest]\n")
    return demo


@pytest.mark.parametrize("args", [[], ["-n", "2"]], ids=["alone", "xdist"])
@pytest.mark.parametrize("place", ["--tb-dataset=demo", "scenarios/demo", "scenarios/demo/alpha.json", "scenarios"])
def test_without_an_engine_there_is_one_message_and_exit_code_4(no_engine: Suite, place: str, args: list[str]) -> None:
    done = no_engine.run_apart(place, *args)

    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert [line for line in done.errlines if line] == UNREACHABLE.strip().splitlines()
    assert not (no_engine.path / "results").exists()


def test_nothing_is_collected_before_that_message(no_engine: Suite) -> None:
    """Ten thousand scenarios take their seconds."""
    no_engine.write("scenarios/demo/zeta.json", "broken")

    done = no_engine.run("--tb-dataset", "demo")

    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert not [line for line in done.outlines if "collect" in line or "zeta" in line]


@pytest.mark.parametrize("option", ["--collect-only", "--setup-plan"])
def test_collecting_needs_no_engine(no_engine: Suite, option: str) -> None:
    assert no_engine.run("--tb-dataset", "demo", option).ret == pytest.ExitCode.OK


def test_where_the_user_supplies_environments_no_engine_is_asked_for(no_engine: Suite) -> None:
    no_engine.run("--tb-dataset", "demo", "-o", "tb_preflight=false").assert_outcomes(passed=3)


def test_an_engine_that_is_gone_when_a_cell_starts_makes_it_void(no_engine: Suite) -> None:
    (no_engine.path / "conftest.py").unlink()

    done = no_engine.run_apart("--tb-dataset", "demo", "-o", "tb_preflight=false")

    done.assert_outcomes(errors=3)
    assert done.ret == 22
    assert set(no_engine.statuses.values()) == {"void"}
    assert no_engine.result("alpha")["phase"] == "start"
    assert lines_of(done, "alpha: void in phase start: no container engine answers; tried")
