"""What scenarios a session is asked to collect. Made in every project, so nothing heavy is imported here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_terminalbench.scenarios.dataset_file import is_dataset_folder

__all__ = ["AskedScenarios"]


@dataclass(frozen=True)
class AskedScenarios:
    """What scenarios a session was asked to collect; it collects no others.

    ``datasets`` are their folders. Below a folder of ``places`` every dataset is asked for.
    """

    datasets: tuple[Path, ...] = ()
    places: tuple[Path, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.datasets or self.places)

    def __or__(self, other: AskedScenarios) -> AskedScenarios:
        return AskedScenarios((*self.datasets, *other.datasets), (*self.places, *other.places))

    def covers(self, dataset: Path) -> bool:
        return dataset in self.datasets or any(place in dataset.parents for place in self.places)

    def folders(self) -> Iterator[Path]:
        """The datasets that are there, in the order in which they were asked for."""
        yield from self.datasets
        for place in self.places:
            for name, subfolders, _ in os.walk(place):
                if is_dataset_folder(Path(name)):
                    subfolders.clear()
                    yield Path(name)
