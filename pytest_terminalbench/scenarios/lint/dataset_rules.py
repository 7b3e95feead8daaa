"""Findings that concern a dataset as a whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from pytest_terminalbench.scenarios.catalog import Dataset
from pytest_terminalbench.scenarios.dataset_file import DATASET_FILE
from pytest_terminalbench.scenarios.formats import scenario_files, scenario_id
from pytest_terminalbench.scenarios.lint.finding import Finding, finding
from pytest_terminalbench.scenarios.markers import category_marker, tag_marker
from pytest_terminalbench.scenarios.model import Scenario

__all__ = ["findings"]


def findings(dataset: Dataset, scenarios: Sequence[Scenario]) -> Iterator[Finding]:
    """What is odd about `dataset`, whose valid scenarios are `scenarios`."""
    yield from _no_dataset_file(dataset)
    yield from _unused_folders(dataset, scenarios)
    yield from _spellings(dataset, scenarios)


def _no_dataset_file(dataset: Dataset) -> Iterator[Finding]:
    if not (dataset.folder / DATASET_FILE).exists():
        yield finding(
            "L002",
            dataset.folder / DATASET_FILE,
            "",
            "there is no dataset.json, so the dataset has no version and `dataset list` does not know it",
            "write one with schema_version, name, version, description and license",
        )


def _unused_folders(dataset: Dataset, scenarios: Sequence[Scenario]) -> Iterator[Finding]:
    used = {first for scenario in scenarios for first in _first_parts(scenario)}
    # Of a scenario that is not valid nobody can say which folders it uses.
    used |= {scenario_id(file) for file in scenario_files(dataset.folder)}
    for folder in sorted(dataset.folder.iterdir()):
        if folder.is_dir() and folder.name not in used and folder.name[0] not in "._":
            yield finding(
                "L003",
                folder,
                "",
                "no scenario uses this folder",
                f"write {folder.name}.json, or remove the folder (or begin its name with `_`)",
            )


def _first_parts(scenario: Scenario) -> Iterator[str]:
    for path in scenario.named_paths:
        yield Path(path).parts[0] if Path(path).parts else "."


def _spellings(dataset: Dataset, scenarios: Sequence[Scenario]) -> Iterator[Finding]:
    """Different texts that become one marker, or that differ only in case: one of them is a slip."""
    categories: defaultdict[str, dict[str, Scenario]] = defaultdict(dict)
    tags: defaultdict[str, dict[str, Scenario]] = defaultdict(dict)
    for scenario in scenarios:
        category = scenario.category
        categories[category_marker(category).casefold()].setdefault(category, scenario)
        for tag in scenario.tags:
            tags[tag_marker(tag).casefold()].setdefault(tag, scenario)
    for first, other, scenario in _slips(categories):
        message = f"{other!r} here is {first!r} elsewhere in {dataset.name}; reports count them apart"
        yield finding("L404", scenario.file, "category", message, "write it the same way in all scenarios")
    for first, other, scenario in _slips(tags):
        # Within one scenario it is found with the scenario's texts.
        if first not in scenario.tags:
            message = f"{other!r} here is {first!r} elsewhere in {dataset.name}"
            yield finding("L403", scenario.file, "tags", message, "write it the same way in all scenarios")


def _slips(groups: dict[str, dict[str, Scenario]]) -> Iterator[tuple[str, str, Scenario]]:
    for spellings in groups.values():
        first, *others = spellings
        for other in others:
            yield first, other, spellings[other]
