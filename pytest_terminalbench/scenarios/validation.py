"""Everything that is wrong with a dataset, a folder or a single file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_terminalbench.errors import ScenarioError, SettingsError
from pytest_terminalbench.scenarios.catalog import Catalog, Dataset, check_ids, open_dataset
from pytest_terminalbench.scenarios.formats import is_scenario, load_scenario
from pytest_terminalbench.scenarios.model import Scenario

__all__ = ["Checked", "Problem", "check_path", "find_and_check", "problems_of"]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong: in which file, at which field (empty: the file as a whole), and what to do."""

    file: Path
    field: str
    text: str
    cure: str


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What was checked: its name, the scenarios that are right, and the problems of the others."""

    name: str
    scenarios: tuple[Scenario, ...] = ()
    problems: tuple[Problem, ...] = ()


def find_and_check(catalog: Catalog, request: str) -> tuple[Dataset, Checked]:
    """The dataset that `request` names, and what is right and wrong in it; raises SettingsError for an unknown one."""
    try:
        dataset = catalog.find(request, asked="dataset")
    except ScenarioError as error:
        # A dataset.json that cannot be read hides none of the scenarios' own problems.
        dataset = Dataset(name=request, version="?", description="", license="", folder=error.file.parent)
        checked = check_dataset(dataset)
        return dataset, replace(checked, problems=(*problems_of(error), *checked.problems))
    return dataset, check_dataset(dataset)


def check_path(catalog: Catalog, request: str) -> Checked:
    """Check the dataset, the folder or the one scenario file that `request` names.

    Raises SettingsError when there is nothing of that name.
    """
    path = Path(request).expanduser()
    if is_scenario(path):
        return _check_file(path)
    return find_and_check(catalog, request)[1]


def _check_file(file: Path) -> Checked:
    if not file.is_file():
        raise SettingsError(f"there is no file {file}; name a scenario's file, a dataset or its folder")
    try:
        scenario = load_scenario(file, dataset=open_dataset(file.parent).name)
    except ScenarioError as error:
        return Checked(name=str(file), problems=tuple(problems_of(error)))
    return Checked(name=str(file), scenarios=(scenario,))


def check_dataset(dataset: Dataset) -> Checked:
    """Every scenario that is right and every problem of the others, in order of the files' names."""
    right, wrong = dataset.check()
    try:
        check_ids(right)
    except ScenarioError as error:
        wrong.append(error)
    return Checked(name=dataset.name, scenarios=tuple(right), problems=tuple(_all_problems(wrong)))


def _all_problems(errors: Iterable[ScenarioError]) -> Iterator[Problem]:
    for error in errors:
        yield from problems_of(error)


# `environment.build: 'x' does not exist`; a message without a field has a space before its first colon, or none.
_FIELD = re.compile(r"(?P<field>\$?[\w-]+(?:\.[\w-]+)*): (?P<text>.*)", re.S)


def problems_of(error: ScenarioError) -> Iterator[Problem]:
    """The error's problems one by one."""
    for text in error.problems:
        match = _FIELD.fullmatch(text)
        field, problem = (match["field"], match["text"]) if match else ("", text)
        yield Problem(file=error.file, field=field, text=problem, cure=error.cure)
