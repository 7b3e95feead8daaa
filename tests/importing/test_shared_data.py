"""Public results of seven agents, where they lie beside the repository."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from statistics import fmean

import pytest

from pytest_terminalbench.baselines.comparison_policy import ComparisonPolicy
from pytest_terminalbench.comparing.compare_records import compare_records
from pytest_terminalbench.comparing.comparison_json import as_json
from pytest_terminalbench.comparing.page import html
from pytest_terminalbench.comparing.run_record import RunRecord, TaskRecord
from pytest_terminalbench.comparing.text import lines, markdown
from pytest_terminalbench.importing.store_as_run import store_record
from pytest_terminalbench.statistics import SessionLabels, suite_gate
from tests.samples import only, strips

_BESIDE = Path(__file__).parents[2].parent / "shared" / "data"
DATA = Path(os.environ.get("TERMINALBENCH_SHARED_DATA", _BESIDE)) / "terminal-bench-core-0.1.1"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the public results are not on this machine")

# What tb itself counted as resolved, in all files of a submission, and how many trials had no verdict.
RESOLVED_AND_VOID = {
    "20250711_openhands_claude-4-sonnet": (165, 17),
    "20250811_cursor-cli_claude-4-sonnet": (105, 25),
    "20250829_goose_claude-4-sonnet": (165, 14),
    "20250902_orchestrator_claude-4-sonnet": (144, 29),
    "20250923_droid_claude-4-sonnet": (202, 11),
    "20250924_droid_gpt-5": (210, 16),
    "ob1-09-10-25": (227, 38),
}


@pytest.fixture(scope="module")
def records() -> dict[str, RunRecord]:
    return {name: only(DATA / name) for name in RESOLVED_AND_VOID}


def test_every_submission_is_there() -> None:
    assert {path.name for path in DATA.iterdir() if path.is_dir()} == set(RESOLVED_AND_VOID)


@pytest.mark.parametrize("name", RESOLVED_AND_VOID)
def test_every_submission_has_five_attempts_at_eighty_tasks(name: str, records: dict[str, RunRecord]) -> None:
    record = records[name]

    assert len(record.tasks) == 80
    assert {len(task.attempts) for task in record.tasks.values()} == {5}
    assert (
        sum(sum(task.rewards) for task in record.tasks.values()),
        sum(task.voids for task in record.tasks.values()),
    ) == RESOLVED_AND_VOID[name]
    assert record.notes == ()


@pytest.mark.parametrize("name", RESOLVED_AND_VOID)
def test_every_attempt_is_the_run_it_says(name: str, records: dict[str, RunRecord]) -> None:
    """Counted once more from the rows alone."""
    rows = [row for file in sorted(DATA.joinpath(name).rglob("*results.json")) for row in _rows(file)]
    resolved = {row["task_id"]: 0 for row in rows}
    for row in rows:
        resolved[row["task_id"]] += row["is_resolved"] is True

    assert {task: marks.count("✓") for task, marks in strips(records[name]).items()} == resolved


def _rows(file: Path) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads(file.read_text())["results"]
    return rows


def test_the_same_agent_with_another_model_is_compared(records: dict[str, RunRecord]) -> None:
    comparison = compare_records(records["20250923_droid_claude-4-sonnet"], records["20250924_droid_gpt-5"])

    assert comparison.whole.suite is not None
    assert (comparison.whole.suite.verdict, comparison.whole.suite.tasks) == ("pass", 78)
    assert comparison.unscored == ("build-initramfs-qemu", "cron-broken-network")


def test_a_worse_agent_is_found_worse_in_every_rendering(records: dict[str, RunRecord]) -> None:
    comparison = compare_records(records["20250924_droid_gpt-5"], records["20250829_goose_claude-4-sonnet"])

    assert comparison.whole.verdict == "fail"
    assert "FAIL: the candidate is worse" in list(lines(comparison))
    assert "**FAIL: the candidate is worse**" in markdown(comparison)
    assert as_json(comparison)["suite"]["verdict"] == "fail"
    page = html(comparison)
    assert "<b>FAIL</b> the candidate is worse" in page
    assert len(page.encode()) < 1_000_000


def run_of(record: RunRecord, *numbers: int) -> RunRecord:
    """Only these of its five runs."""
    return replace(
        record,
        tasks={
            name: TaskRecord(attempts=tuple(task.attempts[number] for number in numbers))
            for name, task in record.tasks.items()
        },
    )


def share_called_different(records: dict[str, RunRecord], before: Sequence[int], after: Sequence[int]) -> float:
    """Of all comparisons of an agent's runs with others of its own, in pairs at 5 %; each with five rotations."""
    comparisons = [
        compare_records(
            run_of(record, *((turn + number) % 5 for number in before)),
            run_of(record, *((turn + number) % 5 for number in after)),
            policy=ComparisonPolicy(parity="off"),
        )
        for record in records.values()
        for turn in range(5)
    ]
    return fmean(comparison.paired is not None and comparison.paired.p <= 0.05 for comparison in comparisons)


@pytest.mark.parametrize(("before", "after"), [([0], [1]), ([0], [2]), ([0, 1], [2, 3])])
def test_pairs_seldom_call_an_agent_different_from_itself(
    before: list[int], after: list[int], records: dict[str, RunRecord]
) -> None:
    """At most 3 of 35 comparisons, which overlap, where 5 % are promised."""
    assert share_called_different(records, before, after) <= 3 / 35


def test_pairs_tell_agents_apart_by_a_single_run_of_each(records: dict[str, RunRecord]) -> None:
    better, worse = records["20250924_droid_gpt-5"], records["20250811_cursor-cli_claude-4-sonnet"]

    paired = compare_records(run_of(better, 0), run_of(worse, 0), policy=ComparisonPolicy(parity="off")).paired

    assert paired is not None
    assert paired.method == "McNemar, mid-p"
    assert paired.p < 0.01


def test_no_agent_is_called_worse_than_itself_too_often_by_run(records: dict[str, RunRecord]) -> None:
    """Two runs of each against its three others, and the other way round; ± one standard error of 140 comparisons,
    which overlap."""
    failed = {name: sum(is_worse(*sides) for sides in by_run(record)) for name, record in records.items()}

    assert sum(failed.values()) / (20 * len(failed)) <= 0.05 + 0.0185
    assert max(failed.values()) <= 3


def by_run(record: RunRecord) -> Iterator[tuple[RunRecord, RunRecord]]:
    for two in combinations(range(5), 2):
        three = [number for number in range(5) if number not in two]
        yield run_of(record, *two), run_of(record, *three)
        yield run_of(record, *three), run_of(record, *two)


def is_worse(before: RunRecord, after: RunRecord) -> bool:
    rewards = [{name: task.rewards for name, task in side.tasks.items()} for side in (before, after)]
    labels = SessionLabels(baseline=sessions_by_task(before), candidate=sessions_by_task(after))
    return suite_gate(rewards[0], rewards[1], sessions=labels).verdict == "fail"


def sessions_by_task(record: RunRecord) -> dict[str, tuple[str | None, ...]]:
    """Which session made each of the scored attempts."""
    return {name: tuple(attempt.session for attempt in task.scored) for name, task in record.tasks.items()}


@pytest.mark.parametrize(
    ("name", "sessions"),
    [("20250924_droid_gpt-5", 5), ("20250829_goose_claude-4-sonnet", 5), ("20250902_orchestrator_claude-4-sonnet", 1)],
)
def test_each_file_is_a_session(name: str, sessions: int, records: dict[str, RunRecord]) -> None:
    """The orchestrator made its five attempts at each task in one run, and lists them as they ended."""
    assert len({session for made in sessions_by_task(records[name]).values() for session in made}) == sessions


def test_a_submission_is_stored_as_a_run(tmp_path: Path, records: dict[str, RunRecord]) -> None:
    record = records["20250902_orchestrator_claude-4-sonnet"]

    assert strips(only(store_record(record, tmp_path).path)) == strips(record)
