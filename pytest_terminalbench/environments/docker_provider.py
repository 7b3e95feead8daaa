"""Containers of a Docker (or Podman) engine: one image and its limits for each scenario."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from pytest_terminalbench.environments.docker_engine import ContainerRequest, DockerEngine
from pytest_terminalbench.environments.docker_environment import DockerEnvironment
from pytest_terminalbench.environments.endpoint import find_endpoint
from pytest_terminalbench.environments.engine_errors import engine_errors
from pytest_terminalbench.environments.images import Image, Images
from pytest_terminalbench.environments.owner import Ownership
from pytest_terminalbench.environments.provider import ProviderSettings
from pytest_terminalbench.environments.reaper import leftovers, remove
from pytest_terminalbench.errors import EnvironmentFailure, ImageUnavailable
from pytest_terminalbench.limits import Limits
from pytest_terminalbench.scenarios.container import ContainerScenario, with_container
from pytest_terminalbench.scenarios.model import Scenario

__all__ = ["DockerProvider", "PreparedContainers"]

# A container in a user's own test, where no limits say how long it may live.
ORDINARY_LIFETIME_S = 3600


class DockerProvider:
    """One process's access to the engine, see `Provider`; `locks` is where processes wait for each other's builds."""

    kind = "docker"

    def __init__(self, settings: ProviderSettings, *, locks: Path | None = None) -> None:
        self._settings = settings
        self._locks = locks or default_locks()
        self._ownership = Ownership(settings.run_id)
        self._engine_url = settings.engine_url
        self._is_stopped = False

    # -- the engine --------------------------------------------------------------------------------------------------

    @property
    def engine_url(self) -> str | None:
        """The engine's address; None while nobody has asked for an engine."""
        return self._engine_url

    @cached_property
    def engine(self) -> DockerEngine:
        """Raises EngineUnreachable where none answers."""
        self._engine_url = self._engine_url or find_endpoint().url
        return DockerEngine(self._engine_url)

    def check(self) -> None:
        _ = self.engine

    @cached_property
    def images(self) -> Images:
        return Images(self.engine, self._settings.image_map, self._locks)

    @cached_property
    def platform(self) -> str:
        """The engine's own, ``os/architecture``."""
        with engine_errors("ask for the version"):
            version = self.engine.api.version()
        return f"{version.get('Os', 'linux')}/{version.get('Arch', '?')}"

    # -- containers --------------------------------------------------------------------------------------------------

    def prepare(self, scenario: Scenario, limits: Limits) -> PreparedContainers:
        contained = with_container(scenario)
        image = self.images.ensure(contained, build_s=limits.build_s)
        platform = self.platform
        return PreparedContainers(image, platform, start=lambda: self._start(contained, image, limits), end=self._end)

    def _start(self, scenario: ContainerScenario, image: Image, limits: Limits) -> DockerEnvironment:
        spec = scenario.spec.environment
        request = ContainerRequest(
            image=image.reference,
            lifetime_s=limits.lifetime_s,
            workdir=spec.workdir,
            env=spec.env,
            user=spec.user,
            cpus=spec.cpus,
            memory_mb=spec.memory_mb,
            pids=spec.pids,
            network=self._settings.network or spec.network,
            platform=spec.platform,
            labels=self._ownership.labels(lifetime_s=limits.lifetime_s),
        )
        try:
            return self._start_container(request)
        except ImageUnavailable:
            # Somebody has removed it since it was seen there: while no container is made of it, it is in nobody's use.
            again = self.images.ensure_again(scenario, build_s=limits.build_s)
        if again.recipe != image.recipe:
            raise ImageUnavailable(
                f"the image of {scenario.id} was removed while the session ran, and what its name stands for now is "
                f"another ({again.recipe}, no longer {image.recipe}); run the session again"
            )
        return self._start_container(replace(request, image=again.reference))

    @contextmanager
    def environment(self, image: str, *, network: str = "none", memory_mb: int = 1024) -> Iterator[DockerEnvironment]:
        """A container of any image, see `ImageProvider`."""
        environment = self._start_container(
            ContainerRequest(
                image=self.images.ensure_name(image),
                lifetime_s=ORDINARY_LIFETIME_S,
                network=self._settings.network or network,
                memory_mb=memory_mb,
                labels=self._ownership.labels(lifetime_s=ORDINARY_LIFETIME_S),
            )
        )
        try:
            yield environment
        finally:
            self._end(environment)

    def _start_container(self, request: ContainerRequest) -> DockerEnvironment:
        if self._is_stopped:
            raise EnvironmentFailure("the session ended before the environment was started")
        return self.engine.start(request)

    def _end(self, environment: DockerEnvironment) -> None:
        if not self._settings.keep_containers:
            environment.close()

    # -- the session's end -------------------------------------------------------------------------------------------

    def stop(self) -> None:
        self._is_stopped = True

    def sweep(self, *, orphans_only: bool = False) -> list[str]:
        """Remove what is left, see `Provider.sweep`; where nobody has asked for an engine, nothing can be."""
        if self._settings.keep_containers or self._engine_url is None:
            return []
        containers = leftovers(self.engine, run_id=self._settings.run_id)
        return remove(self.engine, [container for container in containers if container.is_orphan or not orphans_only])


class PreparedContainers:
    """Containers of one scenario, see `Prepared`; raises EnvironmentFailure where the first does not start."""

    def __init__(
        self,
        image: Image,
        platform: str,
        *,
        start: Callable[[], DockerEnvironment],
        end: Callable[[DockerEnvironment], None],
    ) -> None:
        self.recipe = image.recipe
        self.platform: str | None = platform
        self.build_s = image.build_s
        self._start = start
        self._end = end
        began = time.monotonic()
        # Taken by `pop`, which gives it to one thread only.
        self._first = [start()]
        self.start_s = time.monotonic() - began

    @contextmanager
    def __call__(self) -> Iterator[DockerEnvironment]:
        environment = self._take_first() or self._start()
        try:
            yield environment
        finally:
            self._end(environment)

    def close(self) -> None:
        """Remove an environment that was prepared and never used."""
        environment = self._take_first()
        if environment is not None:
            self._end(environment)

    def _take_first(self) -> DockerEnvironment | None:
        try:
            return self._first.pop()
        except IndexError:
            return None


def default_locks() -> Path:
    """Where processes of this machine wait for each other's builds."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pytest-terminalbench" / "locks"
