"""A comparison as people and programs read it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_terminalbench.baselines.parity import Mismatch
from pytest_terminalbench.comparing.compare_records import compare_records
from pytest_terminalbench.comparing.comparison_json import as_json
from pytest_terminalbench.comparing.page import html
from pytest_terminalbench.comparing.text import lines, markdown, side_facts
from tests.samples import a_record, a_task

STEADY = {f"steady-{number:02}": "✓✓✓✓✓" for number in range(30)}
BEFORE = a_record(
    {**STEADY, "broken": "✓✓✓✓✓", "wobbly": "✓✓✗✓✓", "mended": "✗✗✗✗✗", "lost": "✓✓✓·✓"},
    run_id="monday",
    dataset="demo",
    dataset_version="1.0",
    model="some/model-4",
)
AFTER = a_record(
    {**STEADY, "broken": "✗✗✗✗✗", "wobbly": "✗✗✗✓✗", "mended": "✓✓✓✓✓", "extra": "✓"},
    run_id="tuesday",
    agent=None,
    notes=("2 of 9 trials are missing",),
)


def test_lines_tell_the_whole_story() -> None:
    comparison = compare_records(BEFORE, AFTER)
    # Bootstraps: NumPy does not promise the same draws for ever.
    before, after = (
        f"{100 * side.intervals[0].interval.low:.1f} % to {100 * side.intervals[0].interval.high:.1f} %"
        for side in (comparison.baseline, comparison.candidate)
    )

    assert (
        "\n".join(lines(comparison))
        == f"""\
baseline   monday
           some-agent with some/model-4, demo==1.0: 33 of 34 tasks compared, 5 attempts each
           score 96.4 %
              95 % interval {before}: tasks like these; BCa bootstrap over tasks
              95 % interval 95.2 % to 97.6 %: these tasks, this agent; normal, fixed tasks
candidate  tuesday
           33 of 34 tasks compared, 5 attempts each
           score 94.5 %
              95 % interval {after}: tasks like these; BCa bootstrap over tasks
              95 % interval 93.4 % to 95.7 %: these tasks, this agent; normal, fixed tasks

FAIL: 1 task regressed; all together the candidate is not worse
  96.4 % solved in the baseline, 94.5 % in the candidate, on 33 tasks: -1.8 points
  95 % interval -5.7 to +2.1: these tasks, this agent; normal, fixed tasks
  with 95 % confidence the drop is smaller than 5.1 points
  p = 0.241: an unchanged agent does as badly in about 24 of 100 runs (one-sided permutation test within tasks)
  in pairs, the same 33 tasks: 2 lower, 1 higher, p = 1 (two-sided; sign flips, exact); 95 % interval -11.4 to +7.8: \
tasks like these; Student's t over tasks
  this run could have seen a drop of 5.5 points (80 % of the time), a smaller one less often

Regressed (1): each by itself, all tasks considered: look here first
  task    baseline → candidate   points  adjusted p
  broken  ✓✓✓✓✓ → ✗✗✗✗✗         -100.0     0.00208

Improved (1): each by itself, all tasks considered
  task    baseline → candidate   points  adjusted p
  mended  ✗✗✗✗✗ → ✓✓✓✓✓         +100.0     0.00208

Lower (1): no single one can be blamed, for chance lowers some of so many
  task    baseline → candidate   points  adjusted p
  wobbly  ✓✓✗✓✓ → ✗✗✗✓✗          -60.0      0.0583

The same: 30 tasks

Only in the baseline (1)
  lost

Only in the candidate (1)
  extra

Mind
  candidate: 2 of 9 trials are missing"""
    )


def test_pairs_tell_how_many_of_the_tasks_they_are() -> None:
    before = a_record({"a": "✓", "b": "✓", "c": "✓✓", "d": "✗"})
    after = a_record({"a": "✗", "b": "✗", "c": "✓", "d": "✗"})

    (line,) = (line for line in lines(compare_records(before, after)) if "in pairs" in line)

    assert line.startswith(
        "  in pairs, the 3 of 4 tasks tried equally often: 2 lower, 0 higher, p = 0.25 (two-sided; McNemar, mid-p); "
        "95 % interval -100.0 to +76.8: tasks like these"
    )


def test_a_comparison_that_cannot_tell_says_what_would() -> None:
    said = list(lines(compare_records(a_record({"a": "✓✓"}), a_record({"a": "✓✗"}))))

    assert said[said.index("INCONCLUSIVE: this data cannot tell whether the candidate is worse") :][4:6] == [
        "  this run could have seen no drop at all: it is too small",
        "  a drop of 30 points cannot be ruled out (it could be 100.0): more attempts or more tasks would tell",
    ]


def test_nothing_in_common_says_so() -> None:
    said = list(lines(compare_records(a_record({"a": "✓"}), a_record({"b": "✓"}))))

    assert said[5:7] == [
        "INCONCLUSIVE: nothing was compared",
        "  the two have no task in common that was judged on both sides",
    ]


def test_a_sides_numbers_are_of_the_tasks_that_were_compared() -> None:
    before = a_record({"a": "✓✓✓", "b": "✓✗✓", "c": "✓", "d": "✓✓"})
    differing = Mismatch("instruction", "sha256:aa", "sha256:bb")
    after = a_record({"a": "✓·✓", "b": "✓✓", "c": "·", "e": "✓✓✓✓"}, blocked={"c": (differing,)})

    comparison = compare_records(before, after)

    assert [side_facts(side) for side in (comparison.baseline, comparison.candidate)] == [
        "some-agent: 2 of 4 tasks compared, 3 attempts each",
        "some-agent: 2 of 4 tasks compared, 2 to 3 attempts each; 1 of 5 attempts void",
    ]
    apart = compare_records(before, a_record({"e": "✓"}))
    assert side_facts(apart.candidate) == "some-agent: 1 task, none compared"


def test_an_interrupted_candidate_passes_nothing_and_what_it_did_not_run_is_not_missing() -> None:
    tasks = {f"t{n}": "✓✓✓✓✓" for n in range(9)}
    so_far = {name: marks for name, marks in tasks.items() if name != "t8"}
    whole, part = a_record(tasks), a_record(so_far, not_run=("t8",))

    comparison = compare_records(whole, part)

    said = list(lines(comparison))
    assert (comparison.whole.verdict, comparison.verdict) == ("pass", "inconclusive")
    assert "INCONCLUSIVE: the candidate was interrupted: 1 task not run" in said
    assert said[-2:] == ["Not run in the candidate, which was interrupted (1)", "  t8"]
    assert "Only in the baseline (1)" not in said
    for rendered in ("\n".join(said), markdown(comparison), html(comparison)):
        assert "8 tasks, 5 attempts each; interrupted: 1 task not run" in rendered
    document = as_json(comparison)
    assert document["verdict"] == "inconclusive"
    assert (document["candidate"]["interrupted"], document["candidate"]["not_run"]) == (True, ["t8"])
    assert (document["baseline"]["interrupted"], document["only_in_baseline"]) == (False, [])

    back = compare_records(part, whole)
    assert (back.verdict, back.only_in_candidate) == ("pass", ())
    assert "Not run in the baseline, which was interrupted (1)" in list(lines(back))


def test_what_costs_more_says_so_first_and_what_to_do() -> None:
    """Not of any single task: two values are too few for that."""
    costs = [1.0 + 0.01 * n for n in range(9)]
    before = a_record(
        {f"t{n}": a_task("✗✗✗", cost_usd=cost) for n, cost in enumerate(costs)}, origin="baselines", dataset="demo"
    )
    after = a_record(
        {f"t{n}": a_task("✗✗✗", cost_usd=1.5 * cost) for n, cost in enumerate(costs)},
        origin="run",
        dataset="demo",
        sources=(Path("results/tuesday/summary.json"),),
    )

    said = list(lines(compare_records(before, after)))

    assert "FAIL: the candidate costs 50 % more" in said
    assert said[-3:] == [
        "Next",
        "  what each did: results/tuesday/trials/TASK/some-agent",
        "  if intended: your pytest command again with --update-baselines --tb-attempts 3",
    ]


def test_partial_rewards_are_called_a_mean_reward_in_every_rendering() -> None:
    comparison = compare_records(a_record({"a": "✓✓", "b": "✓✓"}), a_record({"a": "✓◐", "b": "✓✓"}))

    for rendered in ("\n".join(lines(comparison)), markdown(comparison), html(comparison)):
        assert "100.0 % mean reward in the baseline, 87.5 % in the candidate, on 2 tasks: -12.5 points" in rendered
        assert "Share solved" not in rendered


def test_beside_one_approved_attempt_no_further_ones_are_proposed() -> None:
    before = a_record({f"t{n}": "✓" for n in range(4)}, dataset="demo", origin="baselines")
    after = a_record(
        {f"t{n}": "✗" for n in range(4)}, origin="run", dataset="demo", sources=(Path("results/x/summary.json"),)
    )

    said = list(lines(compare_records(before, after)))

    assert said[-2:] == ["Next", "  what each did: results/x/trials/TASK/some-agent"]
    assert "approve with --tb-attempts 7 --update-baselines" in "\n".join(said)


def test_a_significant_gain_is_called_better() -> None:
    before = a_record({f"t{n}": "✗✗✗✗✗" for n in range(20)})
    after = a_record({f"t{n}": "✓✓✓✓✓" for n in range(20)})

    assert "PASS: the candidate is better" in list(lines(compare_records(before, after)))


def test_other_conditions_are_shown_with_short_digests() -> None:
    before = a_task("✓", fingerprint={"verifier": "sha256:" + "a" * 64, "limits": {"memory_mb": 1024}})
    after = a_task("✓", fingerprint={"verifier": "sha256:" + "b" * 64, "limits": {"memory_mb": 512}})

    said = list(lines(compare_records(a_record({"a": before}), a_record({"a": after}))))

    assert said[-2:] == [
        "Not under the same conditions (1 task, left out; --parity warn compares them all the same)",
        "  a: limits.memory_mb 1024 → 512, verifier aaaaaaaaaaaa → bbbbbbbbbbbb",
    ]


def test_markdown_has_a_table_of_every_task() -> None:
    text = markdown(compare_records(BEFORE, AFTER))

    assert text.startswith("# monday → tuesday\n\n**FAIL: 1 task regressed; all together")
    assert "| broken | ✓✓✓✓✓ → ✗✗✗✗✗ | -100.0 | -100 to -39 | 0.00208 |\n" in text
    assert text.count("| ✓✓✓✓✓ → ✓✓✓✓✓ |") == 30


def test_names_do_not_break_markdowns_tables() -> None:
    text = markdown(compare_records(a_record({"a|b": "✓"}), a_record({"a|b": "✗"})))

    assert "| a\\|b | ✓ → ✗ |" in text


def test_json_is_plain_and_whole() -> None:
    content = json.loads(json.dumps(as_json(compare_records(BEFORE, AFTER)), allow_nan=False))

    assert (content["schema_version"], content["verdict"]) == (2, "fail")
    assert (content["baseline"]["run_id"], content["candidate"]["run_id"]) == ("monday", "tuesday")
    assert content["suite"]["verdict"] == "pass"
    assert content["suite"]["interval"]["population"] == "these tasks, this agent"
    assert [one["population"] for one in content["baseline"]["intervals"]] == [
        "tasks like these",
        "these tasks, this agent",
    ]
    assert content["paired"] == {
        "tasks": 33,
        "lower": 2,
        "higher": 1,
        "difference": -0.6 / 33,
        "p": 1.0,
        "method": "sign flips, exact",
        "interval": {**content["paired"]["interval"], "level": 0.95, "population": "tasks like these"},
    }
    (broken,) = (task for task in content["tasks"] if task["task"] == "broken")
    assert broken["change"] == "regressed"
    assert broken["candidate"] == {
        "strip": "✗✗✗✗✗",
        "rewards": [0.0, 0.0, 0.0, 0.0, 0.0],
        "solved": 0,
        "scored": 5,
        "void": 0,
    }
    assert (content["only_in_baseline"], content["only_in_candidate"]) == (["lost"], ["extra"])


def test_json_of_nothing_in_common_has_no_numbers() -> None:
    content = as_json(compare_records(a_record({"a": "✓"}), a_record({"b": "✓"})))
    suite = content["suite"]

    assert content["paired"] is None

    assert (suite["verdict"], suite["p"], suite["difference"], suite["interval"], suite["mde"]) == (
        "inconclusive",
        None,
        None,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("baselines", "option"),
    [(None, ""), (Path("baselines"), ""), (Path("of linux"), " '--tb-baselines=of linux'")],
    ids=["not told", "default", "another"],
)
def test_after_a_worse_run_of_ours_it_says_what_to_type(baselines: Path | None, option: str) -> None:
    before = a_record({f"t{n}": "✓✓✓✓✓" for n in range(9)}, dataset="demo", origin="run")
    after = a_record(
        {f"t{n}": "✗✗✗✗✗" if n < 6 else "✓✓✓✓✓" for n in range(9)},
        origin="run",
        dataset="demo",
        agent="mine",
        agent_options=("--tb-agent=mine:Mine",),
        baselines=baselines,
        sources=(Path("results/tuesday/summary.json"),),
    )

    said = list(lines(compare_records(before, after)))

    assert said[-3:] == [
        "Next",
        (
            "  those that are lower again: terminalbench run --dataset=demo --scenarios=t0,t1,t2,t3,t4,t5 -- "
            f"--tb-agent=mine:Mine --tb-attempts=10{option}"
        ),
        "  what each did: results/tuesday/trials/TASK/mine",
    ]
    assert "Next" not in list(lines(compare_records(after, before)))
