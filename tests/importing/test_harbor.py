"""Harbor's job folders and trials."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.importing import import_results
from pytest_terminalbench.outcome import Phase, Solved, Void
from tests.samples import JOB, JOBS, edited, only, strips

FIRST = "hello-world__zzAAAA1"
TIMED_OUT = "fix-git__ccCCCC3"


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A copy of the sample that a test may damage."""
    return Path(shutil.copytree(JOB, tmp_path / "job"))


def change(trial: Path, **changes: Any) -> Path:
    return edited(trial / "result.json", trial / "result.json", **changes)


def test_a_job_is_one_record_with_attempts_in_the_order_of_time() -> None:
    record = only(JOB)

    assert strips(record) == {"fix-git": "✓·", "hello-world": "✓✗", "play-zork": "◐·"}
    assert (record.run_id, record.label, record.dataset_label, record.origin) == (
        "2026-03-01__10-00-00",
        "terminus-2,some%2Fmodel-4",
        "sample-core==2.0",
        "harbor",
    )


def test_a_trial_that_ran_out_of_time_and_was_judged_counts_with_its_reward() -> None:
    timed_out, no_environment = Solved(reason="AgentTimeoutError"), "EnvironmentStartTimeoutError"
    assert only(JOB).tasks["fix-git"].attempts == (
        AttemptResult(
            attempt=1, outcome=timed_out, agent_s=600.0, tokens=1000, cost_usd=0.02, session="2026-03-01__10-00-00"
        ),
        AttemptResult(
            attempt=2,
            outcome=Void(reason=no_environment, phase=Phase.VERIFY),
            agent_s=30.0,
            session="2026-03-01__10-00-00",
        ),
    )


def test_a_trial_that_never_finished_is_void() -> None:
    """It left a configuration only, which names the task by its folder."""
    assert only(JOB).tasks["play-zork"].attempts[1] == AttemptResult(
        attempt=2, outcome=Void(reason="never finished", phase=Phase.AGENT), session="2026-03-01__10-00-00"
    )


def test_the_digest_of_a_tasks_files_is_its_fingerprint() -> None:
    assert only(JOB).tasks["fix-git"].fingerprint == {"task_checksum": "b" * 64}


@pytest.mark.parametrize("path", [JOB / "result.json", JOBS], ids=["its result.json", "the folder of jobs"])
def test_a_job_is_found_by(path: Path) -> None:
    assert only(path) == only(JOB)


@pytest.mark.parametrize("path", [JOB / TIMED_OUT, JOB / TIMED_OUT / "result.json"], ids=["its folder", "its file"])
def test_one_trial_is_found_by(path: Path) -> None:
    record = only(path)

    assert (record.run_id, strips(record), record.dataset_label) == (TIMED_OUT, {"fix-git": "✓"}, "sample-core")


def test_jobs_of_one_agent_are_attempts_of_one_run(tmp_path: Path) -> None:
    for name in ("monday", "tuesday"):
        shutil.copytree(JOB, tmp_path / name)
    for trial in tmp_path.glob("tuesday/*/result.json"):
        content = json.loads(trial.read_text())
        trial.write_text(json.dumps({**content, "started_at": content["started_at"].replace("-01T", "-02T")}))

    assert strips(only(tmp_path)) == {"fix-git": "✓·✓·", "hello-world": "✓✗✓✗", "play-zork": "◐◐··"}


def test_a_job_whose_own_file_is_gone_is_read_from_its_trials(job: Path) -> None:
    (job / "result.json").unlink()

    assert strips(only(job)) == strips(only(JOB))


def test_agents_of_one_job_are_records_of_their_own(job: Path) -> None:
    change(job / FIRST, agent_info={"name": "oracle", "version": "1", "model_info": None})

    assert {record.label: strips(record)["hello-world"] for record in import_results(job)} == {
        "oracle": "✓",
        "terminus-2,some%2Fmodel-4": "✗",
    }


def test_tasks_of_the_same_name_in_several_organisations_keep_their_whole_names(job: Path) -> None:
    change(job / FIRST, task_name="others/hello-world")

    assert sorted(only(job).tasks) == ["fix-git", "others/hello-world", "play-zork", "sample/hello-world"]


def test_tasks_of_several_datasets_are_called_by_their_dataset_too(job: Path) -> None:
    change(job / FIRST, source="other-core")

    record = only(job)
    assert record.dataset is None
    assert [name for name in record.tasks if "hello" in name] == [
        "other-core/sample/hello-world",
        "sample-core/sample/hello-world",
    ]


def test_trials_that_were_never_begun_are_noted(job: Path) -> None:
    edited(JOB / "result.json", job / "result.json", n_total_trials=10)

    assert only(job).notes == ("job: 4 of 10 trials were never begun",)


def test_of_several_rewards_the_one_called_reward_counts(job: Path) -> None:
    change(job / FIRST, verifier_result={"rewards": {"style": 0.0, "reward": 1.0}})

    assert strips(only(job))["hello-world"] == "✓✗"


def test_usage_and_time_of_steps_are_added_up(job: Path) -> None:
    step = {
        "step_name": "one",
        "agent_result": {"n_input_tokens": 10, "n_output_tokens": 1, "cost_usd": 0.5},
        "agent_execution": {"started_at": "2026-03-01T10:00:00Z", "finished_at": "2026-03-01T10:00:04Z"},
    }
    change(job / FIRST, agent_result=None, agent_execution=None, step_results=[step, step])

    attempt = only(job).tasks["hello-world"].attempts[0]
    assert (attempt.tokens, attempt.cost_usd, attempt.agent_s) == (22, 1.0, 8.0)


# -- what bad input gets -------------------------------------------------------------------------------------------


def test_rewards_of_which_none_counts_are_refused(job: Path) -> None:
    file = change(job / FIRST, verifier_result={"rewards": {"style": 0.0, "speed": 1.0}})

    with pytest.raises(RunFolderError) as error:
        import_results(job)
    assert str(error.value) == (
        f"{file}: its rewards are speed, style and none is called `reward`, so nobody can say which one counts; "
        "add a `reward` to them"
    )


def test_a_reward_above_one_is_refused(job: Path) -> None:
    file = change(job / FIRST, verifier_result={"rewards": {"reward": 7}})

    with pytest.raises(RunFolderError) as error:
        import_results(job)
    assert str(error.value) == (f"{file}: the reward of job/{FIRST} is 7.0; a comparison needs rewards from 0 to 1")


def test_attempts_at_a_task_that_was_changed_in_between_are_not_counted_as_one(job: Path) -> None:
    change(job / FIRST, task_checksum="d" * 64)

    with pytest.raises(RunFolderError, match=r"are attempts at hello-world under different conditions"):
        import_results(job)


def test_a_trial_cut_off_is_named(job: Path) -> None:
    file = job / FIRST / "result.json"
    file.write_bytes(file.read_bytes()[:700])

    with pytest.raises(RunFolderError) as error:
        import_results(job)
    assert str(error.value).startswith(f"{file} is damaged or cut off: it is not JSON (")


def test_a_job_without_a_finished_trial_has_nothing_to_compare(job: Path) -> None:
    for trial in job.glob("*/result.json"):
        trial.unlink()

    with pytest.raises(RunFolderError) as error:
        import_results(job)
    assert str(error.value) == f"{job} holds no trial that ended: let Harbor finish the job, or resume it"
