"""Scenarios chosen by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_terminalbench.errors import SettingsError
from pytest_terminalbench.naming import listed, nearest
from pytest_terminalbench.scenarios.catalog import Dataset
from pytest_terminalbench.scenarios.formats import scenario_files, scenario_id

__all__ = ["select_files"]

# A usage error that lists hundreds of names hides what it says.
MAX_LISTED = 30


def select_files(datasets: Sequence[Dataset], wanted: Sequence[str]) -> list[Path]:
    """The files of the scenarios whose ids are `wanted`, each once, in the datasets' order.

    Raises SettingsError naming those that no dataset has, the nearest, and what there is.
    """
    ids = {file: scenario_id(file) for dataset in datasets for file in scenario_files(dataset.folder)}
    ids_here = list(dict.fromkeys(ids.values()))
    names = [name.strip() for name in wanted if name.strip()]
    if not names:
        raise SettingsError("--scenarios names no scenario; write their ids with commas between them")
    unknown = [name for name in names if name not in ids_here]
    if unknown:
        unknown_names = ", ".join(f"{name!r}{nearest(name, ids_here)}" for name in unknown)
        raise SettingsError(
            f"--scenarios: {' and '.join(dataset.name for dataset in datasets)} has no {unknown_names}; "
            f"it has {listed(ids_here, MAX_LISTED) or 'no scenarios'}"
        )
    return [file for file, name in ids.items() if name in names]
