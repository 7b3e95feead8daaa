"""The gate of the whole run as one more failed report: pytest's writers need nothing new to show it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_terminalbench.plugin.longrepr import longrepr
from pytest_terminalbench.runs.gate import RunGate

__all__ = ["NODEID", "failed_gate"]

NODEID = "suite gate"


def failed_gate(gate: RunGate) -> Iterator[pytest.TestReport]:
    """The reports of a gate that has failed: a failed call, and the teardown by which writers know the end."""
    text = "\n".join(
        [
            "worse than what was approved, over all cells together:",
            *(f"  {failure}" for failure in gate.failures),
            (
                "What to do: look at the cells that changed with `terminalbench compare`; where the change is wanted, "
                "approve it with --update-baselines."
            ),
        ]
    )
    for when, outcome, shown in (("call", "failed", longrepr(text, NODEID)), ("teardown", "passed", None)):
        yield pytest.TestReport(
            nodeid=NODEID,
            location=(NODEID, None, NODEID),
            keywords={},
            outcome=outcome,  # type: ignore[arg-type]  # The tuple's literals are widened to str.
            longrepr=shown,
            when=when,  # type: ignore[arg-type]
        )
