"""Two records side by side."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_terminalbench.baselines.comparison_policy import ComparisonPolicy
from pytest_terminalbench.baselines.parity import Mismatch
from pytest_terminalbench.comparing.compare_records import Unlike, compare_records, policy_of, strip
from pytest_terminalbench.statistics import Plan, mcnemar, paired_interval, regression_p, suite_gate
from pytest_terminalbench.status import Change
from tests.counted_calls import calls_into
from tests.samples import a_record, a_task

PARITIES: tuple[Literal["warn"], Literal["off"]] = ("warn", "off")
STEADY = {f"steady-{number}": "✓✓✓✓✓" for number in range(8)}


def test_strips_show_every_attempt_in_order() -> None:
    assert strip(a_task("✓✗◐·")) == "✓✗◐·"
    assert strip(a_task("✗" * 40)) == "✗" * 30 + "…"


def test_the_verdict_is_the_suite_gates() -> None:
    before = a_record({**STEADY, "a": "✓✓✓✓✓", "b": "✓✓✓✓✗"})
    after = a_record({**STEADY, "a": "✗✗✗✗✗", "b": "✗✗✗✗✗"})

    comparison = compare_records(before, after)

    assert comparison.whole.suite == suite_gate(
        {name: task.rewards for name, task in before.tasks.items()},
        {name: task.rewards for name, task in after.tasks.items()},
        ComparisonPolicy().suite,
    )
    assert comparison.whole.verdict == "fail"


def test_settings_reach_the_gate() -> None:
    before, after = a_record({"a": "✓✓✓✓✓"}), a_record({"a": "✗✗✗✗✗"})

    assert compare_records(before, after, policy=ComparisonPolicy(alpha=0.001)).whole.verdict == "inconclusive"
    assert compare_records(before, after, policy=ComparisonPolicy(alpha=0.01)).whole.verdict == "fail"


def test_each_task_is_called_what_its_own_gate_calls_it() -> None:
    before = a_record({"down": "✓✓✓✓✓", "flip": "✓✓✓✓✗", "still": "✓✓✓✓✓", "up": "✗✗✗✗✗", "more": "✓✓✗✗✗"})
    after = a_record({"down": "✗✗✗✗✗", "flip": "✓✓✓✗✗", "still": "✓✓✓✓✓", "up": "✓✓✓✓✓", "more": "✓✓✓✗✗"})

    tasks = compare_records(before, after).tasks

    assert [(task.task, task.change) for task in tasks] == [
        ("down", Change.REGRESSED),
        ("flip", Change.LOWER),
        ("more", Change.HIGHER),
        ("still", Change.SAME),
        ("up", Change.IMPROVED),
    ]
    assert [task.difference for task in tasks] == pytest.approx([-1, -0.2, 0.2, 0, 1])
    # Corrected for the three that chance can make look bad: itself, and the two that were seen to do both.
    plan = Plan(first=5, maximum=5)
    assert tasks[0].p_worse == 3 * regression_p((5, 5), (0, 5), plan)
    assert tasks[-1].p_better == tasks[0].p_worse


def test_what_fails_throughout_where_nobody_could_have_told_is_inconclusive() -> None:
    (task,) = compare_records(a_record({"a": "✓"}), a_record({"a": "✗"})).tasks

    assert task.change is Change.INCONCLUSIVE


def test_fractional_rewards_are_compared_by_permutation() -> None:
    (task,) = compare_records(a_record({"a": "✓✓✓✓"}), a_record({"a": "◐◐◐◐"})).tasks

    assert (task.method, task.difference) == ("permutation", -0.5)
    assert task.p_worse == pytest.approx(1 / 70, abs=0.003)
    assert task.change is Change.REGRESSED


def test_void_attempts_count_on_neither_side() -> None:
    before, after = a_record({"a": "✓·✓"}), a_record({"a": "··✗"})

    comparison = compare_records(before, after)

    (task,) = comparison.tasks
    assert task.p_worse == regression_p((2, 2), (0, 1), Plan(first=1, maximum=1))
    assert (comparison.baseline.scored, comparison.baseline.voids) == (2, 1)
    assert (comparison.candidate.scored, comparison.candidate.voids) == (1, 2)


def test_a_task_that_was_void_throughout_is_not_compared() -> None:
    comparison = compare_records(a_record({"a": "✓", "b": "✓"}), a_record({"a": "✓", "b": "·"}))

    assert comparison.unscored == ("b",)
    assert [task.task for task in comparison.tasks] == ["a"]


def test_tasks_of_one_side_only_are_listed() -> None:
    comparison = compare_records(a_record({"a": "✓", "old": "✓"}), a_record({"a": "✓", "new": "✗"}))

    assert (comparison.only_in_baseline, comparison.only_in_candidate) == (("old",), ("new",))
    assert comparison.baseline.mean == 1.0
    assert comparison.candidate.mean == 1.0


def test_of_a_run_of_several_datasets_the_baselines_own_is_compared() -> None:
    before = a_record({"a": "✓✓✓", "b": "✓✓✓"}, dataset="demo")
    after = a_record({"demo/a": "✗✗✗", "demo/b": "✓·✓", "more/a": "✓✓✓"}, unjudged=frozenset({"demo/b"}))

    comparison = compare_records(before, after)

    assert [(task.task, task.change) for task in comparison.tasks] == [("a", Change.REGRESSED)]
    assert (comparison.unscored, comparison.only_in_candidate) == (("b",), ())


@pytest.mark.parametrize("candidate_version", ["1.0", "2.0"])
def test_of_a_baseline_of_several_datasets_the_candidates_own_is_compared(candidate_version: str) -> None:
    before = a_record({"demo/a": "✓✓✓", "more/a": "✓✓✓"}, dataset_versions={"demo": "1.0", "more": "7"})
    after = a_record({"a": "✗✗✗"}, dataset="demo", dataset_version=candidate_version)

    for comparison in (compare_records(before, after), compare_records(after, before)):
        assert [task.task for task in comparison.tasks] == ["a"]
        assert (comparison.only_in_baseline, comparison.only_in_candidate) == ((), ())
        differ = [note for note in comparison.notes if note.startswith("the datasets are not the same: ")]
        assert len(differ) == (candidate_version != "1.0")


def test_nothing_in_common_is_inconclusive_with_the_reason() -> None:
    comparison = compare_records(a_record({"a": "✓"}), a_record({"b": "✓"}))

    assert (comparison.whole.verdict, comparison.tasks, comparison.whole.metrics) == ("inconclusive", (), ())
    assert comparison.whole.suite is not None
    assert comparison.whole.suite.reason.startswith("nothing to compare")
    assert comparison.baseline.mean is None


# -- conditions ----------------------------------------------------------------------------------------------------

BEFORE = {"scenario": "sha256:a", "dataset": "demo==1", "limits": {"memory_mb": 1024, "cpus": 1.0}, "image": "x"}
AFTER = {"scenario": "sha256:a", "dataset": "demo==2", "limits": {"memory_mb": 2048, "cpus": 1.0}, "verifier": "y"}
UNLIKE = (Unlike(task="a", mismatches=(Mismatch("limits.memory_mb", 1024, 2048),)),)


def test_a_task_under_other_conditions_is_left_out_and_told() -> None:
    """Of what both sides know; the dataset's version alone is no other condition."""
    before = a_record({"a": a_task("✓✓✓✓✓", fingerprint=BEFORE), "b": "✓"})
    after = a_record({"a": a_task("✗✗✗✗✗", fingerprint=AFTER), "b": "✓"})

    comparison = compare_records(before, after)

    assert comparison.unlike == UNLIKE
    assert [task.task for task in comparison.tasks] == ["b"]
    assert len(comparison.tasks) == 1


def test_parity_warn_compares_it_all_the_same_and_off_does_not_look() -> None:
    before = a_record({"a": a_task("✓", fingerprint=BEFORE)})
    after = a_record({"a": a_task("✗", fingerprint=AFTER)})

    warned, unseen = (compare_records(before, after, policy=ComparisonPolicy(parity=parity)) for parity in PARITIES)

    assert (warned.unlike, len(warned.tasks)) == (UNLIKE, 1)
    assert (unseen.unlike, len(unseen.tasks)) == ((), 1)


def test_what_neither_agent_nor_verifier_sees_is_noted_and_compared() -> None:
    """A title, say: it changes the digest of all the scenario's files, and nothing that is seen."""
    before = a_record({"a": a_task("✓", fingerprint={"scenario": "sha256:a", "instruction": "sha256:1"})})
    after = a_record({"a": a_task("✓", fingerprint={"scenario": "sha256:b", "instruction": "sha256:1"})})

    comparison = compare_records(before, after)

    assert (comparison.unlike, len(comparison.tasks)) == ((), 1)
    assert comparison.notes == (
        "1 task compared all the same: neither agent nor verifier sees what differs (scenario)",
    )


def test_conditions_only_one_side_knows_are_no_mismatch() -> None:
    before, after = a_record({"a": a_task("✓", fingerprint=BEFORE)}), a_record({"a": "✓"})

    assert compare_records(before, after).unlike == ()


# -- notes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "notes"),
    [
        (("core", "0.1"), ("core", "0.2"), ("the datasets are not the same: core==0.1 and core==0.2",)),
        (("core", None), ("other", None), ("the datasets are not the same: core and other",)),
        (("core", "0.1"), ("core", None), ()),
        ((None, None), ("core", "0.1"), ()),
    ],
)
def test_other_datasets_are_noted(
    before: tuple[str | None, str | None], after: tuple[str | None, str | None], notes: tuple[str, ...]
) -> None:
    sides = (a_record({"a": "✓"}, dataset=name, dataset_version=version) for name, version in (before, after))

    assert compare_records(*sides).notes == notes


def test_an_adaptive_run_enters_the_whole_with_its_first_attempts_and_each_task_with_its_walk() -> None:
    """Its further attempts were made because the first ones failed."""
    before, after = a_record({"a": "✓✓✓✓✓", "b": "✓✓✓✓✓"}), a_record({"a": "✓", "b": "✗✗✗"}, is_adaptive=True)

    comparison = compare_records(before, after)

    assert [task.p_worse for task in comparison.tasks] == [1.0, regression_p((5, 5), (0, 3), Plan())]
    assert comparison.whole.suite == suite_gate(
        {"a": [1.0] * 5, "b": [1.0] * 5}, {"a": [1.0], "b": [0.0]}, policy_of(after).suite
    )
    assert strip(comparison.tasks[1].candidate) == "✗✗✗"
    (note,) = comparison.notes
    assert note == (
        "the candidate tried again where it went badly (--tb-attempts auto): only the first attempt at each task is in "
        "the tests, scores and differences of the whole"
    )


def test_a_run_against_itself_and_what_is_not_whole_are_noted() -> None:
    record = a_record({"a": "✓"}, sources=(Path("results.json"),), notes=("half of it is missing",))

    assert compare_records(record, record).notes == (
        "both sides are the same results",
        "baseline: half of it is missing",
        "candidate: half of it is missing",
    )


# -- time and cost -------------------------------------------------------------------------------------------------


def test_ratios_are_of_what_both_sides_know() -> None:
    names = [f"t{number}" for number in range(8)]
    before = a_record({name: a_task("✓✓✓", seconds=10.0, tokens=1_000, cost_usd=0.5) for name in names})
    after = a_record({name: a_task("✓✓✓", seconds=20.0, tokens=1_000) for name in names})

    hosts = dict.fromkeys(names, "here")
    runtime, tokens = compare_records(replace(before, hosts=hosts), replace(after, hosts=hosts)).whole.metrics

    assert (runtime.metric, runtime.verdict, tokens.metric, tokens.verdict) == ("runtime_s", "fail", "tokens", "pass")
    assert runtime.ratio is not None
    assert runtime.ratio.value == pytest.approx(2.0)


def test_the_time_of_void_attempts_is_left_out() -> None:
    judged = a_task("✓", seconds=10.0)
    stuck = replace(a_task("·", seconds=9_999.0).attempts[0], attempt=2)
    after = replace(judged, attempts=(*judged.attempts, stuck))

    (ratio,) = compare_records(a_record({"a": judged}), a_record({"a": after})).whole.noted

    assert ratio.verdict == "not judged"
    assert ratio.ratio is not None
    assert ratio.ratio.value == pytest.approx(1.0)


# -- whatever the results ------------------------------------------------------------------------------------------

_STRIPS = st.dictionaries(st.sampled_from("abcdefgh"), st.text("✓✗·", min_size=1, max_size=4), max_size=6)


@settings(max_examples=60, deadline=None)
@given(before=_STRIPS, after=_STRIPS)
def test_no_task_is_lost_between_the_lists(before: dict[str, str], after: dict[str, str]) -> None:
    comparison = compare_records(a_record(before), a_record(after))

    listed = [
        *(task.task for task in comparison.tasks),
        *comparison.unscored,
        *comparison.only_in_baseline,
        *comparison.only_in_candidate,
    ]
    assert sorted(listed) == sorted(before.keys() | after.keys())


@settings(max_examples=60, deadline=None)
@given(before=_STRIPS, after=_STRIPS)
def test_the_sides_exchanged_differ_by_as_much_the_other_way(before: dict[str, str], after: dict[str, str]) -> None:
    there = compare_records(a_record(before), a_record(after)).tasks
    back = compare_records(a_record(after), a_record(before)).tasks

    assert [(task.task, task.difference) for task in there] == [(task.task, -task.difference) for task in back]


# --- the same tasks in pairs ---


def test_tasks_tried_once_are_compared_by_mcnemars_test() -> None:
    before = a_record({f"t{n}": "✓" if n < 12 else "✗" for n in range(20)})
    after = a_record({f"t{n}": "✓" if 10 <= n < 14 else "✗" for n in range(20)})

    paired = compare_records(before, after).paired

    assert paired is not None
    assert (paired.tasks, paired.lower, paired.higher, paired.difference) == (20, 10, 2, -0.4)
    assert (paired.method, paired.p) == ("McNemar, mid-p", mcnemar(10, 2).mid_p)
    assert paired.interval == paired_interval([-1.0] * 10 + [1.0] * 2 + [0.0] * 8)


def test_tasks_tried_several_times_are_compared_by_sign_flips() -> None:
    before = a_record({"a": "✓✓✓✓✓", "b": "✓✓✓✓✗", "c": "✗✗✗✗✗", "d": "✓✓✓✗✗"})
    after = a_record({"a": "✓✓✓✓✗", "b": "✓✓✓✗✗", "c": "✗✗✗✗✗", "d": "✓✗✗✗✗"})

    paired = compare_records(before, after).paired

    assert paired is not None
    assert (paired.lower, paired.higher, paired.method) == (3, 0, "sign flips, exact")
    assert paired.p == 0.25  # All three signs alike: 2 of 8 patterns.


def test_single_attempts_with_fractional_rewards_are_compared_by_sign_flips() -> None:
    paired = compare_records(a_record({"a": "◐", "b": "✓"}), a_record({"a": "✗", "b": "◐"})).paired

    assert paired is not None
    assert (paired.method, paired.p, paired.interval) == ("sign flips, exact", 0.5, None)


def test_only_tasks_tried_equally_often_are_pairs() -> None:
    before = a_record({"a": "✓", "b": "✓✓", "c": "✓·✓", "d": "✓✓✓"})
    after = a_record({"a": "✗", "b": "✓✗", "c": "✗✗", "d": "✗"})

    paired = compare_records(before, after).paired

    assert paired is not None
    assert (paired.tasks, paired.lower) == (3, 3)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"a": "✓✗", "b": "✓"}, {"a": "✗✓", "b": "✓"}),  # Nothing changed.
        ({"a": "✓✓", "b": "✓"}, {"a": "✗✗", "b": "✓✓"}),  # A single pair.
        ({"a": "✓✓", "b": "✓✓"}, {"a": "✗", "b": "✗"}),  # No pair at all.
        ({"a": "✓"}, {"b": "✗"}),
    ],
)
def test_there_may_be_nothing_to_say_in_pairs(before: dict[str, str], after: dict[str, str]) -> None:
    assert compare_records(a_record(before), a_record(after)).paired is None


def test_pairs_say_more_than_the_suite_where_tasks_change_for_good_in_both_directions() -> None:
    """Twelve tasks broke and eight were mended: no chance on these tasks, and nothing to bet on for others."""
    before = a_record({f"t{n:02}": "✓✓✓✓✓" if n < 12 else "✗✗✗✗✗" for n in range(20)})
    after = a_record({f"t{n:02}": "✗✗✗✗✗" if n < 12 else "✓✓✓✓✓" for n in range(20)})

    comparison = compare_records(before, after)

    assert comparison.whole.verdict == "fail"
    assert comparison.whole.suite is not None
    assert comparison.whole.suite.p is not None
    assert comparison.whole.suite.p < 0.01
    assert comparison.paired is not None
    assert comparison.paired.p == pytest.approx(mcnemar(12, 8).p, abs=0.02)


def test_twice_as_many_tasks_cost_twice_as_much() -> None:
    costs = []
    for tasks in (40, 80):
        record = a_record({f"t{number}": "✓✗✓" for number in range(tasks)})
        costs.append(calls_into("pytest_terminalbench.baselines", compare_records, record, record))

    assert costs[1] <= 2.2 * costs[0]
