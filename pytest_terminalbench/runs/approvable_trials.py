"""Approves cells of a run: reads their trials' folders, checks that they may be approved, has the baselines written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_terminalbench.baselines.approval import Approval, CellToApprove, approve, check_maintainer, contents
from pytest_terminalbench.errors import BaselineError, RunFolderError, SettingsError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.naming import sanitised
from pytest_terminalbench.outcome import outcome_name
from pytest_terminalbench.runs.history import read_manifest
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.passes_in_a_row import PASSES_FOR_ACTIVE, Row, has_passed, is_doubtful, passes_in_a_row
from pytest_terminalbench.runs.summary import read_summary
from pytest_terminalbench.trials.result import TrialResult, read_result

__all__ = ["approve_cells", "approve_reviewed", "cell_to_approve", "chosen_cell"]


def approve_cells(
    cells: Sequence[Mapping[str, Any]], *, run: Path, baselines: Path, approver: str, notes: str = ""
) -> Approval:
    """Approve `cells` (as in a summary) of the run in the folder `run` the direct way: active at once.

    Raises BaselineError for a cell that is void or whose trials cannot be read; then nothing is written.
    """
    chosen = [cell_to_approve(cell, run) for cell in cells]
    return approve(chosen, run_id=run.name, baselines=baselines, approver=approver, notes=notes)


def approve_reviewed(
    cell: Mapping[str, Any],
    *,
    run: RunFolder,
    baselines: Path,
    approver: str,
    maintainers: Sequence[str],
    notes: str = "",
) -> tuple[Approval, CellToApprove, Row]:
    """Approve one cell of a run after a look at it: provisional until it has passed three times in a row.

    Gives what was written, the cell with the status it got, and the passes in a row. Raises BaselineError
    saying why not: `approver` is no maintainer, the run added trials where it looked bad, the cell failed, is void or
    inconclusive, or its trials belong to another run.
    """
    # Before anything of the run is read: what somebody else approves from here on was not known to who approves this.
    seen = contents(baselines, [_id(cell)])
    check_maintainer(approver, maintainers)
    settings = _manifest(run).get("settings")
    if isinstance(settings, Mapping) and settings.get("attempts") == "auto":
        raise BaselineError(
            f"run {run.id} added trials where it looked bad (--tb-attempts auto), which makes a biased baseline; "
            "approve a run with a fixed --tb-attempts"
        )
    _check_passed(cell, run)
    chosen = cell_to_approve(cell, run.path)
    row = passes_in_a_row(run.path.parent, chosen.cell, run, chosen.fingerprint)
    chosen = replace(chosen, status="active" if row.passes >= PASSES_FOR_ACTIVE else "provisional")
    approval = approve(
        [chosen], run_id=run.id, baselines=baselines, approver=approver, notes=notes, how="baseline approve", seen=seen
    )
    return approval, chosen, row


def _check_passed(cell: Mapping[str, Any], run: RunFolder) -> None:
    if is_doubtful(cell):
        raise BaselineError(
            f"{cell['cell']} is inconclusive in run {run.id}: it looks worse than its baseline, and so few trials "
            "cannot tell; run it with more attempts (--tb-attempts), or approve the change for the worse by "
            "--update-baselines"
        )
    unsolved = [attempt["folder"] for attempt in cell["attempts"] if attempt["outcome"] != "solved"]
    if cell["status"] == "solved" and unsolved:
        raise BaselineError(f"{run.summary} calls {cell['cell']} solved, but {unsolved[0]} is not: it was changed")
    if not has_passed(cell):
        raise BaselineError(
            f"{cell['cell']} is {cell['status']} in run {run.id}, and only what has passed is approved; "
            "approve a change for the worse by --update-baselines"
        )


def chosen_cell(
    run: RunFolder, *, scenario: str, dataset: str | None = None, agent: str | None = None, model: str | None = None
) -> Mapping[str, Any]:
    """The one cell of the run that fits; raises BaselineError when there is none or more than one."""
    try:
        cells = read_summary(run.summary)["cells"]
    except RunFolderError as error:
        raise BaselineError(str(error)) from None
    wanted = {"scenario": scenario, "dataset": dataset, "agent": agent, "model": model}
    found = [cell for cell in cells if all(value is None or cell[key] == value for key, value in wanted.items())]
    if not found:
        raise BaselineError(f"run {run.id} has no cell of scenario {scenario!r} that fits")
    if len(found) > 1:
        names = ", ".join(str(cell["cell"]) for cell in found)
        raise BaselineError(
            f"run {run.id} has {len(found)} cells of {scenario!r}: {names}; say which by --agent, --model"
        )
    chosen: Mapping[str, Any] = found[0]
    return chosen


def _id(cell: Mapping[str, Any]) -> CellId:
    try:
        return CellId.from_json(cell)
    except (KeyError, TypeError, ValueError, SettingsError) as error:
        raise BaselineError(f"{cell['cell']} is no cell: {error}; its summary is damaged or was changed") from None


def _manifest(run: RunFolder) -> dict[str, Any]:
    try:
        content = read_manifest(run)
    except RunFolderError as error:
        raise BaselineError(str(error)) from None
    if content.get("run_id") != run.id:
        raise BaselineError(
            f"{run.path} is not the folder of its run, which is {content.get('run_id')!r} by {run.manifest.name}: "
            "it is a copy, or renamed; approve the run in its own folder"
        )
    return content


def cell_to_approve(cell: Mapping[str, Any], run: Path) -> CellToApprove:
    """What is approved of `cell`, from its trials' folders; raises BaselineError for one that may not be.

    It may not when it is void, or when its trials are missing, damaged, of another cell or of another run.
    """
    if cell["status"] in ("void", "blocked", "lost") or not cell["attempts"]:
        raise BaselineError(f"{cell['cell']} is {cell['status']}: there is nothing to approve")
    cell_id = _id(cell)
    if cell["cell"] not in (cell_id.key, _key_of_schema_1(cell_id)):
        raise BaselineError(
            f"{run / 'summary.json'} calls {cell_id.key} {cell['cell']!r}: it is damaged or was changed"
        )
    try:
        results = [_result(cell, attempt, run) for attempt in cell["attempts"]]
    except RunFolderError as error:
        raise BaselineError(f"{cell['cell']} cannot be approved: {error}") from None
    twice = [number for number, times in Counter(result.attempt for result in results).items() if times > 1]
    if twice:
        raise BaselineError(f"{cell['cell']} has attempt {twice[0]} more than once in {run / 'summary.json'}")
    if any(dict(result.fingerprint) != dict(results[0].fingerprint) for result in results):
        raise BaselineError(f"{cell_id.scenario}: its trials were made under different conditions")
    return CellToApprove(
        cell=cell_id,
        attempts=[result.attempt_result() for result in results],
        fingerprint=results[0].fingerprint,
        configuration=cell.get("configuration"),
    )


def _key_of_schema_1(cell: CellId) -> str:
    actor = sanitised(f"{cell.agent}-{cell.model}" if cell.model else cell.agent)
    return f"{cell.dataset}/{cell.scenario}[{actor}]"


def _result(cell: Mapping[str, Any], attempt: Mapping[str, Any], run: Path) -> TrialResult:
    """The trial that the summary calls `attempt` of `cell`; raises BaselineError when it is another's, or says else."""
    file = run / attempt["folder"] / "result.json"
    result = read_result(file)
    if result.run_id != run.name:
        raise BaselineError(f"{cell['cell']} has trials of other runs ({result.run_id}) among its own: {file}")
    own = {
        "scenario_id": cell["scenario"],
        "dataset": cell["dataset"],
        "agent": cell["agent"],
        "model": cell["model"],
        "folder": attempt["folder"],
        "attempt": _number(attempt["folder"]),
    }
    for key, expected in own.items():
        if getattr(result, key) != expected:
            raise BaselineError(
                f"{cell['cell']} has a trial of another cell or attempt among its own: {file} says {key} "
                f"{getattr(result, key)!r}, not {expected!r}"
            )
    said, is_so = (attempt["outcome"], attempt["reward"]), (outcome_name(result.outcome), result.reward)
    if said != is_so:
        raise BaselineError(
            f"{cell['cell']} cannot be approved: {file} says {is_so[0]}, reward {is_so[1]}, but the run's summary says "
            f"{said[0]}, reward {said[1]}; one of the two was changed"
        )
    return result


def _number(folder: str) -> int | None:
    """Trials' folders are called by the number of the attempt."""
    name = folder.rpartition("/")[2]
    return int(name) if name.isdecimal() else None
