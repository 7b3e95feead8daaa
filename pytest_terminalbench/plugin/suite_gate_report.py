"""The gate of the whole run as one more failed report."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_terminalbench.comparing.session_gate import RunGate
from pytest_terminalbench.naming import listed
from pytest_terminalbench.plugin.session_failure import failed_reports

__all__ = ["NODEID", "failed_gate"]

NODEID = "suite gate"
# What to approve with after a session whose numbers of attempts depended on how they went.
FIXED_ATTEMPTS = 5
SHOWN_LOWER = 5


def failed_gate(gate: RunGate, run: Path, attempts: int | None) -> Iterator[pytest.TestReport]:
    """The reports of a gate that has failed: a failed call, and the teardown by which writers know the end.

    `run`: the folder of the run that was compared, with `attempts` trials per cell (None: as many as it took).
    """
    return failed_reports(NODEID, "\n".join(_card(gate, run, attempts)))


def _card(gate: RunGate, run: Path, attempts: int | None) -> Iterator[str]:
    for failure in gate.failures:
        first, *further = failure.split("; ")
        yield f"worse than approved: {first}"
        yield from (f"  {clause}" for clause in further)
    for actor in gate.failed:
        if gate.lower[actor]:
            yield f"lowest:       {listed(gate.lower[actor], SHOWN_LOWER)}"
    for actor in gate.failed:
        chosen = f"@{gate.labels[actor]}" if len(gate.suites) > 1 else ""
        yield f"which cells:  terminalbench compare {_shown(gate.baselines[actor])} {_shown(run)}{chosen}"
    yield f"if intended:  your pytest command again with --update-baselines --tb-attempts {attempts or FIXED_ATTEMPTS}"


def _shown(path: Path) -> str:
    """As short as it can be typed where pytest was started."""
    return shlex.quote(str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path))
