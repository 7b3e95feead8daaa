"""The summary at the end of pytest's output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.runs.report_lines import (
    CATEGORY_COLUMNS,
    attention_lines,
    category_rows,
    gate_lines,
    headline,
    score_line,
    slowest,
)
from pytest_terminalbench.runs.summary import RunSummary

__all__ = ["Summary", "write_summary"]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What the summary tells of; `approval` is None when no approval was asked for."""

    summary: RunSummary
    run: Path
    approval: str | None
    removed: int
    incidents: Sequence[Path] = ()


def write_summary(content: Summary, reporter: pytest.TerminalReporter) -> None:
    # Not section(): it does not know that a line of dots may be open, and the first line would be an empty one.
    reporter.write_sep("=", "terminalbench")
    for line in summary_lines(content):
        reporter.write_line(line)


def summary_lines(content: Summary) -> Iterator[str]:
    """Table per category, what needs attention, the score, the slowest, where the results lie."""
    cells = content.summary.cells
    if cells:
        yield from _table(cells)
    yield from attention_lines(content.summary)
    yield headline(content.summary.totals)
    score = score_line(content.summary)
    if score:
        yield score
    yield from gate_lines(content.summary.gate, is_told=True)
    if cells:
        yield "slowest: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in slowest(cells))
    if content.removed:
        yield f"removed {content.removed} containers that were left"
    for incident in content.incidents:
        yield f"incident: {incident}"
    if content.approval:
        yield content.approval
    yield f"results: {content.run}"


def _table(cells: Sequence[CellResult]) -> Iterator[str]:
    rows = category_rows(cells)
    width = max(len(row.name) for row in rows)
    yield f"{'category':<{width}}  " + "  ".join(f"{name:>8}" for name in CATEGORY_COLUMNS)
    for row in rows:
        counts = [
            f"{value or '-':>{max(8, len(name))}}" for value, name in zip(row[1:-1], CATEGORY_COLUMNS, strict=False)
        ]
        yield f"{row.name:<{width}}  " + "  ".join([*counts, f"{row.seconds:>8.1f}"])
