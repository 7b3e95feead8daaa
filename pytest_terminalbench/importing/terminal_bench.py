"""Reads what Terminal-Bench's own harness, `tb` 0.2, leaves behind: run-level ``results.json`` files.

Three layouts are known from public submissions: a folder per run with ``results.json`` and, beside it,
``run_metadata.json`` and ``tb.lock`` or neither; files named by date (``2025-08-25__12-29-38__results.json``) in one
folder; one file with all attempts of all tasks. A folder with several such files is one record whose attempts come
from all of them.

`is_resolved` is the verdict. A trial that ran out of time and was judged all the same counts with its verdict; one
without a verdict (its tests timed out or left nothing to parse, its agent crashed) is void, where tb itself counts it
as unresolved.

Each file is one session, also where it holds several attempts at each task: they were made side by side, and its order
is that in which they ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.comparing.run_record import RunRecord, natural_key
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.importing.foreign_documents import (
    FoundAttempt,
    Lenient,
    foreign_outcome,
    parsed,
    read_json,
    seconds_between,
    tasks_of,
    timestamp,
)
from pytest_terminalbench.naming import listed

__all__ = ["import_tb", "is_tb_results", "tb_files"]

PATTERN = "*results.json"
METADATA, LOCK = "run_metadata.json", "tb.lock"


class _Trial(Lenient):
    task_id: str
    trial_name: str
    is_resolved: bool | None = None
    failure_mode: str = "unset"
    parser_results: dict[str, str] | None = None
    id: str | None = None
    uuid: str | None = None
    total_input_tokens: int | None = None
    total_output_tokens: int | None = None
    trial_started_at: str | None = None
    agent_started_at: str | None = None
    agent_ended_at: str | None = None


class _Results(Lenient):
    results: list[_Trial]


class _Metadata(Lenient):
    run_id: str | None = None
    agent_name: str | None = None
    model_name: str | None = None
    dataset_name: str | None = None
    dataset_version: str | None = None
    dataset_size: int | None = None
    n_attempts: int | None = None
    start_time: str | None = None


class _LockPart(Lenient):
    name: str | None = None
    version: str | None = None
    model_name: str | None = None


class _Lock(Lenient):
    agent: _LockPart = _LockPart()
    dataset: _LockPart = _LockPart()


@dataclass(frozen=True, kw_only=True)
class _Run:
    """One results file with what lies beside it."""

    file: Path
    trials: Sequence[_Trial]
    metadata: _Metadata

    @property
    def name(self) -> str:
        stem = self.file.name.removesuffix("results.json").rstrip("_-.")
        return self.metadata.run_id or stem or self.file.parent.name

    @property
    def identity(self) -> tuple[str | None, ...]:
        """Who was tried on what; attempts of different ones never make one record."""
        meta = self.metadata
        return meta.agent_name, meta.model_name, meta.dataset_name, meta.dataset_version

    @property
    def started(self) -> float | None:
        starts = [timestamp(trial.trial_started_at) for trial in self.trials]
        return timestamp(self.metadata.start_time) or min((s for s in starts if s is not None), default=None)


def is_tb_results(content: object) -> bool:
    """Whether a JSON document looks like a run-level ``results.json``, whole or not."""
    if not isinstance(content, Mapping) or not isinstance(content.get("results"), list):
        return False
    return all(isinstance(trial, Mapping) and "task_id" in trial for trial in content["results"])


def tb_files(folder: Path) -> list[Path]:
    """The results files of the run, or runs, in `folder`: its own, else those of its direct subfolders.

    A run's own subfolders hold a ``results.json`` for each trial; those are not looked at.
    """
    own = sorted(folder.glob(PATTERN))
    return own or sorted(folder.glob(f"*/{PATTERN}"))


def import_tb(path: Path) -> list[RunRecord]:
    """One record for each agent, model and dataset in `path`, a results file or a folder of them.

    Raises RunFolderError naming file and cure.
    """
    runs = [_read_run(file) for file in (tb_files(path) if path.is_dir() else [path])]
    by_identity: dict[tuple[str | None, ...], list[_Run]] = {}
    for run in runs:
        by_identity.setdefault(run.identity, []).append(run)
    return [_record(_in_order(same), path) for same in by_identity.values()]


def _read_run(file: Path) -> _Run:
    content = read_json(file)
    if isinstance(content, Mapping) and "task_id" in content and "results" not in content:
        raise RunFolderError(f"{file} is the results.json of one trial; name the run's, two folders further up")
    results = parsed(_Results, content, file, what="a run's results.json of Terminal-Bench")
    if not results.results:
        raise RunFolderError(f"{file} holds no trial: the run was stopped before the first one ended; run it again")
    return _Run(file=file, trials=results.results, metadata=_read_metadata(file.parent))


def _read_metadata(folder: Path) -> _Metadata:
    """From ``run_metadata.json``; what it does not say from ``tb.lock``."""
    metadata, lock = _Metadata(), _Lock()
    if (folder / METADATA).is_file():
        metadata = parsed(_Metadata, read_json(folder / METADATA), folder / METADATA, what="tb's run_metadata.json")
    if (folder / LOCK).is_file():
        lock = parsed(_Lock, read_json(folder / LOCK), folder / LOCK, what="tb's tb.lock")
    from_lock: dict[str, Any] = {
        "agent_name": lock.agent.name,
        "model_name": lock.agent.model_name,
        "dataset_name": lock.dataset.name,
        "dataset_version": lock.dataset.version,
    }
    missing = {key: value for key, value in from_lock.items() if getattr(metadata, key) is None}
    return metadata.model_copy(update=missing)


def _in_order(runs: Sequence[_Run]) -> list[_Run]:
    """By time, where all of them tell it; else by name."""
    by_name = sorted(runs, key=lambda run: natural_key(str(run.file)))
    if any(run.started is None for run in runs):
        return by_name
    return sorted(by_name, key=lambda run: run.started or 0.0)


def _record(runs: Sequence[_Run], path: Path) -> RunRecord:
    metadata = runs[0].metadata
    _check_copies(runs)
    return RunRecord(
        origin="terminal-bench",
        run_id=runs[0].name if len(runs) == 1 and not path.is_dir() else path.resolve().name,
        tasks=tasks_of(
            attempt
            for number, (run, session) in enumerate(zip(runs, _sessions(runs), strict=True))
            for attempt in _attempts(run, number, session)
        ),
        dataset=metadata.dataset_name,
        dataset_version=metadata.dataset_version,
        agent=metadata.agent_name,
        model=metadata.model_name,
        sources=tuple(run.file for run in runs),
        began=runs[0].started,
        notes=tuple(note for run in runs for note in _notes(run)),
    )


def _check_copies(runs: Sequence[_Run]) -> None:
    """A file that lies in the folder twice, under two names, would count every attempt twice."""
    seen: dict[str, Path] = {}
    for run in runs:
        ids = {unique for trial in run.trials if (unique := trial.id or trial.uuid)}
        copied = sorted(ids & seen.keys())
        if copied:
            raise RunFolderError(
                f"{run.file} and {seen[copied[0]]} hold the same trials ({listed(copied, 1)}); remove one of them"
            )
        seen |= dict.fromkeys(ids, run.file)


def _sessions(runs: Sequence[_Run]) -> list[str]:
    """A name for each run; where several have the same, their places tell them apart."""
    names = [run.name for run in runs]
    return names if len(set(names)) == len(names) else [str(run.file) for run in runs]


def _attempts(run: _Run, number: int, session: str) -> Iterator[FoundAttempt]:
    for trial in run.trials:
        turn = trial.trial_name.removeprefix(f"{trial.task_id}.").split(".", 1)[0]
        name = f"{run.name}/{trial.trial_name}"
        yield FoundAttempt(
            task=trial.task_id,
            trial=name,
            order=(number, natural_key(turn), trial.trial_name),
            attempt=_attempt(trial, name, run.file, session),
            file=run.file,
            fingerprint={},
        )


def _attempt(trial: _Trial, name: str, file: Path, session: str) -> AttemptResult:
    reward = None if trial.is_resolved is None else float(trial.is_resolved)
    reason = "" if trial.failure_mode in ("unset", "none") else trial.failure_mode
    if trial.is_resolved and trial.parser_results == {}:
        # tb calls a run of no test at all resolved: `all([])` is true.
        reward, reason = None, "resolved without a single test"
    tokens = (trial.total_input_tokens or 0) + (trial.total_output_tokens or 0)
    reason = reason or ("" if reward is not None else "no verdict")
    return AttemptResult(
        attempt=1,
        outcome=foreign_outcome(reward, reason, trial=name, file=file),
        agent_s=seconds_between(trial.agent_started_at, trial.agent_ended_at),
        # tb writes 0 for every agent that runs in the container and for every trial that timed out: not counted.
        tokens=tokens or None,
        session=session,
    )


def _notes(run: _Run) -> Iterator[str]:
    metadata = run.metadata
    if metadata.dataset_size and metadata.n_attempts:
        planned = metadata.dataset_size * metadata.n_attempts
        if len(run.trials) < planned:
            yield f"{run.name}: {planned - len(run.trials)} of {planned} trials are missing: the run was not finished"
