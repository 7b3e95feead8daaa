"""Removes what is ours: containers of one run or of dead owners, images of scenarios. Never anything unlabelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pytest_terminalbench.environments.owner import IMAGE_LABEL, RUN_LABEL, is_orphan
from pytest_terminalbench.errors import EnvironmentFailure

__all__ = [
    "Host",
    "Leftover",
    "ScenarioImage",
    "leftovers",
    "prune_images",
    "remove",
    "scenario_images",
]


class Host(Protocol):
    """What sweeping needs of an engine."""

    def containers(self, label: str) -> list[dict[str, Any]]:
        """Every container with `label` (``key`` or ``key=value``), as the engine lists them."""

    def remove(self, container: str) -> None:
        """Remove by force; one that is gone already is no error. Raises EnvironmentFailure."""

    def images(self, label: str) -> list[dict[str, Any]]:
        """Every image with `label`, as the engine lists them."""

    def remove_image(self, image: str, *, force: bool = False) -> None:
        """Raises EnvironmentFailure for one that is in use."""


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """A container of ours. ``is_orphan``: its owner is known to be dead, or its time is over."""

    id: str
    run_id: str
    state: str
    is_orphan: bool


def leftovers(engine: Host, *, run_id: str | None = None) -> list[Leftover]:
    """Every container of ours, or of one run."""
    label = f"{RUN_LABEL}={run_id}" if run_id else RUN_LABEL
    return [_leftover(container) for container in engine.containers(label)]


def _leftover(container: dict[str, Any]) -> Leftover:
    labels = container.get("Labels") or {}
    return Leftover(
        id=container["Id"],
        run_id=labels.get(RUN_LABEL, ""),
        state=str(container.get("Status") or container.get("State") or ""),
        is_orphan=is_orphan(labels),
    )


def remove(engine: Host, containers: Sequence[Leftover]) -> list[str]:
    """Remove `containers`; the ids of those that are gone. One that cannot be removed does not stop the others."""
    removed: list[str] = []
    for container in containers:
        try:
            engine.remove(container.id)
        except EnvironmentFailure:
            # The engine removes it at its deadline; the caller sees by the list that it is still there.
            continue
        removed.append(container.id)
    return removed


@dataclass(frozen=True, kw_only=True)
class ScenarioImage:
    """An image built for a scenario. ``size_bytes`` counts layers that it shares with others too."""

    id: str
    scenario_id: str
    tags: tuple[str, ...]
    size_bytes: int


def scenario_images(engine: Host) -> list[ScenarioImage]:
    """Every image that was built for a scenario."""
    return [
        ScenarioImage(
            id=image["Id"],
            scenario_id=(image.get("Labels") or {}).get(IMAGE_LABEL, ""),
            tags=tuple(image.get("RepoTags") or ()),
            size_bytes=int(image.get("Size", 0)),
        )
        for image in engine.images(IMAGE_LABEL)
    ]


def prune_images(engine: Host) -> list[ScenarioImage]:
    """Remove the scenarios' images that no container uses; those that are gone."""
    removed: list[ScenarioImage] = []
    for image in scenario_images(engine):
        try:
            # By its id an image of several tags goes only by force; one in use stays even then.
            engine.remove_image(image.id, force=len(image.tags) > 1)
        except EnvironmentFailure:
            continue  # In use, or the parent of another.
        removed.append(image)
    return removed
