"""The state of one pytest session that has to do with scenarios."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_terminalbench.agents.registry import AgentRegistry, AgentSpec, parse_arguments
from pytest_terminalbench.baselines.cell_gate import GateSettings
from pytest_terminalbench.baselines.record import BaselineRecord, read_record, tallies
from pytest_terminalbench.environments.docker_provider import Scheduler, SchedulerSettings
from pytest_terminalbench.environments.endpoint import find_endpoint
from pytest_terminalbench.environments.images import ImageMap, image_map_for
from pytest_terminalbench.errors import EngineUnreachable, EnvironmentFailure, ScenarioError, SettingsError
from pytest_terminalbench.plugin.controller import Controller
from pytest_terminalbench.plugin.datasets import SessionDatasets
from pytest_terminalbench.plugin.failure_cards import Cards
from pytest_terminalbench.plugin.options import Options
from pytest_terminalbench.plugin.scenario_paths import names_scenarios
from pytest_terminalbench.plugin.second_turns import Deferral
from pytest_terminalbench.plugin.stash_keys import BENCH, DEFERRAL
from pytest_terminalbench.plugin.workers import ENGINE_INPUT, run_id, worker_input
from pytest_terminalbench.runs.approvable_trials import baseline_path
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.scenarios.catalog import Catalog
from pytest_terminalbench.scenarios.model import load_scenario
from pytest_terminalbench.settings import ProjectSettings, project_settings, pytest_settings
from pytest_terminalbench.trials.cell import Cell
from pytest_terminalbench.trials.journal import Journal

if TYPE_CHECKING:
    from pytest_terminalbench.plugin.concurrency import RunAhead

__all__ = ["BenchSession"]


class BenchSession:
    """Options made concrete: datasets, agents, the run's folder, the scheduler. One per process."""

    def __init__(self, config: pytest.Config, options: Options) -> None:
        self.config = config
        self.options = options
        self.run = RunFolder(options.results / run_id(config))
        self.journal = Journal(self.run.events)
        self.engine_url = worker_input(config, ENGINE_INPUT)
        self.is_worker = hasattr(config, "workerinput")
        # Whether the command line names scenarios; otherwise they are come upon.
        self.is_asked_for = False
        self.refusal: pytest.UsageError | None = None
        self.controller: Controller | None = None
        self.ahead: RunAhead | None = None
        # Hooks of users are called by one thread at a time.
        self.telling = threading.RLock()
        self._tallies: dict[Path, list[tuple[int, int]]] = {}
        self._markers: dict[str, pytest.MarkDecorator] = {}

    @classmethod
    def of(cls, config: pytest.Config, options: Options | None = None) -> BenchSession:
        """The session's one state, made when first asked for."""
        if BENCH not in config.stash:
            bench = cls(config, options or Options.from_config(config))
            config.stash[BENCH] = bench
            if bench.options.attempts is None:
                config.pluginmanager.register(Deferral(), DEFERRAL)
            config.pluginmanager.register(Cards(), "terminalbench-cards")
            if not bench.is_worker:
                bench.controller = Controller(bench)
                config.pluginmanager.register(bench.controller, "terminalbench-controller")
            if bench.concurrency > 1:
                from pytest_terminalbench.plugin.concurrency import RunAhead

                bench.ahead = RunAhead(bench, bench.concurrency)
                config.pluginmanager.register(bench.ahead, "terminalbench-ahead")
        return config.stash[BENCH]

    @property
    def concurrency(self) -> int:
        """Trials at a time in this process; under ``-n`` the workers are what runs at a time."""
        has_workers = self.is_worker or getattr(self.config.option, "tx", None)
        return 1 if has_workers else self.options.concurrency

    # -- before collection -------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Find the datasets that were named; with no positional argument collect just these.

        Raises UsageError.
        """
        folders = [self.datasets.named(request).folder for request in self.options.datasets]
        if folders and self.options.root != self.config.rootpath:
            self._warn_of_lost_settings(folders)
        if folders and self.config.args_source is not pytest.Config.ArgsSource.ARGS:
            self.config.args = [str(folder) for folder in folders]
        # Datasets in the ini file are no reason to ask for an engine where a user runs other tests.
        if names_scenarios(self.config) or any(str(folder) in self.config.args for folder in folders):
            self.is_asked_for = True
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
        if self.concurrency < self.options.concurrency and self._is_typed("tb_concurrency") and not self.is_worker:
            raise pytest.UsageError(
                "--tb-concurrency is for one process, and -n starts several with one trial at a time each; "
                "give one of the two"
            )
        # Made now, so that what cannot be made is refused now.
        _ = self.agents, self.image_map

    def _is_typed(self, name: str) -> bool:
        """Whether the command line has the option, and not only the ini file."""
        return self.config.getoption(name) is not None

    def preflight(self) -> None:
        """On the controller, before anything is collected: does an engine answer, is the run's folder free?

        Raises UsageError (exit code 4).
        """
        option = self.config.option
        if self.is_worker or option.collectonly or getattr(option, "setupplan", False):
            return
        if self.options.run_id and self.run.path.exists():
            raise pytest.UsageError(f"--tb-run-id {self.options.run_id!r}: {self.run.path} exists; name another run")
        if self.options.preflight:
            try:
                self._find_engine()
            except EngineUnreachable as error:
                raise pytest.UsageError(str(error)) from None

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
        return self.refusal is None

    def header(self) -> list[str]:
        names = ", ".join(f"{d.name}=={d.version}" for d in self.datasets.known)
        agents = ", ".join(cell.name + (f" ({cell.model})" if cell.model else "") for cell in self.agents)
        return [f"terminalbench: {names or 'scenarios'}; agent {agents}; run {self.run.id}"]

    # -- what a session is made of -----------------------------------------------------------------------------------

    @cached_property
    def datasets(self) -> SessionDatasets:
        catalog = Catalog(self.options.root)
        try:
            self.config.hook.pytest_terminalbench_datasets(catalog=catalog)
        except SettingsError as error:
            raise pytest.UsageError(str(error)) from None
        return SessionDatasets(catalog, locked=self.options.locked)

    @cached_property
    def agents(self) -> list[AgentSpec]:
        """Agent × model, in the order of the command line."""
        registry = AgentRegistry()
        self.config.hook.pytest_terminalbench_agents(registry=registry)
        try:
            arguments = parse_arguments(self.options.agent_args)
            return [
                registry.spec(agent, model=model, arguments=arguments)
                for agent in self.options.agents
                for model in self.options.models or (None,)
            ]
        except SettingsError as error:
            raise pytest.UsageError(str(error)) from None

    @cached_property
    def scheduler(self) -> Scheduler:
        return Scheduler(
            SchedulerSettings(
                engine_url=self._find_engine(),
                run_id=self.run.id,
                image_map=self.image_map,
                timeout_multiplier=self.options.timeout_multiplier,
                network=self.options.network,
                keep_containers=self.options.keep_containers,
            )
        )

    @cached_property
    def project(self) -> ProjectSettings:
        """The project's own settings, from its pyproject.toml."""
        try:
            return project_settings(self.options.root)
        except SettingsError as error:
            raise pytest.UsageError(str(error)) from None

    @cached_property
    def image_map(self) -> ImageMap:
        """The command line's map over the project's over this machine's."""
        try:
            return image_map_for(self.options.root, self.options.image_map)
        except SettingsError as error:
            raise pytest.UsageError(str(error)) from None

    def _find_engine(self) -> str:
        if not self.engine_url:
            self.engine_url = find_endpoint().url
        return self.engine_url

    # -- collection --------------------------------------------------------------------------------------------------

    def cell_of(self, nodeid: str) -> Cell | None:
        """The cell that an item's id names; None where its file can no longer be read."""
        file, _, name = nodeid.partition("::")
        path = Path(os.path.normpath(self.config.rootpath / file))
        try:
            scenario = load_scenario(path, dataset=self.datasets.at(path.parent).name)
        except ScenarioError:
            return None
        cells = [Cell(scenario=scenario, agent=agent) for agent in self.agents]
        return next((cell for cell in cells if f"{scenario.id}[{cell.actor}]" == name), None)

    def marker(self, name: str) -> pytest.MarkDecorator:
        """A registered marker, so that ``--strict-markers`` knows it."""
        if name not in self._markers:
            self.config.addinivalue_line("markers", f"{name}: a property of scenarios (set by terminalbench)")
            self._markers[name] = getattr(pytest.mark, name)
        return self._markers[name]

    def baseline_file(self, cell: Cell) -> Path:
        scenario, agent = cell.scenario, cell.agent
        return self.options.baselines / baseline_path(scenario.dataset, scenario.id, agent.name, agent.model)

    def baseline(self, cell: Cell) -> BaselineRecord | None:
        """What was approved for `cell`; raises BaselineError for a damaged file. Retired records do not count."""
        if self.options.gate == "off":
            return None
        record = read_record(self.baseline_file(cell))
        return None if record is None or record.status == "retired" else record

    def gate_kind(self, agent: AgentSpec) -> str:
        """``strict``, ``statistical`` or ``off``."""
        return self.options.gate or ("strict" if agent.deterministic else "statistical")

    @cached_property
    def gate_settings(self) -> GateSettings:
        options = self.options
        return GateSettings(
            attempts=options.attempts,
            max_attempts=options.max_attempts,
            alpha=options.alpha,
            inconclusive=options.inconclusive,
        )

    def approved_tallies(self, cell: Cell) -> list[tuple[int, int]]:
        """(solved, attempts) of every baseline of the cell's agent and dataset, also of cells that do not run."""
        folder = self.baseline_file(cell).parent
        if folder not in self._tallies:
            self._tallies[folder] = tallies(folder)
        return self._tallies[folder]

    # -- while it runs -----------------------------------------------------------------------------------------------

    def guard(self) -> None:
        """A container is about to start: it must not be left behind when the session is told to end."""
        if self.controller is not None:
            self.controller.guard()

    def open_run(self) -> None:
        """A trial is about to be made: perhaps of a test of the user's own, in a session without scenarios."""
        if self.controller is not None:
            self.controller.open_run()

    # -- the end -----------------------------------------------------------------------------------------------------

    def finish(self, session: pytest.Session) -> None:
        if self.controller is not None:
            self.controller.finish(session)

    def sweep(self, *, orphans_only: bool = False) -> list[str]:
        """Remove the containers that this run (or a dead worker of it) has left, where an engine was asked for any."""
        if not self.engine_url:
            return []
        try:
            return self.scheduler.sweep(orphans_only=orphans_only)
        except EnvironmentFailure:
            # A dead engine has no containers running; they end at their deadline in any case.
            return []

    def engine_platform(self) -> str | None:
        """``os/architecture`` of the engine that was used, if one was."""
        if not self.engine_url:
            return None
        try:
            return self.scheduler.platform
        except EnvironmentFailure:
            return None

    def settings_facts(self) -> Mapping[str, object]:
        """For the manifest: what was asked, without values that may be secret."""
        options = self.options
        return {
            "datasets": {d.name: d.version for d in self.datasets.known},
            "agents": [{"name": spec.name, "model": spec.model} for spec in self.agents],
            "agent_args": sorted(parse_arguments(options.agent_args)),
            "concurrency": self.concurrency,
            "attempts": options.attempts or "auto",
            "max_attempts": options.max_attempts,
            "gate": options.gate or "by agent",
            "alpha": options.alpha,
            "margin": options.margin,
            "inconclusive": options.inconclusive,
            "parity": options.parity,
            "network": options.network or "scenario",
            "timeout_multiplier": options.timeout_multiplier,
            "max_void_rate": options.max_void_rate,
            "update_baselines": options.update_baselines,
        }
