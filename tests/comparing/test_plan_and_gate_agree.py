"""What `terminalbench plan` says is enough is what the gate of such a session calls able to see; one attempt less is
not."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

import pytest

from pytest_terminalbench.baselines.comparison_policy import ComparisonPolicy
from pytest_terminalbench.comparing.attempt_plan import AttemptPlan, Question, known_results, plan_attempts
from pytest_terminalbench.comparing.compare_records import compare_records
from pytest_terminalbench.comparing.run_record import RunRecord, TaskRecord
from pytest_terminalbench.comparing.suite_comparison import SuiteComparison
from pytest_terminalbench.statistics import SolveRates, attempts_needed, could_not_see, suite_gate
from tests.samples import a_record

# By what the baselines look like: the marks of each scenario's approved attempts.
BASELINES = {
    "coins": ["✓✗✓✗✓"] * 8,
    "steady and unsteady": ["✓✓✓", "✓✓✗", "✗✗✗", "✓✗✗"] * 3,
    "unequally often tried": ["✓✓✗✓", "✓✗"] * 5,
    "hardly ever solved": ["✗✗✗✗✗", "✗✗✗✗✓"] * 8,
}


def planned(approved: RunRecord, policy: ComparisonPolicy) -> AttemptPlan:
    """For the drop that the gate asks of a session, whatever that is."""
    return plan_attempts(Question(settings=policy.suite), known_results(approved))


def compared(approved: RunRecord, attempts: int, policy: ComparisonPolicy) -> SuiteComparison:
    """A session that tries each scenario so often, about half of the time with success."""
    tried = a_record(dict.fromkeys(approved.tasks, ("✗✓" * attempts)[:attempts]))
    return compare_records(approved, tried, policy=policy).whole


def is_able(comparison: SuiteComparison, policy: ComparisonPolicy) -> bool:
    suite = comparison.suite
    assert suite is not None
    assert suite.effect is not None
    return not could_not_see(suite.mde, suite.effect.baseline_mean, policy.suite)


@pytest.mark.parametrize("points", [12, 20, 30])
@pytest.mark.parametrize("kind", BASELINES)
def test_with_a_baseline_as_many_attempts_as_planned_are_able_and_one_less_is_not(kind: str, points: int) -> None:
    approved = a_record({f"task-{n:02}": marks for n, marks in enumerate(BASELINES[kind])})
    policy = ComparisonPolicy(min_visible=points / 100)
    plan = planned(approved, policy)

    assert plan.answer is not None
    if plan.needs_approval:
        assert not is_able(compared(approved, 100, policy), policy)
        return
    attempts = plan.answer.attempts
    assert is_able(compared(approved, attempts, policy), policy)
    if attempts > 1:
        less = compared(approved, attempts - 1, policy)
        assert not is_able(less, policy)
        if less.is_inconclusive:
            assert less.advice.endswith(f": your pytest command again with --tb-attempts {attempts}")


def test_the_plan_is_for_all_that_an_agent_has_to_lose_where_that_is_less_than_the_gate_asks() -> None:
    approved = a_record({f"task-{n:02}": marks for n, marks in enumerate(BASELINES["hardly ever solved"])})

    assert planned(approved, ComparisonPolicy()).drop == pytest.approx(0.1)


def test_a_drop_up_to_twice_the_margin_is_asked_of_none_and_planned_for_none() -> None:
    approved = a_record({f"task-{n:02}": "✓✗✓" for n in range(12)})

    assert planned(approved, ComparisonPolicy(margin=0.2, min_visible=0.05)).drop == 0.4


@pytest.mark.parametrize(("tasks", "points"), [(10, 30), (20, 10), (40, 10)])
def test_where_both_sides_are_still_to_be_run_nearly_all_sessions_are_able(tasks: int, points: int) -> None:
    """The baseline will be estimated anew, so there has to be room to spare: without it 73 to 83 % are able."""
    rng, policy = random.Random(1), ComparisonPolicy(min_visible=points / 100)

    def sessions_able(attempts: int, truth: list[float]) -> bool:
        def run() -> dict[str, list[float]]:
            return {str(task): [float(rng.random() < p) for _ in range(attempts)] for task, p in enumerate(truth)}

        suite = suite_gate(run(), run(), policy.suite)
        assert suite.effect is not None
        return not could_not_see(suite.mde, suite.effect.baseline_mean, policy.suite)

    able = one_less = 0
    for _ in range(60):
        truth = [rng.betavariate(0.3, 0.2) for _ in range(tasks)]
        rates = SolveRates(mean=fmean(truth), within_variance=fmean(p * (1 - p) for p in truth))
        attempts = attempts_needed(
            points / 100, rates=rates, tasks=tasks, baseline_attempts=None, settings=policy.suite
        )
        assert attempts is not None
        able += sessions_able(attempts, truth)
        one_less += sessions_able(attempts - 1, truth)
    assert able >= 57
    assert one_less < able


# --- sessions that differ ---------------------------------------------------------------------------------------------


def bad_nights(*, sessions_known: bool = True, times: int = 1) -> RunRecord:
    """Five sessions of one attempt at each of 40 tasks, which solved 70, 70, 70, 52 and 52 %; or `times` as many."""
    marks = ["✓✓✓✗✗"] * 6 + ["✓✓✓✓✗"] + ["✓✓✓✓✓"] * 20 + ["✗✗✗✗✓"] + ["✓✗✗✗✗", "✗✓✗✗✗", "✗✗✓✗✗"] + ["✗✗✗✗✗"] * 9
    nights = [f"night-{number}" if sessions_known else None for number in range(5 * times)]
    return made_by(a_record({f"task-{n:02}": each * times for n, each in enumerate(marks)}), nights)


def made_by(record: RunRecord, sessions: Sequence[str | None]) -> RunRecord:
    """`record`, of whose attempts at each task the first is of the first session, and so on."""

    def told(task: TaskRecord) -> TaskRecord:
        made = zip(task.attempts, sessions, strict=True)
        return replace(task, attempts=tuple(replace(attempt, session=session) for attempt, session in made))

    return replace(record, tasks={name: told(task) for name, task in record.tasks.items()})


def tonight(approved: RunRecord, attempts: int, policy: ComparisonPolicy) -> SuiteComparison:
    """One session that tries each task so often."""
    tried = a_record(dict.fromkeys(approved.tasks, ("✓✗" * attempts)[:attempts]))
    return compare_records(approved, made_by(tried, ["tonight"] * attempts), policy=policy).whole


def test_sessions_that_differed_make_the_plan_see_as_little_as_the_gate_does() -> None:
    """Attempts alone promise half as much or less: 15.6 points instead of 32 with one attempt, 7.1 instead of 28 with
    ten."""
    policy = ComparisonPolicy()
    plan = planned(bad_nights(), policy)
    as_if_alike = planned(bad_nights(sessions_known=False), policy)

    assert plan.known is not None
    assert plan.known.scenarios == 40
    for row, row_alike in zip(plan.table, as_if_alike.table, strict=True):
        session, alike = row[1], row_alike[1]
        suite = tonight(bad_nights(), session.attempts, policy).suite
        assert suite is not None
        assert session.visible_drop == pytest.approx(suite.mde, rel=0.05)
        assert session.visible_drop is not None
        assert alike.visible_drop is not None
        assert session.visible_drop > 2 * alike.visible_drop


def test_where_attempts_are_not_enough_against_sessions_that_differ_more_sessions_are_planned() -> None:
    policy = ComparisonPolicy()
    answer = planned(bad_nights(), policy).answer

    assert answer is not None
    assert answer.approved_sessions is not None
    assert answer.approved_sessions > 5
    assert answer.approved_attempts == answer.approved_sessions
    # As many, of which as large a part are bad nights.
    more = bad_nights(times=math.ceil(answer.approved_sessions / 5))
    assert is_able(tonight(more, answer.attempts, policy), policy)
    assert not is_able(tonight(bad_nights(), 1, policy), policy)


def test_no_number_of_sessions_sees_less_than_the_one_that_is_compared_may_differ() -> None:
    plan = planned(bad_nights(), ComparisonPolicy(min_visible=0.1))

    assert plan.answer is None
    assert set(plan.needed.values()) == {None}


def test_sessions_that_differ_no_more_than_chance_change_no_plan() -> None:
    marks = {f"task-{n:02}": "✓✗✓✗" if n % 2 else "✗✓✗✓" for n in range(20)}
    alike = made_by(a_record(marks), ["monday", "tuesday", "wednesday", "thursday"])

    assert planned(alike, ComparisonPolicy()).table == planned(a_record(marks), ComparisonPolicy()).table
