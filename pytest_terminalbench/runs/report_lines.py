"""A run for people: the lines that pytest's terminal, ``report.md`` and `terminalbench report` have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.naming import counted
from pytest_terminalbench.runs.deltas import Measured
from pytest_terminalbench.runs.gate_result import GateResult
from pytest_terminalbench.runs.summary import RunSummary
from pytest_terminalbench.runs.totals import Totals
from pytest_terminalbench.status import Status

__all__ = [
    "MEASURED",
    "CategoryTable",
    "Section",
    "attempt_marks",
    "attention",
    "attention_lines",
    "category_table",
    "gate_lines",
    "interruption_line",
    "listed",
    "measured_texts",
    "score_line",
    "slowest",
]

SLOWEST = 3
# Headings of what a cell's typical attempt took; the same numbers are compared with another run's, or with baselines'.
MEASURED = ("median agent s", "median peak MiB")
# Every status that somebody should look at.
_WORST_FIRST = (
    Status.REGRESSED,
    Status.INCONCLUSIVE,
    Status.UNSOLVED,
    Status.VOID,
    Status.BLOCKED,
    Status.LOST,
)


class CategoryTable(NamedTuple):
    """Cells by category and status, as texts: a heading, a row for each category, and the sum as the last.

    The numbers of a row add up to its ``cells``: a status that no cell has is left out. ``seconds`` is the sum of the
    trials' wall times.
    """

    heading: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def category_table(cells: Sequence[CellResult]) -> CategoryTable:
    names = sorted({cell.category for cell in cells})
    groups = [(name, [cell for cell in cells if cell.category == name]) for name in names]
    sums = Totals.of(cells)
    shown = [status for status in Status if sums[status] or status is Status.SOLVED]
    return CategoryTable(
        heading=("category", "cells", *(status.words for status in shown), "seconds"),
        rows=tuple(_category_row(name, group, shown) for name, group in [*groups, ("all", cells)]),
    )


def _category_row(name: str, cells: Sequence[CellResult], shown: Sequence[Status]) -> tuple[str, ...]:
    totals = Totals.of(cells)
    numbers = [totals.cells, *(totals[status] for status in shown)]
    seconds = sum(cell.wall_s for cell in cells)
    return (name, *(str(number or "-") for number in numbers), f"{seconds:.1f}")


def slowest(cells: Sequence[CellResult], count: int = SLOWEST) -> list[tuple[str, float]]:
    """The cells that took longest, with their seconds."""
    timed = sorted(((cell.wall_s, cell.key) for cell in cells), key=lambda pair: (-pair[0], pair[1]))
    return [(name, seconds) for seconds, name in timed[:count]]


def score_line(summary: RunSummary) -> str | None:
    """The mean with its intervals, or why it has none; None where nothing was judged."""
    if summary.mean is None:
        return None
    claims = [
        f"{interval.low:.1%} to {interval.high:.1%} for {population} ({interval.method})"
        for interval, population in summary.intervals
    ]
    interval = f"95 % interval {', '.join(claims)}" if claims else "no interval from so few cells and attempts"
    cells = counted(len(summary.scored), "cell")
    attempts = _attempts(summary.scored)
    counted_of = f"{attempts} each, of which the first counts" if summary.counts_first_alone else f"{attempts} each"
    return f"mean {summary.mean:.1%} of {cells} with {counted_of}; {interval}"


def _attempts(scored: Sequence[CellResult]) -> str:
    numbers = [len(cell.attempts) for cell in scored]
    least, most = min(numbers, default=0), max(numbers, default=0)
    return counted(most, "attempt") if least == most else f"{least} to {most} attempts"


def interruption_line(summary: RunSummary) -> str | None:
    """That somebody stopped the session, so that all numbers are of a part of its cells; None where they are of all."""
    if not summary.not_run:
        return None
    cut_short = len(summary.cut_short)
    untried = len(summary.not_run) - cut_short
    numbers = {f"{counted(untried, 'cell')} not run": untried, f"{counted(cut_short, 'cell')} not judged": cut_short}
    told = " and ".join(words for words, number in numbers.items() if number)
    return f"interrupted: {told}, so all numbers are of the others alone"


def gate_lines(gate: GateResult) -> Iterator[str]:
    """What the gate says of each agent: its verdict and why in a line, and indented below it what else there is to say.

    The numbers behind it are in ``summary.json``, and on the card of a gate that failed.
    """
    for actor in {**gate.agents, **gate.metrics}:
        yield from _agent_lines(gate, actor)
    yield from (f"suite gate: noted: {note}" for note in gate.notes)


def _agent_lines(gate: GateResult, actor: str) -> Iterator[str]:
    suite = gate.agents.get(actor)
    metrics = gate.metrics.get(actor, {}).values()
    worse = [metric.reason for metric in metrics if metric.verdict == "fail"]
    verdict = gate.verdicts.get(actor) or (suite.verdict if suite else "pass")
    if suite is None:
        # Compared strictly: its cells say it all, and only a metric is of them together.
        reasons = worse
    elif suite.verdict == verdict:
        reasons = [suite.in_a_line, *worse]
    else:
        all_together = f"all together {suite.verdict}: {suite.in_a_line}"
        reasons = [*(worse or ["single cells regressed"]), all_together]
    if not reasons:
        return
    first, *others = reasons
    yield f"suite gate: {verdict.upper()}: {actor}: {first}"
    yield from (f"  {reason}" for reason in others)
    if suite and suite.advice:
        yield f"  {suite.advice}"
    if suite:
        yield from (f"  cannot tell: {metric.reason}" for metric in metrics if metric.verdict == "inconclusive")


class Section(NamedTuple):
    """Cells that somebody should look at, each with a line of why; `hint`: what to do about them."""

    title: str
    lines: tuple[str, ...]
    hint: str = ""


def listed(cells: Iterable[CellResult]) -> Iterator[str]:
    """``cell: why`` for each, with the first line of its reason."""
    for cell in cells:
        first_line, _, _ = cell.text.partition("\n")
        yield f"{cell.key}: {first_line}{' (expected to fail)' if cell.xfailed else ''}"


def attention(summary: RunSummary) -> list[Section]:
    """What somebody should look at, the worst first; sections without cells are left out.

    A section for every status that is no pass, with as many lines as the totals count, and one for the improved.
    """
    by_status = {
        status: tuple(listed(cell for cell in summary.cells if cell.status is status)) for status in _WORST_FIRST
    }
    # By their names: summaries of schema 1 have nothing else of them.
    by_status[Status.LOST] = tuple(f"{name}: was collected and never reported" for name in summary.lost)
    improved = tuple(listed(cell for cell in summary.cells if cell.improved))
    sections = [
        *(Section(status.words, lines) for status, lines in by_status.items()),
        Section("improved", improved, hint="approve with --update-baselines"),
    ]
    return [section for section in sections if section.lines]


def attention_lines(summary: RunSummary) -> Iterator[str]:
    """``regressed: demo/alpha[mine]: why``, for terminals."""
    for section in attention(summary):
        hint = f" ({section.hint})" if section.hint else ""
        yield from (f"{section.title}: {line}{hint}" for line in section.lines)


def attempt_marks(cell: CellResult) -> str:
    """Every attempt as its mark."""
    return "".join(attempt.mark for attempt in cell.attempts)


def measured_texts(measured: Measured) -> tuple[str, str]:
    """What stands below `MEASURED`; ``-`` for what is not known."""
    return _number(measured.runtime_s, digits=2), _number(measured.memory_peak_mb, digits=1)


def _number(value: float | None, *, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
