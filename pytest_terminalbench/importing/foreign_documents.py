"""Foreign JSON files, read once and checked; what is wrong with one is said with its name and a cure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from pytest_terminalbench import documents
from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.comparing.run_record import TaskRecord
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.outcome import Outcome, Phase, Solved, Unsolved, Void

__all__ = [
    "FoundAttempt",
    "Lenient",
    "foreign_outcome",
    "parsed",
    "read_json",
    "seconds_between",
    "tasks_of",
    "timestamp",
]

CURE = "copy it again from where the run was made, or leave it out"
_Model = TypeVar("_Model", bound=BaseModel)


class Lenient(BaseModel):
    """The part of a foreign file that we read; it may hold more."""

    # `model_name` is a name in tb's files.
    model_config = ConfigDict(extra="ignore", frozen=True, protected_namespaces=())


def read_json(file: Path) -> object:
    """The content of `file`; raises RunFolderError for one that is missing, cut off or no JSON."""
    try:
        return documents.read_json(file)
    except OSError as error:
        raise RunFolderError(f"{file} cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise RunFolderError(f"{file} is damaged or cut off: it is not JSON ({error}); {CURE}") from None


def parsed(model: type[_Model], content: object, file: Path, *, what: str) -> _Model:
    """`content` as `model`; `what` says what the file should hold. Raises RunFolderError naming file and field."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problems = "; ".join(documents.validation_problems(error)[:3])
        raise RunFolderError(f"{file} is damaged or not {what}: {problems}; {CURE}") from None


def foreign_outcome(reward: float | None, reason: str, *, trial: str, file: Path) -> Outcome:
    """What another harness's reward comes to; None: nobody judged. Raises RunFolderError for one beyond 0 to 1."""
    if reward is None:
        return Void(reason=reason, phase=Phase.VERIFY)
    if not 0.0 <= reward <= 1.0:
        raise RunFolderError(f"{file}: the reward of {trial} is {reward}; a comparison needs rewards from 0 to 1")
    return Solved(reward=reward, reason=reason) if reward == 1.0 else Unsolved(reward=reward, reason=reason)


class FoundAttempt(NamedTuple):
    """An attempt as it was found: of which task, and what sorts it among that task's attempts.

    `trial` names it among them; its number follows from the order.
    """

    task: str
    trial: str
    order: tuple[Any, ...]
    attempt: AttemptResult
    file: Path
    fingerprint: Mapping[str, Any]


def tasks_of(attempts: Iterable[FoundAttempt]) -> dict[str, TaskRecord]:
    """The tasks by name, their attempts numbered in order, whatever order these came in.

    Raises RunFolderError when an attempt is there twice, because it would count twice, and when a task's attempts were
    made under different conditions.
    """
    by_task: dict[str, list[FoundAttempt]] = {}
    for attempt in attempts:
        by_task.setdefault(attempt.task, []).append(attempt)
    return {task: _task(task, sorted(by_task[task], key=lambda attempt: attempt.order)) for task in sorted(by_task)}


def _task(task: str, attempts: list[FoundAttempt]) -> TaskRecord:
    seen: dict[str, Path] = {}
    for attempt in attempts:
        if attempt.trial in seen:
            raise RunFolderError(
                f"{attempt.file}: attempt {attempt.trial} at {task} is there twice (also in {seen[attempt.trial]}); "
                "remove one of the copies"
            )
        seen[attempt.trial] = attempt.file
    with_conditions = [attempt for attempt in attempts if attempt.fingerprint]
    for attempt in with_conditions[1:]:
        if attempt.fingerprint != with_conditions[0].fingerprint:
            raise RunFolderError(
                f"{attempt.file} and {with_conditions[0].file} are attempts at {task} under different conditions (its "
                "files, image or limits were changed in between); compare the two with each other, do not count them "
                "as one"
            )
    return TaskRecord(
        attempts=tuple(replace(found.attempt, attempt=number) for number, found in enumerate(attempts, start=1)),
        fingerprint=with_conditions[0].fingerprint if with_conditions else {},
    )


def timestamp(text: object) -> float | None:
    """Seconds since 1970 of an ISO 8601 time, in UTC where it names no zone; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def seconds_between(started: object, ended: object) -> float | None:
    """None when a time is missing or the clock went backwards."""
    begin, end = timestamp(started), timestamp(ended)
    return round(end - begin, 3) if begin is not None and end is not None and end >= begin else None
