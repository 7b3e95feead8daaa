from __future__ import annotations

import random
import time
from statistics import fmean

import pytest

from pytest_terminalbench.statistics import SuiteSettings, suite_gate

# Ours, by hand: twelve tasks, five approved attempts each, the way agents are: most always or never solved, some mixed.
APPROVED = {
    "archive-logs": "✓✓✓✓✓",
    "bisect-commit": "✓✓✓✗✓",
    "build-kernel": "✗✗✗✗✗",
    "cron-repair": "✓✓✓✓✓",
    "dedupe-csv": "✓✓✓✓✓",
    "fix-locale": "✓✗✓✗✗",
    "mail-relay": "✓✓✓✓✓",
    "port-makefile": "✗✗✓✗✗",
    "rotate-keys": "✓✓✓✓✓",
    "solve-maze": "✗✗✗✗✗",
    "tune-sqlite": "✓✓✗✓✓",
    "unpack-firmware": "✓✓✓✓✓",
}
UNCHANGED = {
    "archive-logs": "✓✓✓✓✓",
    "bisect-commit": "✓✗✓✓✓",
    "build-kernel": "✗✗✗✗✗",
    "cron-repair": "✓✓✓✓✓",
    "dedupe-csv": "✓✓✓✓✗",
    "fix-locale": "✗✗✓✗✓",
    "mail-relay": "✓✓✓✓✓",
    "port-makefile": "✗✗✗✗✓",
    "rotate-keys": "✓✓✓✓✓",
    "solve-maze": "✗✗✗✗✗",
    "tune-sqlite": "✓✓✓✓✗",
    "unpack-firmware": "✓✓✓✓✓",
}


def rewards(strips: dict[str, str], solved: float = 1.0) -> dict[str, list[float]]:
    return {task: [solved if mark == "✓" else 0.0 for mark in strip] for task, strip in strips.items()}


BROKEN = {**UNCHANGED, "archive-logs": "✗✗✗✓✗", "cron-repair": "✗✗✗✗✗", "mail-relay": "✓✗✗✓✗"}


def test_an_unchanged_agent_passes() -> None:
    verdict = suite_gate(rewards(APPROVED), rewards(UNCHANGED), SuiteSettings(max_drop=0.2))

    assert (verdict.verdict, verdict.tasks, verdict.improved) == ("pass", 12, False)
    assert verdict.p is not None
    assert verdict.p > 0.3


def test_a_regressed_agent_fails_and_the_reason_says_all() -> None:
    verdict = suite_gate(rewards(APPROVED), rewards(BROKEN))

    assert verdict.verdict == "fail"
    assert verdict.reason == (
        "68.3 % → 46.7 % solved on 12 tasks (-21.7 points, 95% interval -36.0 to -7.3); "
        "hardly luck: an unchanged agent does as badly in about 1 of 700 runs (p = 0.0013); "
        "this run could have seen a drop of 18.2 points (80 % of the time), a smaller one less often, and here it did"
    )


@pytest.mark.parametrize("alpha", [0.000001, 0.5, 0.9])
def test_every_alpha_that_can_be_asked_for_has_a_verdict(alpha: float) -> None:
    verdict = suite_gate(rewards(APPROVED), rewards(BROKEN), SuiteSettings(alpha=alpha))

    assert verdict.verdict == ("inconclusive" if alpha < 0.001 else "fail")
    assert verdict.worst_drop is not None


def test_a_run_too_small_to_see_anything_says_so() -> None:
    verdict = suite_gate({"a": [1.0]}, {"a": [0.0]})

    assert verdict.verdict == "inconclusive"
    assert "this run could have seen no drop at all: it is too small" in verdict.reason


@pytest.mark.parametrize(("tasks", "baseline_attempts", "attempts"), [(10, 5, 5), (20, 1, 1), (20, 5, 1), (40, 3, 3)])
def test_the_drop_that_a_run_could_have_seen_is_seen_so_often(
    tasks: int, baseline_attempts: int, attempts: int
) -> None:
    """Named from a baseline of agents as on Terminal-Bench, and looked for in 250 runs that have lost just that."""
    rng = random.Random(7)
    runs = seen = 0
    while runs < 250:
        rates = [rng.betavariate(0.3, 0.2) for _ in range(tasks)]
        baseline = {str(i): [float(rng.random() < p) for _ in range(baseline_attempts)] for i, p in enumerate(rates)}
        mde = suite_gate(baseline, {task: [1.0] * attempts for task in baseline}).mde
        if mde is None:
            continue
        left = max(0.0, 1 - mde / fmean(rates))
        candidate = {str(i): [float(rng.random() < p * left) for _ in range(attempts)] for i, p in enumerate(rates)}
        runs += 1
        seen += suite_gate(baseline, candidate).verdict == "fail"
    assert 0.75 <= seen / runs <= 0.95


def test_no_run_sees_a_larger_drop_than_the_baseline_has_to_lose() -> None:
    """By the usual formula, 2.5 standard errors, it would be 99 points of 25, and 117 of 100."""
    seldom = {str(i): [1.0, 0.0, 0.0, 0.0] for i in range(3)}
    spotless = {str(i): [1.0] for i in range(5)}

    assert suite_gate(seldom, {task: [1.0] for task in seldom}).mde is None
    assert suite_gate(spotless, {task: [0.0] for task in spotless}).mde == pytest.approx(0.98, abs=0.001)


def test_one_attempt_each_at_four_tasks_could_have_seen_nothing() -> None:
    """4 of 4 → 0 of 4 happens to an unchanged agent in 1 of 16 runs."""
    verdict = suite_gate({task: [1.0] for task in "abcd"}, {task: [0.0] for task in "abcd"})

    assert (verdict.verdict, verdict.p, verdict.mde) == ("inconclusive", 1 / 16, None)


def test_where_nothing_was_solved_nothing_can_be_lost() -> None:
    nothing = {task: [0.0] * 5 for task in "abcdefgh"}

    assert (
        "no drop at all: nothing was solved before, so that nothing can be lost" in suite_gate(nothing, nothing).reason
    )


def test_an_improved_agent_is_noticed() -> None:
    verdict = suite_gate(rewards(BROKEN), rewards(APPROVED))
    assert (verdict.verdict, verdict.improved) == ("pass", True)


def test_too_little_data_is_inconclusive_and_says_what_it_could_have_seen() -> None:
    one_attempt = {task: strip[:1] for task, strip in UNCHANGED.items()}
    verdict = suite_gate(rewards(APPROVED), rewards(one_attempt))

    assert verdict.verdict == "inconclusive"
    assert "a drop of 10 points cannot be ruled out" in verdict.reason
    assert "this run could have seen a drop of" in verdict.reason


def test_a_significant_but_small_drop_does_not_fail() -> None:
    baseline = {str(i): [1.0] * 50 for i in range(20)}
    candidate = {str(i): [1.0] * 49 + [0.0] * (i < 18) + [1.0] * (i >= 18) for i in range(20)}
    verdict = suite_gate(baseline, candidate)

    assert verdict.p is not None
    assert verdict.p < 0.001
    assert verdict.verdict == "pass"
    assert suite_gate(baseline, candidate, SuiteSettings(margin=0.0)).verdict == "fail"


def test_nothing_in_common_is_inconclusive() -> None:
    verdict = suite_gate({"a": [1.0], "b": []}, {"b": [1.0], "c": [0.0]})

    assert (verdict.verdict, verdict.p, verdict.effect, verdict.mde) == ("inconclusive", None, None, None)
    assert verdict.reason == "nothing to compare: none of the 2 tasks run is among the 1 with a baseline"
    assert verdict.only_in_candidate == ("b", "c")


def test_tasks_on_one_side_are_named_and_left_out() -> None:
    more = suite_gate({**rewards(APPROVED), "gone": [1.0]}, {**rewards(UNCHANGED), "new": [0.0]})
    plain = suite_gate(rewards(APPROVED), rewards(UNCHANGED))

    assert more.only_in_candidate == ("new",)
    assert (more.p, more.effect) == (plain.p, plain.effect)


def test_only_planned_attempts_count_where_trials_were_added() -> None:
    added = {task: strip[:1] + ("✗✗✗✗" if strip[0] == "✗" else "") for task, strip in UNCHANGED.items()}
    first = {task: strip[:1] for task, strip in UNCHANGED.items()}
    planned = suite_gate(rewards(APPROVED), rewards(added), SuiteSettings(planned_attempts=1))

    assert planned == suite_gate(rewards(APPROVED), rewards(first))


def test_unequal_attempts_weigh_tasks_alike() -> None:
    """Twenty attempts at one task do not drown a break in another."""
    baseline = {"a": [1.0] * 20, "b": [1.0] * 5}
    verdict = suite_gate(baseline, {"a": [1.0] * 20, "b": [0.0] * 5})

    assert verdict.effect is not None
    assert verdict.effect.difference == -0.5
    assert verdict.p == pytest.approx(1 / 252)


def test_fractional_rewards_are_drawn_and_repeat() -> None:
    baseline, candidate = rewards(APPROVED, solved=0.9), rewards(BROKEN, solved=0.7)
    verdict = suite_gate(baseline, candidate)

    assert verdict.verdict == "fail"
    assert verdict == suite_gate(dict(reversed(baseline.items())), candidate)


def test_the_order_of_tasks_changes_nothing() -> None:
    assert suite_gate(rewards(APPROVED), rewards(BROKEN)) == suite_gate(
        dict(reversed(rewards(APPROVED).items())), dict(reversed(rewards(BROKEN).items()))
    )


def test_a_hundred_agents_take_less_than_a_second() -> None:
    rng = random.Random(0)
    before, after = ({str(t): [float(rng.random() < 0.6) for _ in range(10)] for t in range(100)} for _ in range(2))
    suite_gate(before, after)
    started = time.process_time()
    for _ in range(100):
        suite_gate(before, after)
    assert time.process_time() - started < 1


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match=r"rewards of a are \[2.0\]"):
        suite_gate({"a": [1.0]}, {"a": [2.0]})
    with pytest.raises(ValueError, match=r"alpha is 0"):
        SuiteSettings(alpha=0)
    with pytest.raises(ValueError, match=r"margin is -1"):
        SuiteSettings(margin=-1)


def test_a_pass_names_the_bound_by_which_it_was_decided() -> None:
    """The interval, with its two sides, would reach below what the pass rules out."""
    reason = suite_gate(rewards(APPROVED), rewards(UNCHANGED), SuiteSettings(max_drop=0.2)).reason

    assert reason.startswith("68.3 % → 66.7 % solved on 12 tasks (-1.7 points, with 95 % confidence the drop is ")
    assert "interval" not in reason


def test_whoever_surely_lost_nothing_is_told_so() -> None:
    assert "with 95 % confidence it scores no less" in suite_gate(rewards(BROKEN), rewards(APPROVED)).reason


def test_nothing_is_ruled_out_beyond_what_there_is_to_lose() -> None:
    """Of 10 % solved, nobody can lose 30 points: all of it could be gone."""
    baseline = {str(n): [float(n == 0)] for n in range(10)}
    settings = SuiteSettings(max_drop=0.3, min_visible=0.3)

    assert suite_gate(baseline, baseline, settings).verdict == "inconclusive"
    assert "a drop of 10 points cannot be ruled out" in suite_gate(baseline, baseline, settings).reason


def test_a_drop_that_is_seen_against_the_odds_fails() -> None:
    verdict = suite_gate({"a": [1.0] * 3}, {"a": [0.0] * 3})

    assert (verdict.verdict, verdict.mde) == ("fail", None)
    assert " solved on 1 task (" in verdict.reason
    assert verdict.reason.endswith(
        "so few attempts see even the largest drop less than 80 % of the time, and here they did"
    )


def test_no_number_is_minus_zero() -> None:
    # The sum of these means is a little off zero.
    baseline = {"a": [0.1], "b": [0.2], "c": [0.3]}
    candidate = {"a": [0.3], "b": [0.2], "c": [0.1 - 1e-9]}

    assert "(+0.0 points" in suite_gate(baseline, candidate).reason
