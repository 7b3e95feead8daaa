"""What the scheduler asks the engine for, and when it gives it back."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.environments.docker import ContainerRequest, DockerEngine, DockerEnvironment
from pytest_terminalbench.environments.docker_provider import EnvironmentLease, Scheduler, SchedulerSettings
from pytest_terminalbench.environments.images import Image
from pytest_terminalbench.environments.owner import RUN_LABEL
from tests.scenario_files import a_scenario

IMAGE = Image(reference="img:1", recipe="sha256:1", build_s=0.0, built=False)


class Recorded(DockerEnvironment):
    """A container that was asked for, and never made."""

    closed = False

    def close(self) -> None:
        self.closed = True


class RecordingEngine(DockerEngine):
    """Remembers what was asked of it."""

    def __init__(self) -> None:
        super().__init__("unix:///nowhere")
        self.requests: list[ContainerRequest] = []

    def start(self, request: ContainerRequest) -> Recorded:
        self.requests.append(request)
        return Recorded(self, f"c{len(self.requests)}", lifetime_s=request.lifetime_s, pids=request.pids)

    def image(self, reference: str) -> dict[str, Any]:
        return {"Id": reference}


class Recording(Scheduler):
    @cached_property
    def engine(self) -> RecordingEngine:
        return RecordingEngine()


def a_scheduler(tmp_path: Path, **changes: Any) -> Recording:
    facts = {"engine_url": "unix:///nowhere", "run_id": "run-1", "locks": tmp_path / "locks"}
    return Recording(SchedulerSettings(**{**facts, **changes}))


def test_a_container_is_asked_for_as_the_scenario_says(tmp_path: Path) -> None:
    scheduler = a_scheduler(tmp_path)
    environment = {
        "workdir": "/srv",
        "env": {"A": "b"},
        "user": "nobody",
        "cpus": 0.5,
        "memory_mb": 64,
        "pids": 32,
        "network": "bridge",
        "platform": "linux/arm64",
    }
    scheduler.start(a_scenario(tmp_path, environment=environment, timeouts={"agent_s": 10, "verifier_s": 5}), IMAGE)

    (request,) = scheduler.engine.requests
    labels = dict(request.labels)
    assert labels.pop(RUN_LABEL) == "run-1"
    assert len(labels) == 2
    assert request == ContainerRequest(
        image="img:1",
        # The limits of agent and verifier, and three minutes for all that is around them.
        lifetime_s=195,
        workdir="/srv",
        env={"A": "b"},
        user="nobody",
        cpus=0.5,
        memory_mb=64,
        pids=32,
        network="bridge",
        platform="linux/arm64",
        labels=request.labels,
    )


@pytest.mark.parametrize("asked", ["none", "bridge"])
def test_the_session_can_force_every_container_off_the_network(tmp_path: Path, asked: str) -> None:
    scheduler = a_scheduler(tmp_path, network="none")
    scheduler.start(a_scenario(tmp_path, environment={"network": asked}), IMAGE)
    with scheduler.environment("debian:12", network=asked):
        pass

    assert [request.network for request in scheduler.engine.requests] == ["none", "none"]


def test_longer_limits_mean_a_longer_life(tmp_path: Path) -> None:
    scheduler = a_scheduler(tmp_path, timeout_multiplier=3.0)
    scheduler.start(a_scenario(tmp_path, timeouts={"agent_s": 10, "verifier_s": 5}), IMAGE)

    assert scheduler.engine.requests[0].lifetime_s == 225


class TestLease:
    def test_the_first_environment_is_started_ahead_and_used_once(self, tmp_path: Path) -> None:
        lease = a_scheduler(tmp_path).lease(a_scenario(tmp_path))

        with lease() as first, lease() as second:
            assert [first.container, second.container] == ["c1", "c2"]

    def test_environments_are_closed_after_use(self, tmp_path: Path) -> None:
        lease = a_scheduler(tmp_path).lease(a_scenario(tmp_path))

        with pytest.raises(RuntimeError), lease() as environment:
            raise RuntimeError
        assert isinstance(environment, Recorded)
        assert environment.closed

    def test_one_that_was_never_used_is_closed_with_the_lease(self, tmp_path: Path) -> None:
        scheduler = a_scheduler(tmp_path)
        lease = EnvironmentLease(scheduler, a_scenario(tmp_path), IMAGE)
        lease.prepare()
        ready = lease._ready
        lease.close()
        lease.close()

        assert isinstance(ready, Recorded)
        assert ready.closed

    def test_kept_containers_stay(self, tmp_path: Path) -> None:
        scheduler = a_scheduler(tmp_path, keep_containers=True)
        with scheduler.lease(a_scenario(tmp_path))() as environment:
            pass

        assert isinstance(environment, Recorded)
        assert not environment.closed
        assert scheduler.sweep() == []
