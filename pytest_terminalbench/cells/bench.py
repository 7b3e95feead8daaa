"""What a session is made of: datasets, agents, baselines and gates, environments, the run's folder. No pytest."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from pytest_terminalbench.agents.argument_texts import parse_arguments
from pytest_terminalbench.agents.base import Agent
from pytest_terminalbench.agents.given import FIXTURE, is_made_by
from pytest_terminalbench.agents.registry import AgentRegistry, AgentSpec
from pytest_terminalbench.baselines.cell_gate import CellGate, cell_gate
from pytest_terminalbench.baselines.cell_side import CellSide
from pytest_terminalbench.baselines.comparison_policy import ComparisonPolicy
from pytest_terminalbench.baselines.folder import ApprovedInFolder, baseline_of, check_old_baselines, current_file
from pytest_terminalbench.baselines.record import BaselineRecord
from pytest_terminalbench.cells.bench_settings import BenchSettings
from pytest_terminalbench.cells.observer import Observer, Unobserved
from pytest_terminalbench.environments.docker_provider import DockerProvider
from pytest_terminalbench.environments.image_map import ImageMap, image_map_for
from pytest_terminalbench.environments.provider import (
    ImageProvider,
    Prepared,
    Provider,
    ProviderSettings,
    make_provider,
)
from pytest_terminalbench.errors import EngineUnreachable, EnvironmentFailure, ScenarioError, SettingsError
from pytest_terminalbench.identity import check_distinct
from pytest_terminalbench.limits import Limits
from pytest_terminalbench.scenarios.catalog import Catalog, Dataset
from pytest_terminalbench.scenarios.formats import load_scenario, scenario_files
from pytest_terminalbench.scenarios.kinds import kind_named
from pytest_terminalbench.scenarios.model import Scenario
from pytest_terminalbench.scenarios.open_datasets import OpenDatasets
from pytest_terminalbench.trials.cell import Cell
from pytest_terminalbench.trials.journal import FileJournal

__all__ = ["Bench"]

DEFAULT_ENVIRONMENT = "docker"
DEFAULT_AGENT = "oracle"


class Bench:
    """The settings made concrete: what the cells of one run have in common. One per process.

    `folder` is the run's. `catalog` and `registry` are what datasets and agents are looked up in. `engine_url`: the
    container engine, where it has been found already.
    """

    def __init__(
        self,
        settings: BenchSettings,
        folder: Path,
        *,
        catalog: Catalog | None = None,
        registry: AgentRegistry | None = None,
        observer: Observer | None = None,
        engine_url: str | None = None,
    ) -> None:
        self.settings = settings
        self.folder = folder
        self.run_id = folder.name
        self.datasets = OpenDatasets(catalog or Catalog(settings.root), locked=settings.locked)
        self.observer = observer or Unobserved()
        self.journal = FileJournal(folder / "events.jsonl")
        self._engine_url = engine_url
        self._providers: dict[str, Provider] = {}
        self._providers_lock = threading.Lock()
        self._registry = registry or AgentRegistry([settings.root])
        self._approved = ApprovedInFolder(settings.baselines)

    def check(self) -> None:
        """Refuse what can be refused before anything is collected; raises SettingsError or BaselineError."""
        _ = self.image_map, self._default_provider
        labels = [agent.cell_id(dataset="any", scenario="any").label_parts for agent in self.agents]
        self.datasets.check_locks_exist()
        if self.settings.gate != "off" or self.settings.update_baselines:
            self._check_baselines_folder()
            check_old_baselines(self.settings.baselines, labels)

    def _check_baselines_folder(self) -> None:
        folder = self.settings.baselines
        nearest = next(place for place in (folder, *folder.parents) if place.exists())
        if not nearest.is_dir():
            raise SettingsError(f"--tb-baselines: {nearest} is a file; name a folder")

    # -- who acts on what --------------------------------------------------------------------------------------------

    @cached_property
    def agents(self) -> Sequence[AgentSpec]:
        """Agent × model, in the order they were asked for; raises SettingsError."""
        settings = self.settings
        arguments = parse_arguments(settings.agent_args)
        return self._registry.specs(
            settings.agents or (DEFAULT_AGENT,),
            models=settings.models,
            arguments=arguments,
            others_may_be_named=settings.standing_agent_args,
        )

    @property
    def names_agents(self) -> bool:
        """Whether the session asks for agents by name."""
        return bool(self.settings.agents)

    def own_spec(self, asked: AgentSpec) -> AgentSpec:
        """`asked`, under its own name also where it stands for what a fixture may give."""
        return asked if self.names_agents else self.agents[0]

    def acting(self, agent: Agent, asked: AgentSpec) -> AgentSpec:
        """Who acts where `asked` was to, and a user's own code has given `agent`.

        Raises SettingsError for another than was asked for by name, and for one whose name is another's.
        """
        spec = self.own_spec(asked)
        if is_made_by(spec, agent):
            return spec
        given = self._registry.given(agent)
        if self.names_agents:
            raise SettingsError(
                f"the fixture {FIXTURE} gives agent {given.name!r} ({given.place}), and --tb-agent asks for "
                f"{asked.name!r}; leave the option out to run the fixture's, or have the fixture give the agent that "
                "is asked for"
            )
        return given

    def cells_of(self, scenario: Scenario) -> list[Cell]:
        """One for each agent."""
        return [Cell(scenario=scenario, agent=agent) for agent in self.agents]

    def cells(self, datasets: Iterable[Dataset]) -> Iterator[Cell]:
        """Every cell of `datasets`, of which each counts once; raises ScenarioError for a scenario that is wrong.

        Raises SettingsError for two cells whose names are the same, or differ in upper and lower case alone.
        """
        by_folder = {dataset.folder: dataset for dataset in datasets}
        scenarios = (scenario for dataset in by_folder.values() for scenario in dataset.scenarios())
        cells = [cell for scenario in scenarios for cell in self.cells_of(scenario)]
        check_distinct(cell.id for cell in cells)
        return iter(cells)

    # -- where they act ----------------------------------------------------------------------------------------------

    @cached_property
    def image_map(self) -> ImageMap:
        """The session's map over the project's over this machine's; raises SettingsError."""
        return image_map_for(self.settings.root, self.settings.image_map)

    def check_environments(self) -> None:
        """Find out whether the environments of the known datasets can be had at all; raises EngineUnreachable."""
        for error in self.unreachable_environments().values():
            raise error

    def unreachable_environments(self) -> dict[str, EngineUnreachable]:
        """The kinds of environments that the known datasets need and nobody can give, and why."""
        unreachable = {}
        for kind in sorted(self._environment_kinds()):
            try:
                self._provider(kind).check()
            except EngineUnreachable as error:
                unreachable[kind] = error
        return unreachable

    def _environment_kinds(self) -> set[str]:
        """What provides the environments of the known datasets; of scenarios that are wrong nobody can tell."""
        if self.settings.environment:
            return {self.settings.environment}
        datasets = list(self.datasets.known)
        kinds: set[str] = set() if datasets else {DEFAULT_ENVIRONMENT}
        for dataset in datasets:
            for file in scenario_files(dataset.folder):
                try:
                    kinds.add(self.environment_kind(load_scenario(file, dataset=dataset.name)))
                except ScenarioError:
                    continue
                # The only one that is not always there; and a dataset may have thousands of files.
                if DEFAULT_ENVIRONMENT in kinds:
                    return kinds
        return kinds

    def environment_kind(self, scenario: Scenario) -> str:
        """What provides the scenario's environments."""
        return self.settings.environment or kind_named(scenario.kind).environment

    def prepare(self, scenario: Scenario, limits: Limits | None = None) -> Prepared:
        """The environments of `scenario`, the first already started; raises EnvironmentFailure.

        `limits`: where they are others than the session's.
        """
        return self._provider(self.environment_kind(scenario)).prepare(scenario, limits or self.limits(scenario))

    def limits(self, scenario: Scenario) -> Limits:
        """The limits of each trial of `scenario`, as the session has them."""
        return Limits.of(scenario.timeouts, timeout_multiplier=self.settings.timeout_multiplier)

    def image_provider(self) -> ImageProvider:
        """Who starts containers of any image; raises SettingsError where the session's environments have none."""
        provider = self._default_provider
        if not isinstance(provider, ImageProvider):
            raise SettingsError(
                f"--tb-env {provider.kind!r} starts no containers of images; leave the option out for tests that use "
                "tb_environment without a scenario"
            )
        return provider

    @property
    def engine_url(self) -> str | None:
        """The container engine's address, where one was asked for."""
        docker = self._docker()
        return docker.engine_url if docker is not None else self._engine_url

    def stop(self) -> None:
        """Start no environment any more."""
        for provider in list(self._providers.values()):
            provider.stop()

    def sweep(self, *, orphans_only: bool = False) -> list[str]:
        """Remove the environments that this run (or a dead worker of it) has left."""
        removed: list[str] = []
        for provider in list(self._providers.values()):
            try:
                removed += provider.sweep(orphans_only=orphans_only)
            except EnvironmentFailure:
                # A dead engine has no containers running; they end at their deadline in any case.
                continue
        return removed

    def platform(self) -> str | None:
        """``os/architecture`` of the engine that was used, if one was."""
        docker = self._docker()
        if docker is None or docker.engine_url is None:
            return None
        try:
            return docker.platform
        except EnvironmentFailure:
            return None

    @property
    def _default_provider(self) -> Provider:
        return self._provider(self.settings.environment or DEFAULT_ENVIRONMENT)

    def _docker(self) -> DockerProvider | None:
        provider = self._providers.get(DockerProvider.kind)
        return provider if isinstance(provider, DockerProvider) else None

    def _provider(self, kind: str) -> Provider:
        """The one provider of this kind; raises SettingsError for one that is not installed."""
        # Threads would each make their own.
        with self._providers_lock:
            if kind not in self._providers:
                self._providers[kind] = make_provider(kind, self._provider_settings)
            return self._providers[kind]

    @property
    def _provider_settings(self) -> ProviderSettings:
        settings = self.settings
        return ProviderSettings(
            run_id=self.run_id,
            engine_url=self._engine_url,
            image_map=self.image_map,
            network=settings.network,
            keep_containers=settings.keep_containers,
        )

    # -- what they are compared with ---------------------------------------------------------------------------------

    def baseline_file(self, cell: Cell) -> Path:
        return current_file(self.settings.baselines, cell.id)

    def baseline(self, cell: Cell) -> BaselineRecord | None:
        """What was approved for `cell`; raises BaselineError for a damaged file. Retired records do not count."""
        if self.settings.gate == "off":
            return None
        stored = baseline_of(self.settings.baselines, cell.id)
        return stored.record if stored is not None and stored.counts else None

    def gate_kind(self, agent: AgentSpec) -> str:
        """``strict``, ``statistical`` or ``off``."""
        return self.settings.gate or ("strict" if agent.deterministic else "statistical")

    def gate(self, cell: Cell, baseline: BaselineRecord | None) -> CellGate:
        """How many trials `cell` gets, and what they are called."""
        before = CellSide.approved(baseline) if baseline is not None else None
        return cell_gate(self.gate_kind(cell.agent), before, self.policy, approved=self._approved.beside(cell.id))

    @property
    def policy(self) -> ComparisonPolicy:
        """How cells are compared with what was approved."""
        return ComparisonPolicy.of(self.settings)
