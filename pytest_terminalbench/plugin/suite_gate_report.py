"""The gate of the whole run as one more report, failed or in doubt."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_terminalbench.cells.report_property import PROPERTY
from pytest_terminalbench.comparing.session_gate import RunGate
from pytest_terminalbench.naming import listed
from pytest_terminalbench.plugin.session_failure import extra_reports, failed_reports

__all__ = ["DOUBTFUL", "NODEID", "doubtful_gate", "failed_gate"]

NODEID = "suite gate"
# What to approve with after a session whose numbers of attempts depended on how they went.
FIXED_ATTEMPTS = 5
SHOWN_LOWER = 5
# A category that pytest does not know, so that its last line is yellow and not green.
DOUBTFUL = "suite gate inconclusive"


def failed_gate(gate: RunGate, run: Path, attempts: int | None) -> Iterator[pytest.TestReport]:
    """The reports of a gate that has failed: a failed call, and the teardown by which writers know the end.

    `run`: the folder of the run that was compared, with `attempts` trials per cell (None: as many as it took).
    """
    return failed_reports(NODEID, "\n".join(_card(gate, run, attempts)))


def doubtful_gate(gate: RunGate) -> Iterator[pytest.TestReport]:
    """The reports of a gate that cannot tell, and may: passed, and of a category of its own."""
    doubtful, teardown = extra_reports(NODEID, "passed")
    doubtful.user_properties.append((PROPERTY, DOUBTFUL))
    doubtful.sections.append((NODEID, "\n".join(gate.doubts)))
    yield from (doubtful, teardown)


def _card(gate: RunGate, run: Path, attempts: int | None) -> Iterator[str]:
    doubts = [*gate.doubts, *gate.uncompared]
    for failure in gate.failures:
        first, *further = failure.split("; ")
        yield f"{'nobody can tell' if failure in doubts else 'worse than approved'}: {first}"
        yield from (f"  {clause}" for clause in further)
    failed = [gate.actors[actor] for actor in gate.failed]
    for actor in failed:
        if actor.lower:
            yield f"lowest:       {listed(actor.lower, SHOWN_LOWER)}"
    for actor in (actor for actor in failed if actor.is_approved):
        chosen = f"@{actor.label}" if len(gate.actors) > 1 else ""
        yield f"which cells:  terminalbench compare {_shown(actor.baselines)} {_shown(run)}{chosen}"
    worse = [actor for actor in failed if actor.comparison.failures]
    # Where nobody can tell, no change is there to be intended.
    if worse:
        enough = max(attempts or FIXED_ATTEMPTS, *(actor.least_to_approve for actor in worse))
        yield f"if intended:  your pytest command again with --update-baselines --tb-attempts {enough}"


def _shown(path: Path) -> str:
    """As short as it can be typed where pytest was started."""
    return shlex.quote(str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path))
