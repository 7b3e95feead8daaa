"""Which paths and items have to do with scenarios. Asked in every project, so nothing heavy is imported here."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from pytest_terminalbench.plugin.asked_scenarios import AskedScenarios
from pytest_terminalbench.plugin.stash_keys import ASKED
from pytest_terminalbench.scenarios.dataset_file import DATASETS_FOLDER, is_dataset_folder

__all__ = [
    "asked_by_paths",
    "holds_scenarios",
    "is_asked_for",
    "is_scenario_file",
    "leads_to_itself",
    "scenarios_among",
]


def asked_by_paths(config: pytest.Config, root: Path) -> AskedScenarios:
    """What the positional arguments, or ``testpaths``, ask for: a dataset's folder or scenario, and in the project's
    folder of datasets every path.

    Any other folder that a dataset lies in asks for tests: who runs all tests of a project needs no engine.
    """
    if config.args_source is pytest.Config.ArgsSource.INVOCATION_DIR:
        return AskedScenarios()
    datasets, places = [], []
    for arg in config.args:
        path = path_of(arg, config)
        if is_dataset_folder(path):
            datasets.append(path)
        elif is_dataset_folder(path.parent) and _is_scenario_name(path):
            datasets.append(path.parent)
        elif path.is_relative_to(root / DATASETS_FOLDER):
            places.append(path)
    return AskedScenarios(tuple(datasets), tuple(places))


def path_of(arg: str, config: pytest.Config) -> Path:
    """The path of a positional argument, which may be a node id."""
    return _normal(config.invocation_params.dir / arg.partition("::")[0])


def holds_scenarios(folder: Path, config: pytest.Config) -> bool:
    """Whether `folder` is a dataset: by its own dataset.json, or because the session names it."""
    asked = config.stash.get(ASKED, None)
    return (asked is not None and folder in asked.datasets) or is_dataset_folder(folder)


def leads_to_itself(folder: Path, root: Path) -> bool:
    """Whether `folder`, in the project's folder of datasets, is a link to a folder that it lies in."""
    return (
        folder.is_relative_to(root / DATASETS_FOLDER)
        and folder.is_symlink()
        and folder.parent.resolve().is_relative_to(folder.resolve())
    )


def is_asked_for(dataset: Path, config: pytest.Config) -> bool:
    """Whether the session was asked to collect the scenarios of this dataset's folder."""
    asked = config.stash.get(ASKED, None)
    return asked is not None and asked.covers(dataset)


def is_scenario_file(path: Path, config: pytest.Config) -> bool:
    """Whether `path` is a scenario: a file in a dataset's folder, in a format that is installed."""
    return holds_scenarios(path.parent, config) and _is_scenario_name(path)


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
