"""From a dataset's folder to pytest items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from pytest_terminalbench.errors import ScenarioError
from pytest_terminalbench.plugin.cards import failure_card
from pytest_terminalbench.plugin.session import BenchSession
from pytest_terminalbench.scenarios.catalog import scenario_files
from pytest_terminalbench.scenarios.markers import marker_names
from pytest_terminalbench.trials.cell import Cell

__all__ = ["DatasetDirectory", "ScenarioFile", "ScenarioItem"]


def run_cell(tb_trials: Any, tb_baseline: Any) -> None:
    """The whole body of a scenario's item."""
    assert tb_trials == tb_baseline


class DatasetDirectory(pytest.Directory):
    """A dataset's folder: its scenario files, and nothing below (a verifier's tests are never imported here)."""

    bench: BenchSession

    @classmethod
    def for_folder(cls, path: Path, parent: pytest.Collector) -> DatasetDirectory:
        node: DatasetDirectory = cls.from_parent(parent, path=path)
        node.bench = BenchSession.of(parent.config)
        return node

    def collect(self) -> Iterator[pytest.Collector]:
        try:
            self.bench.dataset_at(self.path)
        except ScenarioError as error:
            raise self.CollectError(str(error)) from None
        ihook = self.ihook
        for file in scenario_files(self.path):
            ignored = ihook.pytest_ignore_collect(collection_path=file, config=self.config)
            if not ignored or self.session.isinitpath(file):
                yield ScenarioFile.for_file(file, self)


class ScenarioFile(pytest.File):
    """A scenario's JSON file: one item for every agent and model."""

    @classmethod
    def for_file(cls, path: Path, parent: pytest.Collector) -> ScenarioFile:
        node: ScenarioFile = cls.from_parent(parent, path=path)
        return node

    def collect(self) -> Iterable[pytest.Item]:
        directory = cast(DatasetDirectory, self.parent)
        bench = directory.bench
        try:
            scenario = bench.load(self.path, bench.dataset_at(directory.path))
        except ScenarioError as error:
            # So that the others run: pytest's default is to stop at an error of collection.
            self.config.option.continue_on_collection_errors = True
            raise self.CollectError(str(error)) from None
        return [ScenarioItem.for_cell(Cell(scenario=scenario, agent=agent), self, bench) for agent in bench.agents]


class ScenarioItem(pytest.Function):
    """One cell."""

    cell: Cell
    bench: BenchSession

    @classmethod
    def for_cell(cls, cell: Cell, parent: ScenarioFile, bench: BenchSession) -> ScenarioItem:
        item: ScenarioItem = cls.from_parent(parent, name=f"{cell.scenario.id}[{cell.actor}]", callobj=run_cell)
        item.cell = cell
        item.bench = bench
        item.add_marker(pytest.mark.tb_dataset(cell.scenario.dataset))
        for name in marker_names(cell.scenario):
            item.add_marker(bench.marker(name))
        return item

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"scenario {self.name}"

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        card = failure_card(self, excinfo.value)
        return card if card is not None else super().repr_failure(excinfo)
