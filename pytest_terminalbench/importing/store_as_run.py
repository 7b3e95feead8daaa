"""Makes a run folder of someone else's results, so that they can be reported on, compared and approved like a run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pytest_terminalbench import __version__
from pytest_terminalbench.agents.base import Usage
from pytest_terminalbench.comparing.run_record import Attempt, RunRecord, TaskRecord
from pytest_terminalbench.digest import digest_bytes, digest_json
from pytest_terminalbench.documents import now_text, time_text, write_atomically, write_json
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.importing.own_runs import UNNAMED_DATASET
from pytest_terminalbench.naming import sanitised
from pytest_terminalbench.outcome import Outcome, Phase, Solved, Unsolved, Void, outcome_name
from pytest_terminalbench.runs.history import read_manifest
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.manifest import SCHEMA_VERSION
from pytest_terminalbench.runs.report import markdown
from pytest_terminalbench.runs.summary import summarise
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


def _check_same(run: RunFolder, manifest: Mapping[str, Any]) -> None:
    there = read_manifest(run).get("source")
    if not isinstance(there, dict) or there.get("digest") != manifest["source"]["digest"]:
        raise RunFolderError(f"{run.path} exists and holds something else; give these results another id")


def _manifest(record: RunRecord, run_id: str) -> dict[str, Any]:
    files = [{"path": str(file), "digest": digest_bytes(file.read_bytes())} for file in record.sources]
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": run_id,
        "imported": True,
        "imported_at": now_text(),
        "source": {
            "origin": record.origin,
            "run_id": record.run_id,
            "files": files,
            # Of the contents alone: the same files elsewhere are the same results.
            "digest": digest_json([file["digest"] for file in files]),
        },
        "notes": list(record.notes),
        "started_at": now_text() if record.began is None else time_text(datetime.fromtimestamp(record.began, UTC)),
        "finished_at": None,
        "exit_status": None,
        "settings": {
            "datasets": {_dataset(record): record.dataset_version} if record.dataset_version else {},
            "agents": [{"name": _agent(record), "model": record.model}],
            "attempts": max((len(task.attempts) for task in record.tasks.values()), default=0),
        },
        "versions": {"pytest-terminalbench": __version__},
    }


def _dataset(record: RunRecord) -> str:
    return _safe(record.dataset) if record.dataset else UNNAMED_DATASET


def _agent(record: RunRecord) -> str:
    return (record.agent or record.run_id).lstrip(".") or "unknown"


def _safe(name: str) -> str:
    """As the name of a folder: a foreign file must not say where we write, and ``..`` is a name, too."""
    return sanitised(name).lstrip(".") or "unnamed"


def _write(record: RunRecord, run_id: str, run: RunFolder, manifest: Mapping[str, Any]) -> None:
    cells: dict[str, dict[str, Any]] = {}
    for name, task in record.tasks.items():
        trials = list(_trials(record, name, task, run_id))
        cell = _cell(trials)
        if cell["cell"] in cells:
            raise RunFolderError(f"{record.run_id} has two tasks that would both be called {cell['cell']}")
        cells[cell["cell"]] = cell
        for trial in trials:
            write_json(run.path / trial.folder / "result.json", trial.to_json())
    summary = summarise(run_id, list(cells.values()))
    write_json(run.summary, summary)
    write_atomically(run.report, markdown(summary))
    write_json(run.manifest, manifest)


def _trials(record: RunRecord, name: str, task: TaskRecord, run_id: str) -> Iterator[TrialResult]:
    dataset, scenario = _dataset(record), name
    if record.dataset is None and "/" in name:
        # Of several datasets, each task is called by its dataset too.
        before, _, scenario = name.rpartition("/")
        dataset = _safe(before) if before else UNNAMED_DATASET
    scenario = _safe(scenario)
    cell = CellId(dataset=dataset, scenario=scenario, agent=_agent(record), model=record.model)
    for number, attempt in enumerate(task.attempts, start=1):
        yield TrialResult(
            run_id=run_id,
            cell=CellId(dataset=dataset, scenario=scenario, agent=_agent(record), model=record.model),
            attempt=number,
            outcome=_outcome(attempt),
            folder=f"trials/{cell.trial_folder}/{number}",
            timing=_timing(attempt.seconds or 0.0),
            # Which of them were input is not kept; only their number is compared.
            usage=Usage(input_tokens=attempt.tokens or 0, cost_usd=attempt.cost_usd),
            memory_peak_mb=attempt.memory_peak_mb,
            fingerprint={**task.fingerprint, "dataset": record.dataset_label or UNNAMED_DATASET},
        )


def _timing(seconds: float) -> Timing:
    return Timing(agent_s=seconds, working_s=seconds, wall_s=seconds)


def _outcome(attempt: Attempt) -> Outcome:
    if attempt.reward is None:
        return Void(reason=attempt.reason, phase=Phase.VERIFY)
    if attempt.is_solved:
        return Solved(reward=attempt.reward, reason=attempt.reason)
    return Unsolved(reward=attempt.reward, reason=attempt.reason or "the verifier refused the work")


def _cell(trials: Sequence[TrialResult]) -> dict[str, Any]:
    """As a session's items publish theirs."""
    first = trials[0]
    judged = [trial for trial in trials if not isinstance(trial.outcome, Void)]
    solved = sum(isinstance(trial.outcome, Solved) for trial in judged)
    voids = len(trials) - len(judged)
    status = "void" if not judged else "solved" if solved == len(judged) else "unsolved"
    cell = CellId(dataset=first.dataset, scenario=first.scenario_id, agent=first.agent, model=first.model)
    return {
        "cell": cell.key,
        **cell.to_json(),
        "category": "(not known)",
        "difficulty": "",
        "status": status,
        "improved": False,
        "baseline_id": None,
        "text": f"solved {solved} of {len(judged)}" + (f"; {voids} void" if voids else ""),
        "attempts": [_attempt(trial) for trial in trials],
    }


def _attempt(trial: TrialResult) -> dict[str, Any]:
    outcome = trial.outcome
    return {
        "outcome": outcome_name(outcome),
        "reason": outcome.reason,
        "reward": trial.reward,
        "phase": None if isinstance(outcome, Solved) else outcome.phase.value,
        "agent_s": trial.timing.agent_s,
        "wall_s": trial.timing.wall_s,
        "memory_peak_mb": trial.memory_peak_mb,
        "cost_usd": trial.usage.cost_usd,
        "folder": trial.folder,
    }
