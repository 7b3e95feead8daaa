"""Our own run folders, and folders of baselines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.agents.base import Usage
from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.baselines.parity import Mismatch
from pytest_terminalbench.baselines.record import BaselineRecord, Measure, serialised
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.comparing.compare_records import compare_records
from pytest_terminalbench.documents import write_json
from pytest_terminalbench.errors import BaselineError, RunFolderError
from pytest_terminalbench.identity import CellId, parse_label
from pytest_terminalbench.importing import import_results
from pytest_terminalbench.outcome import Outcome, Phase, Unsolved, Void
from pytest_terminalbench.runs.summary import summarise
from pytest_terminalbench.status import Status
from pytest_terminalbench.trials.result import Timing, TrialResult
from tests.cell_results import OUTCOMES, a_cell, a_cell_id
from tests.samples import DATA, a_record, edited, only, strips

FINGERPRINT = {"scenario": "sha256:aa", "limits": {"memory_mb": 1024}}


def a_run(folder: Path, cells: Mapping[tuple[str, str], str], *, attempts: object = 1, **changes: Any) -> Path:
    """A run folder whose cells, named by scenario and agent, went as their strips say."""
    results = [_cell(folder, scenario, agent, marks) for (scenario, agent), marks in cells.items()]
    write_json(folder / "summary.json", {**summarise(folder.name, results).to_json(), **changes})
    settings = {"attempts": attempts, "datasets": {"demo": "1.0"}}
    write_json(folder / "manifest.json", {"started_at": "2026-01-01T00:00:00.000Z", "settings": settings})
    return folder


def _cell(folder: Path, scenario: str, agent: str, marks: str) -> CellResult:
    verdict = Status.UNSOLVED if "✗" in marks else Status.SOLVED
    trials = [_trial(folder, scenario, agent, number, OUTCOMES[mark]) for number, mark in enumerate(marks, start=1)]
    return a_cell(
        scenario,
        Status.VOID if "·" in marks or not marks else verdict,
        agent=agent,
        gate="statistical",
        text="the image does not build",
        attempts=tuple(
            replace(trial.attempt_result(), wall_s=4.0, memory_peak_mb=12.5, tokens=None) for trial in trials
        ),
    )


def _trial(folder: Path, scenario: str, agent: str, number: int, outcome: Outcome) -> TrialResult:
    result = TrialResult(
        run_id=folder.name,
        cell=CellId(dataset="demo", scenario=scenario, agent=agent),
        attempt=number,
        outcome=outcome,
        folder=f"trials/{scenario}/{agent}/{number}",
        timing=Timing(agent_s=2.5),
        usage=Usage(input_tokens=90, output_tokens=10, cost_usd=0.25),
        fingerprint=FINGERPRINT,
    )
    write_json(folder / result.folder / "result.json", result.to_json())
    return result


def test_a_run_is_read_with_what_its_trials_tell(tmp_path: Path) -> None:
    run = a_run(tmp_path / "r1", {("alpha", "oracle"): "✓✗", ("beta", "oracle"): "·"})

    record = only(run)

    assert (record.origin, record.run_id, record.label, record.dataset_label) == ("run", "r1", "oracle", "demo==1.0")
    assert strips(record) == {"alpha": "✓✗", "beta": "·"}
    assert record.tasks["alpha"].fingerprint == FINGERPRINT
    assert record.tasks["alpha"].attempts[1] == AttemptResult(
        attempt=2,
        outcome=Unsolved(reason="1 of 2 checks did not pass"),
        folder="trials/alpha/oracle/2",
        agent_s=2.5,
        wall_s=4.0,
        tokens=100,
        cost_usd=0.25,
        memory_peak_mb=12.5,
        session="r1",
    )


def test_of_several_datasets_each_keeps_its_version(tmp_path: Path) -> None:
    run = a_run(tmp_path / "r1", {("alpha", "oracle"): "✓"})
    summary = json.loads((run / "summary.json").read_text())
    other = {**summary["cells"][0], "cell": "more/alpha[oracle]", "dataset": "more"}
    edited(run / "summary.json", run / "summary.json", cells=[*summary["cells"], other])
    settings = {"attempts": 1, "datasets": {"demo": "1.0", "more": "7"}}
    edited(run / "manifest.json", run / "manifest.json", settings=settings)

    record = only(run)

    assert sorted(record.tasks) == ["demo/alpha", "more/alpha"]
    assert [record.only(dataset).dataset_label for dataset in ("demo", "more")] == ["demo==1.0", "more==7"]


def test_a_cell_that_was_never_tried_is_void(tmp_path: Path) -> None:
    run = a_run(tmp_path / "r1", {("alpha", "oracle"): ""})

    assert only(run).tasks["alpha"].attempts == (
        AttemptResult(attempt=1, outcome=Void(reason="the image does not build", phase=Phase.START), session="r1"),
    )


def test_a_run_of_an_earlier_version_made_its_own_attempts(tmp_path: Path) -> None:
    run = a_run(tmp_path / "r1", {("alpha", "oracle"): "✓"})
    summary = json.loads((run / "summary.json").read_text())
    for cell in summary["cells"]:
        for attempt in cell["attempts"]:
            del attempt["session"]
    write_json(run / "summary.json", summary)

    assert [attempt.session for attempt in only(run).tasks["alpha"].attempts] == ["r1"]


def test_a_run_whose_trials_were_not_kept_is_read_from_its_summary(tmp_path: Path) -> None:
    run = a_run(tmp_path / "r1", {("alpha", "oracle"): "✓"})
    (run / "trials/alpha/oracle/1/result.json").unlink()

    (attempt,) = only(run).tasks["alpha"].attempts
    assert (attempt.reward, attempt.tokens, only(run).tasks["alpha"].fingerprint) == (1.0, None, {})


def test_agents_of_one_run_are_records_of_their_own(tmp_path: Path) -> None:
    run = a_run(tmp_path / "r1", {("alpha", "oracle"): "✓", ("alpha", "nop"): "✗"})

    assert {record.label: strips(record) for record in import_results(run)} == {
        "nop": {"alpha": "✗"},
        "oracle": {"alpha": "✓"},
    }


def test_a_run_that_chose_its_attempts_as_it_went_is_adaptive(tmp_path: Path) -> None:
    run = a_run(tmp_path / "r1", {("alpha", "oracle"): "✓"}, attempts="auto")

    assert only(run).is_adaptive


def test_without_a_manifest_later_attempts_may_have_been_added_and_that_is_noted(tmp_path: Path) -> None:
    run = a_run(tmp_path / "r1", {("alpha", "oracle"): "✓", ("beta", "oracle"): "✗✗✗"}, attempts="auto")
    (run / "manifest.json").unlink()

    record = only(run)
    assert record.is_adaptive
    (note,) = record.notes
    assert note.startswith("manifest.json is missing, ")
    assert note.endswith("that they were is assumed, so only each task's first attempt is tested")


def test_without_a_manifest_single_attempts_are_what_they_are(tmp_path: Path) -> None:
    run = a_run(tmp_path / "r1", {("alpha", "oracle"): "✓"})
    (run / "manifest.json").unlink()

    assert (only(run).is_adaptive, only(run).notes) == (False, ())


@pytest.mark.parametrize("text", ["[]", '{"started_at": "2026-01-01", "settings": null}', '{"schema_version": 99}'])
def test_a_manifest_that_is_something_else_is_named(tmp_path: Path, text: str) -> None:
    run = a_run(tmp_path / "r1", {("alpha", "oracle"): "✓"})
    (run / "manifest.json").write_text(text)

    with pytest.raises(RunFolderError, match=rf"^{run}/manifest.json .*run again$"):
        import_results(run)


def test_a_manifest_that_is_a_folder_is_named(tmp_path: Path) -> None:
    run = a_run(tmp_path / "r1", {("alpha", "oracle"): "✓"})
    (run / "manifest.json").unlink()
    (run / "manifest.json").mkdir()

    with pytest.raises(RunFolderError, match=rf"^{run}/manifest.json cannot be read: Is a directory; "):
        import_results(run)


def test_tasks_whose_conditions_are_not_known_are_noted(tmp_path: Path) -> None:
    run = a_run(tmp_path / "r1", {("alpha", "oracle"): "✓✓", ("beta", "oracle"): "✓"})
    (run / "trials/alpha/oracle/2/result.json").unlink()

    assert only(run).notes == (
        (
            "result.json is missing for attempts at 1 task, so whether files, image or limits were the same could not "
            "be checked in full: alpha"
        ),
    )


def test_a_folder_in_place_of_a_result_is_named(tmp_path: Path) -> None:
    run = a_run(tmp_path / "r1", {("alpha", "oracle"): "✓"})
    file = run / "trials/alpha/oracle/1/result.json"
    file.unlink()
    file.mkdir()

    with pytest.raises(RunFolderError, match=rf"^{file} cannot be read: Is a directory"):
        import_results(run)


def test_lost_cells_are_noted(tmp_path: Path) -> None:
    run = a_run(tmp_path / "r1", {("alpha", "oracle"): "✓"}, lost=["demo/beta[oracle]"])

    assert only(run).notes == ("1 cell was lost: collected, never reported",)


def test_a_run_without_a_summary_is_told(tmp_path: Path) -> None:
    run = a_run(tmp_path / "r1", {("alpha", "oracle"): "✓"})
    (run / "summary.json").unlink()

    with pytest.raises(RunFolderError) as error:
        import_results(run)
    assert str(error.value).startswith(f"{run} has no summary.json: its session has not ended yet, or was killed")


def test_a_damaged_trial_is_named(tmp_path: Path) -> None:
    run = a_run(tmp_path / "r1", {("alpha", "oracle"): "✓"})
    file = run / "trials/alpha/oracle/1/result.json"
    file.write_text("{")

    with pytest.raises(RunFolderError, match=rf"^{file} is damaged: "):
        import_results(run)


# -- baselines -----------------------------------------------------------------------------------------------------


def a_baseline(folder: Path, scenario: str, rewards: list[float], **changes: Any) -> Path:
    """In a folder of baselines called ``<dataset>/<label>``."""
    label = parse_label(folder.name)
    record = BaselineRecord(
        **{
            "cell": CellId(dataset=folder.parent.name, scenario=scenario, agent=label.agent, model=label.model),
            "baseline_id": f"{scenario}-2026-01-01",
            "scenario_id": scenario,
            "status": "active",
            "approved_on": "2026-01-01",
            "approved_by": "someone",
            "attempts": len(rewards),
            "solved": sum(reward >= 1 for reward in rewards),
            "rewards": rewards,
            "metrics": {"runtime_s": Measure(median=2.0, spread=2.0, values=[1.0 + n for n in range(len(rewards))])},
            "fingerprint": FINGERPRINT,
            **changes,
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{scenario}.json"
    file.write_text(serialised(record))
    return file


def test_a_folder_of_baselines_is_a_record(tmp_path: Path) -> None:
    folder = tmp_path / "baselines" / "demo" / "terminal,lab%2Fm-1"
    a_baseline(folder, "alpha", [1.0, 0.0])
    a_baseline(folder, "beta", [1.0])

    record = only(folder)

    assert (record.origin, record.run_id, record.dataset, record.agent, record.model) == (
        "baselines",
        "baselines of demo/terminal,lab%2Fm-1",
        "demo",
        "terminal",
        "lab/m-1",
    )
    assert strips(record) == {"alpha": "✓✗", "beta": "✓"}
    assert record.tasks["alpha"].attempts[1] == AttemptResult(attempt=2, outcome=Unsolved(reason=""), agent_s=2.0)
    assert record.tasks["alpha"].fingerprint == FINGERPRINT


def test_baselines_say_which_session_made_each_attempt(tmp_path: Path) -> None:
    a_baseline(tmp_path, "alpha", [1.0, 0.0, 1.0], sessions=["monday", "tuesday", "tuesday"])
    a_baseline(tmp_path, "of-an-earlier-version", [1.0, 1.0])

    sessions = {name: [a.session for a in task.attempts] for name, task in only(tmp_path).tasks.items()}
    assert sessions == {"alpha": ["monday", "tuesday", "tuesday"], "of-an-earlier-version": [None, None]}


def test_baselines_say_whose_they_are_wherever_they_lie(tmp_path: Path) -> None:
    a_baseline(tmp_path / "demo" / "terminal,lab%2Fm-1", "alpha", [1.0]).parent.rename(tmp_path / "kept")

    record = only(tmp_path / "kept")

    assert (record.dataset, record.agent, record.model) == ("demo", "terminal", "lab/m-1")


def test_baselines_of_schema_1_are_told_by_their_folder(tmp_path: Path) -> None:
    folder = tmp_path / "demo" / "terminal--lab-m-1"
    a_baseline(folder, "alpha", [1.0], schema_version=1, cell=None)

    record = only(folder)

    assert (record.dataset, record.agent, record.model) == ("demo", "terminal", "lab-m-1")


def test_all_baselines_are_read_from_the_top(tmp_path: Path) -> None:
    a_baseline(tmp_path / "demo" / "oracle", "alpha", [1.0])
    a_baseline(tmp_path / "demo" / "nop", "alpha", [0.0])

    assert [record.label for record in import_results(tmp_path)] == ["nop", "oracle"]


def test_retired_baselines_are_left_out_and_provisional_ones_noted(tmp_path: Path) -> None:
    folder = tmp_path / "demo" / "oracle"
    a_baseline(folder, "alpha", [1.0], status="retired")
    a_baseline(folder, "beta", [1.0], status="provisional")

    record = only(folder)
    assert (sorted(record.tasks), record.notes) == (["beta"], ("1 of 1 baselines are provisional",))


def test_nothing_but_retired_baselines_is_nothing(tmp_path: Path) -> None:
    a_baseline(tmp_path / "demo" / "oracle", "alpha", [1.0], status="retired")

    with pytest.raises(RunFolderError) as error:
        import_results(tmp_path)
    assert str(error.value) == f"{tmp_path} has no active baseline; approve some with --update-baselines"


def test_a_baseline_of_the_future_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "demo" / "oracle"
    a_baseline(folder, "alpha", [1.0])
    file = a_baseline(folder, "beta", [1.0])
    file.write_text(json.dumps({**json.loads(file.read_text()), "schema_version": 9}))

    with pytest.raises(BaselineError, match=rf"^{file} has schema_version 9, .* update pytest-terminalbench, or "):
        import_results(folder)


def test_one_baseline_alone_points_to_its_folder(tmp_path: Path) -> None:
    file = a_baseline(tmp_path / "demo" / "oracle", "alpha", [1.0])

    with pytest.raises(RunFolderError) as error:
        import_results(file)
    assert str(error.value) == f"{file} is one baseline; name its folder, {file.parent}, to compare all of them"


@pytest.mark.parametrize("depth", [150, 100_000])
def test_a_document_nested_without_end_is_damaged(tmp_path: Path, depth: int) -> None:
    file = tmp_path / "results.json"
    file.write_text('{"a":' * depth + "1" + "}" * depth)

    with pytest.raises(RunFolderError, match=rf"^{file} is damaged or cut off: it is not JSON \(nested too deeply\); "):
        import_results(file)


def test_rewards_above_one_are_solved_and_no_better_than_that(tmp_path: Path) -> None:
    record = only(a_run(tmp_path / "r", {("a", "oracle"): "★✓"}, attempts=2))

    assert record.tasks["a"].rewards == (1.0, 1.0)


def test_models_that_folders_once_spelled_alike_are_records_of_their_own(tmp_path: Path) -> None:
    cells = [a_cell("alpha", agent="mine", model=model) for model in ("a/b", "a-b", "a:b")]
    write_json(tmp_path / "r1" / "summary.json", summarise("r1", cells).to_json())

    records = import_results(tmp_path / "r1")

    assert [(record.label, record.model) for record in records] == [
        ("mine,a%2Fb", "a/b"),
        ("mine,a%3Ab", "a:b"),
        ("mine,a-b", "a-b"),
    ]


def test_a_run_of_schema_1_is_read_by_its_fields() -> None:
    (record,) = import_results(DATA / "run-of-schema-1")

    assert (record.agent, record.model, record.dataset_label) == ("terminal", "openai/gpt-5", "demo==1.0")
    assert record.is_adaptive
    assert strips(record) == {"alpha": "✓✗", "beta": "·"}


def test_a_run_tells_how_its_agent_was_asked_for_and_no_values(tmp_path: Path) -> None:
    folder = a_run(tmp_path / "mine", {("alpha", "mine"): "✓", ("alpha", "given"): "✓"})
    agents = [
        {"name": "mine", "model": None, "asked_as": "my agents:Mine"},
        {"name": "given", "model": None, "asked_as": None},
    ]
    write_json(
        folder / "manifest.json",
        {"started_at": "2026-01-01T00:00:00.000Z", "settings": {"agents": agents, "agent_args": ["mine:key"]}},
    )

    asked = {record.agent: record.agent_options for record in import_results(folder)}

    assert asked == {
        "mine": ("'--tb-agent=my agents:Mine'", '--tb-agent-arg=mine:key="${MINE_KEY:?}"'),
        "given": (),
    }


@pytest.mark.parametrize(("recorded", "told"), [("of/linux", Path("of/linux")), (None, None)])
def test_a_run_tells_where_its_session_had_its_baselines(
    tmp_path: Path, recorded: str | None, told: Path | None
) -> None:
    folder = a_run(tmp_path / "mine", {("alpha", "mine"): "✓"})
    write_json(
        folder / "manifest.json", {"started_at": "2026-01-01T00:00:00.000Z", "settings": {"baselines": recorded}}
    )

    (record,) = import_results(folder)

    assert record.baselines == told


def test_what_an_interrupted_session_did_not_come_to_is_told_by_task(tmp_path: Path) -> None:
    left = [a_cell_id("b"), a_cell_id("c", dataset="more"), a_cell_id("d", agent="other")]
    write_json(tmp_path / "summary.json", summarise(tmp_path.name, [a_cell("a")], not_run=left).to_json())

    record = only(tmp_path)

    assert (list(record.tasks), record.not_run) == (["demo/a"], ("demo/b", "more/c"))
    assert (list(record.only("demo").tasks), record.only("demo").not_run) == (["a"], ("b",))


def test_a_blocked_cell_is_not_void_but_left_out_for_what_differs(tmp_path: Path) -> None:
    differing = Mismatch("instruction", "sha256:aa", "sha256:bb")
    cells = [a_cell("a"), a_cell("b", Status.BLOCKED, "", mismatches=(differing,))]
    write_json(tmp_path / "summary.json", summarise(tmp_path.name, cells).to_json())

    record = only(tmp_path)
    comparison = compare_records(a_record({"a": "✓", "b": "✓"}), record)

    assert (comparison.candidate.attempts, record.blocked) == (1, {"b": (differing,)})
    assert ([one.task for one in comparison.unlike], comparison.unscored) == (["b"], ())
    assert comparison.unlike[0].mismatches == (differing,)
