"""Hands out environments. Fixtures only ever ask here, so that who runs what where can change behind it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pytest_terminalbench.environments.docker import ContainerRequest, DockerEngine, DockerEnvironment, engine_errors
from pytest_terminalbench.environments.images import Image, ImageMap, Images
from pytest_terminalbench.environments.owner import Ownership
from pytest_terminalbench.environments.reaper import leftovers, remove
from pytest_terminalbench.errors import EnvironmentFailure
from pytest_terminalbench.scenarios.container import ContainerScenario, with_container
from pytest_terminalbench.scenarios.model import Scenario

__all__ = ["EnvironmentLease", "Scheduler", "SchedulerSettings"]

# What starting, stopping and copying may add to a trial's own limits before its container ends by itself: an agent that
# does not come back has a minute of grace, and stopping what it left may take most of another.
LIFETIME_MARGIN_S = 180
# A container in a user's own test, where no limits say how long it may live.
ORDINARY_LIFETIME_S = 3600


@dataclass(frozen=True, kw_only=True)
class SchedulerSettings:
    """What a session decides about environments. `network` None: as the scenario says."""

    engine_url: str
    run_id: str
    image_map: ImageMap = field(default_factory=ImageMap)
    timeout_multiplier: float = 1.0
    network: str | None = None
    keep_containers: bool = False
    locks: Path = field(default_factory=lambda: _cache_folder() / "locks")


class Scheduler:
    """One process's access to the engine."""

    def __init__(self, settings: SchedulerSettings) -> None:
        self._settings = settings
        self._ownership = Ownership(settings.run_id)
        self._closed = False

    @cached_property
    def engine(self) -> DockerEngine:
        return DockerEngine(self._settings.engine_url)

    @cached_property
    def images(self) -> Images:
        return Images(self.engine, self._settings.image_map, self._settings.locks)

    @cached_property
    def platform(self) -> str:
        """The engine's own, ``os/architecture``."""
        with engine_errors("ask for the version"):
            version = self.engine.api.version()
        return f"{version.get('Os', 'linux')}/{version.get('Arch', '?')}"

    def lease(self, scenario: Scenario) -> EnvironmentLease:
        """The scenario's environments, the first already started; raises EnvironmentFailure.

        Raises SettingsError for a scenario without a container.
        """
        contained = with_container(scenario)
        lease = EnvironmentLease(self, contained, self.images.ensure(contained))
        lease.prepare()
        return lease

    def close(self) -> None:
        """Start nothing any more: the session ends."""
        self._closed = True

    def start(self, scenario: ContainerScenario, image: Image) -> DockerEnvironment:
        if self._closed:
            raise EnvironmentFailure("the session ended before the environment was started")
        spec = scenario.spec.environment
        timeouts = scenario.timeouts
        seconds = (timeouts.agent_s + timeouts.verifier_s) * self._settings.timeout_multiplier + LIFETIME_MARGIN_S
        return self.engine.start(
            ContainerRequest(
                image=image.reference,
                lifetime_s=int(seconds),
                workdir=spec.workdir,
                env=spec.env,
                user=spec.user,
                cpus=spec.cpus,
                memory_mb=spec.memory_mb,
                pids=spec.pids,
                network=self._settings.network or spec.network,
                platform=spec.platform,
                labels=self._ownership.labels(lifetime_s=int(seconds)),
            )
        )

    @contextmanager
    def environment(self, image: str, *, network: str = "none", memory_mb: int = 1024) -> Iterator[DockerEnvironment]:
        """A container of any image, for tests that are no scenarios."""
        environment = self.engine.start(
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
            self.release(environment)

    def release(self, environment: DockerEnvironment) -> None:
        if not self._settings.keep_containers:
            environment.close()

    def sweep(self, *, orphans_only: bool = False) -> list[str]:
        """Remove what is left of the run, whoever started it, or what dead processes of it have left; the ids."""
        if self._settings.keep_containers:
            return []
        found = leftovers(self.engine, run_id=self._settings.run_id)
        return remove(self.engine, [one for one in found if one.is_orphan or not orphans_only])


class EnvironmentLease:
    """Starts the environments of one scenario: the value of the fixture ``tb_environment`` for a scenario's item.

    ``build_s`` and ``start_s`` say what the image and the first container took.
    """

    def __init__(self, scheduler: Scheduler, scenario: ContainerScenario, image: Image) -> None:
        self._scheduler = scheduler
        self._scenario = scenario
        self.image = image
        self.build_s = image.build_s
        self.start_s = 0.0
        self._ready: DockerEnvironment | None = None

    def prepare(self) -> None:
        """Start the first environment now."""
        began = time.monotonic()
        self._ready = self._scheduler.start(self._scenario, self.image)
        self.start_s = time.monotonic() - began

    @contextmanager
    def __call__(self) -> Iterator[DockerEnvironment]:
        environment, self._ready = self._ready, None
        environment = environment or self._scheduler.start(self._scenario, self.image)
        try:
            yield environment
        finally:
            self._scheduler.release(environment)

    def close(self) -> None:
        """Remove an environment that was prepared and never used."""
        if self._ready is not None:
            self._scheduler.release(self._ready)
            self._ready = None


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pytest-terminalbench"
