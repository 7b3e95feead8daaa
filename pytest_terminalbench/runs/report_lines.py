"""A run for people: the lines that pytest's terminal, ``report.md`` and `terminalbench report` have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.naming import counted
from pytest_terminalbench.runs.gate_result import GateResult
from pytest_terminalbench.runs.summary import RunSummary, Totals
from pytest_terminalbench.status import Status

__all__ = [
    "CATEGORY_COLUMNS",
    "CategoryRow",
    "Section",
    "attempt_marks",
    "attention",
    "attention_lines",
    "category_rows",
    "gate_lines",
    "headline",
    "listed",
    "score_line",
    "slowest",
]

SLOWEST = 3


class CategoryRow(NamedTuple):
    """One category's cells by what became of them; ``seconds`` is the sum of their trials' wall times."""

    name: str
    cells: int
    solved: int
    unsolved: int
    as_baseline: int
    regressed: int
    void: int
    seconds: float


# What tables head the rows with, after the name.
CATEGORY_COLUMNS = tuple(name.replace("_", " ") for name in CategoryRow._fields[1:])


def category_rows(cells: Sequence[CellResult]) -> list[CategoryRow]:
    """A row per category in alphabetical order, and the total as the last."""
    names = sorted({cell.category for cell in cells})
    rows = [_category_row(name, [cell for cell in cells if cell.category == name]) for name in names]
    return [*rows, _category_row("all", cells)]


def _category_row(name: str, cells: Sequence[CellResult]) -> CategoryRow:
    totals = Totals.of(cells)
    return CategoryRow(
        name=name,
        cells=totals.cells,
        solved=totals.solved,
        unsolved=_plainly_unsolved(totals) + totals.inconclusive,
        as_baseline=totals.as_baseline,
        regressed=totals.regressed,
        void=sum(cell.status.is_error for cell in cells),
        seconds=float(sum(cell.wall_s for cell in cells)),
    )


def _plainly_unsolved(totals: Totals) -> int:
    return totals.unsolved - totals.as_baseline - totals.regressed - totals.inconclusive


def slowest(cells: Sequence[CellResult], count: int = SLOWEST) -> list[tuple[str, float]]:
    """The cells that took longest, with their seconds."""
    timed = sorted(((cell.wall_s, cell.key) for cell in cells), key=lambda pair: (-pair[0], pair[1]))
    return [(name, seconds) for seconds, name in timed[:count]]


def headline(totals: Totals) -> str:
    """``24 cells: 22 solved, 1 regressed, 1 void``."""
    parts = [(totals.solved, Status.SOLVED)] + [
        (number, status)
        for number, status in (
            (_plainly_unsolved(totals), Status.UNSOLVED),
            (totals.as_baseline, Status.AS_BASELINE),
            (totals.regressed, Status.REGRESSED),
            (totals.inconclusive, Status.INCONCLUSIVE),
            (totals.void, Status.VOID),
            (totals.blocked, Status.BLOCKED),
            (totals.lost, Status.LOST),
        )
        if number
    ]
    return f"{counted(totals.cells, 'cell')}: {', '.join(f'{number} {status.words}' for number, status in parts)}"


def score_line(summary: RunSummary) -> str | None:
    """The mean with its intervals; None where there is none, for a score is never shown bare."""
    if summary.mean is None or not summary.intervals:
        return None
    claims = [
        f"{interval.low:.1%} to {interval.high:.1%} for {population} ({interval.method})"
        for interval, population in summary.intervals
    ]
    return (
        f"mean {summary.mean:.1%} of {counted(len(summary.scored), 'cell')} with {_attempts(summary.scored)} each; "
        f"95 % interval {', '.join(claims)}"
    )


def _attempts(scored: Sequence[CellResult]) -> str:
    numbers = [len(cell.attempts) for cell in scored]
    least, most = min(numbers, default=0), max(numbers, default=0)
    return counted(most, "attempt") if least == most else f"{least} to {most} attempts"


def gate_lines(gate: GateResult, *, is_told: bool = False) -> Iterator[str]:
    """What the statistical gate says of each agent, and of each metric that is worse or doubtful.

    `is_told`: failures stand elsewhere in full; only their first clause is repeated.
    """
    for actor, suite in gate.agents.items():
        reason = suite.reason.partition("; ")[0] if is_told and suite.verdict == "fail" else suite.reason
        yield f"suite gate: {suite.verdict.upper()}: {actor}: {reason}"
        for metric in gate.metrics.get(actor, {}).values():
            if metric.verdict != "pass":
                yield f"suite gate: {metric.verdict}: {metric.reason}"


class Section(NamedTuple):
    """Cells that somebody should look at, each with a line of why; `hint`: what to do about them."""

    title: str
    lines: tuple[str, ...]
    hint: str = ""


def listed(cells: Iterable[CellResult]) -> Iterator[str]:
    """``cell: why`` for each, with the first line of its reason."""
    for cell in cells:
        first_line, _, _ = cell.text.partition("\n")
        yield f"{cell.key}: {first_line}"


def _of_status(cells: Iterable[CellResult], status: Status) -> tuple[str, ...]:
    return tuple(listed(cell for cell in cells if cell.status is status))


def attention(summary: RunSummary) -> list[Section]:
    """What somebody should look at, the worst first; sections without cells are left out."""
    cells = summary.cells
    sections = [
        Section(Status.REGRESSED.words, _of_status(cells, Status.REGRESSED)),
        Section(Status.INCONCLUSIVE.words, _of_status(cells, Status.INCONCLUSIVE)),
        Section(Status.UNSOLVED.words, _of_status(cells, Status.UNSOLVED)),
        Section(Status.VOID.words, _of_status(cells, Status.VOID)),
        Section(Status.BLOCKED.words, _of_status(cells, Status.BLOCKED)),
        # By their names: summaries of schema 1 have nothing else of them.
        Section(Status.LOST.words, tuple(f"{name}: was collected and never reported" for name in summary.lost)),
        Section(
            "improved", tuple(listed(cell for cell in cells if cell.improved)), hint="approve with --update-baselines"
        ),
    ]
    return [section for section in sections if section.lines]


def attention_lines(summary: RunSummary) -> Iterator[str]:
    """``regressed: demo/alpha[mine]: why``, for terminals."""
    for section in attention(summary):
        hint = f" ({section.hint})" if section.hint else ""
        yield from (f"{section.title}: {line}{hint}" for line in section.lines)


def attempt_marks(cell: CellResult) -> str:
    """Every attempt as a mark: ``✓`` solved, ``✗`` not, ``·`` void."""
    return "".join("✓" if attempt.is_solved else "·" if attempt.is_void else "✗" for attempt in cell.attempts)
