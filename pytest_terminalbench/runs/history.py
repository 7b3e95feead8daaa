"""Runs in the order in which they began."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import NoneType
from typing import Any

from pytest_terminalbench.documents import Types, mistyped, read_json
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.runs.layout import LATEST, RunFolder
from pytest_terminalbench.runs.manifest import SCHEMA_VERSION
from pytest_terminalbench.runs.summary import read_summary
from pytest_terminalbench.trials.result import CURE

__all__ = ["read_manifest", "run_before"]


def read_manifest(run: RunFolder) -> dict[str, Any]:
    """Raises RunFolderError naming file and cure when it is missing, damaged or of another version."""
    try:
        content = read_json(run.manifest)
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{run.manifest} is missing or damaged: {error}; {CURE}") from None
    # Hand-made and older manifests have no version.
    version = content.get("schema_version", SCHEMA_VERSION) if isinstance(content, dict) else SCHEMA_VERSION
    if version != SCHEMA_VERSION:
        raise RunFolderError(
            f"{run.manifest} has schema_version {version!r}, and this version of pytest-terminalbench reads "
            f"{SCHEMA_VERSION}; update pytest-terminalbench, or {CURE}"
        )
    damage = next(_damage(content), None)
    if damage:
        raise RunFolderError(f"{run.manifest} is damaged: {damage}; {CURE}")
    checked: dict[str, Any] = content
    return checked


_SETTINGS: Types = {"attempts": (int, str, NoneType), "datasets": dict}


def _damage(manifest: Mapping[str, Any]) -> Iterator[str]:
    """What keeps a run from being placed in time, or from being known as one that added trials as it went."""
    yield from mistyped("manifest", manifest, {"started_at": str})
    if "settings" in manifest:
        yield from mistyped("manifest", manifest, {"settings": dict})
        settings = manifest["settings"]
        yield from mistyped("settings", settings, {key: _SETTINGS[key] for key in _SETTINGS if key in settings})


def run_before(run: RunFolder, cells: Collection[str]) -> RunFolder | None:
    """The run beside `run` that began last before it, has ended, and has one of `cells`; None when there is none."""
    began = read_manifest(run)["started_at"]
    earlier: list[tuple[str, RunFolder]] = []
    for path in run.path.parent.iterdir():
        other = RunFolder(path)
        if path.name != LATEST and path != run.path and other.summary.is_file():
            earlier += [(at, other) for at in [_began(other)] if at is not None and at < began]
    for _, other in sorted(earlier, key=lambda pair: pair[0], reverse=True):
        if _has_one_of(other, cells):
            return other
    return None


def _began(run: RunFolder) -> str | None:
    """When a run began; None for a folder that is no run, or a damaged one, which hinders no other."""
    try:
        return str(read_manifest(run)["started_at"])
    except RunFolderError:
        return None


def _has_one_of(run: RunFolder, cells: Collection[str]) -> bool:
    try:
        return any(cell["cell"] in cells for cell in read_summary(run.summary)["cells"])
    except RunFolderError:
        return False
