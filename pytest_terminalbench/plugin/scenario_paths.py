"""Which paths and items have to do with scenarios. Asked in every project, so nothing heavy is imported here."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from pytest_terminalbench.plugin.stash_keys import NAMED_DATASETS
from pytest_terminalbench.scenarios.dataset_manifest import is_dataset_folder

__all__ = ["holds_scenarios", "names_scenarios", "scenarios_among"]


def holds_scenarios(folder: Path, config: pytest.Config) -> bool:
    """Whether `folder` is a dataset: by its own manifest, or because the session names it."""
    return is_dataset_folder(folder) or folder in config.stash.get(NAMED_DATASETS, ())


def names_scenarios(config: pytest.Config) -> bool:
    """Whether a positional argument is a dataset's folder, or a scenario in one."""
    return any(_is_in_dataset(config.invocation_params.dir / arg.partition("::")[0]) for arg in config.args)


def scenarios_among(nodeids: Iterable[str], config: pytest.Config) -> list[str]:
    """The node ids that are scenarios; other plugins have items in JSON files too."""
    is_dataset: dict[str, bool] = {}
    scenarios = []
    for nodeid in nodeids:
        file, mark, _ = nodeid.partition(".json::")
        if not mark:
            continue
        folder = file.rpartition("/")[0]
        if folder not in is_dataset:
            is_dataset[folder] = holds_scenarios(_normal(config.rootpath / folder), config)
        if is_dataset[folder]:
            scenarios.append(nodeid)
    return scenarios


def _is_in_dataset(path: Path) -> bool:
    path = _normal(path)
    return is_dataset_folder(path.parent if path.suffix == ".json" else path)


def _normal(path: Path) -> Path:
    # As pytest does: links stay what they are.
    return Path(os.path.normpath(path))
