from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from statistics import fmean, variance

import pytest

from pytest_terminalbench.statistics import (
    SESSIONS_DIFFER_BELOW,
    SessionLabels,
    SessionNoise,
    SessionScore,
    SessionSpread,
    SuiteSettings,
    session_spread,
    sessions_in_words,
    suite_gate,
)

Rewards = Mapping[str, Sequence[float]]

# An agent of ours, drawn up so that its five runs of 80 tasks solve 45, 45, 38, 41 and 30 %: 14 tasks always, 34 never,
# the others now and then.
SOLVED = (36, 36, 30, 33, 24)
ALWAYS, NEVER_FROM = 14, 46


def five_runs() -> dict[str, list[float]]:
    def reward(task: int, run: int) -> float:
        if task < ALWAYS or task >= NEVER_FROM:
            return float(task < ALWAYS)
        return float(((task - ALWAYS) * 7 + 11 * run) % 32 < SOLVED[run] - ALWAYS)

    return {f"task-{task:02}": [reward(task, run) for run in range(5)] for task in range(80)}


def of_runs(*runs: int) -> dict[str, list[float]]:
    return {task: [rewards[run] for run in runs] for task, rewards in five_runs().items()}


def labelled(rewards: Rewards, *sessions: str | None) -> dict[str, list[str | None]]:
    """The same sessions for every task; one of them for all attempts."""
    return {task: list(sessions) if len(sessions) > 1 else [*sessions] * len(given) for task, given in rewards.items()}


def spread(rewards: Rewards, *sessions: str | None) -> SessionSpread:
    """Of `rewards`, compared with themselves as one other session."""
    other = dict(rewards)
    return session_spread(
        rewards, other, SessionLabels(baseline=labelled(rewards, *sessions), candidate=labelled(other, "tonight"))
    )


RUNS = "run-1", "run-2", "run-3", "run-4", "run-5"


def test_runs_that_differ_as_wholes_are_told_with_their_scores() -> None:
    found = spread(five_runs(), *RUNS)

    assert found.baseline == tuple(
        SessionScore(session=name, mean=solved / 80, attempts=80) for name, solved in zip(RUNS, SOLVED, strict=True)
    )
    assert found.candidate == (SessionScore(session="tonight", mean=fmean(SOLVED) / 80, attempts=400),)
    assert found.p == pytest.approx(0.023, abs=0.006)
    assert found.noise is not None


def test_the_variance_between_sessions_is_what_attempts_leave_over() -> None:
    """With one attempt of each session at each task: s² of the sessions' means, less v/T, v the mean over the tasks."""
    left_over = variance(solved / 80 for solved in SOLVED) - fmean(map(variance, five_runs().values())) / 80

    assert spread(five_runs(), *RUNS).between_variance == pytest.approx(left_over)


def test_of_two_sessions_p_is_that_of_a_fair_coin() -> None:
    """Six tasks differ, all in favour of one session: 2 of 64 ways."""
    rewards = {str(task): [1.0, 0.0] for task in range(6)} | {"always": [1.0, 1.0]}

    assert spread(rewards, "a", "b").p == pytest.approx(2 / 64, abs=0.008)


def test_attempts_at_a_task_may_be_spread_over_sessions_in_any_way() -> None:
    """Sessions `a` and `b` tried other tasks, too; only where both tried the same do they say anything."""
    rewards = {str(task): [1.0, 1.0, 0.0] for task in range(8)} | {"of a": [0.0, 1.0], "of b": [1.0]}
    sessions = {str(task): ["a", "a", "b"] for task in range(8)} | {"of a": ["a", "a"], "of b": ["b"]}
    found = session_spread(rewards, rewards, SessionLabels(baseline=sessions, candidate=labelled(rewards, "tonight")))

    assert found.p == pytest.approx(3.0**-8, abs=0.0002)
    assert [(score.session, score.attempts) for score in found.baseline] == [("a", 18), ("b", 9)]
    assert found.baseline[0].mean == pytest.approx(8.5 / 9)


def test_sessions_alike_are_seldom_called_different() -> None:
    rng = random.Random(3)
    called = 0
    for _ in range(400):
        rates = [rng.betavariate(0.3, 0.3) for _ in range(40)]
        rewards = {str(task): [float(rng.random() < rate) for _ in range(4)] for task, rate in enumerate(rates)}
        p = spread(rewards, "a", "a", "b", "c").p
        called += p is not None and p <= SESSIONS_DIFFER_BELOW
    assert called / 400 <= 0.05 + 2 * 0.011


def test_fractional_rewards_are_shuffled_too() -> None:
    halves = {task: [reward / 2 for reward in rewards] for task, rewards in five_runs().items()}

    whole, half = spread(five_runs(), *RUNS), spread(halves, *RUNS)
    assert half.p == pytest.approx(whole.p, abs=0.004)
    assert half.between_variance == pytest.approx((whole.between_variance or 0) / 4)


def test_the_order_of_tasks_changes_nothing() -> None:
    assert spread(dict(reversed(five_runs().items())), *RUNS) == spread(five_runs(), *RUNS)


def test_as_many_sessions_as_rewards_or_an_error() -> None:
    with pytest.raises(ValueError, match="a has 2 rewards and 1 sessions"):
        session_spread({"a": [1, 0]}, {"a": [1]}, SessionLabels(baseline={"a": ["x"]}, candidate={"a": ["y"]}))


def test_what_is_allowed_for_never_makes_a_result_surer() -> None:
    noise = SessionNoise(variance=0.001, degrees=4)

    allowed = [noise.allowed_p(p, within=0.001) for p in (0.0, 0.001, 0.05, 0.5, 0.9, 1.0)]
    assert allowed == pytest.approx([0.0, 0.0470, 0.1549, 0.5, 0.9, 1.0], abs=0.0005)


# -- the suite gate --------------------------------------------------------------------------------------------------


def a_bad_night() -> dict[str, list[float]]:
    """Three attempts each, all made in a night as bad as the worst run."""
    return {task: [rewards[4]] * 3 for task, rewards in five_runs().items()}


def labels_of(baseline: Rewards, candidate: Rewards) -> SessionLabels:
    return SessionLabels(baseline=labelled(baseline, *RUNS), candidate=labelled(candidate, "tonight"))


def test_where_sessions_differ_a_bad_night_is_no_regression() -> None:
    baseline, candidate = five_runs(), a_bad_night()

    plain = suite_gate(baseline, candidate)
    allowing = suite_gate(baseline, candidate, sessions=labels_of(baseline, candidate))

    assert (plain.verdict, allowing.verdict) == ("fail", "inconclusive")
    assert plain.p is not None
    assert allowing.p is not None
    assert plain.p < 0.001 < 0.05 < allowing.p
    assert (
        "sessions of the baseline differ more than chance (p = 0.023): 45, 45, 38, 41, 30 %, "
        "and the comparison allows for it" in allowing.reason
    )


def test_where_sessions_differ_interval_bound_and_visible_drop_are_wider() -> None:
    baseline, candidate = five_runs(), a_bad_night()
    plain = suite_gate(baseline, candidate)
    allowing = suite_gate(baseline, candidate, sessions=labels_of(baseline, candidate))

    assert plain.effect
    assert allowing.effect
    assert allowing.effect.difference == plain.effect.difference
    assert allowing.effect.interval.low < plain.effect.interval.low - 0.05
    assert allowing.effect.interval.high > plain.effect.interval.high + 0.05
    assert allowing.effect.interval.method == "Student's t over sessions, fixed tasks"
    assert (allowing.worst_drop or 0) > (plain.worst_drop or 0) + 0.05
    assert (allowing.mde or 1) > (plain.mde or 1) + 0.05


def test_where_sessions_differ_an_agent_that_breaks_still_fails() -> None:
    baseline = five_runs()
    candidate = {task: [0.0] * 3 for task in baseline}

    assert suite_gate(baseline, candidate, sessions=labels_of(baseline, candidate)).verdict == "fail"


def test_sessions_that_are_alike_change_nothing_but_what_is_said() -> None:
    baseline, candidate = of_runs(0, 1), of_runs(2, 4)
    labels = SessionLabels(baseline=labelled(baseline, "a", "b"), candidate=labelled(candidate, "c", "d"))
    plain, told = suite_gate(baseline, candidate), suite_gate(baseline, candidate, sessions=labels)

    assert (told.verdict, told.p, told.effect, told.mde) == ("fail", plain.p, plain.effect, plain.mde)
    assert told.sessions is not None
    assert told.sessions.noise is None
    assert (
        "sessions of the baseline and of the candidate differ no more than chance (p = 0.3): "
        "baseline 45, 45 %, candidate 38, 30 %" in told.reason
    )


def test_with_one_session_each_nothing_is_estimated_and_a_failure_says_so() -> None:
    baseline, candidate = five_runs(), a_bad_night()
    labels = SessionLabels(baseline=labelled(baseline, "monday"), candidate=labelled(candidate, "tonight"))
    plain, told = suite_gate(baseline, candidate), suite_gate(baseline, candidate, sessions=labels)

    assert (told.verdict, told.p, told.effect) == ("fail", plain.p, plain.effect)
    assert "each side is one session, so that a bad night looks the same as a worse agent" in told.reason
    assert "each side is one session" not in suite_gate(candidate, baseline, sessions=labels_of_one(candidate)).reason


def labels_of_one(rewards: Rewards) -> SessionLabels:
    return SessionLabels(baseline=labelled(rewards, "monday"), candidate=labelled(five_runs(), "tonight"))


def test_only_the_sessions_of_planned_attempts_count() -> None:
    baseline, candidate = five_runs(), of_runs(0, 4, 4)
    settings = SuiteSettings(planned_attempts=1)
    labels = SessionLabels(baseline=labelled(baseline, *RUNS), candidate=labelled(candidate, "first", "again", "again"))

    sessions = suite_gate(baseline, candidate, settings, sessions=labels).sessions
    assert sessions is not None
    assert [score.session for score in sessions.candidate] == ["first"]


# -- in words --------------------------------------------------------------------------------------------------------


def test_of_sessions_that_are_not_known_nothing_is_said_but_that() -> None:
    unknown = spread(five_runs(), *RUNS[:4], None)

    assert (unknown.baseline, unknown.p) == ((), None)
    assert sessions_in_words(unknown) == "which sessions made the attempts of baseline is not known"


def test_sessions_of_tasks_that_never_vary_cannot_differ() -> None:
    always = {"a": [1.0, 1.0], "b": [0.0, 0.0]}

    assert sessions_in_words(spread(always, "x", "y")) == (
        "sessions of the baseline cannot differ, for every task that two of them tried went the same way throughout: "
        "50, 50 %"
    )


def test_of_sessions_that_tried_no_task_in_common_nothing_is_known() -> None:
    """As where each scenario was approved from a run of its own; their scores are of different tasks."""
    rewards = {"a": [1.0, 0.0], "b": [0.0, 0.0]}
    found = session_spread(
        rewards,
        rewards,
        SessionLabels(baseline={"a": ["x", "x"], "b": ["y", "y"]}, candidate=labelled(rewards, "tonight")),
    )

    assert found.p is None
    assert sessions_in_words(found) == (
        "whether sessions of the baseline differ is not known, for no task was tried in two of them"
    )


def test_scores_over_different_tasks_are_not_put_side_by_side() -> None:
    rewards = {str(task): [1.0, 1.0, 0.0] for task in range(8)} | {"of a": [0.0, 1.0]}
    sessions = {str(task): ["a", "a", "b"] for task in range(8)} | {"of a": ["a", "a"]}
    found = session_spread(rewards, rewards, SessionLabels(baseline=sessions, candidate=labelled(rewards, "tonight")))

    said = sessions_in_words(found)
    assert said.startswith("sessions of the baseline differ more than chance (p = ")
    assert said.endswith("), and the comparison allows for it")
    assert "%" not in said


def test_a_side_without_tasks_in_common_is_not_spoken_of_with_the_other() -> None:
    apart = {task: [*sessions] for task, sessions in zip(five_runs(), [("x",) * 5, ("y",) * 5] * 40, strict=True)}
    found = session_spread(
        five_runs(), five_runs(), SessionLabels(baseline=apart, candidate=labelled(five_runs(), *RUNS))
    )

    assert sessions_in_words(found).startswith("sessions of the candidate differ more than chance (p = ")


def test_of_many_sessions_the_lowest_and_the_highest_are_named() -> None:
    rewards = {str(task): [float((task + session) % 3 > 0) for session in range(9)] for task in range(10)}

    assert sessions_in_words(spread(rewards, *map(str, range(9)))).endswith(": 60 to 70 % in 9 sessions")
