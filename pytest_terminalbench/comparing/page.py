"""A comparison as one HTML file that needs nothing else: no network, no script, no asset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from itertools import accumulate
from math import ceil, floor
from re import sub

from pytest_terminalbench.comparing.compare_records import Comparison, Side, TaskChange, strip
from pytest_terminalbench.comparing.plots import Axis, Bar, Row, interval_plot
from pytest_terminalbench.comparing.run_record import TaskRecord
from pytest_terminalbench.comparing.text import (
    METHODS,
    SECTIONS,
    asides,
    further_text,
    interval_text,
    metric_lines,
    p_text,
    points,
    ratio_text,
    share,
    side_facts,
    verdict_lines,
    verdict_word,
)
from pytest_terminalbench.naming import counted
from pytest_terminalbench.statistics import metric_name
from pytest_terminalbench.status import Change

__all__ = ["html"]

# More than anybody looks through; the rest is in the JSON. A page has up to five tables and is to stay below 1 MB.
PLOTTED, TABLE_BYTES = 150, 150_000
_MARKS = {"✓": "y", "✗": "x", "◐": "h", "·": "v"}


def html(comparison: Comparison) -> str:
    """The whole page."""
    title = f"{comparison.baseline.record.run_id} → {comparison.candidate.record.run_id}"
    body = "\n".join(_body(comparison, title))
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<style>{_style()}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _style() -> str:
    return files("pytest_terminalbench.comparing").joinpath("page.css").read_text(encoding="utf-8")


def _body(comparison: Comparison, title: str) -> Iterator[str]:
    yield f"<p class=over>terminalbench compare</p><h1>{_broken(title)}</h1>"
    yield _verdict(comparison)
    yield '<div class="sides">'
    yield from (_side(*one) for one in (("Baseline", comparison.baseline), ("Candidate", comparison.candidate)))
    yield "</div>"
    yield from _scores(comparison)
    yield from _forest(comparison)
    yield from _ratios(comparison)
    yield from _tables(comparison)
    yield from _asides(comparison)
    yield f'<p class="foot">{escape(METHODS)}</p>'


def _broken(title: str) -> str:
    """Names of runs are long: they may break after a joint."""
    return sub(r"([_/-]+)", r"\1<wbr>", escape(title))


# --- the verdict and the two sides ----------------------------------------------------------------------------------


def _verdict(comparison: Comparison) -> str:
    suite = comparison.whole.suite
    word, _, explanation = verdict_word(comparison).partition(": ")
    big = ""
    if suite is not None and suite.effect is not None and suite.p is not None:
        low, high, level, _ = suite.effect.interval
        big = "".join(
            f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
            for name, value in (
                ("difference", points(suite.effect.difference)),
                (f"{100 * level:.0f} % interval", f"{100 * low:+.1f} to {100 * high:+.1f}"),
                ("p, one-sided", p_text(suite.p)),
                ("could have seen", f"{100 * suite.mde:.1f} points" if suite.mde is not None else "nothing"),
            )
        )
    lines = "".join(f"<li>{escape(line)}</li>" for line in verdict_lines(comparison))
    return (
        f'<section class="verdict {comparison.verdict}">'
        f"<p class=word><b>{escape(word)}</b> {escape(explanation)}</p><dl>{big}</dl><ul>{lines}</ul></section>"
    )


def _side(name: str, side: Side) -> str:
    record = side.record
    sources = f"{counted(len(record.sources), 'file')}" if record.sources else ""
    origin = {"run": "a run of ours", "baselines": "approved baselines"}.get(
        record.origin, f"results of {record.origin}"
    )
    scores = "".join(f"<li>{escape(interval_text(*labelled))}</li>" for labelled in side.intervals)
    return (
        f"<section class=side><h2>{name}</h2><p class=run>{_broken(record.run_id)}</p>"
        f"<p>{escape(side_facts(side))}</p><p class=dim>{escape(', '.join(filter(None, (origin, sources))))}</p>"
        f"<p class=score>{share(side.mean) if side.mean is not None else 'no score'}</p><ul>{scores}</ul></section>"
    )


# --- plots ----------------------------------------------------------------------------------------------------------


def _scrolled(rows: Sequence[Row], axis: Axis, *, title: str) -> str:
    """On a narrow screen a plot is moved, not made unreadable."""
    return f'<div class="scroll">{interval_plot(rows, axis, title=title)}</div>'


def _scores(comparison: Comparison) -> Iterator[str]:
    rows = [
        Row(
            label=name,
            value=side.mean,
            bars=[
                Bar(*labelled.interval[:2], interval_text(*labelled), is_wide=number == 1)
                for number, labelled in enumerate(side.intervals)
            ],
            note=share(side.mean),
            kind=kind,
        )
        for name, side, kind in (
            ("baseline", comparison.baseline, "base"),
            ("candidate", comparison.candidate, "cand"),
        )
        if side.mean is not None
    ]
    if not rows:
        return
    axis = Axis(0, 1, [tick / 10 for tick in range(0, 11, 2)], lambda value: f"{100 * value:.0f} %")
    yield "<section><h2>Scores</h2>"
    yield _scrolled(rows, axis, title="Mean scores of both sides with their intervals")
    score = "Share solved" if comparison.score_name == "solved" else "Mean reward"
    yield (
        f"<p class=dim>{score}, mean over the tasks compared. Thin: 95 % interval for tasks like these (another "
        "draw of tasks). Thick: 95 % interval for these tasks and this agent (another run of the same).</p></section>"
    )


def _forest(comparison: Comparison) -> Iterator[str]:
    changed = comparison.with_change(*(change for change in Change if change is not Change.SAME))
    if not changed:
        return
    plotted = sorted(changed[:PLOTTED], key=lambda task: (task.difference, task.p or 0.0, task.task))
    rows = [_forest_row(task) for task in plotted]
    axis = Axis(-1, 1, [-1, -0.5, 0, 0.5, 1], lambda value: f"{100 * value:+.0f}" if value else "0", marked=[0])
    effect = comparison.whole.suite.effect if comparison.whole.suite is not None else None
    if effect is not None:
        tip = interval_text(effect.interval, effect.population, points)
        bar = Bar(*effect.interval[:2], tip, is_wide=True)
        note = f"{100 * effect.difference:+.1f}"
        rows.append(Row(label="all tasks compared", value=effect.difference, bars=[bar], note=note, kind="total"))
    same = len(comparison.with_change(Change.SAME))
    left = f" The {len(changed) - PLOTTED} least sure are left out." if len(changed) > PLOTTED else ""
    yield f"<section><h2>Tasks that changed ({len(changed)})</h2>"
    score = "solve rate" if comparison.score_name == "solved" else "mean reward"
    yield _scrolled(rows, axis, title=f"Change in {score} of each task, with its interval")
    yield (
        f"<p class=dim>Change in {score} in points, candidate minus baseline, with a 95 % interval (this task, this "
        "agent; Newcombe). In colour: regressed, improved or inconclusive. Hollow: chance alone can do this to one "
        f"task among so many. {counted(same, 'task')} did not change.{left}</p></section>"
    )


def _forest_row(task: TaskChange) -> Row:
    numbers = f"{task.task}: {_counts(task)}, adjusted p = {p_text(task.p)}{further_text(task)}"
    tip = f"{numbers}; {interval_text(task.interval, 'this task, this agent', points)}"
    return Row(
        label=task.task,
        value=task.difference,
        bars=[Bar(*task.interval[:2], tip)],
        note=f"{100 * task.difference:+.0f}",
        kind=task.change,
    )


def _counts(task: TaskChange) -> str:
    def count(side: TaskRecord) -> str:
        return f"{sum(attempt.is_solved for attempt in side.attempts)} of {len(side.scored)}"

    return f"{count(task.baseline)} → {count(task.candidate)}"


def _ratios(comparison: Comparison) -> Iterator[str]:
    ratios = (*comparison.whole.metrics, *comparison.whole.noted)
    if not ratios:
        return
    yield "<section><h2>Time and cost</h2>"
    known = [ratio for ratio in ratios if ratio.ratio is not None]
    ends = [end for one in known if one.ratio and one.ratio.interval for end in one.ratio.interval[:2]]
    values = [one.ratio.value for one in known if one.ratio] + [one.max_ratio for one in known]
    # Beyond four times as much, or a quarter, only the direction matters.
    low, high = max(0.25, min([0.85, *ends, *values])), min(4.0, max([1.2, *ends, *values]))
    axis = Axis(low - 0.03, high + 0.03, _ratio_ticks(low, high), lambda value: f"× {value:.4g}", marked=[1])
    rows = [
        Row(
            label=metric_name(one.metric),
            value=one.ratio.value,
            bars=[Bar(*one.ratio.interval[:2], ratio_text(one))] if one.ratio.interval else [],
            note=f"{100 * (one.ratio.value - 1):+.1f} %",
            kind={"fail": Change.REGRESSED, "pass": Change.SAME}.get(one.verdict, Change.LOWER),
            limit=one.max_ratio,
        )
        for one in known
        if one.ratio
    ]
    if rows:
        yield _scrolled(rows, axis, title="Ratios of time and cost, candidate to baseline, with their intervals")
        yield "<p class=dim>Candidate to baseline, the typical task. Dashed: what is allowed.</p>"
    yield "<ul>"
    yield from (f"<li>{escape(line)}</li>" for line in metric_lines(comparison))
    yield "</ul></section>"


def _ratio_ticks(low: float, high: float) -> list[float]:
    """Round steps, at most eight of them."""
    step = next(step for step in (0.05, 0.1, 0.25, 0.5, 1.0) if (high - low) / step <= 8)
    return [number * step for number in range(ceil(low / step), floor(high / step) + 1)]


# --- tables ---------------------------------------------------------------------------------------------------------


def _tables(comparison: Comparison) -> Iterator[str]:
    for section in SECTIONS:
        tasks = comparison.with_change(*section.changes)
        if tasks:
            yield f"<section><h2>{section.title} ({len(tasks)})</h2>"
            yield f"<p class=dim>{escape(section.note.capitalize())}.</p>"
            yield from _table(tasks)
            yield "</section>"
    same = comparison.with_change(Change.SAME)
    if same:
        yield f"<section><details><summary>The same ({len(same)})</summary>"
        yield from _table(same)
        yield "</details></section>"


def _table(tasks: Sequence[TaskChange]) -> Iterator[str]:
    yield (
        '<div class="scroll"><table><thead><tr><th>task<th>baseline<th>candidate<th class=n>points<th class=n>95 % '
        "interval<th class=n>adjusted p</thead><tbody>"
    )
    rows = [_table_row(task) for task in tasks]
    sizes = accumulate(len(row.encode()) for row in rows)
    listed = [row for row, size in zip(rows, sizes, strict=True) if size <= TABLE_BYTES]
    yield from listed
    yield "</tbody></table></div>"
    if len(listed) < len(tasks):
        yield f"<p class=dim>And {len(tasks) - len(listed)} more: see --format json.</p>"


def _table_row(task: TaskChange) -> str:
    low, high, _, method = task.interval
    return (
        f'<tr class="{task.change}"><th scope=row>{escape(task.task)}<td>{_strip(task.baseline)}<td>'
        f"{_strip(task.candidate)}<td class=n>{100 * task.difference:+.0f}<td class=n title='{escape(method)}'>"
        f"{100 * low:+.0f} to {100 * high:+.0f}<td class=n>{p_text(task.p)}{escape(further_text(task))}"
    )


def _strip(task: TaskRecord) -> str:
    marks = strip(task)
    solved = sum(attempt.is_solved for attempt in task.attempts)
    summary = f"{solved} of {len(task.scored)} solved" + (f", {task.voids} void" if task.voids else "")
    inner = "".join(f"<i class={_MARKS.get(mark, 'v')}>{mark}</i>" for mark in marks)
    return f'<span class=strip role=img aria-label="{summary}" title="{summary}">{inner}</span>'


def _asides(comparison: Comparison) -> Iterator[str]:
    for title, lines in asides(comparison):
        items = "".join(f"<li>{escape(line)}</li>" for line in lines)
        yield f"<section><h2>{escape(title)}</h2><ul>{items}</ul></section>"
