"""Makes a run folder of someone else's results, so that they can be reported on, compared and approved like a run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pytest_terminalbench import __version__
from pytest_terminalbench.agents.base import Usage
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.comparing.run_record import RunRecord, TaskRecord
from pytest_terminalbench.digest import digest_bytes, digest_json
from pytest_terminalbench.documents import now_text, time_text, write_atomically, write_json
from pytest_terminalbench.errors import RunFolderError, SettingsError
from pytest_terminalbench.identity import CellId, check_distinct
from pytest_terminalbench.importing.own_runs import UNNAMED_DATASET
from pytest_terminalbench.naming import sanitised
from pytest_terminalbench.outcome import Outcome, Unsolved
from pytest_terminalbench.regular_files import read_regular
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.ledger import Closing, FileLedger
from pytest_terminalbench.runs.manifest import (
    AskedAgent,
    ImportSource,
    RunManifest,
    RunSettings,
    SourceFile,
    read_manifest,
)
from pytest_terminalbench.runs.report_markdown import markdown
from pytest_terminalbench.runs.summary import summarise
from pytest_terminalbench.status import Status
from pytest_terminalbench.trials.result import Timing, TrialResult

__all__ = ["store_record"]


def store_record(record: RunRecord, results: Path, *, run_id: str | None = None) -> RunFolder:
    """Store `record` as the run `run_id` (default: its own id) in the folder `results`, whole or not at all.

    The manifest says that it was imported, from which files, and their digests; ``latest`` stays where it is. Storing
    the same files twice is no error. Raises RunFolderError for what is a run or baselines of ours already, and when
    another run has that id.
    """
    if record.origin in ("run", "baselines"):
        raise RunFolderError(f"{record.run_id} is one of our own; only results of other harnesses are stored")
    run = RunFolder(results / _safe(run_id or record.run_id))
    manifest = _manifest(record, run.id)
    if run.path.exists():
        _check_same(run, manifest)
        return run
    scratch = RunFolder(results / f".{run.id}.{os.getpid()}.tmp")
    shutil.rmtree(scratch.path, ignore_errors=True)
    try:
        _write(record, run.id, scratch, manifest)
        scratch.path.rename(run.path)
    except OSError as error:
        raise RunFolderError(f"{run.path} cannot be written: {error.strerror or error}") from None
    finally:
        # Still there only if it did not become the run.
        shutil.rmtree(scratch.path, ignore_errors=True)
    return run


def _check_same(run: RunFolder, manifest: RunManifest) -> None:
    stored = read_manifest(run).source
    if stored is None or manifest.source is None or stored.digest != manifest.source.digest:
        raise RunFolderError(f"{run.path} exists and holds something else; give these results another id")


def _manifest(record: RunRecord, run_id: str) -> RunManifest:
    files = tuple(SourceFile(path=str(file), digest=digest_bytes(read_regular(file))) for file in record.sources)
    return RunManifest(
        run_id=run_id,
        started_at=now_text() if record.began is None else time_text(datetime.fromtimestamp(record.began, UTC)),
        settings=RunSettings(
            datasets={record.dataset or UNNAMED_DATASET: record.dataset_version} if record.dataset_version else {},
            agents=(AskedAgent(name=_agent(record), model=record.model),),
            attempts=max((len(task.attempts) for task in record.tasks.values()), default=0),
        ),
        expected=tuple(_cells_of(record).values()),
        versions={"pytest-terminalbench": __version__},
        source=ImportSource(
            origin=record.origin,
            run_id=record.run_id,
            # Of the contents alone: the same files elsewhere are the same results.
            digest=digest_json([file.digest for file in files]),
            files=files,
            imported_at=now_text(),
        ),
        notes=record.notes,
    )


def _agent(record: RunRecord) -> str:
    return record.agent or record.run_id or "unknown"


def _safe(name: str) -> str:
    """As the name of a run's folder: a foreign file must not say where we write, and ``..`` is a name, too."""
    return sanitised(name).lstrip(".") or "unnamed"


def _cells_of(record: RunRecord) -> dict[str, CellId]:
    """The cell of each task; raises RunFolderError for names that make none."""
    try:
        cells = {task: _cell_of(record, task) for task in record.tasks}
        check_distinct(cells.values())
    except SettingsError as error:
        raise RunFolderError(f"{record.run_id} cannot be stored: {error}") from None
    return cells


def _cell_of(record: RunRecord, task: str) -> CellId:
    dataset, scenario = record.dataset, task
    if record.dataset is None and "/" in task:
        # Of several datasets, each task is called by its dataset too.
        dataset, _, scenario = task.rpartition("/")
    return CellId(
        dataset=dataset or UNNAMED_DATASET, scenario=scenario, agent=_agent(record), model=record.model or None
    )


def _write(record: RunRecord, run_id: str, run: RunFolder, manifest: RunManifest) -> None:
    ledger = FileLedger(run.ledger)
    results = []
    for task, cell in _cells_of(record).items():
        trials = list(_trials(record, cell, record.tasks[task], run_id))
        for trial in trials:
            write_json(run.path / trial.folder / "result.json", trial.to_json())
        results.append(_result(cell, trials))
        ledger.record(results[-1])
    ledger.close(Closing(exit_status=0))
    summary = summarise(run_id, results)
    ledger.record_gate(summary.gate)
    write_json(run.summary, summary.to_json())
    write_atomically(run.report, markdown(summary))
    write_json(run.manifest, manifest.to_json())


def _trials(record: RunRecord, cell: CellId, task: TaskRecord, run_id: str) -> Iterator[TrialResult]:
    for attempt in task.attempts:
        seconds = attempt.agent_s or 0.0
        yield TrialResult(
            run_id=run_id,
            cell=cell,
            attempt=attempt.attempt,
            outcome=_with_reason(attempt.outcome),
            folder=f"trials/{cell.trial_folder}/{attempt.attempt}",
            session=attempt.session,
            timing=Timing(agent_s=seconds, working_s=seconds, wall_s=seconds),
            # Which of them were input is not kept; only their number is compared.
            usage=Usage(input_tokens=attempt.tokens or 0, cost_usd=attempt.cost_usd),
            memory_peak_mb=attempt.memory_peak_mb,
            fingerprint={**task.fingerprint, "dataset": record.dataset_label or UNNAMED_DATASET},
        )


def _with_reason(outcome: Outcome) -> Outcome:
    is_bare = isinstance(outcome, Unsolved) and not outcome.reason
    return replace(outcome, reason="the verifier refused the work") if is_bare else outcome


def _result(cell: CellId, trials: Sequence[TrialResult]) -> CellResult:
    """As a session's cells come out, without a baseline to compare with."""
    attempts = tuple(trial.attempt_result() for trial in trials)
    voids = sum(attempt.is_void for attempt in attempts)
    solved, judged = sum(attempt.is_solved for attempt in attempts), len(attempts) - voids
    verdict = Status.SOLVED if solved == judged else Status.UNSOLVED
    return CellResult(
        id=cell,
        status=verdict if judged else Status.VOID,
        text=f"solved {solved} of {judged}" + (f"; {voids} void" if voids else ""),
        category="(not known)",
        attempts=attempts,
    )
