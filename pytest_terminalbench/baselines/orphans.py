"""Baselines without their scenario: it was removed or renamed, and nothing is compared with them any more."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from pytest_terminalbench.baselines.folder import StoredBaseline, stored_baseline
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.identity import escaped

__all__ = ["ORPHANS_CURE", "orphans"]

ORPHANS_CURE = (
    "`terminalbench baseline move OLD NEW` where it has another name, or by `terminalbench baseline retire NAME` "
    "where it is gone"
)


def orphans(folder: Path, scenarios: Mapping[str, Collection[str]]) -> list[StoredBaseline]:
    """The baselines that count and whose dataset has no such scenario any more, in order of their places.

    `scenarios`: the ids that each dataset has; of other datasets nothing can be told. Files that are damaged are left
    out: who reads all baselines says so.
    """
    found = []
    for dataset, ids in sorted(scenarios.items()):
        there = {escaped(scenario) for scenario in ids}
        for file in sorted((folder / escaped(dataset)).glob("*/*.json")):
            # By the name alone: of thousands, few have to be read.
            if file.stem in there:
                continue
            try:
                stored = stored_baseline(file)
            except BaselineError:
                continue
            if stored is not None and stored.counts:
                found.append(stored)
    return found
