"""Other harnesses' results as run folders of ours."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_terminalbench.baselines.record import read_record
from pytest_terminalbench.comparing.run_record import RunRecord
from pytest_terminalbench.errors import BaselineError, RunFolderError
from pytest_terminalbench.importing.store_as_run import store_record
from pytest_terminalbench.runs.approve_cells import approve_cells
from pytest_terminalbench.runs.summary import read_summary
from pytest_terminalbench.sessions.closing import rebuild_summary
from pytest_terminalbench.status import Status
from tests.importing.test_own_runs import a_run
from tests.samples import JOB, TB, a_record, only, strips

SAMPLES = {"per-run": TB / "per-run", "by-date": TB / "by-date", "one-file": TB / "one-file", "harbor": JOB}


def measures(record: RunRecord) -> object:
    """What must come back."""
    return {
        name: [(a.reward, a.agent_s, a.tokens, a.cost_usd) for a in task.attempts]
        for name, task in record.tasks.items()
    }


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_what_is_stored_reads_as_what_was_imported(sample: Path, tmp_path: Path) -> None:
    record = only(sample)

    again = only(store_record(record, tmp_path).path)

    assert again.origin == "run"
    assert measures(again) == measures(record)
    assert (again.dataset_label, again.began) == (record.dataset_label, record.began)
    assert [task.fingerprint.get("task_checksum") for task in again.tasks.values()] == [
        task.fingerprint.get("task_checksum") for task in record.tasks.values()
    ]


def test_the_manifest_says_where_it_came_from(tmp_path: Path) -> None:
    run = store_record(only(TB / "one-file"), tmp_path)

    manifest = json.loads(run.manifest.read_text())
    assert (manifest["imported"], manifest["source"]["origin"], manifest["started_at"]) == (
        True,
        "terminal-bench",
        "2025-07-11T08:00:00.000Z",
    )
    (file,) = manifest["source"]["files"]
    assert file["path"] == str(TB / "one-file" / "results.json")
    assert file["digest"].startswith("sha256:")


def test_void_attempts_are_in_no_mean(tmp_path: Path) -> None:
    """fix-git: one solved, one not, one void."""
    summary = read_summary(store_record(only(TB / "one-file"), tmp_path).summary)

    assert summary.mean == round((0 + 1 / 2 + 2 / 3 + 1 / 3) / 4, 6)
    totals = summary.totals
    assert (totals.cells, totals[Status.UNSOLVED]) == (4, 4)


def test_the_report_shows_every_attempt(tmp_path: Path) -> None:
    report = store_record(only(TB / "one-file"), tmp_path).report.read_text()

    assert "| sample-core/fix-git[LeadArchitect] | unsolved | ✗✓· |" in report


def test_a_stored_run_can_be_approved(tmp_path: Path) -> None:
    run = store_record(only(TB / "by-date"), tmp_path / "results")

    approve_cells(read_summary(run.summary).cells, run=run.path, baselines=tmp_path / "baselines", approver="someone")

    record = read_record(tmp_path / "baselines" / "imported" / "by-date" / "fix-git.json")
    assert record is not None
    assert (record.rewards, record.metrics["runtime_s"].values) == ([0.0, 1.0], [60.0, 60.0])
    assert record.sessions == ["2025-08-25__12-29-38", "2025-08-25__13-35-43"]


def test_a_void_attempt_is_not_approved(tmp_path: Path) -> None:
    run = store_record(only(TB / "one-file"), tmp_path / "results")

    with pytest.raises(BaselineError, match="fix-git: a void attempt has no outcome to approve"):
        approve_cells(
            read_summary(run.summary).cells, run=run.path, baselines=tmp_path / "baselines", approver="someone"
        )


def test_storing_the_same_again_changes_nothing(tmp_path: Path) -> None:
    run = store_record(only(JOB), tmp_path)
    before = run.manifest.read_bytes()

    assert store_record(only(JOB), tmp_path) == run
    assert run.manifest.read_bytes() == before


def test_another_run_of_that_name_is_not_overwritten(tmp_path: Path) -> None:
    store_record(only(JOB), tmp_path, run_id="mine")

    with pytest.raises(RunFolderError) as error:
        store_record(only(TB / "one-file"), tmp_path, run_id="mine")
    assert str(error.value) == f"{tmp_path}/mine exists and holds something else; give these results another id"


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file")

    with pytest.raises(RunFolderError, match=r"results/one-file cannot be written: "):
        store_record(only(TB / "one-file"), tmp_path / "results")
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_our_own_runs_are_not_stored_again(tmp_path: Path) -> None:
    run = a_run(tmp_path / "r1", {("alpha", "oracle"): "✓"})

    with pytest.raises(RunFolderError) as error:
        store_record(only(run), tmp_path / "results")
    assert str(error.value) == "r1 is one of our own; only results of other harnesses are stored"


def test_names_in_foreign_files_do_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    record = a_record({"../../../escaped": "✓", "..": "✓"}, run_id="../evil", agent="..", dataset="..")

    run = store_record(record, tmp_path / "results")

    assert run.path == tmp_path / "results" / "-evil"
    files = {path.relative_to(run.path).as_posix() for path in tmp_path.rglob("result.json")}
    assert files == {
        "trials/%2E./%2E.%2F..%2F..%2Fescaped/%2E./1/result.json",
        "trials/%2E./%2E./%2E./1/result.json",
    }


def test_tasks_whose_names_folders_cannot_tell_apart_are_refused_and_leave_nothing_behind(tmp_path: Path) -> None:
    record = a_record({"ab": "✓", "AB": "✗"}, dataset="demo")

    with pytest.raises(RunFolderError, match=r"^some-run cannot be stored: two cells would share one name"):
        store_record(record, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_tasks_of_any_name_keep_it(tmp_path: Path) -> None:
    record = a_record({"a:b": "✓", "a-b": "✗", "ä %": "✓"}, dataset="demo", model="some/model")

    assert strips(only(store_record(record, tmp_path).path)) == {"a-b": "✗", "a:b": "✓", "ä %": "✓"}


def test_the_summary_of_a_stored_run_can_be_made_again(tmp_path: Path) -> None:
    run = store_record(only(TB / "one-file"), tmp_path)

    again = rebuild_summary(run, baselines=tmp_path / "baselines")

    assert again.to_json() == read_summary(run.summary).to_json()


def test_tasks_of_several_datasets_are_stored_under_theirs(tmp_path: Path) -> None:
    record = a_record({"one/alpha": "✓", "two/alpha": "✗"})

    assert strips(only(store_record(record, tmp_path).path)) == {"one/alpha": "✓", "two/alpha": "✗"}


def test_another_id_can_be_given(tmp_path: Path) -> None:
    assert store_record(replace(only(JOB), run_id="x"), tmp_path, run_id="tuesday").id == "tuesday"
