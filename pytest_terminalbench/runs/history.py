"""Runs in the order in which they began."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.runs.layout import LATEST, RunFolder
from pytest_terminalbench.runs.summary import read_summary

__all__ = ["read_manifest", "run_before"]


def read_manifest(run: RunFolder) -> dict[str, Any]:
    """Raises RunFolderError naming the file when it is missing or damaged."""
    try:
        content = json.loads(run.manifest.read_bytes())
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{run.manifest} is missing or damaged: {error}") from None
    if not isinstance(content, dict) or not isinstance(content.get("started_at"), str):
        raise RunFolderError(f"{run.manifest} is damaged: it does not say when the run began")
    return content


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
