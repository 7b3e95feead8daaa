"""Environments by kind: what a provider of them promises, and which there are."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from pytest_terminalbench.environments.base import Environment, EnvironmentFactory
from pytest_terminalbench.environments.image_map import ImageMap
from pytest_terminalbench.errors import SettingsError
from pytest_terminalbench.extensions import Extensions
from pytest_terminalbench.limits import Limits
from pytest_terminalbench.scenarios.model import Scenario

__all__ = [
    "ENTRY_POINTS",
    "ImageProvider",
    "Prepared",
    "Provider",
    "ProviderSettings",
    "as_prepared",
    "make_provider",
]

ENTRY_POINTS = "pytest_terminalbench.environments"

_OWN = {
    "docker": "pytest_terminalbench.environments.docker_provider:DockerProvider",
    "fake": "pytest_terminalbench.environments.fake:fake_provider",
    "none": "pytest_terminalbench.environments.none:none_provider",
}


@dataclass(frozen=True, kw_only=True)
class ProviderSettings:
    """What a session decides about environments, whatever provides them.

    `engine_url`: where to find what starts them, if that is known already. `network` None: as each scenario says.
    `keep_containers`: leave them running until their deadline.
    """

    run_id: str
    engine_url: str | None = None
    image_map: ImageMap = field(default_factory=ImageMap)
    network: str | None = None
    keep_containers: bool = False


@runtime_checkable
class Prepared(Protocol):
    """Environments of one scenario, each fresh; the first is started already. Threads use it at the same time.

    `recipe` identifies across machines what the scenario's environment is made of, without what an agent adds to it;
    `platform` is what it runs on (``os/architecture``), None where that makes no difference. `build_s` and `start_s`
    are what building and starting the first has taken.
    """

    @property
    def recipe(self) -> str: ...
    @property
    def platform(self) -> str | None: ...
    @property
    def build_s(self) -> float: ...
    @property
    def start_s(self) -> float: ...

    def __call__(self) -> AbstractContextManager[Environment]:
        """An environment, destroyed when the context ends; raises EnvironmentFailure."""

    def close(self) -> None:
        """Remove what was prepared and never used."""


class Provider(Protocol):
    """Provides the environments of a session. Threads use it at the same time."""

    @property
    def kind(self) -> str:
        """The name it goes by: ``docker``."""

    def check(self) -> None:
        """Asked once before anything runs; raises EngineUnreachable where no environment can be had."""

    def prepare(self, scenario: Scenario, limits: Limits) -> Prepared:
        """The environments of `scenario`, which live no longer than `limits` allow.

        Raises EnvironmentFailure; ImageBuildError and ImageUnavailable say that there was nothing to start.
        """

    def stop(self) -> None:
        """Start nothing any more: the session ends."""

    def sweep(self, *, orphans_only: bool = False) -> list[str]:
        """Remove what is left of the run, whoever started it, or what dead processes of it have left; the names.

        Raises EnvironmentFailure.
        """


@runtime_checkable
class ImageProvider(Protocol):
    """A provider that also starts containers of any image, for tests that are no scenarios."""

    def environment(
        self, image: str, *, network: str = ..., memory_mb: int = ...
    ) -> AbstractContextManager[Environment]: ...


class _Overridden:
    """Environments of a user's own fixture: nobody knows what they are made of."""

    recipe = "overridden"
    platform: str | None = None
    build_s = 0.0
    start_s = 0.0

    def __init__(self, environments: EnvironmentFactory) -> None:
        self._environments = environments

    def __call__(self) -> AbstractContextManager[Environment]:
        return self._environments()

    def close(self) -> None:
        """Who has made them closes them."""


def as_prepared(environments: EnvironmentFactory) -> Prepared:
    """`environments`, with the facts that every provider's have; any callable that gives a context will do."""
    return environments if isinstance(environments, Prepared) else _Overridden(environments)


ProviderFactory = Callable[[ProviderSettings], Provider]


def _accepted(found: object) -> ProviderFactory:
    if not callable(found):
        raise TypeError(f"it is {type(found).__name__}, and nothing that makes a provider")
    return found


_PROVIDERS = Extensions[ProviderFactory](ENTRY_POINTS, _OWN, _accepted)


def make_provider(kind: str, settings: ProviderSettings) -> Provider:
    """The provider called `kind`; raises SettingsError, listing what is installed, where there is none."""
    try:
        factory = _PROVIDERS.named(kind)
    except SettingsError as error:
        raise SettingsError(f"environment {error}") from error
    return factory(settings)
