"""Two records side by side: what got worse, what better, how sure that is, and what could not be compared.

Pure: from records to a `Comparison`. What people read is made of that by `text` and `page`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from pytest_terminalbench.baselines.approved_cells import ApprovedCells
from pytest_terminalbench.baselines.cell_gate import compare_cells
from pytest_terminalbench.baselines.cell_metrics import MeasuredChange
from pytest_terminalbench.baselines.cell_side import CellSide
from pytest_terminalbench.baselines.comparison_policy import ComparisonPolicy
from pytest_terminalbench.baselines.parity import Mismatch, mismatches
from pytest_terminalbench.comparing.run_record import RunRecord, TaskRecord
from pytest_terminalbench.comparing.suite_comparison import CellPair, Selection, SuiteComparison, Verdict, compare_suite
from pytest_terminalbench.naming import counted
from pytest_terminalbench.runs.score_intervals import LabelledInterval, difference_interval, score_intervals
from pytest_terminalbench.statistics import (
    Interval,
    SuiteSettings,
    is_counted,
    mcnemar,
    paired_interval,
    score_name,
    sign_flip_test,
)
from pytest_terminalbench.status import Change

__all__ = [
    "Comparison",
    "PairedTest",
    "Side",
    "TaskChange",
    "Unlike",
    "compare_records",
    "policy_of",
    "strip",
]

# Marks in a strip: more attempts than anybody counts by eye.
STRIP_MARKS = 30


@dataclass(frozen=True, kw_only=True)
class Unlike:
    """A task on both sides that was not put under the same conditions."""

    task: str
    mismatches: tuple[Mismatch, ...]


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two, its tasks that were `compared`, and its score on them; `mean` is None when there was none."""

    record: RunRecord
    compared: tuple[TaskRecord, ...]
    mean: float | None
    intervals: tuple[LabelledInterval, ...]

    @property
    def attempts(self) -> int:
        return sum(len(task.attempts) for task in self.compared)

    @property
    def voids(self) -> int:
        return sum(task.voids for task in self.compared)

    @property
    def scored(self) -> int:
        return self.attempts - self.voids


@dataclass(frozen=True, kw_only=True)
class TaskChange:
    """One task on both sides, and what its own gate calls it.

    `p_worse` and `p_better` are one-sided and corrected for all tasks of the baseline; None after a strict comparison.
    `slower`: the metrics that are worse.
    """

    task: str
    baseline: TaskRecord
    candidate: TaskRecord
    difference: float
    interval: Interval
    p_worse: float | None
    p_better: float | None
    change: Change
    method: str
    slower: tuple[MeasuredChange, ...] = ()

    @property
    def p(self) -> float | None:
        """In the direction in which the task changed."""
        return self.p_better if self.difference > 0 else self.p_worse


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
    """`whole`: all tasks together, with the verdict. `paired` is None where no task tried equally often changed.
    `unlike` tasks are left out of everything else when the policy's parity is ``block``. `unscored` tasks are on both
    sides, but void on one. Tasks that an interrupted side did not come to are in its record, and not in `only_in_…`.
    """

    baseline: Side
    candidate: Side
    whole: SuiteComparison
    paired: PairedTest | None
    policy: ComparisonPolicy
    tasks: tuple[TaskChange, ...]
    unlike: tuple[Unlike, ...]
    unscored: tuple[str, ...]
    only_in_baseline: tuple[str, ...]
    only_in_candidate: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """That of the `whole`; but of a candidate that was interrupted, what is fine so far is no pass."""
        is_part = self.whole.verdict == "pass" and self.candidate.record.not_run
        return "inconclusive" if is_part else self.whole.verdict

    @property
    def score_name(self) -> str:
        """What the means of both sides are shares of."""
        return score_name(*(task.rewards for side in (self.baseline, self.candidate) for task in side.compared))

    def with_change(self, *changes: Change) -> list[TaskChange]:
        """The tasks of these changes, the surest first."""
        chosen = [task for task in self.tasks if task.change in changes]
        return sorted(chosen, key=lambda task: (0.0 if task.p is None else task.p, task.difference, task.task))


def strip(task: TaskRecord) -> str:
    """Every attempt as its mark; the first ones of very many."""
    shown = "".join(attempt.mark for attempt in task.attempts[:STRIP_MARKS])
    return f"{shown}…" if len(task.attempts) > STRIP_MARKS else shown


def policy_of(candidate: RunRecord) -> ComparisonPolicy:
    """By which `candidate` is compared, unless somebody says otherwise: its session's own, else the default one."""
    policy = candidate.policy or ComparisonPolicy()
    return replace(policy, attempts=None) if candidate.is_adaptive else policy


def compare_records(baseline: RunRecord, candidate: RunRecord, *, policy: ComparisonPolicy | None = None) -> Comparison:
    """Compare `candidate` with `baseline`, task by task and as a whole: as the session that made `candidate` would.

    Each task is called what `compare_cells` calls it, and all together what `compare_suite` does. Of a candidate that
    added trials where it looked bad only each task's first attempt enters what is said of the whole.
    """
    policy = policy or policy_of(candidate)
    # A run of several datasets is compared on the one that the other side has.
    candidate = candidate.only(baseline.dataset) if baseline.dataset else candidate
    baseline = baseline.only(candidate.dataset) if candidate.dataset else baseline
    shared = sorted(baseline.tasks.keys() & candidate.tasks.keys())
    unlike = _unlike(baseline, candidate, shared) if policy.parity != "off" else ()
    blocked = {one.task for one in unlike} if policy.parity == "block" else set()
    both = {task for task in shared if _is_scored(baseline, task) and _is_scored(candidate, task)}
    compared = [task for task in shared if task in both and task not in blocked]
    before = {task: _tested(baseline, task) for task in compared}
    after = {task: _tested(candidate, task) for task in compared}
    changes = tuple(_changes(baseline, candidate, compared, policy))
    kind = _kind(baseline, candidate)
    return Comparison(
        baseline=_side(baseline, compared),
        candidate=_side(candidate, compared),
        whole=compare_suite(
            [
                CellPair(
                    name=change.task,
                    kind=kind,
                    before=_approved_side(baseline, change.task),
                    after=_cell_side(candidate, change.task),
                    change=change.change,
                )
                for change in changes
            ],
            policy=policy,
            only_after={
                task: _cell_side(candidate, task).shares
                for task in sorted(candidate.tasks.keys() - baseline.tasks.keys())
                if _is_scored(candidate, task)
            },
            selection=Selection(
                tasks=len(candidate.tasks), approved=sum(_is_scored(baseline, task) for task in baseline.tasks)
            ),
        ),
        paired=_paired(before, after, policy.suite),
        policy=policy,
        tasks=changes,
        unlike=unlike,
        unscored=tuple(task for task in shared if task not in both and task not in blocked),
        only_in_baseline=tuple(sorted(baseline.tasks.keys() - candidate.tasks.keys() - {*candidate.not_run})),
        only_in_candidate=tuple(sorted(candidate.tasks.keys() - baseline.tasks.keys() - {*baseline.not_run})),
        notes=tuple(_notes(baseline, candidate)),
    )


def _kind(baseline: RunRecord, candidate: RunRecord) -> str:
    """Strict where both sides always do the same; of what was approved nobody knows that apart from the candidate."""
    return "strict" if candidate.gate == "strict" and baseline.gate in (None, "strict") else "statistical"


def _is_scored(record: RunRecord, task: str) -> bool:
    return bool(record.tasks[task].scored) and task not in record.unjudged


def _cell_side(record: RunRecord, task: str) -> CellSide:
    return CellSide.of_attempts(record.tasks[task].attempts, host=record.hosts.get(task))


def _tested(record: RunRecord, task: str) -> tuple[float, ...]:
    rewards = record.tasks[task].rewards
    return rewards[:1] if record.is_adaptive else rewards


def _side(record: RunRecord, compared: Sequence[str]) -> Side:
    rewards = [_tested(record, task) for task in compared]
    return Side(
        record=record,
        compared=tuple(record.tasks[task] for task in compared),
        mean=fmean(map(fmean, rewards)) if rewards else None,
        intervals=score_intervals(rewards),
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
    if all(len(before[task]) == 1 and is_counted(before[task], after[task]) for task in alike):
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
    baseline: RunRecord, candidate: RunRecord, compared: Sequence[str], policy: ComparisonPolicy
) -> Iterator[TaskChange]:
    kind = _kind(baseline, candidate)
    # Of all that there is to compare with, also of what was not run.
    approved = ApprovedCells([_tested(baseline, task) for task in baseline.tasks if _is_scored(baseline, task)])
    for task in compared:
        before, after = _approved_side(baseline, task), _cell_side(candidate, task)
        cells = compare_cells(before, after, kind=kind, approved=approved, policy=policy)
        tested = _tested(candidate, task)
        yield TaskChange(
            task=task,
            baseline=baseline.tasks[task],
            candidate=candidate.tasks[task],
            difference=fmean(tested) - fmean(before.shares),
            interval=difference_interval(before.shares, tested),
            p_worse=cells.p_worse,
            p_better=cells.p_better,
            change=cells.change,
            method=_method(kind, before, after),
            slower=cells.slower,
        )


def _approved_side(record: RunRecord, task: str) -> CellSide:
    """What is compared with: of results that added trials where it looked bad, only the first."""
    side = _cell_side(record, task)
    return side.first if record.is_adaptive else side


def _method(kind: str, before: CellSide, after: CellSide) -> str:
    if kind == "strict":
        return "strict"
    return "exact" if is_counted(before.shares, after.shares) else "permutation"


# --- what stands in the way of a comparison -------------------------------------------------------------------------


def _unlike(baseline: RunRecord, candidate: RunRecord, shared: Sequence[str]) -> tuple[Unlike, ...]:
    found = ((task, _mismatches(baseline, candidate, task, blocking=True)) for task in shared)
    # A task that was blocked has no trial of which the conditions could be read.
    told = ((task, differences or candidate.blocked.get(task, ())) for task, differences in found)
    return tuple(Unlike(task=task, mismatches=differences) for task, differences in told if differences)


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
                "is in the tests, scores and differences of the whole"
            )
        for note in record.notes:
            yield f"{side}: {note}"
