"""Reads a run folder of our own: ``summary.json``, and each trial's ``result.json`` for tokens and fingerprint."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.cells.repeat_command import argument_from_shell
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.comparing.run_record import RunRecord, TaskRecord, task_name
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.identity import Label, parse_key
from pytest_terminalbench.importing.foreign_documents import FoundAttempt, tasks_of, timestamp
from pytest_terminalbench.naming import counted, listed
from pytest_terminalbench.outcome import Phase, Void
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.manifest import RunManifest, RunSettings, read_manifest
from pytest_terminalbench.runs.summary import RunSummary, read_summary
from pytest_terminalbench.status import Status
from pytest_terminalbench.trials.result import read_result

__all__ = ["UNNAMED_DATASET", "import_session"]

# The dataset of stored results that do not say what theirs is.
UNNAMED_DATASET = "imported"


def import_session(folder: Path) -> list[RunRecord]:
    """One record for each agent, model and other part of a label in the run in `folder`.

    A run without a manifest does not tell whether it added trials where it looked bad, so one with several attempts
    counts as one that did; its notes say so, and for which tasks the conditions are not known. Raises RunFolderError
    naming the file for a run that is damaged or ended before it could write its summary.
    """
    run = RunFolder(folder.resolve())
    summary = read_summary(run.summary)
    # Only one that is not there at all may be missing; a folder or a dead link of that name is damage.
    manifest = read_manifest(run) if os.path.lexists(run.manifest) else None
    by_label: dict[str, list[CellResult]] = {}
    for cell in summary.cells:
        by_label.setdefault(cell.id.label, []).append(cell)
    if not by_label:
        raise RunFolderError(f"{run.summary} has no cells: nothing was run")
    return [_record(run, summary, manifest, by_label[label]) for label in sorted(by_label)]


def _record(
    run: RunFolder, summary: RunSummary, manifest: RunManifest | None, cells: Sequence[CellResult]
) -> RunRecord:
    who = cells[0].id.label_parts
    not_run = [cell for cell in map(parse_key, summary.not_run) if cell.label == cells[0].id.label]
    datasets = {*(cell.id.dataset for cell in cells), *(cell.dataset for cell in not_run)}
    dataset = datasets.pop() if len(datasets) == 1 else None
    named = None if dataset == UNNAMED_DATASET else dataset
    tasks = tasks_of(attempt for cell in cells for attempt in _attempts(run, summary.run_id, cell, dataset))
    settings = manifest.settings if manifest else RunSettings()
    return RunRecord(
        origin="run",
        run_id=summary.run_id,
        tasks=tasks,
        dataset=named,
        dataset_version=settings.datasets.get(named) if named else None,
        dataset_versions=settings.datasets if dataset is None else {},
        agent=who.agent,
        model=who.model,
        actor=who,
        sources=(run.summary,),
        began=timestamp(manifest.started_at) if manifest else None,
        is_adaptive=settings.is_adaptive if manifest else _has_more_than_one(tasks),
        gate=_gate(cells) if manifest and manifest.source is None else None,
        policy=settings.policy if manifest and manifest.source is None else None,
        hosts=dict.fromkeys(tasks, manifest.host_class if manifest else None),
        agent_options=tuple(_agent_options(who, settings)),
        baselines=Path(settings.baselines) if settings.baselines else None,
        unjudged=frozenset(
            task_name(cell.id, is_one_dataset=dataset is not None) for cell in cells if cell.status.is_error
        ),
        blocked={
            task_name(cell.id, is_one_dataset=dataset is not None): cell.mismatches
            for cell in cells
            if cell.status is Status.BLOCKED
        },
        not_run=tuple(task_name(cell, is_one_dataset=dataset is not None) for cell in not_run),
        notes=tuple(_notes(run, cells, summary, tasks, has_manifest=manifest is not None)),
    )


def _agent_options(who: Label, settings: RunSettings) -> Iterator[str]:
    """What the session was asked for, as far as it is about `who`; nothing of an agent that no option asked for."""
    asked = next((a for a in settings.agents if (a.name, a.model) == (who.agent, who.model)), None)
    if asked is None or asked.asked_as is None:
        return
    yield shlex.quote(f"--tb-agent={asked.asked_as}")
    if asked.model is not None:
        yield shlex.quote(f"--tb-model={asked.model}")
    yield from map(argument_from_shell, settings.agent_args)


def _gate(cells: Sequence[CellResult]) -> str | None:
    """How all of them were compared; None where they differ, or were compared with nothing."""
    kinds = {cell.gate for cell in cells}
    return kinds.pop() if len(kinds) == 1 and kinds <= {"strict", "statistical"} else None


def _notes(
    run: RunFolder,
    cells: Sequence[CellResult],
    summary: RunSummary,
    tasks: Mapping[str, TaskRecord],
    *,
    has_manifest: bool,
) -> Iterator[str]:
    lost = len(summary.lost)
    if lost:
        yield f"{counted(lost, 'cell was', 'cells were')} lost: collected, never reported"
    if not has_manifest and _has_more_than_one(tasks):
        yield (
            "manifest.json is missing, which says whether trials were added where it looked bad (--tb-attempts auto); "
            "that they were is assumed, so only each task's first attempt is tested"
        )
    unknown = sorted(
        {cell.id.scenario for cell in cells if any(not _has_result(run, attempt) for attempt in cell.attempts)}
    )
    if unknown:
        yield (
            f"result.json is missing for attempts at {counted(len(unknown), 'task')}, so whether files, image or "
            f"limits were the same could not be checked in full: {listed(unknown)}"
        )


def _has_more_than_one(tasks: Mapping[str, TaskRecord]) -> bool:
    return any(len(task.attempts) > 1 for task in tasks.values())


def _has_result(run: RunFolder, attempt: AttemptResult) -> bool:
    return os.path.lexists(run.path / attempt.folder / "result.json")


def _attempts(run: RunFolder, run_id: str, cell: CellResult, dataset: str | None) -> Iterator[FoundAttempt]:
    task = task_name(cell.id, is_one_dataset=dataset is not None)
    for attempt in cell.attempts or [_never_tried(cell)]:
        result = read_result(run.path / attempt.folder / "result.json") if _has_result(run, attempt) else None
        tokens = result.usage.input_tokens + result.usage.output_tokens if result else attempt.tokens
        yield FoundAttempt(
            task=task,
            trial=attempt.folder or str(attempt.attempt),
            order=(attempt.attempt,),
            # No agent takes no time at all, and no model no token: not measured.
            attempt=replace(
                attempt,
                agent_s=attempt.agent_s or None,
                tokens=tokens or None,
                # Runs of earlier versions do not say it.
                session=attempt.session or run_id,
            ),
            file=run.summary,
            fingerprint=result.fingerprint if result else {},
        )


def _never_tried(cell: CellResult) -> AttemptResult:
    return AttemptResult(attempt=1, outcome=Void(reason=cell.text or cell.status.words, phase=Phase.START))
