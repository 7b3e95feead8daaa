"""A comparison as lines for the terminal and as Markdown."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from pytest_terminalbench.baselines.baseline_command import baselines_option
from pytest_terminalbench.baselines.cell_side import mean_text
from pytest_terminalbench.baselines.comparison_policy import LEAST_ATTEMPTS
from pytest_terminalbench.comparing.compare_records import (
    Comparison,
    PairedTest,
    Side,
    TaskChange,
    Unlike,
    strip,
)
from pytest_terminalbench.comparing.run_record import RunRecord
from pytest_terminalbench.naming import counted, listed
from pytest_terminalbench.runs.score_intervals import TASKS_LIKE_THESE
from pytest_terminalbench.statistics import (
    Interval,
    RatioVerdict,
    could_have_lost,
    could_have_seen,
    how_often,
    metric_name,
    ruled_out,
    signed_points,
    takes_more,
)
from pytest_terminalbench.status import Change

__all__ = [
    "SECTIONS",
    "Section",
    "asides",
    "further_text",
    "interval_text",
    "lines",
    "markdown",
    "metric_lines",
    "p_text",
    "points",
    "ratio_text",
    "share",
    "side_facts",
    "verdict_lines",
    "verdict_word",
]

LISTED = 12
# As many of the lowest tasks are proposed for another try.
RETRIED = 8


class Section(NamedTuple):
    """Tasks that are shown together; `note` says what that means."""

    title: str
    changes: tuple[Change, ...]
    note: str


SECTIONS = (
    Section("Regressed", (Change.REGRESSED,), "each by itself, all tasks considered: look here first"),
    Section("Inconclusive", (Change.INCONCLUSIVE,), "look worse, and so few attempts cannot tell"),
    Section("Improved", (Change.IMPROVED,), "each by itself, all tasks considered"),
    Section("Lower", (Change.LOWER,), "no single one can be blamed, for chance lowers some of so many"),
    Section("Higher", (Change.HIGHER,), "chance raises some of so many"),
)


# --- words and numbers ----------------------------------------------------------------------------------------------


def share(value: float) -> str:
    return f"{100 * value:.1f} %"


def points(difference: float) -> str:
    return f"{signed_points(difference)} points"


def p_text(p: float | None) -> str:
    """A dash after a strict comparison, which has none."""
    return "-" if p is None else f"{p:.3g}"


def further_text(task: TaskChange) -> str:
    """What marks and points do not show: rewards beyond 1, and what the task took more of than is allowed."""
    return "".join(f"; {text}" for text in (*_rewards_as_given(task), *(change.text for change in task.slower)))


def _rewards_as_given(task: TaskChange) -> Iterator[str]:
    """Where a strict comparison saw more than points from 0 to 100 show."""
    sides = [
        [attempt.reward for attempt in side.attempts if attempt.reward is not None]
        for side in (task.baseline, task.candidate)
    ]
    if task.method == "strict" and not all(0 <= reward <= 1 for rewards in sides for reward in rewards):
        yield f"mean reward {' → '.join(map(mean_text, sides))}"


def change(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f} %"


def interval_text(interval: Interval, population: str, shown: Callable[[float], str] = share) -> str:
    """With its level, its method and what it is about: an interval without them says nothing."""
    low, high, level, method = interval
    return f"{100 * level:.0f} % interval {shown(low)} to {shown(high)}: {population}; {method}"


def verdict_word(comparison: Comparison) -> str:
    """``FAIL``, ``PASS`` or ``INCONCLUSIVE``, and what that says of the candidate, or why."""
    whole = comparison.whole
    regressed = counted(len(comparison.with_change(Change.REGRESSED)), "task")
    if whole.failures:
        is_worse = ["is worse"] if whole.suite is not None and whole.suite.verdict == "fail" else []
        costlier = [one for one in whole.metrics if one.verdict == "fail"]
        takes = [takes_more(one.metric, one.ratio.value) for one in costlier if one.ratio]
        told = f"; {regressed} regressed" if not is_worse and Change.REGRESSED in whole.changes.values() else ""
        return f"FAIL: the candidate {' and '.join([*is_worse, *takes])}{told}"
    if whole.verdict == "fail":
        word = f"FAIL: {regressed} regressed"
        together = whole.suite.verdict if whole.suite is not None else None
        said = {"pass": "all together the candidate is not worse", "inconclusive": "all together nobody can tell"}
        return f"{word}; {said[together]}" if together in said else word
    not_run = comparison.candidate.record.not_run
    if not comparison.tasks:
        return "INCONCLUSIVE: nothing was compared"
    if comparison.verdict == "inconclusive" and not_run:
        return f"INCONCLUSIVE: the candidate was interrupted: {counted(len(not_run), 'task')} not run"
    if whole.verdict == "inconclusive":
        return "INCONCLUSIVE: this data cannot tell whether the candidate is worse"
    is_better = whole.suite.improved if whole.suite is not None else Change.IMPROVED in whole.changes.values()
    return "PASS: the candidate is better" if is_better else "PASS: the candidate is not worse"


def verdict_lines(comparison: Comparison) -> Iterator[str]:
    """How big the difference is, how sure that is, and what could have been seen."""
    suite, settings = comparison.whole.suite, comparison.policy.suite
    if suite is None:
        yield "compared strictly, as agents that always do the same are: no chance is allowed for"
        return
    if suite.effect is None or suite.p is None or suite.worst_drop is None:
        yield "the two have no task in common that was judged on both sides"
        return
    effect = suite.effect
    yield (
        f"{share(effect.baseline_mean)} {comparison.score_name} in the baseline, "
        f"{share(effect.candidate_mean)} in the candidate, on {counted(effect.tasks, 'task')}: "
        f"{points(effect.difference)}"
    )
    yield interval_text(effect.interval, effect.population, signed_points)
    if suite.verdict == "pass":
        yield ruled_out(suite.worst_drop, confidence=1 - settings.alpha)
    yield (
        f"p = {p_text(suite.p)}: an unchanged agent does as badly {how_often(suite.p)} "
        "(one-sided permutation test within tasks)"
    )
    if comparison.paired:
        yield paired_text(comparison.paired, compared=effect.tasks)
    if suite.session_note:
        yield suite.session_note
    yield could_have_seen(
        suite.mde, power=settings.power, baseline_mean=effect.baseline_mean, has_seen=suite.verdict == "fail"
    )
    if suite.verdict == "inconclusive":
        if could_have_lost(suite.worst_drop, effect.baseline_mean, settings):
            yield (
                f"a drop of {100 * min(settings.max_drop, effect.baseline_mean):.0f} points cannot be ruled out "
                f"(it could be {100 * suite.worst_drop:.1f}): more attempts or more tasks would tell"
            )
        if comparison.whole.advice and comparison.candidate.record.origin == "run":
            yield comparison.whole.advice


def paired_text(paired: PairedTest, *, compared: int) -> str:
    """What the tasks say in pairs, of as many as were compared."""
    is_all = paired.tasks == compared
    tasks = counted(compared, "task")
    pairs = f"the same {tasks}" if is_all else f"the {paired.tasks} of {tasks} tried equally often"
    changed = f"in pairs, {pairs}: {paired.lower} lower, {paired.higher} higher"
    tested = f"{changed}, p = {p_text(paired.p)} (two-sided; {paired.method})"
    if paired.interval is None:
        return tested
    return f"{tested}; {interval_text(paired.interval, TASKS_LIKE_THESE, signed_points)}"


def side_facts(side: Side) -> str:
    """Who was tried on what, how often: all numbers are of the tasks that were compared."""
    record = side.record
    voids = f"; {side.voids} of {side.attempts} attempts void" if side.voids else ""
    interrupted = f"; interrupted: {counted(len(record.not_run), 'task')} not run" if record.not_run else ""
    agent = " with ".join(part for part in (record.agent, record.model) if part)
    who = ", ".join(part for part in (agent, record.dataset_label) if part)
    return f"{who + ': ' if who else ''}{_tasks_compared(side)}{voids}{interrupted}"


def _tasks_compared(side: Side) -> str:
    """``7 tasks, 3 attempts each``, ``2 of 7 tasks compared, 1 to 3 attempts each``, ``7 tasks, none compared``."""
    tasks = counted(len(side.record.tasks), "task")
    if not side.compared:
        return f"{tasks}, none compared"
    counts = {len(task.attempts) for task in side.compared}
    few, many = min(counts), max(counts)
    attempts = counted(few, "attempt") if few == many else f"{few} to {many} attempts"
    is_all = len(side.compared) == len(side.record.tasks)
    return f"{tasks if is_all else f'{len(side.compared)} of {tasks} compared'}, {attempts} each"


def score_text(side: Side) -> str:
    if side.mean is None:
        return "no score"
    said = "; ".join(interval_text(*labelled) for labelled in side.intervals)
    return f"{share(side.mean)} ({said or 'no interval from so few attempts'})"


def ratio_text(verdict: RatioVerdict) -> str:
    """The change of the typical task's median, its interval, what is allowed."""
    ratio = verdict.ratio
    if ratio is None:
        return verdict.reason
    interval = (
        interval_text(ratio.interval, f"typical task of {ratio.tasks}", change)
        if ratio.interval
        else f"too few tasks and attempts for an interval; typical task of {ratio.tasks}"
    )
    return f"{change(ratio.value)} ({interval}); allowed {change(verdict.max_ratio)}: {verdict.verdict}"


def metric_lines(comparison: Comparison) -> Iterator[str]:
    """What is judged of time, memory, tokens and cost, and why others are not."""
    whole = comparison.whole
    yield from (f"{metric_name(metric.metric)}: {ratio_text(metric)}" for metric in (*whole.metrics, *whole.noted))
    yield from whole.not_judged


def asides(comparison: Comparison) -> Iterator[tuple[str, list[str]]]:
    """What could not be compared, and what else a reader should know: headings and their lines."""
    if comparison.unlike:
        left_out = (
            "left out; --parity warn compares them all the same" if comparison.policy.parity == "block" else "compared"
        )
        yield (
            f"Not under the same conditions ({counted(len(comparison.unlike), 'task')}, {left_out})",
            [_unlike_text(one) for one in comparison.unlike[:LISTED]] + _more(comparison.unlike),
        )
    for title, names in (
        ("Void throughout on one side, not compared", comparison.unscored),
        ("Not run in the baseline, which was interrupted", comparison.baseline.record.not_run),
        ("Not run in the candidate, which was interrupted", comparison.candidate.record.not_run),
        ("Only in the baseline", comparison.only_in_baseline),
        ("Only in the candidate", comparison.only_in_candidate),
    ):
        if names:
            yield f"{title} ({len(names)})", [listed(names, LISTED)]
    if comparison.notes:
        yield "Mind", list(comparison.notes)


def _more(items: Sequence[object]) -> list[str]:
    return [f"and {len(items) - LISTED} more"] if len(items) > LISTED else []


def _unlike_text(unlike: Unlike) -> str:
    said = (f"{key} {_brief(before)} → {_brief(after)}" for key, before, after in unlike.mismatches)
    return f"{unlike.task}: {', '.join(said)}"


def _brief(value: object) -> str:
    """Digests by their first digits."""
    text = str(value)
    if text.startswith("sha256:"):
        return text[7:19]
    return text if len(text) <= 40 else f"{text[:39]}…"


# --- terminal -------------------------------------------------------------------------------------------------------


def lines(comparison: Comparison) -> Iterator[str]:
    """The comparison for a terminal, without colours; tasks that are the same are only counted."""
    for name, side in (("baseline", comparison.baseline), ("candidate", comparison.candidate)):
        yield f"{name:<10} {side.record.run_id}"
        yield f"{'':<10} {side_facts(side)}"
        if side.mean is not None:
            yield f"{'':<10} score {share(side.mean)}"
            yield from (f"{'':<13} {interval_text(*labelled)}" for labelled in side.intervals)
    yield ""
    yield verdict_word(comparison)
    yield from (f"  {line}" for line in verdict_lines(comparison))
    for section in SECTIONS:
        tasks = comparison.with_change(*section.changes)
        if tasks:
            yield ""
            yield f"{section.title} ({len(tasks)}): {section.note}"
            yield from _task_table(tasks)
    same = comparison.with_change(Change.SAME)
    if same:
        yield ""
        yield f"The same: {counted(len(same), 'task')}"
    told = list(metric_lines(comparison))
    if told:
        yield ""
        yield "Time and cost"
        yield from (f"  {line}" for line in told)
    for title, said in asides(comparison):
        yield ""
        yield title
        yield from (f"  {line}" for line in said)
    steps = list(_next_steps(comparison))
    if steps:
        yield from ("", "Next", *(f"  {step}" for step in steps))


def _next_steps(comparison: Comparison) -> Iterator[str]:
    """What to type and where to look, after a run of ours that is worse or cannot be told."""
    record = comparison.candidate.record
    if comparison.verdict == "pass" or record.origin != "run" or not record.dataset:
        return
    suspects = [task.task for task in comparison.with_change(Change.REGRESSED, Change.INCONCLUSIVE, Change.LOWER)]
    if suspects and any(len(task.scored) >= LEAST_ATTEMPTS for task in comparison.baseline.compared):
        # Beside fewer approved attempts, further ones tell nothing of a single task.
        yield _again(record, suspects)
    if suspects or comparison.whole.failures:
        yield from (f"what each did: {source.parent / 'trials'}/TASK/{record.label}" for source in record.sources[:1])
    if comparison.whole.failures and not suspects and comparison.baseline.record.origin == "baselines":
        attempts = max(len(task.attempts) for task in comparison.candidate.compared)
        yield f"if intended: your pytest command again with --update-baselines --tb-attempts {attempts}"


def _again(record: RunRecord, suspects: Sequence[str]) -> str:
    """The command that tries the lowest tasks again, as `record` was made."""
    chosen = [f"--dataset={record.dataset}", f"--scenarios={','.join(suspects[:RETRIED])}"]
    # Under exact ids: `-k hello` is also hello-again.
    options = [*record.agent_options, "--tb-attempts=10"]
    if record.baselines is not None:
        options += baselines_option(record.baselines, name="tb-baselines")
    words = ["terminalbench run", *map(shlex.quote, chosen), "--", *options]
    shown = f"the lowest {RETRIED}" if len(suspects) > RETRIED else "those that are lower"
    whose = "" if record.agent_options else ", with your agent's options"
    return f"{shown} again{whose}: {' '.join(words)}"


def _task_table(tasks: Sequence[TaskChange]) -> Iterator[str]:
    strips = [f"{strip(task.baseline)} → {strip(task.candidate)}" for task in tasks]
    name_width = max(4, *(len(task.task) for task in tasks))
    strip_width = max(19, *map(len, strips))
    yield f"  {'task':<{name_width}}  {'baseline → candidate':<{strip_width}}  {'points':>7}  {'adjusted p':>10}"
    for task, marks in zip(tasks, strips, strict=True):
        numbers = f"{100 * task.difference:>+7.1f}  {p_text(task.p):>10}"
        yield f"  {task.task:<{name_width}}  {marks:<{strip_width}}  {numbers}{further_text(task)}"


# --- Markdown -------------------------------------------------------------------------------------------------------


def markdown(comparison: Comparison) -> str:
    """The whole comparison as Markdown, every task in a table."""
    return "\n".join(_markdown_lines(comparison)) + "\n"


def _markdown_lines(comparison: Comparison) -> Iterator[str]:
    before, after = comparison.baseline.record, comparison.candidate.record
    yield f"# {_cell(before.run_id)} → {_cell(after.run_id)}"
    yield ""
    yield f"**{verdict_word(comparison)}**"
    yield ""
    yield from (f"- {line}" for line in verdict_lines(comparison))
    yield ""
    yield "| | results | what | score on the tasks compared |"
    yield "|---|---|---|---|"
    for name, side in (("baseline", comparison.baseline), ("candidate", comparison.candidate)):
        yield f"| {name} | {_cell(side.record.run_id)} | {_cell(side_facts(side))} | {_cell(score_text(side))} |"
    for section in SECTIONS:
        tasks = comparison.with_change(*section.changes)
        if tasks:
            yield from (
                "",
                f"## {section.title} ({len(tasks)})",
                "",
                f"{section.note[0].upper()}{section.note[1:]}.",
                "",
            )
            yield from _markdown_table(tasks)
    same = comparison.with_change(Change.SAME)
    if same:
        yield from ("", f"## The same ({len(same)})", "")
        yield from _markdown_table(same)
    told = list(metric_lines(comparison))
    if told:
        yield from ("", "## Time and cost", "", *(f"- {line}" for line in told))
    for title, said in asides(comparison):
        yield from ("", f"## {title}", "", *(f"- {line}" for line in said))
    yield from ("", METHODS)


METHODS = (
    "Adjusted p per task is one-sided in the direction of the change: exact, over all that could have happened to the "
    "task (for fractional rewards a permutation test, or counts of halves where attempts are too few for that), and "
    "corrected for all tasks of the baseline; the interval of a "
    "difference is Newcombe's (for fractional rewards a normal one) and speaks of this task and agent. ✓ solved, "
    "✗ not, ◐ in part, · void (no verdict; never counted as unsolved)."
)


def _markdown_table(tasks: Sequence[TaskChange]) -> Iterator[str]:
    yield "| task | baseline → candidate | points | 95 % interval | adjusted p |"
    yield "|---|---|---:|---|---:|"
    for task in tasks:
        between = f"{100 * task.interval.low:+.0f} to {100 * task.interval.high:+.0f}"
        yield (
            f"| {_cell(task.task)} | {strip(task.baseline)} → {strip(task.candidate)} | {100 * task.difference:+.1f} | "
            f"{between} | {p_text(task.p)}{further_text(task)} |"
        )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
