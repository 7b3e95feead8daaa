"""The state of one pytest session that has to do with scenarios: our engine, and pytest around it."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_terminalbench.agents.given import FIXTURE, to_be_given
from pytest_terminalbench.agents.registry import AgentRegistry, AgentSpec
from pytest_terminalbench.cells.bench import Bench
from pytest_terminalbench.cells.bench_settings import BenchSettings
from pytest_terminalbench.cells.cell_run import CellVoid
from pytest_terminalbench.errors import BaselineError, EngineUnreachable, ScenarioError, SettingsError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.plugin.adaptive_attempts import PLUGIN_NAME, SecondTurns
from pytest_terminalbench.plugin.asked_scenarios import AskedScenarios
from pytest_terminalbench.plugin.concurrency import ItemsInThreads, is_our_fixture
from pytest_terminalbench.plugin.failure_cards import FailureCards
from pytest_terminalbench.plugin.named_datasets import NamedDatasets
from pytest_terminalbench.plugin.options import PluginOptions, bench_settings, plugin_options
from pytest_terminalbench.plugin.own_tests import tell_run
from pytest_terminalbench.plugin.pytest_internals import fixture_function, option
from pytest_terminalbench.plugin.scenario_paths import holds_scenarios, path_of
from pytest_terminalbench.plugin.stash_keys import ASKED, SESSION
from pytest_terminalbench.plugin.worker_input import (
    ENGINE_INPUT,
    is_worker,
    run_id,
    unreachable_environments,
    worker_input,
)
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.scenarios.catalog import Catalog
from pytest_terminalbench.scenarios.formats import load_scenario
from pytest_terminalbench.scenarios.model import Scenario
from pytest_terminalbench.settings import pytest_settings
from pytest_terminalbench.trials.cell import Cell
from pytest_terminalbench.trials.result import TrialResult

if TYPE_CHECKING:
    from pytest_terminalbench.plugin.controller import Controller

__all__ = ["PluginSession"]


class PluginSession:
    """One per process. Errors of settings become pytest's UsageError here, and nowhere below."""

    def __init__(self, config: pytest.Config, settings: BenchSettings, options: PluginOptions) -> None:
        self.config = config
        self.settings = settings
        self.options = options
        self.run = RunFolder(settings.results / run_id(config))
        # Whether the command line asks for scenarios; otherwise the ini file does, or a fixture of a user's own test.
        self._is_typed = False
        # Kinds of environments that cannot be had, and why.
        self.unreachable = unreachable_environments(config)
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
            manager.register(SecondTurns(self.bench.journal), PLUGIN_NAME)
        manager.register(FailureCards(self.bench), "terminalbench-cards")
        if self.concurrency > 1:
            self.items_in_threads = ItemsInThreads(self.bench, self.concurrency, may_start=self.is_reachable)
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

    @cached_property
    def controller(self) -> Controller | None:
        """What owns the run, with the plugins beside it; None in a worker.

        Made when it is first asked for: under xdist when the workers have been started, which takes them longer than it
        takes us to import what closes a run. Workers do without.
        """
        if is_worker(self.config):
            return None
        from pytest_terminalbench.plugin.controller import Controller
        from pytest_terminalbench.plugin.crashed_workers import CrashedWorkers
        from pytest_terminalbench.plugin.interruption import InterruptedCells

        manager, bench, cell_of = self.config.pluginmanager, self.bench, self.cell_of
        controller = Controller(self.config, bench, self.run, progress_s=self.options.progress_s, cell_of=cell_of)
        crashed_workers = CrashedWorkers(bench, controller.ledger, cell_of=cell_of, scenario_of=self.scenario_of)
        manager.register(crashed_workers, "terminalbench-crashed-workers")
        manager.register(InterruptedCells(bench.journal, cell_of=cell_of), "terminalbench-interrupted-cells")
        manager.register(controller, "terminalbench-controller")
        return controller

    @property
    def concurrency(self) -> int:
        """Trials at a time in this process; under ``-n`` the workers are what runs at a time."""
        has_workers = is_worker(self.config) or option(self.config, "tx")
        return 1 if has_workers else self.settings.concurrency

    # -- before collection -------------------------------------------------------------------------------------------

    def prepare(self, by_paths: AskedScenarios) -> None:
        """Make pytest collect the datasets that were named: just these, or with positional arguments these as well.

        `by_paths`: what positional arguments and ``testpaths`` ask for. Raises UsageError.
        """
        config = self.config
        with _usage_errors():
            folders = [self.bench.datasets.named(request).folder for request in self.settings.datasets]
        if folders and self.settings.root != config.rootpath:
            self._warn_of_lost_settings(folders)
        has_arguments = config.args_source is pytest.Config.ArgsSource.ARGS
        if has_arguments:
            config.args = [*config.args, *map(str, self._beside_arguments(folders))]
        elif folders:
            config.args, by_paths = [str(folder) for folder in folders], AskedScenarios()
        self._is_typed = config.getoption("tb_dataset") is not None or (has_arguments and bool(by_paths))
        asked = config.stash[ASKED] = AskedScenarios(tuple(folders)) | by_paths
        self._register_named_datasets(asked)
        self.bench.datasets.meet(asked.folders())
        self.check()

    @property
    def is_asked_for(self) -> bool:
        """Whether the session is to collect scenarios; otherwise a test of the user's own uses a fixture of ours."""
        return ASKED in self.config.stash

    def _beside_arguments(self, folders: Iterable[Path]) -> Iterator[Path]:
        """The datasets of `folders` that pytest would not come upon by its positional arguments.

        An argument inside a dataset chooses from it.
        """
        paths = [path_of(arg, self.config) for arg in self.config.args]
        for folder in folders:
            if not any(path.is_relative_to(folder) or folder.is_relative_to(path) for path in paths):
                yield folder

    def _register_named_datasets(self, asked: AskedScenarios) -> None:
        is_left_out_by_hand = any(self.config.getoption(name) for name in ("ignore", "ignore_glob"))
        if is_left_out_by_hand and not self._is_typed:
            # The command line wins over the ini file.
            return
        paths = [path_of(arg, self.config) for arg in self.config.args]
        below_paths = [folder for folder in asked.datasets if any(path in folder.parents for path in paths)]
        if below_paths:
            self.config.pluginmanager.register(NamedDatasets(below_paths), "terminalbench-named-datasets")

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
            unreachable = self.bench.unreachable_environments()
            if unreachable and self.options.no_engine is None and self._is_typed:
                raise pytest.UsageError("\n".join(map(str, unreachable.values())))
            self.unreachable = {kind: str(error) for kind, error in unreachable.items()}

    def is_reachable(self, scenario: Scenario) -> bool:
        """Whether the scenario's environment can be had, as far as the session's start has shown."""
        return not self.unreachable or self.bench.environment_kind(scenario) not in self.unreachable

    def check_reachable(self, scenario: Scenario) -> None:
        """Skip an item, or raise CellVoid, where its environment cannot be had."""
        if self.is_reachable(scenario):
            return
        reason = self.unreachable[self.bench.environment_kind(scenario)]
        if self.options.no_engine == "skip":
            pytest.skip(reason.splitlines()[0].partition(";")[0])
        raise CellVoid(reason)

    def header(self) -> list[str]:
        names = ", ".join(f"{d.name}=={d.version}" for d in self.bench.datasets.known)
        agents = ", ".join(spec.name + (f" ({spec.model})" if spec.model else "") for spec in self.bench.agents)
        if self._has_given_agents:
            agents = f"of the fixture {FIXTURE}"
        return [f"terminalbench: {names or 'scenarios'}; agent {agents}; run {self.run.id}"]

    @property
    def _has_given_agents(self) -> bool:
        """Whether a conftest.py that is loaded already gives the agents; one further down is loaded later."""
        givers = [plugin for plugin in self.config.pluginmanager.get_plugins() if hasattr(plugin, FIXTURE)]
        return not self.bench.names_agents and any(getattr(plugin, "__name__", "") != __package__ for plugin in givers)

    # -- collection --------------------------------------------------------------------------------------------------

    def agents_for(self, node: pytest.Collector | pytest.Item) -> Sequence[AgentSpec]:
        """Who acts in the items of `node`: where a user's own fixture gives the agent, nobody knows before it has.

        Agents that the session names are known all the same: the fixture has to give just these.
        """
        agents = self.bench.agents
        if self.bench.names_agents or is_our_fixture(fixture_function(FIXTURE, node)):
            return agents
        return [to_be_given(agent) for agent in agents]

    def cell_of(self, nodeid: str) -> CellId | None:
        """The cell that an item's id names, without a look into its file; None for what is no cell of ours."""
        scenario, _, label = nodeid.rpartition("::")[2].removesuffix("]").rpartition("[")
        folder = self._file_of(nodeid).parent
        if not self.bench.datasets.has(folder) and not holds_scenarios(folder, self.config):
            return None
        try:
            dataset = self.bench.datasets.at(folder).name
        except ScenarioError:
            return None
        agents = [*self.bench.agents, *map(to_be_given, self.bench.agents)]
        cells = (agent.cell_id(dataset=dataset, scenario=scenario) for agent in agents)
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
        else:
            tell_run(self.config)

    def book(self, report: pytest.TestReport, cell: CellId) -> None:
        """On the controller: the first report of a session whose cells are all in tests of the user's own."""
        assert self.controller is not None
        with suppress(SettingsError, ScenarioError):
            self.bench.datasets.named(cell.dataset)
        self.controller.open_run()
        self.controller.pytest_runtest_logreport(report)

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
