"""Baselines without their scenario: it was removed or renamed, and nothing is compared with them any more."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from pytest_terminalbench.baselines.baseline_command import baseline_command
from pytest_terminalbench.baselines.folder import StoredBaseline, stored_baseline
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.identity import escaped

__all__ = ["orphans", "orphans_cure"]


def orphans_cure(folder: Path) -> str:
    """What ends it that baselines in `folder` have no scenario, after "fix it by"."""
    move, retire = (baseline_command(words, folder) for words in ("move OLD NEW", "retire NAME"))
    return f"`{move}` where it has another name, or by `{retire}` where it is gone"


def orphans(
    folder: Path, scenarios: Mapping[str, Collection[str]], *, datasets: Collection[str] | None = None
) -> list[StoredBaseline]:
    """The baselines that count and have no scenario any more, in order of their places.

    `scenarios`: the ids that each dataset has that is known; where none is, nothing can be told. `datasets`: only
    baselines of these, None: of all, also of datasets that are not known any more. Files that are damaged or in the
    wrong place are left out: who reads all baselines says so.
    """
    there = {escaped(dataset): {escaped(scenario) for scenario in ids} for dataset, ids in scenarios.items()}
    places = sorted({"*"} if datasets is None else map(escaped, datasets)) if scenarios else []
    found = []
    for place in places:
        for file in sorted(folder.glob(f"{place}/*/*.json")):
            # By the name alone: of thousands, few have to be read.
            if file.stem in there.get(file.parts[-3], ()):
                continue
            try:
                stored = stored_baseline(file)
            except BaselineError:
                continue
            if stored is not None and stored.counts and not stored.is_misplaced:
                found.append(stored)
    return found
