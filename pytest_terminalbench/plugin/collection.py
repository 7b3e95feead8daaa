"""From a dataset's folder to pytest items."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import pytest

from pytest_terminalbench.agents.registry import AgentSpec
from pytest_terminalbench.cells.cell_run import CellRun
from pytest_terminalbench.errors import ScenarioError, SettingsError, TerminalBenchError
from pytest_terminalbench.plugin.adaptive_attempts import FIRST_TRIALS
from pytest_terminalbench.plugin.cell_property import publish
from pytest_terminalbench.plugin.pytest_internals import files_may_be_ignored, fixtureinfo
from pytest_terminalbench.plugin.session import PluginSession
from pytest_terminalbench.plugin.stash_keys import CELL, CELL_RUN
from pytest_terminalbench.scenarios.catalog import Dataset
from pytest_terminalbench.scenarios.dataset_file import LOCK
from pytest_terminalbench.scenarios.formats import scenario_files
from pytest_terminalbench.scenarios.markers import marker_names
from pytest_terminalbench.trials.cell import Cell

__all__ = ["DatasetDirectory", "LockFile", "ScenarioFile", "ScenarioItem"]


def run_cell(tb_trials: Any, tb_baseline: Any) -> None:
    """The whole body of a scenario's item."""
    assert tb_trials == tb_baseline


class DatasetDirectory(pytest.Directory):
    """A dataset's folder: its scenario files, and nothing below (a verifier's tests are never imported here)."""

    tb_session: PluginSession
    # What pytest found out about the fixtures of the first item: the same holds for all in the folder, and to find it
    # out costs a third of the whole collection.
    fixtureinfo: Any = None

    @classmethod
    def for_folder(cls, path: Path, parent: pytest.Collector) -> DatasetDirectory:
        root = parent.config.rootpath
        if path.is_relative_to(root):
            node: DatasetDirectory = cls.from_parent(parent, path=path)
        else:
            # pytest would leave the folder out, so that the scenarios of two such datasets could not be told apart.
            node = cls.from_parent(parent, path=path, nodeid=os.path.relpath(path, root).replace(os.sep, "/"))
        node.tb_session = PluginSession.of(parent.config)
        return node

    @cached_property
    def dataset(self) -> Dataset:
        """The dataset; raises ScenarioError for a broken dataset.json. Its scenarios inherit the marker."""
        dataset = self.tb_session.bench.datasets.at(self.path)
        self.add_marker(pytest.mark.tb_dataset(dataset.name))
        return dataset

    @cached_property
    def agents(self) -> Sequence[AgentSpec]:
        """Who acts in its scenarios."""
        return self.tb_session.agents_for(self)

    @cached_property
    def prefix(self) -> str:
        """What the node ids of its files begin with."""
        return f"{self.nodeid}/".removeprefix("./")

    @cached_property
    def hooks(self) -> Any:
        """The hooks of everything in the folder. pytest would look for its conftest.py again, three times a file."""
        return self.session.gethookproxy(self.path)

    def collect(self) -> Iterator[pytest.Collector]:
        try:
            files = scenario_files(self.dataset.folder)
        except (ScenarioError, SettingsError) as error:
            raise _collect_error(self, error) from None
        if self.tb_session.bench.datasets.locked:
            yield LockFile.for_dataset(self)
        may_be_ignored = files_may_be_ignored(self.config, self.hooks)
        for file in files:
            ignored = may_be_ignored and self.hooks.pytest_ignore_collect(collection_path=file, config=self.config)
            if not ignored or self.session.isinitpath(file):
                yield ScenarioFile.for_file(file, self)


class LockFile(pytest.File):
    """A dataset's lock: no items, but an error where the dataset as a whole has drifted. Its scenarios run."""

    @classmethod
    def for_dataset(cls, parent: DatasetDirectory) -> LockFile:
        node: LockFile = cls.from_parent(parent, path=parent.path / LOCK, nodeid=f"{parent.prefix}{LOCK}")
        return node

    def collect(self) -> Iterable[pytest.Item]:
        datasets = cast(DatasetDirectory, self.parent).tb_session.bench.datasets
        try:
            datasets.check_lock(datasets.at(self.path.parent))
        except ScenarioError as error:
            raise _collect_error(self, error) from None
        return []


class ScenarioFile(pytest.File):
    """A scenario's file: one item for every agent and model."""

    @classmethod
    def for_file(cls, path: Path, parent: DatasetDirectory) -> ScenarioFile:
        node: ScenarioFile = cls.from_parent(parent, path=path, name=path.name, nodeid=f"{parent.prefix}{path.name}")
        return node

    @property
    def ihook(self) -> Any:
        return cast(DatasetDirectory, self.parent).hooks

    def collect(self) -> Iterable[pytest.Item]:
        directory = cast(DatasetDirectory, self.parent)
        bench = directory.tb_session.bench
        try:
            scenario = bench.datasets.load(self.path, directory.dataset)
        except ScenarioError as error:
            raise _collect_error(self, error) from None
        cells = [Cell(scenario=scenario, agent=agent) for agent in directory.agents]
        return [ScenarioItem.for_cell(cell, self, directory) for cell in cells]


def _collect_error(collector: pytest.Collector, error: TerminalBenchError) -> Exception:
    # So that the others run: pytest's default is to stop at an error of collection.
    collector.config.option.continue_on_collection_errors = True
    return collector.CollectError(str(error))


class ScenarioItem(pytest.Function):
    """One cell."""

    tb_session: PluginSession

    @classmethod
    def for_cell(cls, cell: Cell, parent: ScenarioFile, directory: DatasetDirectory) -> ScenarioItem:
        known = directory.fixtureinfo
        item: ScenarioItem = cls.from_parent(
            parent, name=f"{cell.scenario.id}[{cell.agent.label}]", callobj=run_cell, fixtureinfo=known
        )
        directory.fixtureinfo = known or fixtureinfo(item)
        # A list of its own: conftest.py files add fixtures to single items there.
        item.fixturenames = list(item.fixturenames)
        item.stash[CELL] = cell
        # As it was typed: `-k` takes no percent signs, which stand for slashes in the label.
        item.extra_keyword_matches.update(filter(None, (cell.agent.name, cell.agent.model)))
        item.tb_session = directory.tb_session
        marks = [directory.tb_session.marker(name).mark for name in marker_names(cell.scenario)]
        # As add_marker does, but all at once: it imports something each time, which ten thousand items feel.
        item.own_markers.extend(marks)
        item.keywords.update({mark.name: mark for mark in marks})
        return item

    @property
    def ihook(self) -> Any:
        return cast(ScenarioFile, self.parent).ihook

    @property
    def cell(self) -> Cell:
        return self.stash[CELL]

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"scenario {self.name}"

    def setup(self) -> None:
        # From here on every report names the cell, whatever goes wrong with its fixtures. Anew each time: a plugin
        # may run an item more than once.
        run = CellRun(self.tb_session.bench, self.cell, on_change=lambda: publish(self, run))
        first_trials = self.stash.get(FIRST_TRIALS, ())
        run.trials.extend(first_trials)
        self.stash[CELL_RUN] = run
        publish(self, run)
        self.tb_session.check_reachable(self.cell.scenario)
        super().setup()

    @property
    def id(self) -> Any:
        """The node id in pieces, as pytest since 9.2 reads it from text: ``--lf`` and ``--nf`` compare these.

        pytest itself takes the brackets for parameters only where it made them.
        """
        plain = super().id
        return type(plain).parse(str(plain))
