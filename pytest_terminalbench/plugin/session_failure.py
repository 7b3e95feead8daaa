"""What fails a session though no cell does, as one more failed report: pytest's writers need nothing new to show it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from pytest_terminalbench.baselines.orphans import ORPHANS_CURE
from pytest_terminalbench.plugin.pytest_internals import longrepr

__all__ = ["failed_orphans", "failed_reports"]


def failed_reports(name: str, text: str) -> Iterator[pytest.TestReport]:
    """A failed call shown as `name` with `text`, and the teardown by which writers know the end."""
    for when, outcome, shown in (("call", "failed", longrepr(text, name)), ("teardown", "passed", None)):
        yield pytest.TestReport(
            nodeid=name,
            location=(name, None, name),
            keywords={},
            outcome=outcome,  # type: ignore[arg-type]  # The tuple's literals are widened to str.
            longrepr=shown,
            when=when,  # type: ignore[arg-type]
        )


def failed_orphans(names: Sequence[str]) -> Iterator[pytest.TestReport]:
    """The reports of a session whose baselines all need a scenario, and these have none."""
    listing = "\n".join(f"  {name}" for name in names)
    return failed_reports(
        "baselines without scenario", f"no scenario for what was approved:\n{listing}\nFix it by {ORPHANS_CURE}"
    )
