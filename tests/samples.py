"""Results to compare: the recorded samples, and records drawn as strips."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.comparing.run_record import RunRecord, TaskRecord
from pytest_terminalbench.importing import import_results
from tests.cell_results import OUTCOMES

DATA = Path(__file__).parent / "data"
TB = DATA / "terminal-bench"
JOBS = DATA / "harbor" / "jobs"
JOB = JOBS / "2026-03-01__10-00-00"

_MARKS = {1.0: "✓", 0.0: "✗", 0.5: "◐", None: "·"}


def a_task(
    marks: str, *, fingerprint: Mapping[str, Any] | None = None, seconds: float | None = None, **measures: Any
) -> TaskRecord:
    """A task whose attempts went as `marks` say; `seconds` of the agent's and `measures` are the same for each."""
    attempts = tuple(
        AttemptResult(attempt=number, outcome=OUTCOMES[mark], agent_s=seconds, **measures)
        for number, mark in enumerate(marks, start=1)
    )
    return TaskRecord(attempts=attempts, fingerprint=fingerprint or {})


def a_record(tasks: Mapping[str, str | TaskRecord], **changes: Any) -> RunRecord:
    """A record of `tasks`, each drawn as a strip or given whole."""
    values: dict[str, Any] = {"origin": "terminal-bench", "run_id": "some-run", "agent": "some-agent", **changes}
    return RunRecord(
        tasks={name: a_task(task) if isinstance(task, str) else task for name, task in tasks.items()}, **values
    )


def only(path: Path) -> RunRecord:
    """The one record in `path`."""
    (record,) = import_results(path)
    return record


def strips(record: RunRecord) -> dict[str, str]:
    """Every task's attempts as marks, in their order."""
    return {name: "".join(_MARKS[attempt.share] for attempt in task.attempts) for name, task in record.tasks.items()}


def edited(source: Path, target: Path, /, **changes: Any) -> Path:
    """A copy of a JSON file with top-level values changed; its path."""
    content = json.loads(source.read_text(encoding="utf-8"))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps({**content, **changes}), encoding="utf-8")
    return target
