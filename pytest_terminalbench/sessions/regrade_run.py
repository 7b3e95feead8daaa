"""Judging a run again: its trials, the verdicts on its cells, its summary and its report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_terminalbench.baselines.cell_gate import GateSettings, cell_gate
from pytest_terminalbench.baselines.folder import approved_tallies, baseline_of
from pytest_terminalbench.cells.bench import Bench
from pytest_terminalbench.cells.bench_settings import BenchSettings
from pytest_terminalbench.cells.regrade import CellRegrader, RegradedCell, RegradedTrial, compared_anew
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.comparing.session_gate import RunGateSettings, gate_run
from pytest_terminalbench.documents import write_atomically, write_json
from pytest_terminalbench.environments.provider import Prepared
from pytest_terminalbench.errors import ScenarioError, SettingsError
from pytest_terminalbench.limits import Limits
from pytest_terminalbench.naming import nearest
from pytest_terminalbench.runs.history import read_manifest
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.report import markdown
from pytest_terminalbench.runs.summary import read_summary, summarise
from pytest_terminalbench.scenarios.catalog import Catalog
from pytest_terminalbench.scenarios.model import Scenario
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
        self._settings = _settings(run, root=root, baselines=baselines, image_map=image_map)
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
        datasets = self._bench.datasets
        for cell in cells:
            try:
                scenario = datasets.find(f"{cell.id.dataset}/{cell.id.scenario}")
            except (ScenarioError, SettingsError) as error:
                yield _not_found(cell, str(error))
                continue
            version = datasets.version(cell.id.dataset)
            yield self._regrader.regrade(cell, scenario, dataset_version=version, compare=self._compare)

    def close(self, regraded: Sequence[RegradedCell]) -> None:
        """Remove what is left of the judging, and bring summary and report up to date with the cells `regraded`."""
        self._bench.sweep()
        if not any(cell.was_judged for cell in regraded):
            return
        after = {cell.after.key: cell.after for cell in regraded}
        cells = [after.get(cell.key, cell).to_json() for cell in _cells(self._run)]
        lost = read_summary(self._run.summary)["lost"]
        summary = summarise(self._run.id, cells, lost=lost, gate=self._gate(cells))
        write_json(self._run.summary, summary)
        write_atomically(self._run.report, markdown(summary))

    def _gate(self, cells: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
        """The gate of the whole run; none for one that approved its outcomes."""
        settings = self._settings
        if settings.update_baselines:
            return None
        rules = RunGateSettings(alpha=settings.alpha, margin=settings.margin, adaptive=settings.attempts is None)
        gate = gate_run(cells, baselines=settings.baselines, settings=rules)
        return gate.to_json() if gate else None

    def _compare(self, cell: CellResult, trials: Sequence[TrialResult]) -> CellResult:
        settings = self._settings
        stored = baseline_of(settings.baselines, cell.id) if cell.gate != "off" else None
        baseline = stored.record if stored is not None and stored.counts else None
        rules = GateSettings(
            attempts=settings.attempts,
            max_attempts=settings.max_attempts,
            alpha=settings.alpha,
            inconclusive=settings.inconclusive,
        )
        gate = cell_gate(cell.gate, baseline, rules, approved=approved_tallies(settings.baselines, cell.id))
        return compared_anew(cell, trials, baseline=baseline, gate=gate, parity=settings.parity)


def _settings(run: RunFolder, *, root: Path, baselines: Path, image_map: Path | None) -> BenchSettings:
    """As the session of `run` had them, as far as judging and comparing depend on them."""
    asked = read_manifest(run).get("settings", {})
    names = ("max_attempts", "alpha", "margin", "inconclusive", "parity", "update_baselines")
    attempts = asked.get("attempts", 1)
    return BenchSettings(
        root=root,
        baselines=baselines,
        results=run.path.parent,
        run_id=run.id,
        attempts=None if attempts == "auto" else attempts,
        network="none" if asked.get("network") == "none" else None,
        image_map=image_map,
        **{name: asked[name] for name in names if name in asked},
    )


def _cells(run: RunFolder) -> list[CellResult]:
    return [CellResult.from_json(cell) for cell in read_summary(run.summary)["cells"]]


def _not_found(cell: CellResult, problem: str) -> RegradedCell:
    trials = tuple(
        RegradedTrial(
            folder=attempt.folder, attempt=attempt.attempt, before=attempt.outcome, problem=problem, has_failed=True
        )
        for attempt in cell.attempts
    )
    return RegradedCell(before=cell, after=cell, trials=trials)
