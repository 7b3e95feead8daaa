"""How many attempts at how many scenarios, from a question and what earlier results tell."""

from __future__ import annotations

import pytest

from pytest_terminalbench.comparing.attempt_plan import Question, known_results, plan_attempts
from pytest_terminalbench.comparing.compare_records import compare_records
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.statistics import TYPICAL_RATES, SolveRates, SuiteSettings, solve_rates
from tests.samples import a_record, a_task

SETTINGS = SuiteSettings()
# Twelve scenarios with four attempts each, three of four solved.
APPROVED = a_record(
    {f"task-{n:02}": a_task("✓✓✓✗", seconds=30.0 + n, cost_usd=0.5) for n in range(12)}, run_id="approved"
)


def question(drop: float = 0.1, *, scenarios: int | None = None, attempts: int | None = None) -> Question:
    return Question(drop=drop, settings=SETTINGS, scenarios=scenarios, attempts=attempts)


def test_results_tell_rates_attempts_time_and_cost() -> None:
    known = known_results(APPROVED)

    assert known.rates == SolveRates(mean=0.75, within_variance=pytest.approx(0.1875).expected)
    assert (known.scenarios, known.attempts, known.has_repeats) == (12, 4, True)
    assert (known.agent_s, known.cost_usd) == (35.5, 0.5)


def test_void_attempts_tell_nothing_and_unequal_numbers_have_a_harmonic_mean() -> None:
    known = known_results(a_record({"a": "✓·✗✓", "b": "✓", "c": "···"}))

    assert (known.scenarios, known.attempts) == (2, 1.5)
    assert known.rates == solve_rates([[1, 0, 1], [1]])


def test_of_an_adaptive_run_only_first_attempts_count() -> None:
    known = known_results(a_record({"a": "✗✗✗", "b": "✓"}, is_adaptive=True))

    assert (known.attempts, known.has_repeats, known.rates) == (1, False, TYPICAL_RATES)


def test_results_without_times_and_costs_say_that_they_are_not_known() -> None:
    known = known_results(a_record({"a": "✓✗"}))

    assert (known.agent_s, known.cost_usd) == (None, None)


def test_results_that_were_never_judged_are_refused() -> None:
    with pytest.raises(RunFolderError, match="some-run has no attempt that was judged"):
        known_results(a_record({"a": "··"}))


@pytest.mark.parametrize("attempts", [1, 3, 6])
def test_a_plan_promises_what_the_comparison_could_have_seen(attempts: int) -> None:
    planned = plan_attempts(question(scenarios=12, attempts=attempts), known_results(APPROVED)).asked
    compared = compare_records(APPROVED, a_record(dict.fromkeys(APPROVED.tasks, "✗" * attempts))).whole.suite

    assert planned is not None
    assert compared is not None
    assert planned.visible_drop == pytest.approx(compared.mde)


def test_without_results_both_sides_have_as_many_attempts() -> None:
    plan = plan_attempts(question(scenarios=20))

    assert [row[0].attempts for row in plan.table] == [1, 2, 3, 5, 10]
    assert [session.scenarios for session in plan.table[0]] == [10, 20, 40, 80] == list(plan.needed)
    assert all(session.approved_attempts == max(3, session.attempts) for row in plan.table for session in row)
    assert plan.answer is not None
    assert (plan.answer.attempts, plan.answer.approved_attempts, plan.needs_approval) == (9, 9, True)
    assert plan.needed == {10: 18, 20: 9, 40: 5, 80: 2}


def test_the_answer_is_the_smallest_session_that_sees_the_drop() -> None:
    plan = plan_attempts(question(0.35), known_results(APPROVED))

    assert plan.answer is not None
    assert plan.answer.scenarios == 12
    assert (plan.answer.approved_attempts, plan.needs_approval) == (4, False)
    assert plan.answer.chance is not None
    assert plan.answer.chance >= SETTINGS.power
    fewer = plan_attempts(question(0.35, attempts=plan.answer.attempts - 1), known_results(APPROVED)).asked
    assert fewer is not None
    assert fewer.chance is not None
    assert fewer.chance < SETTINGS.power


def test_a_session_takes_what_its_attempts_took_before() -> None:
    plan = plan_attempts(question(scenarios=6, attempts=7), known_results(APPROVED))

    assert plan.asked is not None
    assert plan.asked.agent_s == pytest.approx(6 * 7 * 35.5)
    assert plan.asked.cost_usd == 6 * 7 * 0.5


def test_a_baseline_of_too_few_attempts_is_approved_anew() -> None:
    plan = plan_attempts(question(0.15), known_results(APPROVED))

    assert plan.needed[12] is None
    assert plan.answer is not None
    assert plan.answer.scenarios == 12
    assert plan.answer.attempts == plan.answer.approved_attempts > 4
    assert plan.needs_approval


def test_where_no_number_of_attempts_is_enough_there_have_to_be_more_scenarios() -> None:
    plan = plan_attempts(question(0.03, scenarios=2))

    assert plan.needed[2] is None
    assert plan.answer is not None
    assert (plan.answer.attempts, plan.answer.scenarios > 100) == (5, True)


def test_more_scenarios_than_were_approved_have_to_be_approved() -> None:
    plan = plan_attempts(question(0.3, scenarios=48), known_results(APPROVED))

    assert plan.answer is not None
    assert (plan.answer.scenarios, plan.answer.approved_attempts) == (48, 4)
    assert plan.needs_approval


def test_scenarios_are_found_where_only_attempts_are_given() -> None:
    plan = plan_attempts(question(attempts=3))

    assert plan.answer is not None
    assert (plan.answer.attempts, plan.answer.scenarios) == (3, 58)
    assert [session.scenarios for session in plan.table[0]] == [10, 20, 40, 80, 160]


def test_an_agent_that_solves_less_cannot_drop_so_far() -> None:
    plan = plan_attempts(question(0.4), known_results(a_record({f"t{n}": "✓✗✗✗" for n in range(10)})))

    assert plan.answer is None
    assert set(plan.needed.values()) == {None}
    assert {session.chance for row in plan.table for session in row} == {None}


def test_settings_of_the_gate_are_the_plans() -> None:
    strict = Question(drop=0.1, settings=SuiteSettings(alpha=0.001, power=0.95), scenarios=40)
    usual, more = plan_attempts(question(scenarios=40)).answer, plan_attempts(strict).answer

    assert usual is not None
    assert more is not None
    assert more.attempts > usual.attempts


def test_json_has_everything() -> None:
    content = plan_attempts(question(attempts=4), known_results(APPROVED)).to_json()

    assert content["question"] == {
        "drop": 0.1, "alpha": 0.05, "power": 0.8, "margin": 0.02, "scenarios": None, "attempts": 4,
    }  # fmt: skip
    assert content["baseline"] == {
        "origin": "terminal-bench", "run_id": "approved", "scenarios": 12, "attempts": 4,
        "agent_s_per_attempt": 35.5, "cost_usd_per_attempt": 0.5,
        "sessions": {"scores": [], "p": None, "differ": False, "between_variance": None},
    }  # fmt: skip
    assert content["rates"]["mean"] == 0.75
    assert (content["rates"]["is_mean_assumed"], content["rates"]["is_variance_assumed"]) == (False, False)
    assert len(content["sessions"]) == 6 * 4
    assert [row["scenarios"] for row in content["needed"]] == [6, 12, 24, 48]
    assert content["answer"]["needs_approval"] is True
    assert plan_attempts(question()).to_json()["answer"] is None
