"""A run for people as a file: ``report.md``."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.runs.deltas import Measured
from pytest_terminalbench.runs.report_lines import (
    MEASURED,
    attempt_marks,
    attention,
    category_table,
    gate_lines,
    interruption_line,
    listed,
    measured_texts,
    score_line,
)
from pytest_terminalbench.runs.summary import RunSummary
from pytest_terminalbench.status import Status

__all__ = ["markdown"]


def markdown(summary: RunSummary) -> str:
    """The whole report as Markdown."""
    return "\n".join(_lines(summary)) + "\n"


def _lines(summary: RunSummary) -> Iterator[str]:
    yield f"# Run {summary.run_id}"
    interruption = interruption_line(summary)
    if interruption:
        yield from ("", f"**{interruption[0].upper()}{interruption[1:]}.**")
    yield from ("", f"{summary.in_words}.")
    score = score_line(summary)
    if score:
        yield from ("", f"{score[0].upper()}{score[1:]}.")
    for line in gate_lines(summary.gate):
        yield from ("", f"{line.strip()}.")
    table = category_table(summary.cells)
    yield from ("", f"| {' | '.join(table.heading)} |", f"|---|{'---:|' * (len(table.heading) - 1)}")
    for row in table.rows:
        yield f"| {' | '.join(row)} |"
    for section in attention(summary):
        yield from _section(section.title, section.lines, section.hint)
    as_approved = (cell for cell in summary.cells if cell.status is Status.AS_BASELINE)
    yield from _section(Status.AS_BASELINE.words, tuple(listed(as_approved)))
    yield from ("", "## Cells", "")
    yield f"| cell | status | attempts | {' | '.join(MEASURED)} | total wall s |"
    yield "|---|---|---|---:|---:|---:|"
    for cell in summary.cells:
        yield _cell_row(cell)


def _section(title: str, lines: tuple[str, ...], hint: str = "") -> Iterator[str]:
    if lines:
        yield from ("", f"## {title.capitalize()}{f': {hint}' if hint else ''}", "", *(f"- {line}" for line in lines))


def _cell_row(cell: CellResult) -> str:
    numbers = " | ".join([*measured_texts(Measured.of(cell)), f"{cell.wall_s:.2f}"])
    return f"| {cell.key} | {cell.status.words} | {attempt_marks(cell)} | {numbers} |"
