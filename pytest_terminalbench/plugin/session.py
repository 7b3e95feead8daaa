"""The state of one pytest session that has to do with scenarios: our engine, and pytest around it."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import pytest

from pytest_terminalbench.agents.registry import AgentRegistry
from pytest_terminalbench.cells.bench import Bench
from pytest_terminalbench.cells.bench_settings import BenchSettings
from pytest_terminalbench.errors import BaselineError, EngineUnreachable, ScenarioError, SettingsError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.plugin.adaptive_attempts import PLUGIN_NAME, SecondTurns
from pytest_terminalbench.plugin.concurrency import ItemsInThreads
from pytest_terminalbench.plugin.controller import Controller
from pytest_terminalbench.plugin.crashed_workers import CrashedWorkers
from pytest_terminalbench.plugin.failure_cards import FailureCards
from pytest_terminalbench.plugin.options import PluginOptions, bench_settings, plugin_options
from pytest_terminalbench.plugin.pytest_internals import option
from pytest_terminalbench.plugin.scenario_paths import named_datasets
from pytest_terminalbench.plugin.stash_keys import NAMED_DATASETS, SESSION
from pytest_terminalbench.plugin.worker_input import ENGINE_INPUT, is_worker, run_id, worker_input
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.scenarios.catalog import Catalog
from pytest_terminalbench.scenarios.formats import load_scenario
from pytest_terminalbench.scenarios.model import Scenario
from pytest_terminalbench.settings import pytest_settings
from pytest_terminalbench.trials.cell import Cell
from pytest_terminalbench.trials.result import TrialResult

__all__ = ["PluginSession"]


class PluginSession:
    """One per process. Errors of settings become pytest's UsageError here, and nowhere below."""

    def __init__(self, config: pytest.Config, settings: BenchSettings, options: PluginOptions) -> None:
        self.config = config
        self.settings = settings
        self.options = options
        self.run = RunFolder(settings.results / run_id(config))
        # Whether the command line names scenarios; otherwise pytest found them by itself.
        self.is_asked_for = False
        self.refusal: pytest.UsageError | None = None
        self.controller: Controller | None = None
        self.items_in_threads: ItemsInThreads | None = None

    @classmethod
    def of(cls, config: pytest.Config) -> PluginSession:
        """The session's one state, made when first asked for."""
        if SESSION not in config.stash:
            session = cls(config, bench_settings(config), plugin_options(config))
            config.stash[SESSION] = session
            session._register_plugins()
        made: PluginSession = config.stash[SESSION]
        return made

    def _register_plugins(self) -> None:
        """What concerns only some sessions is a plugin of its own."""
        manager = self.config.pluginmanager
        if self.settings.attempts is None:
            manager.register(SecondTurns(), PLUGIN_NAME)
        manager.register(FailureCards(self.bench), "terminalbench-cards")
        if not is_worker(self.config):
            self.controller = Controller(self.config, self.bench, self.run, progress_s=self.options.progress_s)
            crashed_workers = CrashedWorkers(
                self.bench, self.controller.ledger, cell_of=self.cell_of, scenario_of=self.scenario_of
            )
            manager.register(crashed_workers, "terminalbench-crashed-workers")
            manager.register(self.controller, "terminalbench-controller")
        if self.concurrency > 1:
            self.items_in_threads = ItemsInThreads(self.bench, self.concurrency)
            manager.register(self.items_in_threads, "terminalbench-concurrency")

    @cached_property
    def bench(self) -> Bench:
        """What the cells have in common, with what the user's hooks add to it."""
        catalog = Catalog(self.settings.root)
        registry = AgentRegistry([self.config.invocation_params.dir, self.settings.root])
        with _usage_errors():
            self.config.hook.pytest_terminalbench_datasets(catalog=catalog)
            self.config.hook.pytest_terminalbench_agents(registry=registry)
        return Bench(
            replace(self.settings, concurrency=self.concurrency),
            self.run.path,
            catalog=catalog,
            registry=registry,
            observer=_HookObserver(self.config),
            engine_url=worker_input(self.config, ENGINE_INPUT),
        )

    @property
    def concurrency(self) -> int:
        """Trials at a time in this process; under ``-n`` the workers are what runs at a time."""
        has_workers = is_worker(self.config) or option(self.config, "tx")
        return 1 if has_workers else self.settings.concurrency

    # -- before collection -------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Find the datasets that were named; with no positional argument collect just these. Raises UsageError."""
        with _usage_errors():
            folders = [self.bench.datasets.named(request).folder for request in self.settings.datasets]
        self.config.stash[NAMED_DATASETS] = set(folders)
        if folders and self.settings.root != self.config.rootpath:
            self._warn_of_lost_settings(folders)
        if folders and self.config.args_source is not pytest.Config.ArgsSource.ARGS:
            self.config.args = [str(folder) for folder in folders]
        # Datasets in the ini file are no reason to ask for an engine where a user runs other tests.
        named = named_datasets(self.config)
        if named or any(str(folder) in self.config.args for folder in folders):
            self.is_asked_for = True
            self.bench.datasets.meet(named)
            self.check()

    def _warn_of_lost_settings(self, folders: Sequence[Path]) -> None:
        start = self.config.invocation_params.dir
        outside = [str(folder) for folder in folders if not folder.is_relative_to(start)]
        lost = pytest_settings(start).file
        if outside and lost:
            self.config.issue_config_time_warning(
                pytest.PytestConfigWarning(
                    f"pytest took {outside[0]} for a folder of tests and does not read {lost}; "
                    f"write --tb-dataset={outside[0]}, with `=`"
                ),
                stacklevel=2,
            )

    def check(self) -> None:
        """Refuse what can be refused before thousands of items are collected; raises UsageError."""
        if not self.config.pluginmanager.hasplugin("syrupy"):
            raise pytest.UsageError("scenarios need the plugin syrupy, which is switched off (-p no:syrupy)")
        is_typed = self.config.getoption("tb_concurrency") is not None
        if self.concurrency < self.settings.concurrency and is_typed and not is_worker(self.config):
            raise pytest.UsageError(
                "--tb-concurrency is for one process, and -n starts several with one trial at a time each; "
                "give one of the two"
            )
        with _usage_errors():
            self.bench.check()

    def preflight(self) -> None:
        """On the controller, before anything is collected: does an engine answer, is the run's folder free?

        Raises UsageError (exit code 4).
        """
        only_shows = option(self.config, "collectonly") or option(self.config, "setupplan")
        if is_worker(self.config) or only_shows:
            return
        if self.settings.run_id and self.run.path.exists():
            raise pytest.UsageError(f"--tb-run-id {self.settings.run_id!r}: {self.run.path} exists; name another run")
        if self.options.preflight:
            with _usage_errors():
                self.bench.check_environments()

    @cached_property
    def may_collect(self) -> bool:
        """Whether scenarios that no argument named may be collected; if not, `refusal` says why.

        An error raised while pytest collects would be taken for the collector's own.
        """
        try:
            self.check()
            self.preflight()
        except pytest.UsageError as error:
            self.refusal = error
            if self.controller is not None:
                self.controller.refusal = error
        return self.refusal is None

    def header(self) -> list[str]:
        names = ", ".join(f"{d.name}=={d.version}" for d in self.bench.datasets.known)
        agents = ", ".join(spec.name + (f" ({spec.model})" if spec.model else "") for spec in self.bench.agents)
        return [f"terminalbench: {names or 'scenarios'}; agent {agents}; run {self.run.id}"]

    @contextmanager
    def collecting(self) -> Generator[None]:
        """While scenarios are collected. What is made stays, so looking through all of it for garbage again and again
        finds nothing, and is a tenth of the time for ten thousand scenarios.
        """
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if was_enabled:
                gc.enable()

    # -- collection --------------------------------------------------------------------------------------------------

    def cell_of(self, nodeid: str) -> CellId | None:
        """The cell that an item's id names, without a look into its file; None for what is no cell of ours."""
        scenario, _, label = nodeid.rpartition("::")[2].removesuffix("]").rpartition("[")
        try:
            dataset = self.bench.datasets.at(self._file_of(nodeid).parent).name
        except ScenarioError:
            return None
        cells = (agent.cell_id(dataset=dataset, scenario=scenario) for agent in self.bench.agents)
        return next((cell for cell in cells if cell.label == label), None)

    def scenario_of(self, nodeid: str) -> Scenario | None:
        """The scenario that an item's id names; None where its file can no longer be read."""
        file = self._file_of(nodeid)
        try:
            return load_scenario(file, dataset=self.bench.datasets.at(file.parent).name)
        except ScenarioError:
            return None

    def _file_of(self, nodeid: str) -> Path:
        return Path(os.path.normpath(self.config.rootpath / nodeid.partition("::")[0]))

    @cached_property
    def markers(self) -> dict[str, pytest.MarkDecorator]:
        return {}

    def marker(self, name: str) -> pytest.MarkDecorator:
        """A registered marker, so that ``--strict-markers`` knows it."""
        if name not in self.markers:
            self.config.addinivalue_line("markers", f"{name}: a property of scenarios (set by terminalbench)")
            self.markers[name] = getattr(pytest.mark, name)
        return self.markers[name]

    # -- while it runs -----------------------------------------------------------------------------------------------

    def guard(self) -> None:
        """A container is about to start: it must not be left behind when the session is told to end."""
        if self.controller is not None:
            self.controller.guard()

    def open_run(self) -> None:
        """A trial is about to be made: perhaps of a test of the user's own, in a session without scenarios."""
        if self.controller is not None:
            self.controller.open_run()

    def finish(self, session: pytest.Session) -> None:
        if self.controller is not None:
            self.controller.finish(session)


class _HookObserver:
    """Tells the user's hooks of trials, by one thread at a time."""

    def __init__(self, config: pytest.Config) -> None:
        self._hook = config.hook
        self._telling = threading.RLock()

    def trial_started(self, cell: Cell) -> None:
        with self._telling:
            self._hook.pytest_terminalbench_trial_start(cell=cell)

    def trial_ended(self, cell: Cell, result: TrialResult) -> None:
        with self._telling:
            self._hook.pytest_terminalbench_trial_end(cell=cell, outcome=result)


@contextmanager
def _usage_errors() -> Generator[None]:
    """What is wrong with the settings, or keeps anything from running, in pytest's own way."""
    try:
        yield
    except (SettingsError, ScenarioError, BaselineError, EngineUnreachable) as error:
        raise pytest.UsageError(str(error)) from None
