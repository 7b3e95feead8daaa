"""The datasets that can be named, as a list shows them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pytest_terminalbench.scenarios.catalog import Catalog
from pytest_terminalbench.scenarios.validation import find_and_check

__all__ = ["DatasetEntry", "listed_datasets"]


@dataclass(frozen=True, kw_only=True)
class DatasetEntry:
    """A dataset as a list shows it. ``digest`` is None while anything in it is wrong."""

    name: str
    version: str
    description: str
    license: str
    scenarios: int
    problems: int
    digest: str | None
    folder: Path


def listed_datasets(catalog: Catalog) -> list[DatasetEntry]:
    """Every dataset that can be named, broken ones too."""
    return [_entry(catalog, name) for name in catalog.names()]


def _entry(catalog: Catalog, name: str) -> DatasetEntry:
    dataset, checked = find_and_check(catalog, name)
    return DatasetEntry(
        name=dataset.name,
        version=dataset.version,
        description=dataset.description,
        license=dataset.license,
        scenarios=len(checked.scenarios),
        problems=len(checked.problems),
        digest=None if checked.problems else dataset.digest(),
        folder=dataset.folder,
    )
