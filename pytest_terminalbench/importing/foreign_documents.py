"""Foreign JSON files, read once and checked; what is wrong with one is said with its name and a cure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from pytest_terminalbench import documents
from pytest_terminalbench.comparing.run_record import Attempt, TaskRecord
from pytest_terminalbench.errors import RunFolderError

__all__ = ["Found", "Lenient", "parsed", "read_json", "record_errors", "seconds_between", "tasks_of", "timestamp"]

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
        problems = [f"{'.'.join(map(str, p['loc'])) or 'file'}: {p['msg']}" for p in error.errors(include_url=False)]
        raise RunFolderError(f"{file} is damaged or not {what}: {'; '.join(problems[:3])}; {CURE}") from None


@contextmanager
def record_errors(file: Path) -> Iterator[None]:
    """Values that an `Attempt` refuses become a RunFolderError naming `file`."""
    try:
        yield
    except ValueError as error:
        raise RunFolderError(f"{file}: {error}") from None


class Found(NamedTuple):
    """An attempt as it was found: of which task, and what sorts it among that task's attempts."""

    task: str
    order: tuple[Any, ...]
    attempt: Attempt
    file: Path
    fingerprint: Mapping[str, Any]


def tasks_of(found: Iterable[Found]) -> dict[str, TaskRecord]:
    """The tasks by name, their attempts in order, whatever order the rows came in.

    Raises RunFolderError when an attempt is there twice, for it would count twice, and when a task's attempts were
    made under different conditions.
    """
    by_task: dict[str, list[Found]] = {}
    for one in found:
        by_task.setdefault(one.task, []).append(one)
    return {task: _task(task, sorted(by_task[task], key=lambda one: one.order)) for task in sorted(by_task)}


def _task(task: str, found: list[Found]) -> TaskRecord:
    seen: dict[str, Path] = {}
    for one in found:
        if one.attempt.trial in seen:
            raise RunFolderError(
                f"{one.file}: attempt {one.attempt.trial} at {task} is there twice (also in "
                f"{seen[one.attempt.trial]}); remove one of the copies"
            )
        seen[one.attempt.trial] = one.file
    known = [one for one in found if one.fingerprint]
    for one in known[1:]:
        if one.fingerprint != known[0].fingerprint:
            raise RunFolderError(
                f"{one.file} and {known[0].file} are attempts at {task} under different conditions (its files, image "
                "or limits were changed in between); compare the two with each other, do not count them as one"
            )
    return TaskRecord(attempts=tuple(one.attempt for one in found), fingerprint=known[0].fingerprint if known else {})


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
