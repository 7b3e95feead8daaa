"""What the provider of containers asks the engine for, and when it gives it back."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.environments.docker_engine import ContainerRequest, DockerEngine
from pytest_terminalbench.environments.docker_environment import DockerEnvironment
from pytest_terminalbench.environments.docker_provider import DockerProvider, PreparedContainers
from pytest_terminalbench.environments.image_map import ImageMap
from pytest_terminalbench.environments.images import Image, Images
from pytest_terminalbench.environments.owner import RUN_LABEL
from pytest_terminalbench.environments.provider import ProviderSettings
from pytest_terminalbench.errors import EngineUnreachable, EnvironmentFailure, ImageUnavailable
from pytest_terminalbench.limits import Limits
from pytest_terminalbench.scenarios.model import Scenario
from tests.scenario_files import a_scenario

LIMITS = Limits(build_s=1, agent_s=10, verifier_s=5)


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
        self.started: list[Recorded] = []

    def start(self, request: ContainerRequest) -> Recorded:
        self.requests.append(request)
        self.started.append(Recorded(self, f"c{len(self.requests)}", lifetime_s=request.lifetime_s, pids=request.pids))
        return self.started[-1]

    def image(self, reference: str) -> dict[str, Any]:
        return {"Id": reference, "RepoDigests": [f"{reference}@sha256:1"]}


class RecordingProvider(DockerProvider):
    platform = "linux/amd64"

    @cached_property
    def engine(self) -> RecordingEngine:
        return RecordingEngine()


def a_provider(tmp_path: Path, **changes: Any) -> RecordingProvider:
    settings = ProviderSettings(**{"engine_url": "unix:///nowhere", "run_id": "run-1", **changes})
    return RecordingProvider(settings, locks=tmp_path / "locks")


def prepared(provider: DockerProvider, folder: Path, **environment: Any) -> PreparedContainers:
    return provider.prepare(a_scenario(folder, environment={"image": "img:1", **environment}), LIMITS)


def test_a_container_is_asked_for_as_the_scenario_says(tmp_path: Path) -> None:
    provider = a_provider(tmp_path)
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
    prepared(provider, tmp_path, **environment)

    (request,) = provider.engine.requests
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


class BuiltImages(Images):
    """Tells by the recipe how long a build may take."""

    def ensure(self, scenario: Scenario, *, build_s: float) -> Image:
        return Image(reference=scenario.id, recipe=f"within {build_s:g} s", build_s=2.0, built=True)


class ProviderOfBuiltImages(RecordingProvider):
    @cached_property
    def images(self) -> BuiltImages:
        return BuiltImages(self.engine, ImageMap(), Path())


@pytest.mark.parametrize("asked", ["none", "bridge"])
def test_the_session_can_force_every_container_off_the_network(tmp_path: Path, asked: str) -> None:
    provider = a_provider(tmp_path, network="none")
    prepared(provider, tmp_path, network=asked)
    with provider.environment("debian:12", network=asked):
        pass

    assert [request.network for request in provider.engine.requests] == ["none", "none"]


def test_longer_limits_mean_a_longer_life_and_a_longer_build(tmp_path: Path) -> None:
    provider = ProviderOfBuiltImages(ProviderSettings(engine_url="unix:///nowhere", run_id="run-1"), locks=tmp_path)
    limits = Limits(build_s=7, agent_s=30, verifier_s=15, wait_s=60)

    containers = provider.prepare(a_scenario(tmp_path), limits)

    assert provider.engine.requests[0].lifetime_s == 285
    assert (containers.recipe, containers.build_s) == ("within 7 s", 2.0)


class ForgetfulEngine(RecordingEngine):
    """Has lost an image that it was seen to have, until it is pulled again."""

    def __init__(self) -> None:
        super().__init__()
        self.lost: set[str] = set()
        self.digest = "sha256:1"
        self.looks = 0

    def start(self, request: ContainerRequest) -> Recorded:
        if request.image in self.lost:
            raise ImageUnavailable(f"start a container of {request.image}: No such image: {request.image}")
        return super().start(request)

    def image(self, reference: str) -> dict[str, Any]:
        """It is looked for when it has been brought back."""
        self.looks += 1
        self.lost.discard(reference)
        return {"Id": reference, "RepoDigests": [f"{reference}@{self.digest}"]}


class ProviderOfAForgetfulEngine(RecordingProvider):
    @cached_property
    def engine(self) -> ForgetfulEngine:
        return ForgetfulEngine()


def a_forgetful_provider(tmp_path: Path) -> ProviderOfAForgetfulEngine:
    return ProviderOfAForgetfulEngine(ProviderSettings(engine_url="unix:///nowhere", run_id="run-1"), locks=tmp_path)


def test_an_image_that_was_removed_meanwhile_is_had_again(tmp_path: Path) -> None:
    """As `images prune` removes one that is old, and of which no container is made."""
    provider = a_forgetful_provider(tmp_path)
    containers = prepared(provider, tmp_path)
    provider.engine.lost.add("img:1")

    with containers() as first, containers() as second:
        assert [first.container, second.container] == ["c1", "c2"]

    provider.engine.lost.add("img:1")
    assert prepared(provider, tmp_path).start_s >= 0


def test_an_image_that_is_there_is_looked_for_once(tmp_path: Path) -> None:
    provider = a_forgetful_provider(tmp_path)
    prepared(provider, tmp_path)
    looks = provider.engine.looks
    prepared(provider, tmp_path)

    assert provider.engine.looks == looks


def test_another_image_of_the_same_name_does_not_take_its_place(tmp_path: Path) -> None:
    """What the session has recorded would not be true of it."""
    provider = a_forgetful_provider(tmp_path)
    containers = prepared(provider, tmp_path)
    provider.engine.lost.add("img:1")
    provider.engine.digest = "sha256:2"

    with containers(), pytest.raises(ImageUnavailable, match=r"another \(sha256:2, no longer sha256:1\)"), containers():
        pass


def test_nothing_is_started_after_the_end(tmp_path: Path) -> None:
    provider = a_provider(tmp_path)
    containers = prepared(provider, tmp_path)
    provider.stop()

    with containers():
        # This one was started before.
        pass
    with pytest.raises(EnvironmentFailure, match="the session ended"), containers():
        pass
    with pytest.raises(EnvironmentFailure, match="the session ended"), provider.environment("debian:12"):
        pass
    with pytest.raises(EnvironmentFailure, match="the session ended"):
        prepared(provider, tmp_path)
    assert len(provider.engine.requests) == 1


def test_without_an_engine_the_check_says_what_was_tried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    provider = DockerProvider(ProviderSettings(run_id="run-1"))

    with pytest.raises(EngineUnreachable, match="no container engine answers"):
        provider.check()
    # Nobody has asked an engine for anything, so nothing can be left on one.
    assert (provider.engine_url, provider.sweep()) == (None, [])


class TestPrepared:
    def test_it_says_what_its_containers_are_made_of(self, tmp_path: Path) -> None:
        containers = prepared(a_provider(tmp_path), tmp_path)

        assert (containers.recipe, containers.platform, containers.build_s) == ("sha256:1", "linux/amd64", 0.0)

    def test_the_first_environment_is_started_ahead_and_used_once(self, tmp_path: Path) -> None:
        provider = a_provider(tmp_path)
        containers = prepared(provider, tmp_path)
        assert len(provider.engine.requests) == 1

        with containers() as first, containers() as second:
            assert [first.container, second.container] == ["c1", "c2"]

    def test_environments_are_closed_after_use(self, tmp_path: Path) -> None:
        containers = prepared(a_provider(tmp_path), tmp_path)

        with pytest.raises(RuntimeError), containers() as environment:
            raise RuntimeError
        assert isinstance(environment, Recorded)
        assert environment.closed

    def test_one_that_was_never_used_is_closed_with_the_rest(self, tmp_path: Path) -> None:
        provider = a_provider(tmp_path)
        containers = prepared(provider, tmp_path)
        containers.close()
        containers.close()

        (first,) = provider.engine.started
        assert first.closed

    def test_kept_containers_stay(self, tmp_path: Path) -> None:
        provider = a_provider(tmp_path, keep_containers=True)
        with prepared(provider, tmp_path)() as environment:
            pass

        assert isinstance(environment, Recorded)
        assert not environment.closed
        assert provider.sweep() == []
