"""The summary at the end of pytest's output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pytest_terminalbench.baselines.baseline_command import baseline_command
from pytest_terminalbench.baselines.orphans import orphans_cure
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.naming import counted, listed
from pytest_terminalbench.runs.report_lines import (
    attention_lines,
    category_table,
    gate_lines,
    score_line,
    slowest,
)
from pytest_terminalbench.sessions.session import AskedApproval, ClosedRun
from pytest_terminalbench.status import Status

__all__ = ["write_summary"]


def write_summary(closed: ClosedRun, baselines: Path, reporter: pytest.TerminalReporter) -> None:
    # Not section(): it does not know that a line of dots may be open, and the first line would be an empty one.
    reporter.write_sep("=", "terminalbench")
    for line in summary_lines(closed, baselines):
        reporter.write_line(line)


def summary_lines(closed: ClosedRun, baselines: Path) -> Iterator[str]:
    """Table per category, what needs attention, the score, the slowest, where the results lie."""
    summary = closed.summary
    if summary.cells:
        yield from _table(summary.cells)
    yield from attention_lines(summary)
    yield summary.in_words
    score = score_line(summary)
    if score:
        yield score
    yield from gate_lines(summary.gate)
    yield from _noted_conditions(closed, baselines)
    if closed.orphans:
        orphans = counted(len(closed.orphans), "baseline")
        yield f"{orphans} without a scenario: {listed(closed.orphans)}; fix it by {orphans_cure(baselines)}"
    if summary.cells:
        yield "slowest: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in slowest(summary.cells))
    if closed.removed:
        yield f"removed {closed.removed} containers that were left"
    for incident in closed.incident_files:
        yield f"incident: {incident}"
    for known in closed.known_incidents:
        yield f"incident: known since {known.incident.opened_at[:10]}: {known.incident.id} ({known.why})"
    if closed.approval is not None:
        yield _approval_line(closed.approval, baselines)
        yield from closed.approval.warnings
    yield f"results: {closed.run.path}"


def _noted_conditions(closed: ClosedRun, baselines: Path) -> Iterator[str]:
    """That cells were compared though something is not as it was approved, and what."""
    cells = [cell for cell in closed.summary.cells if cell.mismatches and cell.status is not Status.BLOCKED]
    if cells:
        fields = sorted({mismatch.field for cell in cells for mismatch in cell.mismatches})
        # How an agent is configured is approved with its outcomes alone.
        is_of_agent = fields == ["configuration"]
        cure = "approving again ends this" if is_of_agent else f"`{baseline_command('rebase', baselines)}` accepts it"
        yield (
            f"noted: {counted(len(cells), 'cell')} compared, though not all is as it was approved "
            f"({', '.join(fields)}): {closed.run.parity}; {cure}"
        )


def _approval_line(asked: AskedApproval, baselines: Path) -> str:
    if asked.approval is None:
        return f"baselines NOT updated: {asked.refusal}"
    return f"baselines: {len(asked.approval.written)} written, {asked.approval.unchanged} unchanged in {baselines}"


def _table(cells: Sequence[CellResult]) -> Iterator[str]:
    table = category_table(cells)
    lines = [table.heading, *table.rows]
    name_width = max(len(line[0]) for line in lines)
    widths = [max(8, len(heading)) for heading in table.heading[1:]]
    for name, *numbers in lines:
        yield "  ".join(
            [f"{name:<{name_width}}", *(f"{number:>{width}}" for number, width in zip(numbers, widths, strict=True))]
        )
