"""`terminalbench report`: a run as a table and as JSON, deltas, and what is said of missing or damaged runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.baselines.record import BaselineRecord, Measure, serialised
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.documents import write_json
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.runs.deltas import delta_percent
from pytest_terminalbench.runs.gate_result import GateResult, SuiteResult
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.ledger import Closing, FileLedger
from pytest_terminalbench.runs.manifest import RunManifest, RunSettings
from pytest_terminalbench.runs.summary import read_summary, summarise
from pytest_terminalbench.sessions.closing import close_run
from pytest_terminalbench.status import Change, Status
from pytest_terminalbench.trials.result import TrialResult
from tests.cell_results import a_cell, a_cell_id, an_attempt
from tests.cli.conftest import Project
from tests.comparing.test_session_gate import GOOD, approve, cells


def attempt(
    scenario: str = "alpha",
    number: int = 1,
    *,
    agent_s: float = 2.0,
    memory: float | None = 10.0,
    solved: bool = True,
) -> AttemptResult:
    return an_attempt(
        "✓" if solved else "✗",
        number=number,
        agent_s=agent_s,
        wall_s=agent_s + 1,
        memory_peak_mb=memory,
        cost_usd=0.0,
        folder=f"trials/demo/{scenario}/oracle/{number}",
    )


def cell(name: str, *attempts: AttemptResult, status: Status = Status.SOLVED, **changes: Any) -> CellResult:
    """A cell of ``DATASET/SCENARIO``."""
    dataset, _, scenario = name.partition("/")
    facts = {"category": "scripting", "text": f"{status}, says the test", "attempts": attempts or (attempt(scenario),)}
    return a_cell(scenario, status, dataset=dataset, **{**facts, **changes})


def write_run(
    project: Project,
    run_id: str,
    *cells: CellResult,
    began: str = "10:00",
    lost: tuple[CellId, ...] = (),
    gate: GateResult | None = None,
) -> RunFolder:
    """A run's folder as sessions leave it, with a result for every trial; it becomes the latest."""
    run = RunFolder(project.path / "results" / run_id)
    started = f"2026-01-02T{began}:00.000Z"
    write_json(run.manifest, {"started_at": started, "finished_at": "2026-01-02T23:00:00.000Z", "exit_status": 1})
    for result in cells:
        for tried in result.attempts:
            write_trial(run, result, tried)
    write_json(run.summary, summarise(run_id, cells, lost=lost, gate=gate).to_json())
    run.point_latest()
    return run


def write_trial(run: RunFolder, result: CellResult, tried: AttemptResult) -> None:
    trial = TrialResult(
        run_id=run.id,
        cell=result.id,
        attempt=tried.attempt,
        outcome=tried.outcome,
        folder=tried.folder,
    )
    write_json(run.path / tried.folder / "result.json", trial.to_json())


def write_baseline(project: Project, scenario: str, *, seconds: float, memory: float, baseline_id: str = "b-1") -> Path:
    def measured(value: float) -> Measure:
        return Measure(median=value, spread=0, values=[value])

    record = BaselineRecord(
        baseline_id=baseline_id,
        cell=CellId(dataset="demo", scenario=scenario, agent="oracle"),
        scenario_id=scenario,
        status="active",
        approved_on="2026-01-01",
        approved_by="me",
        attempts=1,
        solved=1,
        rewards=[1.0],
        metrics={"runtime_s": measured(seconds), "memory_peak_mb": measured(memory)},
        fingerprint={},
    )
    return project.write(f"baselines/demo/oracle/{scenario}.json", serialised(record))


def deltas(report: Any) -> dict[str, tuple[Any, ...]]:
    """Scenario -> status before, runtime and memory deltas."""
    return {
        s["scenario_id"]: (s["status_before"], s["runtime_delta_percent"], s["memory_delta_percent"])
        for s in report["scenarios"]
    }


# -- JSON -------------------------------------------------------------------------------------------------------------


def test_the_report_as_json(project: Project) -> None:
    tries = [attempt("alpha", n, agent_s=s, memory=m) for n, s, m in [(1, 1, 8), (2, 4, 10), (3, 3, 9)]]
    run = write_run(project, "one", cell("demo/alpha", *tries, baseline_id="b-1", change=Change.IMPROVED))
    write_baseline(project, "alpha", seconds=2.0, memory=10.0)
    project.write("results/one/trials/demo/alpha/oracle/3/agent.cast", "")
    project.write("results/one/trials/demo/alpha/oracle/3/verifier/stdout", "")

    done = project.call("report", "--format", "json")

    assert (done.exit_code, done.err) == (0, "")
    report = done.json
    assert report.pop("generated_at").startswith("20")
    trial = run.path / "trials/demo/alpha/oracle/3"
    assert report.pop("scenarios") == [
        {
            "scenario_id": "alpha",
            "status": "solved",
            "status_before": None,
            "runtime_ms": 3000,
            "runtime_delta_percent": 50.0,
            "peak_memory_mb": 9,
            "memory_delta_percent": -10.0,
            "baseline_id": "b-1",
            "artifacts": {
                "run_metadata": str(trial / "result.json"),
                "agent_cast": str(trial / "agent.cast"),
                "post_test": str(trial / "verifier/stdout"),
            },
            "notes": "solved, says the test",
            "cell": "demo/alpha[oracle]",
            "dataset": "demo",
            "scenario": "alpha",
            "category": "scripting",
            "agent": "oracle",
            "model": None,
            "profile": None,
            "source": "live",
            "arguments": {},
            "improved": True,
            "xfailed": False,
            "inconclusive": False,
            "attempts": [tried.to_json() for tried in tries],
        }
    ]
    summary = report.pop("summary")
    assert {key: summary[key] for key in ("regressions", "blocked", "provisional", "solved", "mean")} == {
        "regressions": 0,
        "blocked": 0,
        "provisional": 0,
        "solved": 1,
        "mean": 1.0,
    }
    assert report.pop("words") == {
        "headline": "1 cell: 1 solved; 1 of these improved",
        "interrupted": None,
        "score": "mean 100.0% of 1 cell with 3 attempts each; no interval from so few cells and attempts",
        "gate": [],
        "attention": {"improved": ["demo/alpha[oracle]: solved, says the test"]},
    }
    assert report == {
        "run_id": "one",
        "started_at": "2026-01-02T10:00:00.000Z",
        "finished_at": "2026-01-02T23:00:00.000Z",
        "exit_status": 1,
        "folder": str(run.path),
        "deltas_against": "baselines",
        "lost": [],
        "interrupted": False,
        "not_run": [],
        "gate": GateResult(verdict="pass").to_json(),
    }


def test_regressed_blocked_and_provisional_cells_are_counted(project: Project) -> None:
    statuses = [Status.SOLVED, Status.SOLVED, Status.REGRESSED, Status.BLOCKED, Status.UNSOLVED, Status.VOID]
    cells = [cell(f"demo/s{n}", status=status) for n, status in enumerate(statuses)]
    write_run(project, "one", *cells, cell("demo/s9", baseline_id="b-1"))

    summary = project.call("report", "--format", "json").json["summary"]

    assert {key: summary[key] for key in ("regressions", "blocked", "provisional")} == {
        "regressions": 1,
        "blocked": 1,
        "provisional": 2,
    }


def test_a_baseline_approved_since_then_is_nothing_to_compare_with(project: Project) -> None:
    write_run(project, "one", cell("demo/alpha", baseline_id="b-1"))
    write_baseline(project, "alpha", seconds=1, memory=1, baseline_id="b-2")

    assert deltas(project.call("report", "--format", "json").json) == {"alpha": (None, None, None)}


def test_a_damaged_baseline_does_not_keep_a_run_from_being_reported(project: Project) -> None:
    write_run(project, "one", cell("demo/alpha", baseline_id="b-1"))
    project.write("baselines/demo/oracle/alpha.json", "{")

    assert project.call("report", "--format", "json").exit_code == 0


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [(3.0, 2.0, 50.0), (1.0, 3.0, -66.7), (2.0, 2.0, 0.0), (1.0, 0.0, None), (None, 1.0, None), (1.0, None, None)],
)
def test_deltas_are_percent_of_what_was_before(now: float | None, before: float | None, expected: float | None) -> None:
    assert delta_percent(now, before) == expected


# -- which runs -------------------------------------------------------------------------------------------------------


def test_deltas_are_taken_against_the_run_before_that_has_one_of_the_cells(project: Project) -> None:
    slow = attempt("alpha", agent_s=4.0, memory=20.0, solved=False)
    write_run(project, "z-first", cell("demo/alpha", slow, status=Status.UNSOLVED), began="08:00")
    write_run(project, "a-second", cell("demo/other"), began="09:00")
    write_run(project, "later", cell("demo/alpha"), began="11:00")
    write_run(project, "m-third", cell("demo/alpha"), cell("demo/beta"), began="10:00")

    report = project.call("report", "--deltas", "--format", "json").json

    assert (report["run_id"], report["deltas_against"]) == ("m-third", "z-first")
    assert deltas(report) == {"alpha": ("unsolved", -50.0, -50.0), "beta": (None, None, None)}


def test_runs_that_are_damaged_or_unfinished_are_no_run_before(project: Project) -> None:
    write_run(project, "good", cell("demo/alpha"), began="07:00")
    write_run(project, "unfinished", cell("demo/alpha"), began="08:00").summary.unlink()
    write_run(project, "damaged", cell("demo/alpha"), began="09:00").summary.write_text("{")
    write_run(project, "no-manifest", cell("demo/alpha"), began="09:30").manifest.write_text("[]")
    write_run(project, "now", cell("demo/alpha"), began="10:00")

    assert project.call("report", "--deltas", "--format", "json").json["deltas_against"] == "good"


def test_a_first_run_has_no_deltas_and_says_so(project: Project) -> None:
    write_run(project, "one", cell("demo/alpha"))

    done = project.call("report", "--deltas", "--format", "json")

    assert (done.exit_code, done.err) == (0, "no run before one has any of its cells, so there are no deltas\n")
    assert done.json["deltas_against"] is None


def test_a_run_and_the_one_to_compare_with_can_be_named(project: Project) -> None:
    first = write_run(project, "first", cell("demo/alpha", attempt("alpha", agent_s=1.0)))
    write_run(project, "second", cell("demo/alpha"))

    report = project.call("report", "first", "--against", "second", "--format", "json").json

    assert (report["run_id"], deltas(report)) == ("first", {"alpha": ("solved", -50.0, 0.0)})
    by_path = project.call("report", first.path, "--results", "nowhere", "--format", "json").json
    assert by_path["run_id"] == "first"


def test_cells_of_one_dataset_are_counted_alone(project: Project) -> None:
    write_run(project, "one", cell("demo/alpha"), cell("more/beta", status=Status.REGRESSED))

    report = project.call("report", "--dataset", "demo", "--format", "json").json
    unknown = project.call("report", "--dataset", "nope")

    assert [s["cell"] for s in report["scenarios"]] == ["demo/alpha[oracle]"]
    assert (report["summary"]["cells"], report["summary"]["regressions"]) == (1, 0)
    assert (unknown.exit_code, unknown.err) == (
        4,
        "terminalbench: --dataset 'nope': run one has cells of demo, more\n",
    )


def test_what_the_suite_gate_said_of_a_dataset_and_what_is_lost_stand_in_its_report(project: Project) -> None:
    lower = SuiteResult(verdict="fail", reason="worse by 20 points", p=0.01, effect=-0.2, tasks=9)
    same = SuiteResult(verdict="pass", reason="as approved", p=0.6, effect=0.0, tasks=9)
    gate = GateResult.of_agents(
        {"demo oracle": lower, "more oracle": same},
        verdicts={"demo oracle": "fail", "more oracle": "pass"},
        metrics={},
        failures=["demo oracle: worse by 20 points"],
    )
    cells = [cell("demo/alpha"), cell("more/beta"), cell("demo/chi", status=Status.INCONCLUSIVE)]
    write_run(project, "one", *cells, lost=(a_cell_id("psi"), a_cell_id("rho", dataset="more")), gate=gate)

    both, demo, more = (
        project.call("report", *chosen, "--format", "json").json
        for chosen in ([], ["--dataset", "demo"], ["--dataset", "more"])
    )

    assert [report["gate"]["verdict"] for report in (both, demo, more)] == ["fail", "fail", "pass"]
    assert list(demo["gate"]["agents"]) == ["demo oracle"]
    assert (demo["gate"]["failures"], more["gate"]["failures"]) == (["demo oracle: worse by 20 points"], [])
    assert (demo["summary"]["lost"], demo["summary"]["inconclusive"], demo["lost"]) == (1, 1, ["demo/psi[oracle]"])
    table = project.call("report", "--dataset", "demo").out.splitlines()
    assert "suite gate: FAIL: demo oracle: worse by 20 points" in table
    assert "lost: demo/psi[oracle]: was collected and never reported" in table
    assert "inconclusive: demo/chi[oracle]: inconclusive, says the test" in table
    assert "3 cells: 1 solved, 1 inconclusive, 1 lost" in table
    assert not [line for line in table if "more" in line]


# -- the table --------------------------------------------------------------------------------------------------------


def test_the_report_as_a_table(project: Project) -> None:
    worse = cell("demo/beta", attempt("beta", solved=False), status=Status.REGRESSED)
    better = cell("demo/gamma", change=Change.IMPROVED, baseline_id="b-1", category="git")
    void = replace(cell("demo/omega", status=Status.VOID), attempts=())
    write_run(project, "one", cell("demo/alpha"), worse, better, void, lost=(a_cell_id("psi"),))

    done = project.call("report")

    assert done.exit_code == 0
    assert done.out.splitlines() == [
        "run one: demo; agent oracle",
        "began 2026-01-02 10:00:00, ended 2026-01-02 23:00:00 with exit code 1",
        "",
        "category     cells  solved  regressed  void  lost  seconds",
        "(not known)      1       -          -     -     1      0.0",
        "git              1       1          -     -     -      3.0",
        "scripting        3       1          1     1     -      6.0",
        "all              5       2          1     1     1      9.0",
        "",
        "cell           status     attempts  median agent s  median peak MiB",
        "alpha[oracle]  solved     ✓                   2.00             10.0",
        "beta[oracle]   regressed  ✗                   2.00             10.0",
        "gamma[oracle]  solved     ✓                   2.00             10.0",
        "omega[oracle]  void                              -                -",
        "psi[oracle]    lost                              -                -",
        "",
        "regressed: demo/beta[oracle]: regressed, says the test",
        "void: demo/omega[oracle]: void, says the test",
        "lost: demo/psi[oracle]: was collected and never reported",
        "improved: demo/gamma[oracle]: solved, says the test (approve with --update-baselines)",
        "5 cells: 2 solved, 1 regressed, 1 void, 1 lost; 1 of these improved",
        "mean 66.7% of 3 cells with 1 attempt each; 95 % interval 20.8% to 93.9% for tasks like these (Wilson)",
        "results: results/one",
    ]


def test_deltas_in_the_table(project: Project) -> None:
    before = attempt("alpha", agent_s=1.6, memory=None, solved=False)
    write_run(project, "old", cell("demo/alpha", before, status=Status.UNSOLVED), cell("demo/beta"))
    write_run(project, "new", *(cell(f"demo/{name}") for name in ("alpha", "beta", "gamma")), began="11:00")

    lines = project.call("report", "--deltas").out.splitlines()

    assert lines[lines.index("compared with run old:") :][:5] == [
        "compared with run old:",
        "cell           status  before     median agent s   change  median peak MiB  change",
        "alpha[oracle]  solved  unsolved             2.00  +25.0 %             10.0       -",
        "beta[oracle]   solved  the same             2.00   +0.0 %             10.0  +0.0 %",
        "gamma[oracle]  solved  not there            2.00        -             10.0       -",
    ]


def test_an_attempt_has_the_same_mark_as_in_comparisons(project: Project) -> None:
    attempts = [an_attempt(mark, number=number) for number, mark in enumerate("✓★◐✗·", start=1)]
    write_run(project, "one", cell("demo/alpha", *attempts, status=Status.UNSOLVED))

    shown = project.call("report", "one").out
    compared = project.call("compare", "one", "one", "--format", "json").json

    assert "✓✓◐✗·" in shown
    assert compared["tasks"][0]["candidate"]["strip"] == "✓✓◐✗·"


def test_a_run_without_cells_can_be_shown(project: Project) -> None:
    write_run(project, "one")

    done = project.call("report")

    assert (done.exit_code, done.out.splitlines()[0]) == (0, "run one: no cells")


# -- missing and damaged ----------------------------------------------------------------------------------------------


def refused(project: Project, *arguments: str) -> str:
    """The message of a report that ends with 3, the same for both formats, with nothing on stdout."""
    table = project.call("report", *arguments)
    assert (table.exit_code, table.out) == (3, "")
    assert project.call("report", *arguments, "--format", "json") == table
    return table.err


def test_no_run_at_all(project: Project) -> None:
    results = project.path / "results"

    assert refused(project) == f"terminalbench: no run at {results / 'latest'}; {results} has no runs\n"


def test_an_unknown_run_names_those_there_are(project: Project) -> None:
    write_run(project, "one", cell("demo/alpha"))
    results = project.path / "results"

    said = f"terminalbench: no run at {results / 'two'}; runs in {results}: one\n"
    assert refused(project, "two") == said
    assert refused(project, "--against", "two") == said


def test_a_run_whose_session_was_killed(project: Project) -> None:
    run = write_run(project, "one", cell("demo/alpha"))
    run.summary.unlink()

    assert refused(project) == (
        f"terminalbench: {run.path} has no summary.json: its session has not ended yet, or was killed before it could "
        "write one; `terminalbench report one --rebuild` makes one of the cells that had reported\n"
    )


def change(run: RunFolder, path: str, value: object) -> None:
    """Set the value at a dotted path of the run's summary."""
    content = json.loads(run.summary.read_text())
    place = content
    *above, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in above:
        place = place[part]
    place[last] = value
    run.summary.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("cells", {}, "cells is {}, not a list"),
        ("totals.solved", "1", "totals.solved is '1', not a whole number"),
        ("interval.low", None, "interval.low is None, not a number"),
        ("cells.0", 7, "cells[0] is no object"),
        ("cells.0.status", None, "cells[0].status is None, not text"),
        ("cells.0.status", "fine", "cells[0] is wrong: 'fine' is not a valid Status"),
        ("cells.0.agent", "nop", "cells[0].cell is 'demo/alpha[oracle]', but its other fields make it demo/alpha[nop]"),
        ("cells.0.attempts.0", "x", "cells[0].attempts[0] is no object"),
        ("cells.0.attempts.0.agent_s", "2", "cells[0].attempts[0].agent_s is '2', not a number"),
        ("cells.0.attempts.0.reward", None, "cells[0].attempts[0] is wrong: reward is None, not a number"),
        ("lost", [1], "lost[0] is 1, not text"),
        ("intervals", "x", "intervals is 'x', not a list"),
        ("intervals", [1], "intervals[0] is no object"),
        ("intervals", [{"low": "x"}], "intervals[0].low is 'x', not a number"),
        ("pass_at_k", [], "pass_at_k is no object"),
        ("pass_hat_k", {"1": "x"}, "pass_hat_k.1 is 'x', not a number"),
        ("totals", None, "totals is no object"),
        ("gate", [], "gate is no object"),
        ("gate.verdict", 1, "gate.verdict is 1, not text"),
        ("gate.agents", [], "gate.agents is no object"),
        ("gate.agents", {"a": 1}, "gate.agents.a is no object"),
        ("gate.metrics", 1, "gate.metrics is no object"),
    ],
)
def test_a_damaged_summary_says_where(project: Project, path: str, value: object, said: str) -> None:
    run = write_run(project, "one", cell("demo/alpha"))
    change(run, path, value)

    assert refused(project) == (
        f"terminalbench: {run.summary} is damaged: {said}; restore it from where the run was made, or run again\n"
    )


@pytest.mark.parametrize("name", ["summary.json", "manifest.json", "trials/demo/alpha/oracle/1/result.json"])
@pytest.mark.parametrize("text", ["[]", '"x"', "null", '{"a":' * 100_000, '{"schema_version": 99}'])
def test_what_is_something_else_is_refused_with_the_cure(project: Project, name: str, text: str) -> None:
    run = write_run(project, "one", cell("demo/alpha"))
    (run.path / name).write_text(text)

    said = refused(project)
    assert said.startswith(f"terminalbench: {run.path / name} ")
    assert said.endswith("restore it from where the run was made, or run again\n")
    if "99" in text:
        assert "update pytest-terminalbench" in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"schema_version": 99},
            "has schema_version 99, and this version of pytest-terminalbench reads 1 and 2; update ",
        ),
        ({"settings": None}, "is damaged: settings is no object; "),
        ({"settings": {"attempts": []}}, "is damaged: settings.attempts is [], not a whole number; "),
        ({"started_at": 3}, "is damaged: started_at is 3, not text; "),
    ],
)
def test_a_damaged_manifest_says_where(project: Project, change: dict[str, Any], said: str) -> None:
    run = write_run(project, "one", cell("demo/alpha"))
    write_json(run.manifest, {**json.loads(run.manifest.read_text()), **change})

    assert refused(project).startswith(f"terminalbench: {run.manifest} {said}")


@pytest.mark.parametrize("damaged", ["summary.json", "manifest.json", "trials/demo/alpha/oracle/1/result.json"])
def test_a_damaged_file_is_named(project: Project, damaged: str) -> None:
    run = write_run(project, "one", cell("demo/alpha"))
    (run.path / damaged).write_bytes(b"\xff{")

    assert refused(project).startswith(f"terminalbench: {run.path / damaged} is ")


def test_a_trial_without_a_result_is_damage_but_no_trials_at_all_are_not(project: Project) -> None:
    """Who archives only the summaries can still read them."""
    run = write_run(project, "one", cell("demo/alpha"))
    trial = run.path / "trials/demo/alpha/oracle/1"
    (trial / "result.json").unlink()

    assert "result.json" in refused(project)
    trial.rmdir()
    assert project.call("report").exit_code == 0


# -- interrupted ------------------------------------------------------------------------------------------------------


class TestInterrupted:
    """What an interrupted session came to is no whole run, whatever its cells came to; and no damaged one."""

    INTERRUPTION = "interrupted: 2 cells not run, so all numbers are of the others alone"

    @pytest.fixture
    def interrupted(self, project: Project) -> Project:
        """A run of alpha, and of beta and gamma that did not come to it."""
        run = RunFolder(project.path / "results" / "one")
        expected = tuple(a_cell_id(name) for name in ("alpha", "beta", "gamma"))
        manifest = RunManifest(
            run_id="one",
            started_at="2026-01-02T10:00:00.000Z",
            finished_at="2026-01-02T10:01:00.000Z",
            exit_status=2,
            expected=expected,
        )
        write_json(run.manifest, manifest.to_json())
        ledger = FileLedger(run.ledger)
        ledger.record(cell("demo/alpha"))
        ledger.close(Closing(exit_status=2, is_interrupted=True))
        close_run(run, gate=None)
        return project

    def test_the_table_says_so(self, interrupted: Project) -> None:
        done = interrupted.call("report", "one")

        assert (done.exit_code, done.err) == (0, "")
        lines = done.out.splitlines()
        assert lines[1] == "began 2026-01-02 10:00:00, ended 2026-01-02 10:01:00 with exit code 2"
        assert lines[lines.index(self.INTERRUPTION) + 1] == "1 cell: 1 solved; 2 not run"

    def test_the_markdown_says_so_first(self, interrupted: Project) -> None:
        report = (interrupted.path / "results/one/report.md").read_text()

        assert report.splitlines()[2] == f"**I{self.INTERRUPTION[1:]}.**"

    @pytest.mark.parametrize("options", [[], ["--dataset", "demo"]], ids=["whole", "of a dataset"])
    def test_so_does_json_and_its_gate_passes_nothing(self, interrupted: Project, options: list[str]) -> None:
        told = interrupted.call("report", "one", "--format", "json", *options).json

        assert (told["interrupted"], told["not_run"]) == (True, ["demo/beta[oracle]", "demo/gamma[oracle]"])
        assert told["words"]["interrupted"] == self.INTERRUPTION
        assert told["words"]["headline"] == "1 cell: 1 solved; 2 not run"
        assert told["gate"]["verdict"] == "inconclusive"

    def test_one_that_was_not_says_so_too(self, project: Project) -> None:
        write_run(project, "one", cell("demo/alpha"))

        told = project.call("report", "--format", "json").json

        assert (told["interrupted"], told["not_run"], told["words"]["interrupted"]) == (False, [], None)
        assert told["gate"]["verdict"] == "pass"


# -- made again -------------------------------------------------------------------------------------------------------


def test_a_killed_run_is_reported_from_what_had_reported(project: Project) -> None:
    run = RunFolder(project.path / "results" / "one")
    expected = (a_cell_id("alpha"), a_cell_id("beta"))
    manifest = RunManifest(run_id="one", started_at="2026-01-02T10:00:00.000Z", expected=expected)
    write_json(run.manifest, manifest.to_json())
    FileLedger(run.ledger).record(cell("demo/alpha"))

    done = project.call("report", "one", "--rebuild")

    assert done.exit_code == 0
    assert done.err == (
        "summary.json and report.md of one are rebuilt\n"
        "no gate was recorded of these cells, so it was asked anew, of the baselines in baselines as they are now\n"
    )
    assert "2 cells: 1 solved, 1 lost" in done.out.splitlines()
    assert read_summary(run.summary).lost == ("demo/beta[oracle]",)
    assert run.report.read_text().startswith("# Run one\n")


@pytest.mark.parametrize(
    ("options", "folder", "verdict"),
    [([], "strict/approved", "fail"), (["--baselines", "lenient"], "lenient", "inconclusive")],
    ids=["recorded", "typed"],
)
def test_a_gate_is_asked_where_the_session_had_its_baselines(
    project: Project, options: list[str], folder: str, verdict: str
) -> None:
    approve(project.path / "strict/approved", GOOD)
    approve(project.path / "lenient", {name: [0, 0, 1, 0] for name in GOOD})
    write_ledger(project, cells({name: [0, 0, 1, 0] for name in GOOD}), RunSettings(baselines="strict/approved"))

    done = project.call("report", "one", "--rebuild", "--format", "json", *options)

    assert (done.exit_code, done.json["gate"]["verdict"]) == (0, verdict)
    assert done.err.splitlines()[1].endswith(f" so it was asked anew, of the baselines in {folder} as they are now")


def test_a_gate_that_is_recorded_is_asked_nowhere_again(project: Project) -> None:
    run = write_ledger(project, cells({name: [0, 0, 1, 0] for name in GOOD}), RunSettings())
    FileLedger(run.ledger).record_gate(GateResult(verdict="fail"))

    done = project.call("report", "one", "--rebuild", "--format", "json", "--baselines", str(project.path))

    assert (done.json["gate"]["verdict"], done.err) == ("fail", "summary.json and report.md of one are rebuilt\n")


@pytest.mark.parametrize(("options", "delta"), [([], 50.0), (["--baselines", "other"], None)])
def test_deltas_are_against_what_was_approved_where_the_session_had_its_baselines(
    project: Project, options: list[str], delta: float | None
) -> None:
    approve(project.path / "strict/approved", {"alpha": [1]}, seconds=2.0)
    (project.path / "other").mkdir()
    (result,) = cells({"alpha": [1]}, seconds=3.0)
    run = write_ledger(project, [replace(result, baseline_id="alpha-1")], RunSettings(baselines="strict/approved"))
    FileLedger(run.ledger).record_gate(GateResult(verdict="pass"))

    (told,) = project.call("report", "one", "--rebuild", "--format", "json", *options).json["scenarios"]

    assert told["runtime_delta_percent"] == delta


def write_ledger(project: Project, results: Sequence[CellResult], settings: RunSettings) -> RunFolder:
    """The run ``one`` as it lies there before its session closes it."""
    run = RunFolder(project.path / "results" / "one")
    expected = tuple(result.id for result in results)
    manifest = RunManifest(run_id="one", started_at="2026-01-02T10:00:00.000Z", settings=settings, expected=expected)
    write_json(run.manifest, manifest.to_json())
    for result in results:
        FileLedger(run.ledger).record(result)
    return run


def test_a_run_of_an_earlier_version_cannot_be_made_again(project: Project) -> None:
    run = write_run(project, "one", cell("demo/alpha"))
    before = run.summary.read_bytes()

    done = project.call("report", "--rebuild")

    assert (done.exit_code, done.out) == (3, "")
    assert done.err == (
        f"terminalbench: {run.path} has no ledger.jsonl: the run was made by an earlier version, and its summary "
        "cannot be made again\n"
    )
    assert run.summary.read_bytes() == before


def test_what_nobody_can_tell_is_in_the_table_as_in_the_report(project: Project) -> None:
    doubtful = cell("demo/alpha", attempt(solved=False), status=Status.INCONCLUSIVE, tolerated=True)
    write_run(project, "one", doubtful)

    assert "inconclusive: demo/alpha[oracle]: inconclusive, says the test" in project.call("report").out.splitlines()
