"""What `compare` reads: a run as rewards per task, whoever made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.baselines.comparison_policy import ComparisonPolicy
from pytest_terminalbench.baselines.parity import Mismatch
from pytest_terminalbench.identity import CellId, CellName, Label

__all__ = ["Origin", "RunRecord", "TaskRecord", "natural_key", "task_name"]

Origin = Literal["run", "baselines", "terminal-bench", "harbor"]


@dataclass(frozen=True, kw_only=True)
class TaskRecord:
    """All attempts at one task, in their order. `fingerprint` is empty where the source keeps none."""

    attempts: tuple[AttemptResult, ...]
    fingerprint: Mapping[str, Any] = field(default_factory=dict)

    @property
    def scored(self) -> tuple[AttemptResult, ...]:
        """The attempts that were judged. Void ones are missing data, never a zero."""
        return tuple(attempt for attempt in self.attempts if not attempt.is_void)

    @property
    def rewards(self) -> tuple[float, ...]:
        """Of the scored attempts, in their order, from 0 to 1."""
        return tuple(attempt.share for attempt in self.attempts if attempt.share is not None)

    @property
    def voids(self) -> int:
        return len(self.attempts) - len(self.scored)


def task_name(cell: CellId | CellName, *, is_one_dataset: bool) -> str:
    """What a cell's task is called, and by which two runs' tasks are paired: the scenario, among several datasets with
    its dataset.
    """
    return cell.scenario if is_one_dataset else f"{cell.dataset}/{cell.scenario}"


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One agent's results on one set of tasks.

    `dataset` and `dataset_version` are None for a run of several, of which `dataset_versions` knows each one's.
    `agent` and `model` are None where the source does not tell; `actor` tells more of who acted, where the source does.
    `began` is in seconds since 1970. `is_adaptive`: how often a task was tried depended on how it went, so that only
    each task's first attempt is comparable as a whole. `gate`: how the session compared its cells, ``strict`` or
    ``statistical``, and by what `policy`; None where the source knows of neither. `hosts`: by task, the class of the
    machine that ran it, as far as anybody noted it. `agent_options`: words for a shell by which a run of ours
    asks for the agent again, and `baselines`: where its session had them, in the project's folder or absolute.
    `unjudged`: tasks of which the session gives no score, though some attempts were judged. `blocked`: tasks that the
    session did not try, because these facts were not as approved. `notes`: what a reader should know of how whole the
    data is.
    """

    origin: Origin
    run_id: str
    tasks: Mapping[str, TaskRecord]
    dataset: str | None = None
    dataset_version: str | None = None
    dataset_versions: Mapping[str, str] = field(default_factory=dict)
    agent: str | None = None
    model: str | None = None
    actor: Label | None = None
    sources: tuple[Path, ...] = ()
    began: float | None = None
    is_adaptive: bool = False
    gate: str | None = None
    policy: ComparisonPolicy | None = None
    hosts: Mapping[str, str | None] = field(default_factory=dict)
    agent_options: tuple[str, ...] = ()
    baselines: Path | None = None
    unjudged: frozenset[str] = frozenset()
    blocked: Mapping[str, tuple[Mismatch, ...]] = field(default_factory=dict)
    not_run: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Agent and model as cells and folders are named; the run's id where the agent is not known."""
        return str(self.actor or Label(self.agent or self.run_id, self.model if self.agent else None))

    def only(self, dataset: str) -> RunRecord:
        """What a run of several datasets did on one of them; itself, where it has nothing of that name."""
        prefix = f"{dataset}/"
        names = {name: name.removeprefix(prefix) for name in self.tasks if name.startswith(prefix)}
        if self.dataset is not None or not names:
            return self
        return replace(
            self,
            dataset=dataset,
            dataset_version=self.dataset_versions.get(dataset),
            tasks={short: self.tasks[name] for name, short in names.items()},
            hosts={short: self.hosts.get(name) for name, short in names.items()},
            unjudged=frozenset(short for name, short in names.items() if name in self.unjudged),
            blocked={short: self.blocked[name] for name, short in names.items() if name in self.blocked},
            not_run=tuple(name.removeprefix(prefix) for name in self.not_run if name.startswith(prefix)),
        )

    @property
    def dataset_label(self) -> str | None:
        return f"{self.dataset}=={self.dataset_version}" if self.dataset and self.dataset_version else self.dataset


def natural_key(text: str) -> tuple[tuple[int, str], ...]:
    """Sorts ``run2`` before ``run10``."""
    parts = ("".join(part) for _, part in groupby(text, str.isdecimal))
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts)
