"""Removes containers that are ours: those of one run, or those whose owner is dead. Never anything unlabelled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_terminalbench.environments.docker import DockerEngine
from pytest_terminalbench.environments.owner import IMAGE_LABEL, RUN_LABEL, is_orphan
from pytest_terminalbench.errors import EnvironmentFailure

__all__ = ["prune_images", "sweep_orphans", "sweep_run"]


def sweep_run(engine: DockerEngine, run_id: str) -> list[str]:
    """Remove every container of the run; their ids. One that cannot be removed does not stop the others."""
    return _remove(engine, f"{RUN_LABEL}={run_id}", lambda container: True)


def sweep_orphans(engine: DockerEngine, *, everything: bool = False) -> list[str]:
    """Remove containers whose owner is dead or whose time is over (or, with `everything`, all of ours)."""
    return _remove(engine, RUN_LABEL, lambda container: everything or is_orphan(container.get("Labels") or {}))


def _remove(engine: DockerEngine, label: str, chosen: Callable[[dict[str, Any]], bool]) -> list[str]:
    removed: list[str] = []
    for container in engine.containers(label):
        if not chosen(container):
            continue
        try:
            engine.remove(container["Id"])
        except EnvironmentFailure:
            # The engine removes it at its deadline; the caller sees by the list that it is still there.
            continue
        removed.append(container["Id"])
    return removed


def prune_images(engine: DockerEngine) -> tuple[int, int]:
    """Remove the scenario images that no container uses; their number and bytes."""
    from pytest_terminalbench.environments.docker import engine_errors

    count = size = 0
    with engine_errors("list images"):
        images = engine.api.images(filters={"label": IMAGE_LABEL})
    for image in images:
        try:
            with engine_errors("remove an image"):
                engine.api.remove_image(image["Id"], force=len(image.get("RepoTags") or []) > 1)
        except EnvironmentFailure:
            continue  # In use, or the parent of another.
        count += 1
        size += int(image.get("Size", 0))
    return count, size
