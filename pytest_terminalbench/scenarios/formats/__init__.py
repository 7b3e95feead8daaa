"""Formats of scenario files: which files of a folder are scenarios, and how one is read.

Asked of paths that pytest visits, so nothing heavy is imported here before a scenario is read.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from pytest_terminalbench.errors import ScenarioError
from pytest_terminalbench.extensions import Extensions

if TYPE_CHECKING:
    from pytest_terminalbench.scenarios.model import Scenario

__all__ = ["ENTRY_POINTS", "Format", "is_scenario", "load_scenario", "scenario_files", "scenario_id"]

ENTRY_POINTS = "pytest_terminalbench.formats"


@runtime_checkable
class Format(Protocol):
    """How some scenario files are read. A package gives the class, or an object, by its entry point."""

    def is_scenario(self, path: Path) -> bool:
        """Whether a file of this name in a dataset's folder is a scenario of this format.

        By the name alone: it is asked of every node id, and the file need not be there.
        """

    def files(self, folder: Path) -> list[Path]:
        """The scenario files directly in `folder`."""

    def scenario_id(self, path: Path) -> str:
        """The id of the scenario in the file of this name."""

    def load(self, file: Path, dataset: str) -> Scenario:
        """Read and check `file`, of the dataset of this name; raises ScenarioError."""


def _accepted(found: object) -> Format:
    made = found() if isinstance(found, type) else found
    if not isinstance(made, Format):
        raise TypeError(f"it is {type(made).__name__}, not a Format")
    return made


_FORMATS = Extensions(ENTRY_POINTS, {"json": "pytest_terminalbench.scenarios.formats.own:OwnFormat"}, _accepted)


@cache
def _installed() -> list[Format]:
    """Every format, ours first: what two of them claim is ours, or else the first by name."""
    return [_FORMATS.named(name) for name in sorted(_FORMATS.names(), key=lambda name: (name != "json", name))]


def _format_of(path: Path) -> Format | None:
    return next((reader for reader in _installed() if reader.is_scenario(path)), None)


def is_scenario(path: Path) -> bool:
    """Whether a file of this name, in a dataset's folder, is a scenario."""
    return _format_of(path) is not None


def scenario_id(path: Path) -> str:
    """The id of the scenario in the file of this name; `path` must be a scenario's."""
    reader = _format_of(path)
    assert reader is not None, path
    return reader.scenario_id(path)


def scenario_files(folder: Path) -> list[Path]:
    """The scenario files of a dataset's folder, sorted by name (so that every xdist worker sees the same order).

    Raises ScenarioError where the folder cannot be listed.
    """
    formats = _installed()
    try:
        if len(formats) == 1:
            return formats[0].files(folder)
        return sorted({file for reader in formats for file in reader.files(folder)}, key=lambda file: file.name)
    except OSError as error:
        problem = f"cannot be listed: {error.strerror or error}"
        raise ScenarioError(folder, [problem], cure="make the folder readable, or restore it") from None


def load_scenario(file: Path, *, dataset: str) -> Scenario:
    """Read and check `file`; raises ScenarioError naming the file, what is wrong in it and the cure."""
    reader = _format_of(file)
    if reader is None:
        installed = ", ".join(_FORMATS.names())
        cure = f"use one that is installed ({installed}), or install the package that reads it"
        raise ScenarioError(file, ["is in no format of scenarios that is installed"], cure=cure)
    return reader.load(file, dataset)
