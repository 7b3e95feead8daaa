"""Approves a run that another harness made, cell by cell; void attempts are refused unless they may be left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pytest_terminalbench.baselines.approval import Approval, approve, check_maintainer
from pytest_terminalbench.runs.approve_cells import cell_to_approve
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.manifest import read_manifest
from pytest_terminalbench.runs.summary import read_summary
from pytest_terminalbench.runs.thin_approvals import thin_approval

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
    """What was written; the cells that were `refused` for void attempts, and those approved without (`thinned`);
    `warnings` of what too little was approved.
    """

    approval: Approval
    refused: Sequence[VoidCell] = field(default_factory=tuple)
    thinned: Sequence[VoidCell] = field(default_factory=tuple)
    warnings: Sequence[str] = field(default_factory=tuple)

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
    RunFolderError for a damaged summary, BaselineError for a trial that is damaged or of another run, or when
    `approver` is no maintainer.
    """
    check_maintainer(approver, maintainers)
    chosen, refused, thinned = [], [], []
    for cell in read_summary(run.summary).cells:
        attempts = len(cell.attempts)
        void = VoidCell(name=cell.key, voids=attempts - len(cell.judged), attempts=attempts)
        if not cell.judged or (void.voids and not leave_out_void):
            refused.append(void)
            continue
        if void.voids:
            thinned.append(void)
        chosen.append(cell_to_approve(replace(cell, attempts=cell.judged), run.path))
    approval = approve(
        chosen, run_id=run.id, baselines=baselines, approver=approver, notes=notes, how="import --approve"
    )
    by_suite: dict[str, list[list[float]]] = {}
    for approved in chosen:
        rewards = [attempt.share for attempt in approved.attempts if attempt.share is not None]
        by_suite.setdefault(approved.cell.suite, []).append(rewards)
    return ImportApproval(
        approval=approval,
        refused=refused,
        thinned=thinned,
        warnings=thin_approval(by_suite, read_manifest(run).settings.policy, can_repeat=False),
    )
