"""Which paths and items have to do with scenarios. Asked in every project, so nothing heavy is imported here."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from pytest_terminalbench.plugin.stash_keys import NAMED_DATASETS
from pytest_terminalbench.scenarios.dataset_file import is_dataset_folder

__all__ = ["holds_scenarios", "is_scenario_file", "names_scenarios", "scenarios_among"]


def holds_scenarios(folder: Path, config: pytest.Config) -> bool:
    """Whether `folder` is a dataset: by its own dataset.json, or because the session names it."""
    return is_dataset_folder(folder) or folder in config.stash.get(NAMED_DATASETS, ())


def is_scenario_file(path: Path, config: pytest.Config) -> bool:
    """Whether `path` is a scenario: a file in a dataset's folder, in a format that is installed."""
    return holds_scenarios(path.parent, config) and _is_scenario_name(path)


def names_scenarios(config: pytest.Config) -> bool:
    """Whether a positional argument is a dataset's folder, or a scenario in one."""
    paths = [_normal(config.invocation_params.dir / arg.partition("::")[0]) for arg in config.args]
    return any(
        is_dataset_folder(path) or (is_dataset_folder(path.parent) and _is_scenario_name(path)) for path in paths
    )


def scenarios_among(nodeids: Iterable[str], config: pytest.Config) -> list[str]:
    """The node ids that are scenarios: each begins with a scenario's file. Other plugins have items in files too."""
    is_dataset: dict[str, bool] = {}
    scenarios = []
    for nodeid in nodeids:
        file = nodeid.partition("::")[0]
        folder = file.rpartition("/")[0]
        if folder not in is_dataset:
            is_dataset[folder] = holds_scenarios(_normal(config.rootpath / folder), config)
        if is_dataset[folder] and _is_scenario_name(Path(file)):
            scenarios.append(nodeid)
    return scenarios


def _is_scenario_name(path: Path) -> bool:
    """Whether a file of this name is a scenario where it lies in a dataset; raises UsageError for a broken format.

    Asked after the folder, which is no dataset in most projects: there no package's formats are looked for.
    """
    from pytest_terminalbench.errors import SettingsError
    from pytest_terminalbench.scenarios.formats import is_scenario

    try:
        return is_scenario(path)
    except SettingsError as error:
        raise pytest.UsageError(f"a format of scenarios: {error}") from None


def _normal(path: Path) -> Path:
    # As pytest does: links stay what they are.
    return Path(os.path.normpath(path))
