"""What fails a session though no cell does, as one more failed report: pytest's writers need nothing new to show it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from pytest_terminalbench.baselines.orphans import orphans_cure
from pytest_terminalbench.plugin.pytest_internals import longrepr

__all__ = ["SessionReport", "extra_reports", "failed_orphans", "failed_reports"]


class SessionReport(pytest.TestReport):
    """What is told of a session as a whole. It has no letter: the line of the items' letters has ended before it."""

    is_of_session = True


def failed_reports(name: str, text: str) -> Iterator[pytest.TestReport]:
    """A failed call shown as `name` with `text`, and the teardown by which writers know the end."""
    yield from extra_reports(name, "failed", longrepr(text, name))


def extra_reports(name: str, outcome: Literal["passed", "failed"], shown: Any = None) -> list[pytest.TestReport]:
    """The call and the teardown of something that is no item: a call of this `outcome`, shown as `name`."""
    place = (name, None, name)
    return [
        SessionReport(nodeid=name, location=place, keywords={}, outcome=outcome, longrepr=shown, when="call"),
        SessionReport(nodeid=name, location=place, keywords={}, outcome="passed", longrepr=None, when="teardown"),
    ]


def failed_orphans(names: Sequence[str], baselines: Path) -> Iterator[pytest.TestReport]:
    """The reports of a session whose `baselines` all need a scenario, and these have none."""
    listing = "\n".join(f"  {name}" for name in names)
    return failed_reports(
        "baselines without scenario",
        f"no scenario for what was approved:\n{listing}\nFix it by {orphans_cure(baselines)}",
    )
