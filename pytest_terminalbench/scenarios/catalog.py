"""Datasets: named, versioned sets of scenarios in a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from pytest_terminalbench.regular_files import read_regular
from pytest_terminalbench.digest import digest_json
from pytest_terminalbench.errors import ScenarioError, SettingsError, TerminalBenchError
from pytest_terminalbench.naming import nearest
from pytest_terminalbench.scenarios.dataset_file import DATASET_FILE, DATASETS_FOLDER
from pytest_terminalbench.scenarios.formats import load_scenario, scenario_files, scenario_id
from pytest_terminalbench.scenarios.model import Scenario, StrictModel, parse_model

__all__ = ["Catalog", "Dataset", "check_dataset_name", "check_ids", "duplicate_id", "open_dataset", "told_name"]

# A dataset's baselines and trials lie in folders of its name.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_TOLD_NAME = re.compile(r'"name"\s*:\s*"([^"\\]*)"')
_Text = Annotated[str, Field(min_length=1)]


class _Manifest(StrictModel):
    """What a dataset.json says."""

    schema_version: Literal[1]
    name: _Text
    version: _Text
    description: _Text
    license: _Text

    @field_validator("name")
    @classmethod
    def _plain(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no plain name: letters, digits, `_`, `.` and `-`, the first no sign")
        return name


def check_dataset_name(name: str, *, asked: str) -> None:
    """Raises SettingsError, which says that `asked` asks for it, for a name that no dataset can have."""
    try:
        _Manifest(schema_version=1, name=name, version="0", description="new", license="none")
    except ValueError:
        raise SettingsError(
            f"{asked} {name!r} is no plain name: letters, digits, `_`, `.` and `-`, the first a letter or digit"
        ) from None


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A folder of scenario files, with what its dataset.json says or would say."""

    name: str
    version: str
    description: str
    license: str
    folder: Path

    def scenarios(self) -> Iterator[Scenario]:
        """Every scenario in order of its file's name; raises ScenarioError at the first that is wrong."""
        for file in scenario_files(self.folder):
            yield load_scenario(file, dataset=self.name)

    def check(self) -> tuple[list[Scenario], list[ScenarioError]]:
        """Every scenario that is right, and what is wrong with the others."""
        right: list[Scenario] = []
        wrong: list[ScenarioError] = []
        for file in scenario_files(self.folder):
            try:
                right.append(load_scenario(file, dataset=self.name))
            except ScenarioError as error:
                wrong.append(error)
        return right, wrong

    def files(self) -> dict[str, Path]:
        """The files of its scenarios, by the scenarios' ids."""
        return {scenario_id(file): file for file in scenario_files(self.folder)}

    def file_of(self, wanted: str) -> Path:
        """The file of the scenario whose id is `wanted`; raises SettingsError when there is none."""
        files = self.files()
        if wanted not in files:
            raise SettingsError(f"dataset {self.name} has no scenario {wanted!r}{nearest(wanted, files)}")
        return files[wanted]

    def digest(self) -> str:
        """Of all its scenarios' content, not of its name or version."""
        return digest_json(
            {scenario.id: [scenario.digest, scenario.solution_digest] for scenario in self.scenarios()}
        )


def _may_be_there(file: Path) -> bool:
    try:
        return file.exists()
    except OSError:
        # In a folder that may not be searched: whoever reads it says so.
        return True


def open_dataset(folder: Path) -> Dataset:
    """The dataset in `folder`; without a dataset.json its name is the folder's and its version ``0``.

    Raises ScenarioError for a dataset.json that is broken or cannot be read.
    """
    file = folder / DATASET_FILE
    if not _may_be_there(file):
        return Dataset(name=folder.resolve().name, version="0", description="", license="", folder=folder)
    try:
        raw = read_regular(file)
    except OSError as error:
        raise ScenarioError(file, [f"cannot be read: {error.strerror}"], cure="make it readable, or restore it") from None
    manifest = parse_model(_Manifest, raw, file, see="see `terminalbench docs datasets`")
    return Dataset(**manifest.model_dump(exclude={"schema_version"}), folder=folder)


def told_name(folder: Path) -> str | None:
    """The name that the dataset.json in `folder` tells, as far as it can be made out of one that is broken."""
    try:
        told = _TOLD_NAME.search((folder / DATASET_FILE).read_text(errors="replace"))
    except OSError:
        return None
    return told[1] if told else None


class Catalog:
    """The datasets a session can name: folders under ``scenarios/`` and those that plugins add."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._added: dict[str, Path] = {}

    def add(self, name: str, folder: Path) -> None:
        """Make the dataset in `folder` known as `name` (for the hook ``pytest_terminalbench_datasets``)."""
        if not folder.is_dir():
            raise SettingsError(f"dataset {name!r}: {folder} is not a folder")
        self._added[name] = Path(os.path.abspath(folder))

    def names(self) -> list[str]:
        """Every dataset that can be named, sorted."""
        return sorted({*self._added, *(folder.name for folder in self._local_folders())})

    def datasets(self) -> list[Dataset]:
        """Every dataset that can be named; raises ScenarioError for a broken dataset.json."""
        return [self.find(name) for name in self.names()]

    def readable(self) -> Iterator[Dataset]:
        """Every dataset that can be named and whose dataset.json is not broken."""
        for name in self.names():
            with suppress(ScenarioError):
                yield self.find(name)

    def find(self, request: str, *, asked: str = "--tb-dataset") -> Dataset:
        """The dataset for `request`: ``NAME``, ``NAME==VERSION`` or a path; `asked` is what asks for it, in messages.

        Raises SettingsError saying what exists when nothing fits.
        """
        name, _, version = request.partition("==")
        dataset = self._by_name(name) or self._by_path(request)
        if dataset is None:
            known = ", ".join(self.names()) or f"none under {self.root / DATASETS_FOLDER}"
            raise SettingsError(
                f"{asked} {request!r} is neither a folder nor a known dataset{nearest(name, self.names())}; "
                f"known: {known}"
            )
        if version and version != dataset.version:
            raise SettingsError(
                f"{asked} {request!r}: here is only {dataset.name}=={dataset.version} (in {dataset.folder}), and "
                "this version of pytest-terminalbench does not fetch datasets from a registry; "
                f"name it without a version, or as {dataset.name}=={dataset.version}"
            )
        return dataset

    def _by_name(self, name: str) -> Dataset | None:
        if name in self._added:
            return open_dataset(self._added[name])
        folder = self.root / DATASETS_FOLDER / name
        is_plain = name not in ("", ".", "..") and "/" not in name and os.sep not in name
        return open_dataset(folder) if is_plain and folder.is_dir() else None

    def _by_path(self, request: str) -> Dataset | None:
        folder = Path(request).expanduser()
        folder = folder if folder.is_absolute() else Path.cwd() / folder
        return open_dataset(Path(os.path.normpath(folder))) if folder.is_dir() else None

    def _local_folders(self) -> Iterator[Path]:
        parent = self.root / DATASETS_FOLDER
        if parent.is_dir():
            yield from (folder for folder in parent.iterdir() if _may_be_there(folder / DATASET_FILE))


def check_ids(scenarios: Iterable[Scenario]) -> None:
    """Raise ScenarioError when two scenarios share an id, or have ids that differ in upper and lower case alone."""
    seen: dict[str, Scenario] = {}
    for scenario in scenarios:
        first = seen.setdefault(scenario.id.casefold(), scenario)
        if first is not scenario:
            raise duplicate_id(scenario, first.id, first.file)


def duplicate_id(scenario: Scenario, first_id: str, first: Path) -> TerminalBenchError:
    """The error for a second scenario with the id of the one in `first`, up to upper and lower case."""
    if scenario.id == first_id:
        problem = f"is the id of {first} too"
    else:
        problem = f"differs from the id of {first}, {first_id!r}, in upper and lower case alone"
    return ScenarioError(
        scenario.file,
        [f"id: {scenario.id!r} {problem}, in the same dataset {scenario.dataset!r}"],
        cure="give one of the two another id (and file name)",
    )
