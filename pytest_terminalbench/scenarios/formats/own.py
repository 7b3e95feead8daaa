"""Our own format: a scenario is a JSON file directly in the dataset's folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_terminalbench.regular_files import read_regular
from pytest_terminalbench.errors import ScenarioError
from pytest_terminalbench.scenarios.dataset_file import DATASET_FILE, LOCK

if TYPE_CHECKING:
    from pytest_terminalbench.scenarios.model import Scenario

__all__ = ["OwnFormat"]

SUFFIX = ".json"
# In the folder beside the scenarios, but not scenarios.
_NOT_SCENARIOS = (DATASET_FILE, LOCK)


def _is_scenario_name(name: str) -> bool:
    return name.endswith(SUFFIX) and not name.startswith(".") and name not in _NOT_SCENARIOS


def _may_be_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        # A link that leads to itself: `load` says what is wrong with it, and the others are read.
        return True


class OwnFormat:
    """``<id>.json``, whose content is what `scenario_from` reads."""

    def is_scenario(self, path: Path) -> bool:
        return _is_scenario_name(path.name)

    def files(self, folder: Path) -> list[Path]:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if _is_scenario_name(entry.name) and _may_be_file(entry)]
        return [folder / name for name in sorted(names)]

    def scenario_id(self, path: Path) -> str:
        return path.name.removesuffix(SUFFIX)

    def load(self, file: Path, dataset: str) -> Scenario:
        from pytest_terminalbench.scenarios.kinds import scenario_from

        try:
            raw = read_regular(file)
        except OSError as error:
            raise ScenarioError(file, [f"cannot be read: {error.strerror}"]) from error
        return scenario_from(raw, file, dataset=dataset, scenario_id=self.scenario_id(file))
