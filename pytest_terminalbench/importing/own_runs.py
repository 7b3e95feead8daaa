"""Reads a run folder of our own: ``summary.json``, and each trial's ``result.json`` for tokens and fingerprint."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from pytest_terminalbench.comparing.run_record import Attempt, RunRecord, TaskRecord, as_share, shortened
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.importing.foreign_documents import (
    Found,
    Lenient,
    parsed,
    record_errors,
    tasks_of,
    timestamp,
)
from pytest_terminalbench.runs.history import read_manifest
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.summary import read_summary
from pytest_terminalbench.trials.result import read_result

__all__ = ["UNNAMED_DATASET", "import_session"]

# The dataset of stored results that do not say what theirs is.
UNNAMED_DATASET = "imported"


class _Attempt(Lenient):
    outcome: str
    reason: str = ""
    reward: float | None = None
    agent_s: float
    memory_peak_mb: float | None = None
    cost_usd: float | None = None
    folder: str


class _Cell(Lenient):
    scenario: str
    dataset: str
    agent: str
    model: str | None = None
    status: str
    text: str = ""
    attempts: list[_Attempt]


class _Summary(Lenient):
    run_id: str
    cells: list[_Cell]
    lost: list[str] = Field(default_factory=list)


class _Settings(Lenient):
    attempts: int | str | None = None
    datasets: dict[str, str] = Field(default_factory=dict)


class _Manifest(Lenient):
    started_at: str | None = None
    settings: _Settings = _Settings()


def import_session(folder: Path) -> list[RunRecord]:
    """One record for each agent and model of the run in `folder`.

    A run without a manifest does not tell whether it added trials where it looked bad, so one with several attempts
    counts as one that did; its notes say so, and for which tasks the conditions are not known. Raises RunFolderError
    naming the file for a run that is damaged or ended before it could write its summary.
    """
    run = RunFolder(folder.resolve())
    summary = parsed(_Summary, read_summary(run.summary), run.summary, what="a summary.json of pytest-terminalbench")
    manifest = None
    # Only one that is not there at all may be missing; a folder or a dead link of that name is damage.
    if os.path.lexists(run.manifest):
        manifest = parsed(_Manifest, read_manifest(run), run.manifest, what="a manifest.json of pytest-terminalbench")
    actors = sorted({(cell.agent, cell.model) for cell in summary.cells}, key=lambda actor: (actor[0], actor[1] or ""))
    if not actors:
        raise RunFolderError(f"{run.summary} has no cells: nothing was run")
    return [_record(run, summary, manifest, agent, model) for agent, model in actors]


def _record(run: RunFolder, summary: _Summary, manifest: _Manifest | None, agent: str, model: str | None) -> RunRecord:
    cells = [cell for cell in summary.cells if (cell.agent, cell.model) == (agent, model)]
    datasets = sorted({cell.dataset for cell in cells})
    dataset = datasets[0] if len(datasets) == 1 else None
    known = None if dataset == UNNAMED_DATASET else dataset
    tasks = tasks_of(one for cell in cells for one in _found(run, cell, dataset))
    settings = manifest.settings if manifest else _Settings()
    return RunRecord(
        origin="run",
        run_id=summary.run_id,
        tasks=tasks,
        dataset=known,
        dataset_version=settings.datasets.get(known) if known else None,
        agent=agent,
        model=model,
        sources=(run.summary,),
        began=timestamp(manifest.started_at) if manifest else None,
        is_adaptive=settings.attempts == "auto" if manifest else _has_more_than_one(tasks),
        notes=tuple(_notes(run, cells, summary, tasks, has_manifest=manifest is not None)),
    )


def _notes(
    run: RunFolder, cells: Sequence[_Cell], summary: _Summary, tasks: Mapping[str, TaskRecord], *, has_manifest: bool
) -> Iterator[str]:
    count = len(summary.lost)
    if count:
        yield f"{count} cell{' was' if count == 1 else 's were'} lost: collected, never reported"
    if not has_manifest and _has_more_than_one(tasks):
        yield (
            "manifest.json is missing, which says whether trials were added where it looked bad (--tb-attempts auto); "
            "that they were is assumed, so only each task's first attempt is tested"
        )
    unknown = sorted({cell.scenario for cell in cells if any(not _has_result(run, one) for one in cell.attempts)})
    if unknown:
        yield (
            f"result.json is missing for attempts at {len(unknown)} task{'' if len(unknown) == 1 else 's'}, so whether "
            f"files, image or limits were the same could not be checked in full: {shortened(unknown)}"
        )


def _has_more_than_one(tasks: Mapping[str, TaskRecord]) -> bool:
    return any(len(task.attempts) > 1 for task in tasks.values())


def _has_result(run: RunFolder, attempt: _Attempt) -> bool:
    return os.path.lexists(run.path / attempt.folder / "result.json")


def _found(run: RunFolder, cell: _Cell, dataset: str | None) -> Iterator[Found]:
    task = cell.scenario if dataset else f"{cell.dataset}/{cell.scenario}"
    for number, attempt in enumerate(cell.attempts, start=1):
        facts = _trial_facts(run.path / attempt.folder / "result.json") if _has_result(run, attempt) else {}
        with record_errors(run.summary):
            yield Found(
                task=task,
                order=(number,),
                attempt=Attempt(
                    trial=attempt.folder,
                    reward=None if attempt.outcome == "void" or attempt.reward is None else as_share(attempt.reward),
                    reason=attempt.reason,
                    # No agent takes no time at all: not measured.
                    seconds=attempt.agent_s or None,
                    tokens=facts.get("tokens"),
                    cost_usd=attempt.cost_usd,
                    memory_peak_mb=attempt.memory_peak_mb,
                ),
                file=run.summary,
                fingerprint=facts.get("fingerprint", {}),
            )
    if not cell.attempts:
        void = Attempt(trial=f"{cell.scenario} ({cell.status})", reward=None, reason=cell.text or cell.status)
        yield Found(task=task, order=(0,), attempt=void, file=run.summary, fingerprint={})


def _trial_facts(file: Path) -> Mapping[str, Any]:
    """What the summary leaves out."""
    result = read_result(file)
    tokens = result.usage.input_tokens + result.usage.output_tokens
    return {"fingerprint": result.fingerprint, "tokens": tokens or None}
