"""Whole trials in real containers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_terminalbench.agents.base import AgentReport, Task
from pytest_terminalbench.agents.nop import Nop
from pytest_terminalbench.agents.oracle import Oracle
from pytest_terminalbench.agents.scripted import ScriptedAgent
from pytest_terminalbench.environments.base import Environment
from pytest_terminalbench.environments.docker_engine import DockerEngine
from pytest_terminalbench.environments.owner import RUN_LABEL
from pytest_terminalbench.outcome import Phase, Solved, Unsolved, Void
from pytest_terminalbench.trials.result import SnapshotFacts
from tests.engine.conftest import TryOut

pytestmark = pytest.mark.docker


@pytest.mark.parametrize("isolation", ["same", "fresh"])
class TestBothWays:
    def test_the_oracle_solves_and_doing_nothing_does_not(self, try_out: TryOut, isolation: str) -> None:
        outcomes = [try_out(agent, verifier={"isolation": isolation}).outcome for agent in (Oracle(), Nop())]

        assert outcomes == [Solved(), Unsolved(reason="1 of 1 checks did not pass: exit code")]

    def test_the_verifier_does_not_see_what_is_ignored(self, try_out: TryOut, isolation: str) -> None:
        tests = {
            "test.sh": "#!/bin/sh\nset -e\ntest ! -e .test.sh.swp\ntest ! -e old.log\ntest -e data/kept\n",
            "data/kept": "1",
            "old.log": "x",
            ".gitignore": "*.log\n",
            ".test.sh.swp": "x",
        }

        assert try_out(Nop(), tests=tests, verifier={"isolation": isolation}).outcome == Solved()

    def test_no_container_stays_behind(
        self, try_out: TryOut, isolation: str, engine: DockerEngine, run_id: str
    ) -> None:
        try_out(Oracle(), verifier={"isolation": isolation})

        assert engine.containers(f"{RUN_LABEL}={run_id}") == []

    def test_who_ran_out_of_memory_is_told_so(self, try_out: TryOut, isolation: str) -> None:
        result = try_out(
            ScriptedAgent(["python3 -c 'bytearray(200 << 20)'"]),
            verifier={"isolation": isolation},
            environment={"memory_mb": 64},
        )

        assert result.limits_hit == ("memory_mb",)
        assert result.outcome == Unsolved(
            reason="1 of 1 checks did not pass: exit code; out of memory: 1 process killed at memory_mb = 64"
        )

    def test_who_ran_out_of_processes_is_told_so(self, try_out: TryOut, isolation: str) -> None:
        result = try_out(
            ScriptedAgent(["for i in $(seq 40); do sleep 200 >/dev/null 2>&1 & done"]),
            verifier={"isolation": isolation},
            environment={"pids": 32},
        )

        assert result.limits_hit == ("pids",)
        assert result.outcome == Unsolved(
            reason="1 of 1 checks did not pass: exit code; out of processes: the limit pids = 32 was hit"
        )

    def test_who_ran_out_of_time_is_judged(self, try_out: TryOut, isolation: str) -> None:
        late = ScriptedAgent(["touch /app/done; echo begun; sleep 100"])
        result = try_out(late, verifier={"isolation": isolation}, timeouts={"agent_s": 1})

        assert result.outcome == Solved(reason="the agent ran out of time (agent_s = 1 s)")
        assert result.limits_hit == ("agent_s",)

    def test_the_tests_are_not_there_while_the_agent_acts(self, try_out: TryOut, isolation: str) -> None:
        spy = ScriptedAgent(["! ls -d /tests /solution /logs && touch /app/done"])

        assert try_out(spy, verifier={"isolation": isolation}).outcome == Solved()

    def test_another_user_can_be_the_agent(self, try_out: TryOut, isolation: str) -> None:
        """The verifier is root all the same."""
        result = try_out(
            ScriptedAgent(["id -un > /tmp/who; sleep 50"], command_timeout_s=0.3),
            tests={"test.sh": "#!/bin/sh\ntest $(cat /tmp/who)/$(id -un) = nobody/root && ! pgrep -f 'sleep 50'\n"},
            verifier={"isolation": isolation, **({"collect": ["/tmp/who"]} if isolation == "fresh" else {})},
            environment={"user": "nobody", "workdir": "/tmp"},
        )

        assert result.outcome == Solved()


def test_what_the_agent_deleted_stays_deleted_in_a_fresh_container(try_out: TryOut) -> None:
    """And what it did elsewhere is not seen there."""
    result = try_out(
        ScriptedAgent(["rm -r /etc/apt/trusted.gpg.d; touch /etc/apt/mine /usr/mine"]),
        tests={
            "test.sh": "#!/bin/sh\ntest ! -e /etc/apt/trusted.gpg.d && test -e /etc/apt/mine && test ! -e /usr/mine\n"
        },
        verifier={"isolation": "fresh", "collect": ["/etc/apt"]},
    )

    assert result.outcome == Solved()


CHECKS_FILES = """#!/bin/sh
test "$(stat -c '%U %a' /app/owned)" = 'nobody 4750' && test "$(readlink /app/link)" = /etc/hostname \
  && test "$(stat -c %h /app/owned)" = 2 && test "$(stat -c %U /app/empty)" = daemon
"""


def test_owners_modes_and_links_reach_the_fresh_container(try_out: TryOut) -> None:
    """By way of the snapshot, which is all that is judged."""
    files = "echo x > owned; chown nobody owned; chmod 4750 owned; ln owned hard; ln -s /etc/hostname link"
    result = try_out(
        ScriptedAgent([f"cd /app; {files}; mkdir empty; chown daemon empty"]),
        tests={"test.sh": CHECKS_FILES},
        verifier={"isolation": "fresh"},
    )

    assert result.outcome == Solved()
    assert result.snapshot == SnapshotFacts(kept=True)


def test_what_is_too_large_for_a_snapshot_is_judged_all_the_same(
    try_out: TryOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_terminalbench.trials.snapshot.MAX_BYTES_READ", 10 << 20)

    result = try_out(ScriptedAgent(["truncate -s 20M /app/done"]), verifier={"isolation": "fresh"})

    assert result.outcome == Solved()
    assert result.snapshot is not None
    assert not result.snapshot.kept


def test_a_path_that_the_agent_removed_is_removed_in_the_fresh_container(try_out: TryOut) -> None:
    result = try_out(
        ScriptedAgent(["rm -rf /app"]),
        tests={"test.sh": "#!/bin/sh\ntest ! -e /app\n"},
        verifier={"isolation": "fresh", "collect": ["/app"]},
    )

    assert result.outcome == Solved()


def test_a_kept_service_is_judged_while_it_runs(try_out: TryOut) -> None:
    service = (
        "cat > /app/serve.py <<'END'\nimport time\ntime.sleep(200)\nEND\nsetsid python3 /app/serve.py >/dev/null 2>&1 &"
    )
    result = try_out(
        ScriptedAgent([service, "setsid sleep 100 >/dev/null 2>&1 &", "sleep 0.3"]),
        tests={"test.sh": "#!/bin/sh\npgrep -f serve.py && ! pgrep -f 'sleep 100'\n"},
        verifier={"isolation": "same", "keep": ["serve.py"]},
    )

    assert result.outcome == Solved()


def test_more_than_can_be_collected_is_an_answer(try_out: TryOut, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_terminalbench.environments.docker_environment.MAX_COPY_BYTES", 10 << 20)

    result = try_out(ScriptedAgent(["truncate -s 1T /app/huge"]), verifier={"isolation": "fresh"})

    assert result.outcome == Unsolved(reason="/app holds more than 10 MiB; collect less of it")


def test_a_container_that_somebody_removes_is_void_and_tried_again(try_out: TryOut, tmp_path: Path) -> None:
    result = try_out(Unlucky(times=1))

    first = json.loads((tmp_path / "run/trials/demo/make-it/unlucky/1.void1/result.json").read_text())
    assert (first["outcome"], first["phase"]) == ("void", "agent")
    assert first["folder"] == "trials/demo/make-it/unlucky/1.void1"
    assert (result.outcome, len(result.retries)) == (Solved(), 1)


def test_a_container_that_is_removed_again_is_void(try_out: TryOut) -> None:
    result = try_out(Unlucky(times=2))

    assert isinstance(result.outcome, Void)
    assert (result.outcome.phase, result.outcome.transient, len(result.retries)) == (Phase.AGENT, True, 1)


class Unlucky:
    """Does its work, but somebody removes its container from outside the first `times` times."""

    name = "unlucky"
    deterministic = True
    left = 0

    def __init__(self, times: int = 0) -> None:
        type(self).left = max(times, type(self).left)

    def act(self, task: Task, environment: Environment) -> AgentReport:
        environment.run(["touch", "/app/done"])
        if type(self).left:
            type(self).left -= 1
            getattr(environment, "_environment").close()  # noqa: B009  # As by an operator with `docker rm -f`.
            environment.run(["true"])
        return AgentReport()
