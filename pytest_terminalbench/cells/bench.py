"""What a session is made of: datasets, agents, baselines and gates, environments, the run's folder. No pytest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from pytest_terminalbench.agents.registry import AgentRegistry, AgentSpec, parse_arguments
from pytest_terminalbench.baselines.cell_gate import CellGate, GateSettings, cell_gate
from pytest_terminalbench.baselines.record import BaselineRecord, read_record, tallies
from pytest_terminalbench.cells.bench_settings import BenchSettings
from pytest_terminalbench.cells.observer import Observer, Unobserved
from pytest_terminalbench.environments.docker_provider import Scheduler, SchedulerSettings
from pytest_terminalbench.environments.endpoint import find_endpoint
from pytest_terminalbench.environments.images import ImageMap, image_map_for
from pytest_terminalbench.errors import EnvironmentFailure
from pytest_terminalbench.scenarios.catalog import Catalog, Dataset
from pytest_terminalbench.scenarios.model import Scenario
from pytest_terminalbench.scenarios.open_datasets import OpenDatasets
from pytest_terminalbench.trials.cell import Cell
from pytest_terminalbench.trials.journal import Journal

__all__ = ["Bench"]


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
        self.journal = Journal(folder / "events.jsonl")
        self.engine_url = engine_url
        self._registry = registry or AgentRegistry()
        self._tallies: dict[Path, list[tuple[int, int]]] = {}

    def check(self) -> None:
        """Refuse what can be refused before anything is collected; raises SettingsError."""
        _ = self.agents, self.image_map

    # -- who acts on what --------------------------------------------------------------------------------------------

    @cached_property
    def agents(self) -> Sequence[AgentSpec]:
        """Agent × model, in the order they were asked for; raises SettingsError."""
        settings = self.settings
        arguments = parse_arguments(settings.agent_args)
        return [
            self._registry.spec(agent, model=model, arguments=arguments)
            for agent in settings.agents
            for model in settings.models or (None,)
        ]

    def cells_of(self, scenario: Scenario) -> list[Cell]:
        """One for each agent."""
        return [Cell(scenario=scenario, agent=agent) for agent in self.agents]

    def cells(self, datasets: Iterable[Dataset]) -> Iterator[Cell]:
        """Every cell of `datasets`; raises ScenarioError for a scenario that is wrong."""
        for dataset in datasets:
            for scenario in dataset.scenarios():
                yield from self.cells_of(scenario)

    # -- where they act ----------------------------------------------------------------------------------------------

    @cached_property
    def image_map(self) -> ImageMap:
        """The session's map over the project's over this machine's; raises SettingsError."""
        return image_map_for(self.settings.root, self.settings.image_map)

    def find_engine(self) -> str:
        """The container engine's address; raises EngineUnreachable."""
        if not self.engine_url:
            self.engine_url = find_endpoint().url
        return self.engine_url

    @cached_property
    def scheduler(self) -> Scheduler:
        settings = self.settings
        return Scheduler(
            SchedulerSettings(
                engine_url=self.find_engine(),
                run_id=self.run_id,
                image_map=self.image_map,
                timeout_multiplier=settings.timeout_multiplier,
                network=settings.network,
                keep_containers=settings.keep_containers,
            )
        )

    def sweep(self, *, orphans_only: bool = False) -> list[str]:
        """Remove the containers that this run (or a dead worker of it) has left, where an engine was asked for any."""
        if not self.engine_url:
            return []
        try:
            return self.scheduler.sweep(orphans_only=orphans_only)
        except EnvironmentFailure:
            # A dead engine has no containers running; they end at their deadline in any case.
            return []

    def platform(self) -> str | None:
        """``os/architecture`` of the engine that was used, if one was."""
        if not self.engine_url:
            return None
        try:
            return self.scheduler.platform
        except EnvironmentFailure:
            return None

    # -- what they are compared with ---------------------------------------------------------------------------------

    def baseline_file(self, cell: Cell) -> Path:
        return self.settings.baselines / cell.id.dataset / cell.folder_label / f"{cell.id.scenario}.json"

    def baseline(self, cell: Cell) -> BaselineRecord | None:
        """What was approved for `cell`; raises BaselineError for a damaged file. Retired records do not count."""
        if self.settings.gate == "off":
            return None
        record = read_record(self.baseline_file(cell))
        return None if record is None or record.status == "retired" else record

    def gate_kind(self, agent: AgentSpec) -> str:
        """``strict``, ``statistical`` or ``off``."""
        return self.settings.gate or ("strict" if agent.deterministic else "statistical")

    def gate(self, cell: Cell, baseline: BaselineRecord | None) -> CellGate:
        """How many trials `cell` gets, and what they are called."""
        settings = self.settings
        return cell_gate(
            self.gate_kind(cell.agent),
            baseline,
            GateSettings(
                attempts=settings.attempts,
                max_attempts=settings.max_attempts,
                alpha=settings.alpha,
                inconclusive=settings.inconclusive,
            ),
            approved=self._approved_tallies(cell),
        )

    def _approved_tallies(self, cell: Cell) -> list[tuple[int, int]]:
        """(solved, attempts) of every baseline of the cell's agent and dataset, also of cells that do not run."""
        folder = self.baseline_file(cell).parent
        if folder not in self._tallies:
            self._tallies[folder] = tallies(folder)
        return self._tallies[folder]
