"""Approves the cells of a run: reads their trials' folders and has the baselines written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_terminalbench.baselines.approval import Approval, CellTrials, JudgedTrial, approve
from pytest_terminalbench.errors import BaselineError, RunFolderError
from pytest_terminalbench.naming import folder_label
from pytest_terminalbench.outcome import Solved, Void
from pytest_terminalbench.trials.result import TrialResult, read_result

__all__ = ["approve_cells", "baseline_path"]


def baseline_path(dataset: str, scenario_id: str, agent: str, model: str | None) -> Path:
    """Where a cell's baseline lies below the folder of baselines."""
    return Path(dataset) / folder_label(agent, model) / f"{scenario_id}.json"


def approve_cells(
    cells: Sequence[Mapping[str, Any]], *, run: Path, baselines: Path, approver: str, notes: str = ""
) -> Approval:
    """Approve `cells` (as in a summary) of the run in the folder `run`.

    Raises BaselineError for a cell that is void or whose trials cannot be read; then nothing is written.
    """
    chosen = [_cell_trials(cell, run) for cell in cells]
    return approve(chosen, run_id=run.name, baselines=baselines, approver=approver, notes=notes)


def _cell_trials(cell: Mapping[str, Any], run: Path) -> CellTrials:
    try:
        results = [read_result(run / attempt["folder"] / "result.json") for attempt in cell["attempts"]]
    except RunFolderError as error:
        raise BaselineError(f"{cell['cell']} cannot be approved: {error}") from None
    return CellTrials(
        scenario_id=cell["scenario"],
        file=baseline_path(cell["dataset"], cell["scenario"], cell["agent"], cell["model"]),
        trials=[_judged(result) for result in results],
    )


def _judged(result: TrialResult) -> JudgedTrial:
    if isinstance(result.outcome, Void):
        raise BaselineError(f"{result.scenario_id}: a void trial has no outcome to approve")
    return JudgedTrial(
        solved=isinstance(result.outcome, Solved),
        reward=result.outcome.reward,
        runtime_s=result.timing.agent_s,
        memory_peak_mb=result.memory_peak_mb,
        cost_usd=result.usage.cost_usd,
        tokens=result.usage.input_tokens + result.usage.output_tokens,
        fingerprint=result.fingerprint,
    )
