"""tb's results.json, in the layouts of public submissions."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.importing import import_results
from pytest_terminalbench.outcome import Solved, Unsolved
from tests.samples import TB, edited, only, strips

PER_RUN, BY_DATE, ONE_FILE = TB / "per-run", TB / "by-date", TB / "one-file"
REQUIRED = "Field required; copy it again"
CURE = "copy it again from where the run was made, or leave it out"


def test_folders_of_runs_become_one_record_with_attempts_in_the_order_of_time() -> None:
    """`run-b` was made the day before `run-a`."""
    record = only(PER_RUN)

    assert strips(record) == {"eval-mteb.hard": "·✓", "fix-git": "✓✗", "hello-world": "✓✓", "play-zork": "✗·"}
    assert (record.run_id, record.label, record.dataset_label, record.notes) == (
        "per-run",
        "openfists,some%2Fmodel-4",
        "sample-core==0.1.1",
        (),
    )
    assert [file.relative_to(PER_RUN).as_posix() for file in record.sources] == [
        "run-b/results.json",
        "run-a/results.json",
    ]


def test_an_attempt_that_ran_out_of_time_and_was_judged_counts_with_its_verdict() -> None:
    assert only(PER_RUN).tasks["fix-git"].attempts == (
        AttemptResult(attempt=1, outcome=Solved(reason="agent_timeout"), agent_s=70.0, session="run-b"),
        AttemptResult(attempt=2, outcome=Unsolved(reason="agent_timeout"), agent_s=70.0, session="run-a"),
    )


def sessions_of(path: Path) -> set[tuple[str | None, ...]]:
    return {tuple(attempt.session for attempt in task.attempts) for task in only(path).tasks.values()}


def test_each_file_is_a_session_also_one_with_all_attempts() -> None:
    assert sessions_of(PER_RUN) == {("run-b", "run-a")}
    assert sessions_of(BY_DATE) == {("2025-08-25__12-29-38", "2025-08-25__13-35-43")}
    assert sessions_of(ONE_FILE) == {("2025-09-01__11-19-06",) * 3}


def test_sessions_of_one_name_are_told_apart_by_their_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        row = {"task_id": "t", "trial_name": f"t.{name}", "is_resolved": True}
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.json").write_text(json.dumps({"results": [row]}))
        (tmp_path / name / "run_metadata.json").write_text(json.dumps({"run_id": "nightly"}))

    assert sessions_of(tmp_path) == {(f"{tmp_path}/a/results.json", f"{tmp_path}/b/results.json")}


def test_an_attempt_without_a_verdict_is_void_and_says_why() -> None:
    record = only(PER_RUN)

    assert record.tasks["eval-mteb.hard"].attempts[0].outcome.reason == "test_timeout"
    assert record.tasks["eval-mteb.hard"].rewards == (1.0,)
    assert sum(task.voids for task in record.tasks.values()) == 2


def test_files_named_by_date_are_attempts_in_that_order() -> None:
    record = only(BY_DATE)

    assert strips(record) == {"eval-mteb.hard": "✗✗", "fix-git": "✗✓", "hello-world": "✓✓", "play-zork": "✗✗"}
    assert (record.run_id, record.agent, record.dataset) == ("by-date", None, None)


def test_one_file_holds_all_attempts_in_whatever_order_of_rows() -> None:
    record = only(ONE_FILE)

    assert strips(record) == {"eval-mteb.hard": "✗✗✗", "fix-git": "✗✓·", "hello-world": "✓✓✗", "play-zork": "✓✗✗"}
    assert only(ONE_FILE / "results.json") == replace(record, run_id="2025-09-01__11-19-06")


def test_attempts_are_told_apart_by_their_number_and_not_by_their_row(tmp_path: Path) -> None:
    """Ten attempts: `10-of-10` comes last, not second."""
    row = json.loads((ONE_FILE / "results.json").read_text())["results"][0]
    rows = [
        {**row, "id": None, "task_id": "t", "trial_name": f"t.{k}-of-10", "is_resolved": k == 10}
        for k in range(10, 0, -1)
    ]
    (tmp_path / "results.json").write_text(json.dumps({"results": rows}))

    assert strips(only(tmp_path)) == {"t": "✗✗✗✗✗✗✗✗✗✓"}


def test_tokens_that_tb_did_not_count_are_not_known() -> None:
    """tb writes 0 for them."""
    assert [attempt.tokens for attempt in only(ONE_FILE).tasks["hello-world"].attempts] == [1100, 2200, None]


def test_one_file_of_several_is_a_run_by_itself() -> None:
    record = only(BY_DATE / "2025-08-25__13-35-43__results.json")

    assert (record.run_id, strips(record)["fix-git"]) == ("2025-08-25__13-35-43", "✓")


def test_a_run_of_tb_is_not_searched_for_its_trials_own_results(tmp_path: Path) -> None:
    shutil.copytree(ONE_FILE, tmp_path / "run")
    trial = {"task_id": "hello-world", "trial_name": "hello-world.1-of-3", "is_resolved": False}
    folder = tmp_path / "run" / "hello-world" / "hello-world.1-of-3"
    folder.mkdir(parents=True)
    (folder / "results.json").write_text(json.dumps(trial))

    assert strips(only(tmp_path / "run")) == strips(only(ONE_FILE))
    with pytest.raises(RunFolderError, match=r"is the results\.json of one trial; name the run's, two folders"):
        import_results(folder)


def test_resolved_without_a_single_test_is_void(tmp_path: Path) -> None:
    """tb 0.2.18 takes an empty list of tests for all passed."""
    row = json.loads((ONE_FILE / "results.json").read_text())["results"][0]
    (tmp_path / "results.json").write_text(
        json.dumps({"results": [{**row, "is_resolved": True, "parser_results": {}}]})
    )

    (task,) = only(tmp_path).tasks.values()
    assert [(attempt.reward, attempt.outcome.reason) for attempt in task.attempts] == [
        (None, "resolved without a single test")
    ]


def test_a_run_that_was_stopped_says_how_much_is_missing(tmp_path: Path) -> None:
    shutil.copy(ONE_FILE / "run_metadata.json", tmp_path)
    rows = json.loads((ONE_FILE / "results.json").read_text())["results"]
    (tmp_path / "results.json").write_text(json.dumps({"results": rows[:7]}))

    assert only(tmp_path).notes == ("2025-09-01__11-19-06: 5 of 12 trials are missing: the run was not finished",)


def test_the_lock_tells_what_the_metadata_do_not(tmp_path: Path) -> None:
    shutil.copytree(PER_RUN / "run-a", tmp_path / "run")
    (tmp_path / "run" / "run_metadata.json").unlink()

    record = only(tmp_path / "run")
    assert (record.label, record.dataset_label) == ("openfists,some%2Fmodel-4", "sample-core==0.1.1")


def test_different_agents_are_different_records(tmp_path: Path) -> None:
    shutil.copytree(PER_RUN, tmp_path / "runs")
    edited(
        PER_RUN / "run-a" / "run_metadata.json", tmp_path / "runs" / "run-a" / "run_metadata.json", agent_name="goosey"
    )

    assert sorted(record.label for record in import_results(tmp_path / "runs")) == [
        "goosey,some%2Fmodel-4",
        "openfists,some%2Fmodel-4",
    ]


def test_a_folder_of_submissions_is_not_taken_for_one_run(tmp_path: Path) -> None:
    shutil.copytree(PER_RUN, tmp_path / "first")
    shutil.copytree(BY_DATE, tmp_path / "second")

    with pytest.raises(RunFolderError) as error:
        import_results(tmp_path)
    assert str(error.value) == (
        f"{tmp_path} holds several submissions, each with runs of its own; name one of them: first, second"
    )


def test_a_copy_of_a_file_does_not_count_twice(tmp_path: Path) -> None:
    shutil.copytree(BY_DATE, tmp_path / "runs")
    first = tmp_path / "runs" / "2025-08-25__12-29-38__results.json"
    copy = tmp_path / "runs" / "copy-of-results.json"
    shutil.copy(first, copy)

    with pytest.raises(RunFolderError, match=r"hold the same trials .*; remove one of them"):
        import_results(tmp_path / "runs")


def test_the_same_attempt_twice_in_one_file_is_refused(tmp_path: Path) -> None:
    row = {**json.loads((ONE_FILE / "results.json").read_text())["results"][0], "id": None}
    file = tmp_path / "results.json"
    file.write_text(json.dumps({"results": [row, row]}))

    with pytest.raises(RunFolderError, match=r"is there twice \(also in .*results\.json\); remove one of the copies"):
        import_results(file)


# -- what bad input gets -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"results": [{"task_id": "t", "tri', "{file} is damaged or cut off: it is not JSON ("),
        ("", "{file} is damaged or cut off: it is not JSON ("),
        ('{"results": []}', "{file} holds no trial: the run was stopped before the first one ended; run it again"),
        (
            '{"results": [{"task_id": "t"}]}',
            f"{{file}} is damaged or not a run's results.json of Terminal-Bench: results.0.trial_name: {REQUIRED}",
        ),
        (
            '{"results": [{"task_id": "t", "trial_name": "t.1-of-1", "is_resolved": "maybe"}]}',
            "{file} is damaged or not a run's results.json of Terminal-Bench: results.0.is_resolved: ",
        ),
        ('{"score": 12}', "{file} is no results file that can be read here. What can: a run folder of "),
        ("[1, 2]", "{file} is no results file that can be read here. What can: a run folder of "),
        ("[" * 100_000, "{file} is damaged or cut off: it is not JSON ("),
    ],
    ids=["cut off", "empty", "no trial", "no name", "no verdict", "foreign", "no object", "deeply nested"],
)
def test_a_damaged_or_foreign_file_is_named_with_a_cure(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "results.json"
    file.write_text(content)

    with pytest.raises(RunFolderError) as error:
        import_results(file)
    assert str(error.value).startswith(said.format(file=file))


def test_damaged_metadata_are_named(tmp_path: Path) -> None:
    shutil.copytree(PER_RUN / "run-a", tmp_path / "run")
    (tmp_path / "run" / "run_metadata.json").write_text('{"agent_name": 7}')

    with pytest.raises(RunFolderError) as error:
        import_results(tmp_path / "run")
    assert str(error.value) == (
        f"{tmp_path}/run/run_metadata.json is damaged or not tb's run_metadata.json: agent_name: Input should be a "
        f"valid string; {CURE}"
    )


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError) as error:
        import_results(tmp_path / "results.json")
    assert str(error.value) == f"{tmp_path}/results.json does not exist"


def test_an_empty_folder_holds_nothing(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="holds no results that can be read here"):
        import_results(tmp_path)
