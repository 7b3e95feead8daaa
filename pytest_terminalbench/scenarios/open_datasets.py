"""The datasets of one session: those that were named, and those that pytest found by itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from pytest_terminalbench.errors import ScenarioError, SettingsError
from pytest_terminalbench.naming import listed
from pytest_terminalbench.scenarios.catalog import Catalog, Dataset, duplicate_id, open_dataset
from pytest_terminalbench.scenarios.dataset_file import DATASET_FILE
from pytest_terminalbench.scenarios.formats import load_scenario
from pytest_terminalbench.scenarios.lock import LOCK, Lock, dataset_drift, drift, read_lock
from pytest_terminalbench.scenarios.model import Scenario

__all__ = ["OpenDatasets"]


class OpenDatasets:
    """Opens each dataset once. `locked`: a scenario that has drifted from its dataset's lock file is an error."""

    def __init__(self, catalog: Catalog, *, locked: bool) -> None:
        self._catalog = catalog
        self._locked = locked
        self._by_folder: dict[Path, Dataset] = {}
        # By dataset and id, the latter without regard to case, as some file systems have it.
        self._known_ids: dict[tuple[str, str], tuple[str, Path]] = {}
        self._locks: dict[Path, Lock] = {}

    @property
    def known(self) -> Iterable[Dataset]:
        """Those opened so far."""
        return self._by_folder.values()

    def has(self, folder: Path) -> bool:
        return folder in self._by_folder

    def named(self, request: str) -> Dataset:
        """What ``--tb-dataset`` asks for; raises SettingsError, or ScenarioError for a broken dataset.json."""
        return self._open(self._catalog.find(request))

    def meet(self, folders: Iterable[Path]) -> None:
        """Open those of `folders` that can be opened; collecting the others reports what is wrong."""
        for folder in folders:
            try:
                self.at(folder)
            except ScenarioError:
                continue

    def at(self, folder: Path) -> Dataset:
        """The dataset in `folder`; raises ScenarioError for a broken dataset.json."""
        if folder not in self._by_folder:
            self._open(open_dataset(folder))
        return self._by_folder[folder]

    def _open(self, dataset: Dataset) -> Dataset:
        """Raises ScenarioError for a name that differs from another's in upper and lower case alone."""
        for other in self.known:
            if other.name != dataset.name and other.name.casefold() == dataset.name.casefold():
                problem = f"name: {dataset.name!r} and {other.name!r} (in {other.folder}) differ in upper and lower case"
                raise ScenarioError(
                    dataset.folder / DATASET_FILE,
                    [f"{problem} alone, and would share folders on some machines"],
                    cure="rename one of the two datasets",
                )
        self._by_folder[dataset.folder] = dataset
        return dataset

    def scenarios_of(self, names: Collection[str]) -> dict[str, set[str]]:
        """The ids of all scenarios of the datasets with these names, opened or not: several may share a name.

        By their files, whatever the session selects of them.
        """
        scenarios: dict[str, set[str]] = {}
        for dataset in [*self.known, *self._catalog.readable()]:
            if dataset.name in names:
                scenarios.setdefault(dataset.name, set()).update(dataset.files())
        return scenarios

    def version(self, name: str) -> str:
        return next((dataset.version for dataset in self.known if dataset.name == name), "0")

    def load(self, file: Path, dataset: Dataset) -> Scenario:
        """Read a scenario; raises ScenarioError, also for an id that another file of the dataset has."""
        scenario = load_scenario(file, dataset=dataset.name)
        first_id, first = self._known_ids.setdefault((dataset.name, scenario.id.casefold()), (scenario.id, file))
        if first != file:
            raise duplicate_id(scenario, first_id, first)
        if self._locked:
            self._check_lock(scenario, dataset)
        return scenario

    def find(self, request: str) -> Scenario:
        """``DATASET/ID`` -> the scenario; for tests that name one."""
        name, _, scenario_id = request.rpartition("/")
        dataset = self.named(name)
        return load_scenario(dataset.file_of(scenario_id), dataset=dataset.name)

    @property
    def locked(self) -> bool:
        return self._locked

    def check_locks_exist(self) -> None:
        """Raises SettingsError where drift is an error and a dataset that is open has no lock to drift from."""
        missing = [dataset for dataset in self.known if self._locked and not (dataset.folder / LOCK).is_file()]
        if missing:
            locks = " and ".join(f"`terminalbench dataset lock {dataset.name}`" for dataset in missing)
            raise SettingsError(
                f"--tb-locked: nobody has locked {listed([dataset.name for dataset in missing])} yet; lock it as it is "
                f"now with {locks}"
            )

    def check_lock(self, dataset: Dataset) -> None:
        """Raises ScenarioError where the dataset as a whole has drifted from its lock: what is gone cannot tell."""
        drifted = dataset_drift(dataset, self._lock(dataset))
        if drifted:
            raise ScenarioError(dataset.folder / LOCK, drifted, cure=_unlocked_cure(dataset))

    def _check_lock(self, scenario: Scenario, dataset: Dataset) -> None:
        drifted = drift(scenario, self._lock(dataset).scenarios)
        if drifted:
            raise ScenarioError(scenario.file, drifted, cure=_unlocked_cure(dataset))

    def _lock(self, dataset: Dataset) -> Lock:
        if dataset.folder not in self._locks:
            self._locks[dataset.folder] = read_lock(dataset)
        return self._locks[dataset.folder]


def _unlocked_cure(dataset: Dataset) -> str:
    return f"restore it, or lock it as it is now: `terminalbench dataset lock {dataset.name}`"
