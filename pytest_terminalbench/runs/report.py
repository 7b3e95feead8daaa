"""A run for people: lines for the terminal, ``report.md``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pytest_terminalbench.naming import counted
from pytest_terminalbench.runs.summary import is_scored

__all__ = ["CategoryRow", "category_rows", "gate_lines", "headline", "listed", "markdown", "score_line", "slowest"]

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


def category_rows(cells: Sequence[Mapping[str, Any]]) -> list[CategoryRow]:
    """A row per category in alphabetical order, and the total as the last."""
    names = sorted({cell["category"] for cell in cells})
    rows = [_row(name, [cell for cell in cells if cell["category"] == name]) for name in names]
    return [*rows, _row("all", cells)]


def _row(name: str, cells: Sequence[Mapping[str, Any]]) -> CategoryRow:
    def count(*statuses: str) -> int:
        return sum(cell["status"] in statuses for cell in cells)

    return CategoryRow(
        name=name,
        cells=len(cells),
        solved=count("solved"),
        unsolved=count("unsolved", "inconclusive"),
        as_baseline=count("as-baseline"),
        regressed=count("regressed"),
        void=count("void", "blocked", "lost"),
        seconds=sum(_seconds(cell) for cell in cells),
    )


def _seconds(cell: Mapping[str, Any]) -> float:
    return float(sum(attempt["wall_s"] for attempt in cell["attempts"]))


def slowest(cells: Sequence[Mapping[str, Any]], count: int = SLOWEST) -> list[tuple[str, float]]:
    """The cells that took longest, with their seconds."""
    timed = sorted(((_seconds(cell), str(cell["cell"])) for cell in cells), key=lambda pair: (-pair[0], pair[1]))
    return [(name, seconds) for seconds, name in timed[:count]]


def headline(totals: Mapping[str, int]) -> str:
    """``24 cells: 22 solved, 1 regressed, 1 void``."""
    parts = [f"{totals['solved']} solved"]
    parts += [
        f"{totals[key]} {key.replace('_', ' ')}"
        for key in ("as_baseline", "regressed", "void", "blocked", "lost")
        if totals[key]
    ]
    plain = totals["unsolved"] - totals["as_baseline"] - totals["regressed"]
    if plain:
        parts.insert(1, f"{plain} unsolved")
    doubtful = totals.get("inconclusive")
    doubt = f"; of these {doubtful} look worse, but so few trials cannot tell" if doubtful else ""
    return f"{counted(totals['cells'], 'cell')}: {', '.join(parts)}{doubt}"


def score_line(summary: Mapping[str, Any]) -> str | None:
    """The mean with its interval; never a bare score."""
    interval = summary["interval"]
    if summary["mean"] is None or interval is None:
        return None
    scored = [cell for cell in summary["cells"] if is_scored(cell)]
    claims = [
        f"{one['low']:.1%} to {one['high']:.1%} for {one.get('population', 'tasks like these')} ({one['method']})"
        for one in summary.get("intervals") or [interval]
    ]
    return (
        f"mean {summary['mean']:.1%} of {counted(len(scored), 'cell')} with {_attempts(scored)} each; "
        f"95 % interval {', '.join(claims)}"
    )


def _attempts(scored: Sequence[Mapping[str, Any]]) -> str:
    numbers = [len(cell["attempts"]) for cell in scored]
    least, most = min(numbers, default=0), max(numbers, default=0)
    return counted(most, "attempt") if least == most else f"{least} to {most} attempts"


def gate_lines(summary: Mapping[str, Any], *, is_told: bool = False) -> Iterator[str]:
    """What the statistical gate says of each agent, and of each metric that is worse or doubtful.

    `is_told`: failures stand elsewhere in full; only their first clause is repeated.
    """
    gate = summary["gate"]
    for actor, suite in gate.get("agents", {}).items():
        reason = suite["reason"].partition("; ")[0] if is_told and suite["verdict"] == "fail" else suite["reason"]
        yield f"suite gate: {suite['verdict'].upper()}: {actor}: {reason}"
        for metric in gate["metrics"].get(actor, {}).values():
            if metric["verdict"] != "pass":
                yield f"suite gate: {metric['verdict']}: {metric['reason']}"


def listed(cells: Sequence[Mapping[str, Any]], *statuses: str) -> Iterator[str]:
    """``cell: why`` for every cell of these statuses."""
    for cell in cells:
        if cell["status"] in statuses:
            yield f"{cell['cell']}: {cell['text'].splitlines()[0] if cell['text'] else ''}"


def markdown(summary: Mapping[str, Any]) -> str:
    """The whole report as Markdown."""
    return "\n".join(_markdown_lines(summary)) + "\n"


def _markdown_lines(summary: Mapping[str, Any]) -> Iterator[str]:
    cells = summary["cells"]
    yield f"# Run {summary['run_id']}"
    yield ""
    yield f"{headline(summary['totals'])}."
    score = score_line(summary)
    if score:
        yield ""
        yield f"{score[0].upper()}{score[1:]}."
    for line in gate_lines(summary):
        yield from ("", f"{line}.")
    yield ""
    yield "| category | cells | solved | unsolved | as baseline | regressed | void | seconds |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|"
    for row in category_rows(cells):
        yield "| " + " | ".join([row.name, *(str(value) for value in row[1:-1]), f"{row.seconds:.1f}"]) + " |"
    sections = {
        "Regressed": ("regressed",),
        "Unsolved": ("unsolved", "inconclusive"),
        "Void": ("void", "blocked", "lost"),
        "As baseline": ("as-baseline",),
    }
    for title, statuses in sections.items():
        lines = list(listed(cells, *statuses))
        if lines:
            yield from ("", f"## {title}", "", *(f"- {line}" for line in lines))
    if summary["lost"]:
        yield from ("", "## Lost (collected, never reported)", "", *(f"- {name}" for name in summary["lost"]))
    improved = [cell for cell in cells if cell["improved"]]
    if improved:
        yield from (
            "",
            "## Improved: approve with --update-baselines",
            "",
            *(f"- {c['cell']}: {c['text']}" for c in improved),
        )
    yield from (
        "",
        "## Cells",
        "",
        "| cell | status | attempts | agent s | wall s | peak MiB |",
        "|---|---|---|---:|---:|---:|",
    )
    for cell in cells:
        yield _cell_row(cell)


def _cell_row(cell: Mapping[str, Any]) -> str:
    attempts = cell["attempts"]
    marks = "".join({"solved": "✓", "unsolved": "✗"}.get(attempt["outcome"], "·") for attempt in attempts)
    peaks = [attempt["memory_peak_mb"] for attempt in attempts if attempt["memory_peak_mb"] is not None]
    agent_s = sum(attempt["agent_s"] for attempt in attempts)
    peak = f"{max(peaks):.1f}" if peaks else ""
    return f"| {cell['cell']} | {cell['status']} | {marks} | {agent_s:.2f} | {_seconds(cell):.2f} | {peak} |"
