"""Approves a run that another harness made, cell by cell; void attempts are refused unless they may be left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_terminalbench.baselines.approval import Approval, CellTrials, JudgedTrial, approve
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.outcome import Solved, Void
from pytest_terminalbench.runs.approving import baseline_path
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.summary import read_summary
from pytest_terminalbench.trials.result import TrialResult, read_result

__all__ = ["ImportApproval", "VoidCell", "approve_stored"]


@dataclass(frozen=True, kw_only=True)
class VoidCell:
    """A cell with void attempts: how many of how many."""

    name: str
    voids: int
    attempts: int

    def __str__(self) -> str:
        return f"{self.name}: {self.voids} of {self.attempts} attempts void"


@dataclass(frozen=True, kw_only=True)
class ImportApproval:
    """What was written; the cells that were `refused` for void attempts, and those approved without (`thinned`)."""

    approval: Approval
    refused: Sequence[VoidCell] = field(default_factory=tuple)
    thinned: Sequence[VoidCell] = field(default_factory=tuple)

    @property
    def approved(self) -> int:
        """How many cells are as approved now."""
        return len(self.approval.written) + self.approval.unchanged


def approve_stored(
    run: RunFolder,
    *,
    baselines: Path,
    approver: str,
    maintainers: Sequence[str],
    notes: str = "",
    leave_out_void: bool = False,
) -> ImportApproval:
    """Approve the cells of the imported `run` of which no attempt is void; all others stay as they are.

    With `leave_out_void`, cells with void attempts are approved by their other ones, if they have any. Raises
    RunFolderError for a damaged summary or trial, BaselineError for a trial of another run, or when `approver` is no
    maintainer.
    """
    if maintainers and approver not in maintainers:
        raise BaselineError(
            f"{approver!r} may not approve; [tool.terminalbench] maintainers names: {', '.join(maintainers)}"
        )
    chosen, refused, thinned = [], [], []
    for cell in read_summary(run.summary)["cells"]:
        judged = [attempt for attempt in cell["attempts"] if attempt["outcome"] != "void"]
        attempts = len(cell["attempts"])
        void = VoidCell(name=cell["cell"], voids=attempts - len(judged), attempts=attempts)
        if not judged or (void.voids and not leave_out_void):
            refused.append(void)
            continue
        if void.voids:
            thinned.append(void)
        chosen.append(_cell_trials(cell, judged, run))
    approval = approve(
        chosen, run_id=run.id, baselines=baselines, approver=approver, notes=notes, how="import --approve"
    )
    return ImportApproval(approval=approval, refused=refused, thinned=thinned)


def _cell_trials(cell: Mapping[str, Any], attempts: Sequence[Mapping[str, Any]], run: RunFolder) -> CellTrials:
    results = [read_result(run.path / attempt["folder"] / "result.json") for attempt in attempts]
    foreign = {result.run_id for result in results} - {run.id}
    if foreign:
        raise BaselineError(f"{cell['cell']} has trials of other runs ({', '.join(sorted(foreign))}) among its own")
    return CellTrials(
        scenario_id=cell["scenario"],
        file=baseline_path(cell["dataset"], cell["scenario"], cell["agent"], cell["model"]),
        trials=[_judged(result) for result in results],
    )


def _judged(result: TrialResult) -> JudgedTrial:
    if isinstance(result.outcome, Void):
        raise BaselineError(f"{result.scenario_id}: {result.folder} is void, though the run's summary says otherwise")
    return JudgedTrial(
        solved=isinstance(result.outcome, Solved),
        reward=result.outcome.reward,
        runtime_s=result.timing.agent_s,
        memory_peak_mb=result.memory_peak_mb,
        cost_usd=result.usage.cost_usd,
        tokens=result.usage.input_tokens + result.usage.output_tokens,
        fingerprint=result.fingerprint,
    )
