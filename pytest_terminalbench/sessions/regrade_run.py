"""Judging a run again: its trials, the verdicts on its cells, its summary and its report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from pytest_terminalbench.baselines.cell_gate import cell_gate
from pytest_terminalbench.baselines.cell_side import CellSide
from pytest_terminalbench.baselines.folder import ApprovedInFolder, baseline_of
from pytest_terminalbench.cells.bench import Bench
from pytest_terminalbench.cells.bench_settings import BenchSettings
from pytest_terminalbench.cells.regrade import CellRegrader, RegradedCell, RegradedTrial, compared_again
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.environments.provider import Prepared
from pytest_terminalbench.errors import ScenarioError, SettingsError
from pytest_terminalbench.limits import Limits
from pytest_terminalbench.naming import nearest
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.ledger import FileLedger
from pytest_terminalbench.runs.manifest import RunSettings, read_manifest
from pytest_terminalbench.runs.summary import read_summary
from pytest_terminalbench.scenarios.catalog import Catalog
from pytest_terminalbench.scenarios.model import Scenario
from pytest_terminalbench.sessions.closing import rebuild_run
from pytest_terminalbench.trials.result import TrialResult

__all__ = ["RunRegrader", "chosen_cells"]


def chosen_cells(run: RunFolder, names: Sequence[str]) -> list[CellResult]:
    """The cells of `run` called `names`, all when there are none.

    Raises RunFolderError for a damaged run, and SettingsError naming those that exist for a name that is none of them.
    """
    cells = {cell.key: cell for cell in _cells(run)}
    for name in names:
        if name not in cells:
            raise SettingsError(
                f"run {run.id} has no cell {name!r}{nearest(name, cells)}; it has {', '.join(cells) or 'none'}"
            )
    return [cells[name] for name in names] if names else list(cells.values())


class RunRegrader:
    """Judges cells of `run` again, by the rules of its session.

    `root` is the project's folder, `catalog` has the scenarios as they are now. `ignores_conditions`: judge also where
    the agent was told something else, or acted in another image, than the scenario says now. `prepare` gives
    environments, if not the session's own kind. Raises RunFolderError.
    """

    def __init__(
        self,
        run: RunFolder,
        *,
        root: Path,
        baselines: Path,
        catalog: Catalog,
        image_map: Path | None = None,
        ignores_conditions: bool = False,
        prepare: Callable[[Scenario, Limits], Prepared] | None = None,
    ) -> None:
        self._run = run
        # Where the agent acted, wherever it is judged again.
        self._host = read_manifest(run).host_class
        self._settings = _settings(run, root=root, baselines=baselines, image_map=image_map)
        # What is approved by its run was not compared, and whoever judges under other conditions compares under them.
        self._parity = "off" if self._settings.update_baselines else self._settings.parity
        if ignores_conditions and self._parity == "block":
            self._parity = "warn"
        self._approved = ApprovedInFolder(baselines)
        self._bench = Bench(self._settings, run.path, catalog=catalog)
        self._regrader = CellRegrader(
            root=run.path,
            prepare=prepare or self._bench.prepare,
            journal=self._bench.journal,
            ignores_conditions=ignores_conditions,
        )

    def regrade(self, cells: Iterable[CellResult]) -> Iterator[RegradedCell]:
        """Each of `cells` when its trials are judged; call `close` after the last, however it ends.

        Raises EngineUnreachable where environments are needed and there is no engine.
        """
        datasets, ledger = self._bench.datasets, FileLedger(self._run.ledger)
        for cell in cells:
            try:
                scenario = datasets.find(f"{cell.id.dataset}/{cell.id.scenario}")
            except (ScenarioError, SettingsError) as error:
                yield _not_found(cell, str(error))
                continue
            version = datasets.version(cell.id.dataset)
            regraded = self._regrader.regrade(cell, scenario, dataset_version=version, compare=self._compare)
            if regraded.was_judged:
                # At once, as its trials are: who is killed before the last cell has both or neither.
                ledger.record(regraded.after)
            yield regraded

    def close(self, regraded: Sequence[RegradedCell]) -> None:
        """Remove what is left of the judging, and bring summary and report up to date with the cells `regraded`."""
        self._bench.sweep()
        if any(cell.was_judged for cell in regraded):
            rebuild_run(self._run, baselines=self._settings.baselines)

    def _compare(self, cell: CellResult, trials: Sequence[TrialResult]) -> CellResult:
        settings = self._settings
        stored = baseline_of(settings.baselines, cell.id) if cell.gate != "off" else None
        baseline = stored.record if stored is not None and stored.counts else None
        before = CellSide.approved(baseline) if baseline is not None else None
        gate = cell_gate(cell.gate, before, self._bench.policy, approved=self._approved.beside(cell.id))
        return compared_again(cell, trials, baseline=baseline, gate=gate, parity=self._parity, host=self._host)


def _settings(run: RunFolder, *, root: Path, baselines: Path, image_map: Path | None) -> BenchSettings:
    """As the session of `run` had them, as far as judging and comparing depend on them."""
    asked = read_manifest(run).settings
    return BenchSettings(
        root=root,
        baselines=baselines,
        results=run.path.parent,
        run_id=run.id,
        **asdict(asked.policy),
        update_baselines=asked.update_baselines,
        environment=None if asked.environment == RunSettings.environment else asked.environment,
        network="none" if asked.network == "none" else None,
        image_map=image_map,
    )


def _cells(run: RunFolder) -> list[CellResult]:
    """Those that have trials; a lost one has none."""
    return [cell for cell in read_summary(run.summary).cells if cell.attempts]


def _not_found(cell: CellResult, problem: str) -> RegradedCell:
    trials = tuple(
        RegradedTrial(
            folder=attempt.folder, attempt=attempt.attempt, before=attempt.outcome, problem=problem, has_failed=True
        )
        for attempt in cell.attempts
    )
    return RegradedCell(before=cell, after=cell, trials=trials)
