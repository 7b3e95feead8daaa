"""Approves cells of a run: reads their trials' folders, checks that they may be approved, has the baselines written."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.baselines.approval import (
    Approval,
    CellToApprove,
    FolderContents,
    approve,
    check_maintainer,
    contents,
)
from pytest_terminalbench.baselines.baseline_command import baseline_command
from pytest_terminalbench.baselines.cell_gate import cell_gate
from pytest_terminalbench.baselines.cell_side import CellSide
from pytest_terminalbench.baselines.folder import ApprovedInFolder, baseline_of
from pytest_terminalbench.baselines.parity import is_same_question
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.errors import BaselineError, RunFolderError
from pytest_terminalbench.naming import listed, nearest
from pytest_terminalbench.outcome import outcome_name
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.manifest import RunManifest, read_manifest
from pytest_terminalbench.runs.passes_in_a_row import PASSES_FOR_ACTIVE, Row, passes_in_a_row
from pytest_terminalbench.runs.summary import read_summary
from pytest_terminalbench.status import Status
from pytest_terminalbench.trials.result import TrialResult, read_result

__all__ = ["ReviewedCell", "approve_cells", "approve_reviewed", "cell_to_approve", "chosen_cell"]


class ReviewedCell(NamedTuple):
    """A cell as a run left it."""

    cell: CellResult
    run: RunFolder


def approve_cells(
    cells: Sequence[CellResult],
    *,
    run: Path,
    baselines: Path,
    approver: str,
    notes: str = "",
    seen: FolderContents | None = None,
) -> Approval:
    """Approve `cells` of the run in the folder `run` the direct way: active at once. `seen`: when the run began; None:
    now.

    Raises BaselineError for a cell that is void, whose trials cannot be read, or whose baseline was changed since the
    run began; then nothing is written.
    """
    folder = RunFolder(run)
    host = _manifest(folder).host_class if folder.manifest.exists() else None
    chosen = [cell_to_approve(cell, run, host=host) for cell in cells]
    after_a_look = baseline_command(f"approve --run {run.name} --scenario SCENARIO", baselines)
    return approve(
        chosen,
        run_id=run.name,
        baselines=baselines,
        approver=approver,
        notes=notes,
        seen=seen.of(cell.cell for cell in chosen) if seen is not None else None,
        once_seen="this session did not know it: run it again to be compared with what is approved now, or approve "
        f"what it came to by `{after_a_look}`",
    )


def approve_reviewed(
    reviewed: Sequence[ReviewedCell],
    *,
    baselines: Path,
    approver: str,
    maintainers: Sequence[str],
    notes: str = "",
) -> tuple[Approval, CellToApprove, Row]:
    """Approve one cell after a look at it, with its attempts in all these runs: provisional until it has passed three
    times in a row.

    Gives what was written, the cell with the status it got, and the passes in a row up to the newest of the runs.
    Raises BaselineError saying why not: `approver` is no maintainer, a run added trials where it looked bad, the cell
    failed, is void, inconclusive or worse than what is approved now, its trials belong to another run, or the runs did
    not ask the same.
    """
    # Before anything of a run is read: what somebody else approves from here on was not known to who approves this.
    seen = contents(baselines, [one.cell.id for one in reviewed])
    approved = ApprovedInFolder(baselines)
    check_maintainer(approver, maintainers)
    manifests = [_manifest(run) for _, run in reviewed]
    for (cell, run), manifest in zip(reviewed, manifests, strict=True):
        if manifest.settings.is_adaptive:
            raise BaselineError(
                f"run {run.id} added trials where it looked bad (--tb-attempts auto), which makes a biased baseline; "
                "approve a run with a fixed --tb-attempts"
            )
        _check_passed(cell, run, baselines)
        _check_not_worse(cell, run, manifest, baselines, approved)
    by_time = sorted(zip(manifests, reviewed, strict=True), key=lambda dated: (dated[0].started_at, dated[1].run.id))
    runs = [run for _, (_, run) in by_time]
    chosen = _together(
        [cell_to_approve(cell, run.path, host=manifest.host_class) for manifest, (cell, run) in by_time], runs
    )
    row = passes_in_a_row(runs[-1].path.parent, chosen.cell, runs[-1], chosen.fingerprint)
    chosen = replace(chosen, status="active" if row.passes >= PASSES_FOR_ACTIVE else "provisional")
    approval = approve(
        [chosen],
        run_id=", ".join(run.id for run in runs),
        baselines=baselines,
        approver=approver,
        notes=notes,
        how="baseline approve",
        seen=seen,
    )
    return approval, chosen, row


def _together(parts: Sequence[CellToApprove], runs: Sequence[RunFolder]) -> CellToApprove:
    """What `runs` did at one cell, as one: all attempts, under the conditions that they share."""
    last = parts[-1]
    twice = [name for name, times in Counter(run.id for run in runs).items() if times > 1]
    if twice:
        raise BaselineError(f"run {twice[0]} is named twice; its attempts would count twice")
    for part, run in zip(parts, runs, strict=True):
        if part.cell != last.cell:
            raise BaselineError(
                f"run {run.id} has {part.cell.key}, and run {runs[-1].id} {last.cell.key}: these are different cells; "
                "say which by --dataset, --agent, --model"
            )
        is_same = is_same_question(part.fingerprint, last.fingerprint) and part.configuration == last.configuration
        if not is_same:
            raise BaselineError(
                f"runs {run.id} and {runs[-1].id} tried {last.cell.key} under different conditions: its files, image, "
                "limits or the agent's configuration were changed in between; approve the later one alone"
            )
    # Measured on several classes of hosts, the values are of none.
    host = last.host if all(part.host == last.host for part in parts) else None
    return replace(last, attempts=[attempt for part in parts for attempt in part.attempts], host=host)


def _check_passed(cell: CellResult, run: RunFolder, baselines: Path) -> None:
    if cell.status is Status.INCONCLUSIVE:
        raise BaselineError(
            f"{cell.key} is inconclusive in run {run.id}: it looks worse than its baseline, and so few trials "
            "cannot tell; run it with more attempts (--tb-attempts), or approve the change for the worse by "
            "--update-baselines"
        )
    unsolved = [attempt.folder for attempt in cell.attempts if not attempt.is_solved]
    if cell.status is Status.SOLVED and unsolved:
        raise BaselineError(f"{run.summary} calls {cell.key} solved, but {unsolved[0]} is not: it was changed")
    if cell.status is Status.BLOCKED:
        rebase = baseline_command(f"rebase {shlex.quote(cell.id.baseline_name)}", baselines)
        raise BaselineError(
            f"{cell.key} was blocked in run {run.id}, so it has no outcome; `{rebase}` accepts what differs "
            "without a run, --update-baselines approves a new outcome"
        )
    if not cell.status.is_pass:
        raise BaselineError(
            f"{cell.key} is {cell.status} in run {run.id}, and only what has passed is approved; "
            "approve a change for the worse by --update-baselines"
        )


def _check_not_worse(
    cell: CellResult, run: RunFolder, manifest: RunManifest, baselines: Path, approved: ApprovedInFolder
) -> None:
    """Refuse a cell that is worse than what is approved now, which may be another outcome than it was compared with."""
    stored = baseline_of(baselines, cell.id)
    if cell.gate == "off" or stored is None or not stored.counts:
        return
    before = CellSide.approved(stored.record)
    gate = cell_gate(cell.gate, before, manifest.settings.policy, approved=approved.beside(cell.id))
    now = gate.judge(CellSide.of_attempts(cell.judged, host=manifest.host_class))
    if not now.status.is_pass:
        raise BaselineError(
            f"{cell.key} of run {run.id} is {now.status.words} beside its baseline of now: {now.text}; approve a "
            "change for the worse by --update-baselines"
        )


def chosen_cell(
    run: RunFolder, *, scenario: str, dataset: str | None = None, agent: str | None = None, model: str | None = None
) -> CellResult:
    """The one cell of the run that fits; raises BaselineError when there is none or more than one."""
    try:
        cells = read_summary(run.summary).cells
    except RunFolderError as error:
        raise BaselineError(str(error)) from None
    fitting = list(cells)
    for what, asked in (("scenario", scenario), ("dataset", dataset), ("agent", agent), ("model", model)):
        known = {getattr(cell.id, what) or "none" for cell in fitting}
        if asked is not None and asked not in known:
            of_scenario = "" if what == "scenario" else f" for scenario {scenario!r}"
            raise BaselineError(
                f"run {run.id} has no cell of {what} {asked!r}{of_scenario}{nearest(asked, known)}; it has: "
                f"{listed(sorted(known)) or 'none'}"
            )
        fitting = [cell for cell in fitting if asked in (None, getattr(cell.id, what))]
    if len(fitting) > 1:
        names = ", ".join(cell.key for cell in fitting)
        raise BaselineError(
            f"run {run.id} has {len(fitting)} cells of {scenario!r}: {names}; say which by --agent, --model"
        )
    return fitting[0]


def _manifest(run: RunFolder) -> RunManifest:
    try:
        manifest = read_manifest(run)
    except RunFolderError as error:
        raise BaselineError(str(error)) from None
    if manifest.run_id != run.id:
        raise BaselineError(
            f"{run.path} is not the folder of its run, which is {manifest.run_id!r} by {run.manifest.name}: "
            "it is a copy, or renamed; approve the run in its own folder"
        )
    return manifest


def cell_to_approve(cell: CellResult, run: Path, *, host: str | None = None) -> CellToApprove:
    """What is approved of `cell`, from its trials' folders; raises BaselineError for one that may not be.

    It may not when it is void, or when its trials are missing, damaged, of another cell or of another run. `host`: the
    class of the machine that ran them.
    """
    if cell.status.is_error or not cell.attempts:
        raise BaselineError(f"{cell.key} is {cell.status}: there is nothing to approve")
    try:
        results = [_result(cell, attempt, run) for attempt in cell.attempts]
    except RunFolderError as error:
        raise BaselineError(f"{cell.key} cannot be approved: {error}") from None
    twice = [number for number, times in Counter(result.attempt for result in results).items() if times > 1]
    if twice:
        raise BaselineError(f"{cell.key} has attempt {twice[0]} more than once in {run / 'summary.json'}")
    if not all(is_same_question(result.fingerprint, results[0].fingerprint) for result in results):
        raise BaselineError(f"{cell.id.scenario}: its trials were made under different conditions")
    return CellToApprove(
        cell=cell.id,
        attempts=[result.attempt_result() for result in results],
        fingerprint=results[0].fingerprint,
        configuration=cell.configuration,
        host=host,
    )


def _result(cell: CellResult, attempt: AttemptResult, run: Path) -> TrialResult:
    """The trial that the summary calls `attempt` of `cell`; raises BaselineError when it is another's, or says else."""
    file = run / attempt.folder / "result.json"
    result = read_result(file)
    if result.run_id != run.name:
        raise BaselineError(f"{cell.key} has trials of other runs ({result.run_id}) among its own: {file}")
    if result.cell != cell.id:
        raise BaselineError(
            f"{cell.key} has a trial of another cell among its own: {file} is of {result.cell.key}; it was changed, or "
            "copied here"
        )
    own = {
        "folder": attempt.folder,
        "attempt": _number(attempt.folder),
    }
    for key, expected in own.items():
        if getattr(result, key) != expected:
            raise BaselineError(
                f"{cell.key} has a trial of another attempt among its own: {file} says {key} "
                f"{getattr(result, key)!r}, not {expected!r}"
            )
    by_summary, by_trial = (f"{outcome_name(told.outcome)}, reward {told.reward}" for told in (attempt, result))
    if by_summary != by_trial:
        raise BaselineError(
            f"{cell.key} cannot be approved: {file} says {by_trial}, but the run's summary says {by_summary}; one of "
            "the two was changed"
        )
    return result


def _number(folder: str) -> int | None:
    """Trials' folders are called by the number of the attempt."""
    name = folder.rpartition("/")[2]
    return int(name) if name.isdecimal() else None
