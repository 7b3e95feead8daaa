"""Removes the containers that are ours, of one run or of dead owners. Never anything unlabelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pytest_terminalbench.environments.owner import RUN_LABEL, is_orphan
from pytest_terminalbench.errors import EnvironmentFailure

__all__ = ["Host", "Leftover", "leftovers", "remove"]


class Host(Protocol):
    """What sweeping needs of an engine."""

    def containers(self, label: str) -> list[dict[str, Any]]:
        """Every container with `label` (``key`` or ``key=value``), as the engine lists them."""

    def remove(self, container: str) -> None:
        """Remove by force; one that is gone already is no error. Raises EnvironmentFailure."""


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
