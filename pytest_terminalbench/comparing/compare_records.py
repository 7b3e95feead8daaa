"""Two records side by side: what got worse, what better, how sure that is, and what could not be compared.

Pure: from records to a `Comparison`. What people read is made of that by `text` and `page`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean
from typing import Literal

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.baselines.parity import Mismatch, mismatches
from pytest_terminalbench.comparing.run_record import RunRecord, TaskRecord
from pytest_terminalbench.naming import counted
from pytest_terminalbench.runs.score_intervals import LabelledInterval, difference_interval, score_intervals
from pytest_terminalbench.statistics import (
    Interval,
    RatioVerdict,
    SuiteSettings,
    SuiteVerdict,
    benjamini_hochberg,
    boschloo,
    mcnemar,
    paired_interval,
    permutation_test_rewards,
    ratio_gate,
    ratio_interval,
    sign_flip_test,
    suite_gate,
)

__all__ = [
    "SHOWN_Q",
    "Comparison",
    "PairedTest",
    "Parity",
    "Side",
    "TaskChange",
    "TaskStatus",
    "Unlike",
    "compare_records",
    "strip",
]

Parity = Literal["block", "warn", "off"]
TaskStatus = Literal["worse", "lower", "same", "higher", "better"]

# A task is called worse (or better) from here: of the tasks so called, at most this share is wrong on average. They
# tell where to look; the verdict is the suite's.
SHOWN_Q = 0.10

# Marks in a strip: more attempts than anybody counts by eye.
STRIP_MARKS = 30
_METRICS = {
    "runtime_s": lambda attempt: attempt.agent_s,
    "memory_peak_mb": lambda attempt: attempt.memory_peak_mb,
    "tokens": lambda attempt: attempt.tokens,
    "cost_usd": lambda attempt: attempt.cost_usd,
}


@dataclass(frozen=True, kw_only=True)
class Unlike:
    """A task on both sides that was not put under the same conditions."""

    task: str
    mismatches: tuple[Mismatch, ...]


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two, and its score on the tasks that were compared; `mean` is None when there was none."""

    record: RunRecord
    mean: float | None
    intervals: tuple[LabelledInterval, ...]
    scored: int
    voids: int


@dataclass(frozen=True, kw_only=True)
class TaskChange:
    """One task on both sides. `p_worse` and `p_better` are one-sided, `q_…` adjusted for all tasks compared
    (Benjamini-Hochberg). `worse` and `better`: the adjusted p is at most `SHOWN_Q`; `lower`, `higher`: a difference
    that chance explains.
    """

    task: str
    baseline: TaskRecord
    candidate: TaskRecord
    difference: float
    interval: Interval
    p_worse: float
    p_better: float
    q_worse: float
    q_better: float
    status: TaskStatus
    method: str


@dataclass(frozen=True, kw_only=True)
class PairedTest:
    """Both sides task by task, over those tried equally often: `lower` and `higher` on how many of `tasks`.

    It speaks of tasks like these, where the suite's p speaks of these very tasks. `p` is two-sided; `interval` is None
    where all tasks changed alike.
    """

    tasks: int
    lower: int
    higher: int
    difference: float
    p: float
    method: str
    interval: Interval | None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """`paired` is None where no task tried equally often changed. `unlike` tasks are left out of everything else when
    `parity` is ``block``. `unscored` tasks are on both sides, but void throughout on one.
    """

    baseline: Side
    candidate: Side
    suite: SuiteVerdict
    paired: PairedTest | None
    settings: SuiteSettings
    tasks: tuple[TaskChange, ...]
    ratios: tuple[RatioVerdict, ...]
    unlike: tuple[Unlike, ...]
    parity: Parity
    unscored: tuple[str, ...]
    only_in_baseline: tuple[str, ...]
    only_in_candidate: tuple[str, ...]
    notes: tuple[str, ...]

    def with_status(self, *statuses: TaskStatus) -> list[TaskChange]:
        """The tasks of these statuses, the surest first."""
        chosen = [task for task in self.tasks if task.status in statuses]
        return sorted(chosen, key=lambda task: (min(task.p_worse, task.p_better), task.difference, task.task))


def strip(task: TaskRecord) -> str:
    """Every attempt as a mark: ``✓`` solved, ``✗`` not, ``◐`` in part, ``·`` void; the first ones of very many."""
    shown = "".join(map(_mark, task.attempts[:STRIP_MARKS]))
    return f"{shown}…" if len(task.attempts) > STRIP_MARKS else shown


def _mark(attempt: AttemptResult) -> str:
    if attempt.is_solved:
        return "✓"
    if attempt.share is None:
        return "·"
    return "◐" if attempt.share > 0 else "✗"


def compare_records(
    baseline: RunRecord, candidate: RunRecord, *, settings: SuiteSettings | None = None, parity: Parity = "block"
) -> Comparison:
    """Compare `candidate` with `baseline`, task by task and as a whole.

    The suite's verdict, p, effect and power are `suite_gate`'s; p per task is Boschloo's (for fractional rewards a
    permutation test's); ratios are of the typical task, over the scored attempts of the tasks compared.
    Of an adaptive run only each task's first attempt enters the tests, though all are shown.
    """
    settings = settings or SuiteSettings()
    shared = sorted(baseline.tasks.keys() & candidate.tasks.keys())
    unlike = _unlike(baseline, candidate, shared) if parity != "off" else ()
    blocked = {one.task for one in unlike} if parity == "block" else set()
    both = [task for task in shared if baseline.tasks[task].scored and candidate.tasks[task].scored]
    compared = [task for task in both if task not in blocked]
    before = {task: _tested(baseline, task) for task in compared}
    after = {task: _tested(candidate, task) for task in compared}
    return Comparison(
        baseline=_side(baseline, compared),
        candidate=_side(candidate, compared),
        suite=suite_gate(before, after, settings),
        paired=_paired(before, after, settings),
        settings=settings,
        tasks=_changes(baseline, candidate, before, after, settings),
        ratios=tuple(_ratios(baseline, candidate, compared)),
        unlike=unlike,
        parity=parity,
        unscored=tuple(task for task in shared if task not in both),
        only_in_baseline=tuple(sorted(baseline.tasks.keys() - candidate.tasks.keys())),
        only_in_candidate=tuple(sorted(candidate.tasks.keys() - baseline.tasks.keys())),
        notes=tuple(_notes(baseline, candidate)),
    )


def _tested(record: RunRecord, task: str) -> tuple[float, ...]:
    rewards = record.tasks[task].rewards
    return rewards[:1] if record.is_adaptive else rewards


def _side(record: RunRecord, compared: Sequence[str]) -> Side:
    tasks = [record.tasks[task] for task in compared]
    rewards = [_tested(record, task) for task in compared]
    return Side(
        record=record,
        mean=fmean(map(fmean, rewards)) if rewards else None,
        intervals=score_intervals(rewards),
        scored=sum(len(task.scored) for task in tasks),
        voids=sum(task.voids for task in tasks),
    )


# --- the same tasks in pairs ----------------------------------------------------------------------------------------


def _paired(
    before: Mapping[str, tuple[float, ...]], after: Mapping[str, tuple[float, ...]], settings: SuiteSettings
) -> PairedTest | None:
    """McNemar's test where every task was tried once and solved or not, else sign flips.

    Attempts of unequal numbers spread unequally, so that a change and its opposite are not equally likely by chance.
    """
    alike = [task for task in before if len(before[task]) == len(after[task])]
    # Rounded, or the last digits of fractional rewards would be changes.
    differences = [round(fmean(after[task]) - fmean(before[task]), 9) for task in alike]
    lower, higher = sum(d < 0 for d in differences), sum(d > 0 for d in differences)
    if len(alike) < 2 or not lower + higher:
        return None
    if all(len(before[task]) == 1 and _is_counted(before[task], after[task]) for task in alike):
        p, method = mcnemar(lower, higher).mid_p, "McNemar, mid-p"
    else:
        p, kind = sign_flip_test(differences, resamples=settings.resamples, seed=settings.seed)
        method = f"sign flips, {kind}"
    return PairedTest(
        tasks=len(alike),
        lower=lower,
        higher=higher,
        difference=fmean(differences),
        p=p,
        method=method,
        interval=paired_interval(differences),
    )


# --- per task -------------------------------------------------------------------------------------------------------


def _changes(
    baseline: RunRecord,
    candidate: RunRecord,
    before: Mapping[str, tuple[float, ...]],
    after: Mapping[str, tuple[float, ...]],
    settings: SuiteSettings,
) -> tuple[TaskChange, ...]:
    names = list(before)
    worse = [_p(before[task], after[task], settings) for task in names]
    # Whether the candidate got better is whether the baseline is the worse of the two.
    better = [_p(after[task], before[task], settings) for task in names]
    adjusted = zip(benjamini_hochberg(worse), benjamini_hochberg(better), strict=True)
    return tuple(
        TaskChange(
            task=task,
            baseline=baseline.tasks[task],
            candidate=candidate.tasks[task],
            difference=fmean(after[task]) - fmean(before[task]),
            interval=difference_interval(before[task], after[task]),
            p_worse=p_worse,
            p_better=p_better,
            q_worse=q_worse,
            q_better=q_better,
            status=_status(fmean(after[task]) - fmean(before[task]), q_worse, q_better),
            method="Boschloo" if _is_counted(before[task], after[task]) else "permutation",
        )
        for task, p_worse, p_better, (q_worse, q_better) in zip(names, worse, better, adjusted, strict=True)
    )


def _status(difference: float, q_worse: float, q_better: float) -> TaskStatus:
    if q_worse <= SHOWN_Q:
        return "worse"
    if q_better <= SHOWN_Q:
        return "better"
    if abs(difference) < 1e-9:
        return "same"
    return "lower" if difference < 0 else "higher"


def _is_counted(*sides: Sequence[float]) -> bool:
    return all(reward in (0.0, 1.0) for side in sides for reward in side)


def _p(before: tuple[float, ...], after: tuple[float, ...], settings: SuiteSettings) -> float:
    if _is_counted(before, after):
        return _boschloo(int(sum(before)), len(before), int(sum(after)), len(after))
    return permutation_test_rewards([before], [after], resamples=settings.resamples, seed=settings.seed).p


@lru_cache(maxsize=4096)
def _boschloo(before: int, attempts_before: int, after: int, attempts_after: int) -> float:
    # Many tasks have the same few counts, and a table costs milliseconds.
    return boschloo((before, attempts_before), (after, attempts_after))


# --- time, memory, tokens, cost -------------------------------------------------------------------------------------


def _ratios(baseline: RunRecord, candidate: RunRecord, compared: Sequence[str]) -> Iterator[RatioVerdict]:
    """Only what both sides know at all."""
    for metric in _METRICS:
        ratio = ratio_interval(
            [_values(baseline.tasks[task], metric) for task in compared],
            [_values(candidate.tasks[task], metric) for task in compared],
        )
        if ratio is not None:
            yield ratio_gate(ratio, metric=metric)


def _values(task: TaskRecord, metric: str) -> list[float]:
    values = [_METRICS[metric](attempt) for attempt in task.scored]
    return [float(value) for value in values if value is not None]


# --- what stands in the way of a comparison -------------------------------------------------------------------------


def _unlike(baseline: RunRecord, candidate: RunRecord, shared: Sequence[str]) -> tuple[Unlike, ...]:
    found = ((task, _mismatches(baseline, candidate, task, blocking=True)) for task in shared)
    return tuple(Unlike(task=task, mismatches=differences) for task, differences in found if differences)


def _mismatches(baseline: RunRecord, candidate: RunRecord, task: str, *, blocking: bool) -> tuple[Mismatch, ...]:
    differing = mismatches(baseline.tasks[task].fingerprint, candidate.tasks[task].fingerprint)
    return tuple(mismatch for mismatch in differing if mismatch.blocks is blocking)


def _unseen(baseline: RunRecord, candidate: RunRecord) -> Iterator[str]:
    """What differs of tasks put under the same conditions, one note for all; the datasets have a note of their own."""
    shared = sorted(baseline.tasks.keys() & candidate.tasks.keys())
    alike = [task for task in shared if not _mismatches(baseline, candidate, task, blocking=True)]
    fields = [{found.field for found in _mismatches(baseline, candidate, task, blocking=False)} for task in alike]
    differing = [names - {"dataset"} for names in fields if names - {"dataset"}]
    if differing:
        listed = ", ".join(sorted(set().union(*differing)))
        tasks = counted(len(differing), "task")
        yield f"{tasks} compared all the same: neither agent nor verifier sees what differs ({listed})"


def _notes(baseline: RunRecord, candidate: RunRecord) -> Iterator[str]:
    if baseline.sources and baseline.sources == candidate.sources and baseline.label == candidate.label:
        yield "both sides are the same results"
    names = baseline.dataset_label, candidate.dataset_label
    versions = baseline.dataset_version, candidate.dataset_version
    if None not in names and (baseline.dataset != candidate.dataset or (None not in versions and len({*versions}) > 1)):
        yield f"the datasets are not the same: {names[0]} and {names[1]}"
    yield from _unseen(baseline, candidate)
    for side, record in (("baseline", baseline), ("candidate", candidate)):
        if record.is_adaptive:
            yield (
                f"the {side} tried again where it went badly (--tb-attempts auto): only the first attempt at each task "
                "is in the tests, scores and differences"
            )
        for note in record.notes:
            yield f"{side}: {note}"
