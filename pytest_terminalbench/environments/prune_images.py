"""Removes images that were built for scenarios and that nobody needs. Never anything unlabelled."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from pytest_terminalbench.environments.build_lock import BuildRuns, only_builder
from pytest_terminalbench.environments.owner import IMAGE_LABEL
from pytest_terminalbench.errors import EnvironmentFailure

__all__ = ["Fate", "ImageHost", "ScenarioImage", "prune_images", "scenario_images"]

Fate = Literal["removed", "would be removed", "in use", "too young", "in the image map", "being built"]


class ImageHost(Protocol):
    """What pruning needs of an engine."""

    def image(self, reference: str) -> dict[str, Any] | None:
        """What the engine knows of an image; None when it does not have it."""

    def images(self, label: str) -> list[dict[str, Any]]:
        """Every image with `label`, as the engine lists them."""

    def images_of_containers(self) -> set[str]:
        """The ids of the images that containers were made of, running or not."""

    def remove_image(self, image: str) -> None:
        """Remove an image, or one of its tags; raises EnvironmentFailure for one that is in use."""


@dataclass(frozen=True, kw_only=True)
class ScenarioImage:
    """An image built for a scenario. ``size_bytes`` counts layers that it shares with others too."""

    id: str
    scenario_id: str
    tags: tuple[str, ...]
    size_bytes: int
    age_s: int


def scenario_images(engine: ImageHost) -> list[ScenarioImage]:
    """Every image that was built for a scenario."""
    return [
        ScenarioImage(
            id=image["Id"],
            scenario_id=(image.get("Labels") or {}).get(IMAGE_LABEL, ""),
            tags=tuple(tag for tag in image.get("RepoTags") or () if tag != "<none>:<none>"),
            size_bytes=int(image.get("Size", 0)),
            age_s=max(0, int(time.time() - image.get("Created", 0))),
        )
        for image in engine.images(IMAGE_LABEL)
    ]


def prune_images(
    engine: ImageHost, *, older_than_s: float, mapped: Collection[str], locks: Path, dry_run: bool = False
) -> Iterator[tuple[ScenarioImage, Fate]]:
    """Every scenario's image, and what became of it: it goes when no container is made of it and it is old enough.

    Those that an image map names (`mapped`) stay, and those that another process builds at this moment, which holds a
    lock in `locks`.
    """
    bases = {image["Id"] for image in map(engine.image, mapped) if image is not None}
    in_use = engine.images_of_containers()
    for image in scenario_images(engine):
        if image.id in in_use:
            yield image, "in use"
        elif image.id in bases:
            yield image, "in the image map"
        elif image.age_s < older_than_s:
            yield image, "too young"
        else:
            yield image, _removed(engine, image, locks, dry_run=dry_run)


def _removed(engine: ImageHost, image: ScenarioImage, locks: Path, *, dry_run: bool) -> Fate:
    # Tag by tag and never by force, which would take an image from a container that was made in the meantime.
    for name in image.tags or (image.id,):
        try:
            with only_builder(locks, name.rpartition(":")[2], wait=False):
                if not dry_run and not _is_let_go(engine, name):
                    return "in use"
        except BuildRuns:
            return "being built"
    return "would be removed" if dry_run else "removed"


def _is_let_go(engine: ImageHost, name: str) -> bool:
    """Remove an image, or one of its tags; False where a new container, or an image built on it, keeps it."""
    try:
        engine.remove_image(name)
    except EnvironmentFailure:
        return False
    return True
