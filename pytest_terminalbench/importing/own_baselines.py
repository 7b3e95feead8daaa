"""Reads a folder of baselines: ``baselines/<dataset>/<label>/<scenario>.json``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.baselines.folder import StoredBaseline, stored_baseline
from pytest_terminalbench.baselines.record import BaselineRecord
from pytest_terminalbench.comparing.run_record import RunRecord
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.importing.foreign_documents import FoundAttempt, tasks_of
from pytest_terminalbench.outcome import Solved, Unsolved

__all__ = ["baseline_files", "import_baselines", "is_baseline"]


def is_baseline(content: object) -> bool:
    """Whether a JSON document looks like an approved record."""
    return isinstance(content, dict) and {"baseline_id", "scenario_id"} <= content.keys()


def baseline_files(folder: Path) -> list[Path]:
    """The baselines in `folder`: of one agent, of a dataset's agents, or of all datasets."""
    for pattern in ("*.json", "*/*.json", "*/*/*.json"):
        files = sorted(folder.glob(pattern))
        if files:
            return files
    return []


def import_baselines(folder: Path) -> list[RunRecord]:
    """One record for each dataset and agent with baselines in `folder`; retired baselines are left out.

    Raises BaselineError for a damaged file, RunFolderError where no baseline is left.
    """
    by_agent: dict[tuple[str, str], list[StoredBaseline]] = {}
    for file in baseline_files(folder):
        stored = stored_baseline(file)
        if stored is not None and stored.counts:
            by_agent.setdefault((stored.cell.dataset, stored.cell.label), []).append(stored)
    if not by_agent:
        raise RunFolderError(f"{folder} has no active baseline; approve some with --update-baselines")
    return [_record(approved) for approved in by_agent.values()]


def _record(approved: list[StoredBaseline]) -> RunRecord:
    """What was approved for one agent on one dataset."""
    cell = approved[0].cell
    provisional = sum(stored.record.status == "provisional" for stored in approved)
    return RunRecord(
        origin="baselines",
        run_id=f"baselines of {cell.dataset}/{cell.label}",
        tasks=tasks_of(attempt for stored in approved for attempt in _attempts(stored.file, stored.record)),
        dataset=cell.dataset,
        agent=cell.agent,
        model=cell.model,
        actor=cell.label_parts,
        sources=tuple(stored.file for stored in approved),
        hosts={stored.record.scenario_id: stored.record.host for stored in approved},
        notes=(f"{provisional} of {len(approved)} baselines are provisional",) if provisional else (),
    )


def _attempts(file: Path, record: BaselineRecord) -> Iterator[FoundAttempt]:
    metrics = {
        name: record.metrics[name].values if name in record.metrics else []
        for name in ("runtime_s", "tokens", "cost_usd", "memory_peak_mb")
    }

    def value(name: str, index: int) -> float | None:
        values = metrics[name]
        return values[index] if len(values) == record.attempts else None

    for index, reward in enumerate(record.rewards):
        tokens = value("tokens", index)
        yield FoundAttempt(
            task=record.scenario_id,
            trial=f"{record.baseline_id}/{index + 1}",
            order=(index,),
            attempt=AttemptResult(
                attempt=index + 1,
                outcome=Solved(reward=reward) if reward >= 1 else Unsolved(reward=reward, reason=""),
                agent_s=value("runtime_s", index),
                tokens=None if tokens is None else int(tokens),
                cost_usd=value("cost_usd", index),
                memory_peak_mb=value("memory_peak_mb", index),
                session=record.sessions[index] if record.sessions else None,
            ),
            file=file,
            fingerprint=record.fingerprint,
        )
