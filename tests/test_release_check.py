"""What an acknowledgement does: the life of incidents, from tickets, later runs and baselines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.baselines.audit import AUDIT, AuditLog, record_digest
from pytest_terminalbench.baselines.comparison_policy import METRICS, SOLVE_RATE, ComparisonPolicy
from pytest_terminalbench.baselines.move import plan_move
from pytest_terminalbench.baselines.record import BaselineRecord, read_record, serialised
from pytest_terminalbench.baselines.rewrite import write_rewrites
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.comparing.session_gate import ActorGate, RunGate, WorseTask
from pytest_terminalbench.comparing.suite_comparison import compare_suite
from pytest_terminalbench.documents import write_json
from pytest_terminalbench.incidents import acknowledge, incidents_of, open_incidents, problems_of
from pytest_terminalbench.release_check import ReviewedIncident, review_incidents, unresolved
from pytest_terminalbench.runs.gate_result import GateResult, MetricResult, SuiteResult
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.manifest import RunManifest
from pytest_terminalbench.runs.summary import RunSummary, summarise
from pytest_terminalbench.settings import IncidentSettings
from pytest_terminalbench.status import Status
from tests.cell_results import a_cell, a_cell_id
from tests.counted_calls import calls_into

# A run after the tickets, which are opened while the test runs.
LATER = "2999-01-01T00:00:00.000Z"


class Project:
    """Runs, their incidents, and baselines, in one folder."""

    def __init__(self, path: Path) -> None:
        self.results = path / "results"
        self.baselines = path / "baselines"

    def run(self, run_id: str, *cells: CellResult, gate: GateResult | None = None, began: str = LATER) -> RunSummary:
        """A run without incidents."""
        run = RunFolder(self.results / run_id)
        summary = summarise(run_id, cells, gate=gate)
        write_json(run.manifest, RunManifest(run_id=run_id, started_at=began).to_json())
        write_json(run.summary, summary.to_json())
        return summary

    def session(
        self, run_id: str, *cells: CellResult, gate: GateResult | None = None, worse: Sequence[str] = ()
    ) -> None:
        """A run that opens incidents, the one that everything begins with; as a whole it solved `worse` less."""
        summary = self.run(run_id, *cells, gate=gate, began="2026-01-01T00:00:00.000Z")
        run = RunFolder(self.results / run_id)
        settings = IncidentSettings()
        incidents = incidents_of(summary, run.path, settings, gate=a_run_gate(*worse))
        open_incidents(incidents, run.incidents, settings)

    def approve(self, scenario: str, baseline_id: str, status: Any = "active") -> None:
        cell = a_cell_id(scenario)
        record = BaselineRecord(
            baseline_id=baseline_id,
            cell=cell,
            scenario_id=scenario,
            status=status,
            approved_on="2026-01-01",
            approved_by="me",
            attempts=1,
            solved=1,
            rewards=[1.0],
            metrics={},
            fingerprint={},
        )
        file = self.baselines / cell.baseline_file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(serialised(record))

    def move(self, old: str, new: str) -> None:
        log = AuditLog(self.baselines / AUDIT)
        for file in sorted(self.baselines.glob("*/*/*.json")):
            record = read_record(file)
            assert record is not None
            digest = record_digest(file.read_text())
            log.append({"action": "approved", "cell": record.cell.baseline_name, "record": digest})  # type: ignore[union-attr]
        write_rewrites(plan_move(self.baselines, old, new), self.baselines, by="me", again="move")

    def acknowledge(self) -> None:
        acknowledge(self.results, "first-1", by="Ada")

    @property
    def incident(self) -> ReviewedIncident:
        (incident,), damaged = review_incidents(self.results, self.baselines)
        assert damaged == []
        return incident

    @property
    def state(self) -> str:
        return self.incident.state.value


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Where the cell `a`, approved as b-1, has regressed."""
    project = Project(tmp_path)
    project.approve("a", "b-1")
    project.session("first", a_cell("a", Status.REGRESSED, "✗", baseline_id="b-1"))
    return project


def test_until_somebody_acknowledges_it_an_incident_is_open(project: Project) -> None:
    assert (project.state, project.incident.why) == ("open", "nobody has acknowledged it")

    project.acknowledge()

    assert (project.state, project.incident.why) == ("acknowledged", "acknowledged by Ada")


def test_fixed_it_is_resolved_whether_or_not_somebody_took_it(project: Project) -> None:
    project.run("second", a_cell("a", Status.SOLVED, baseline_id="b-1"))

    assert (project.state, project.incident.why) == ("resolved", "it has passed since")


@pytest.mark.parametrize(
    "later",
    [
        a_cell("a", Status.REGRESSED, "✗", baseline_id="b-1"),
        a_cell("a", Status.INCONCLUSIVE, "✗", baseline_id="b-1", tolerated=True),
        a_cell("a", Status.VOID, "·"),
        a_cell("a", Status.BLOCKED, "", baseline_id="b-1"),
        # What is being approved was not compared.
        a_cell("a", Status.AS_BASELINE, "✗"),
        a_cell("a", Status.SOLVED, baseline_id="b-2"),
        a_cell("b", Status.SOLVED, baseline_id="b-1"),
        a_cell("a", Status.SOLVED, baseline_id="b-1", agent="other"),
    ],
    ids=lambda cell: f"{cell.key} {cell.status} {cell.baseline_id}",
)
def test_nothing_else_fixes_it(project: Project, later: CellResult) -> None:
    project.run("second", later)

    assert project.state == "open"


def test_a_run_before_it_fixes_nothing(project: Project) -> None:
    project.run("earlier", a_cell("a", Status.SOLVED, baseline_id="b-1"), began="2020-01-01T00:00:00.000Z")

    assert project.state == "open"


def test_its_own_run_judged_again_fixes_it(project: Project) -> None:
    """`terminalbench regrade`, where the verifier was wrong."""
    project.run("first", a_cell("a", Status.SOLVED, baseline_id="b-1"), began="2026-01-01T00:00:00.000Z")

    assert project.state == "resolved"


def test_approved_anew_it_is_resolved_only_when_somebody_has_taken_it(project: Project) -> None:
    project.approve("a", "b-2")
    assert project.state == "open"

    project.acknowledge()

    assert (project.state, project.incident.why) == ("resolved", "acknowledged by Ada, and approved anew")


def test_a_baseline_that_was_moved_is_not_approved_anew(project: Project) -> None:
    project.acknowledge()

    project.move("demo/oracle", "demo/other")
    assert project.state == "acknowledged"

    project.run("second", a_cell("a", Status.SOLVED, baseline_id="b-1", agent="other"))
    assert project.state == "resolved"


def test_a_baseline_that_is_retired_asks_for_nothing_any_more(project: Project) -> None:
    project.acknowledge()
    project.approve("a", "b-1", status="retired")

    assert project.state == "resolved"


def test_without_a_baseline_every_attempt_has_to_be_solved(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.session("first", a_cell("a", Status.UNSOLVED, "✗"))
    project.run("second", a_cell("a", Status.AS_BASELINE, "✗", baseline_id="b-1"))
    assert project.state == "open"

    project.run("third", a_cell("a", Status.SOLVED))

    assert project.state == "resolved"


def test_of_several_cells_all_have_to_be_fixed_or_approved(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.session("first", *(a_cell(name, Status.REGRESSED, "✗", baseline_id=f"{name}-1") for name in "ab"))
    project.acknowledge()
    project.run("second", a_cell("a", Status.SOLVED, baseline_id="a-1"))
    project.approve("b", "b-1")
    assert project.state == "acknowledged"

    project.approve("b", "b-2")

    assert project.state == "resolved"


def a_gate(verdict: str) -> GateResult:
    suite = SuiteResult(verdict=verdict, reason="worse" if verdict == "fail" else "as approved")
    failures = [f"demo oracle: {suite.reason}"] if verdict != "pass" else []
    return GateResult.of_agents({"demo oracle": suite}, metrics={}, failures=failures)


def a_dearer_gate(solve_rate: str = "pass") -> GateResult:
    metrics = {"demo oracle": {"cost_usd": MetricResult(verdict="fail", reason="twice as much")}}
    return replace(a_gate(solve_rate), metrics=metrics, verdicts={"demo oracle": "fail"}, verdict="fail")


def a_run_gate(*worse: str) -> RunGate:
    """Of a run in which these scenarios did worse, whatever is judged."""
    tasks = tuple(WorseTask(scenario=name, text=f"{name} 1/1 → 0/1") for name in worse)
    comparison = compare_suite([], policy=ComparisonPolicy())
    worse_in = dict.fromkeys([SOLVE_RATE, *(metric.name for metric in METRICS)], tasks)
    actor = ActorGate(comparison=comparison, baselines=Path(), label="oracle", worse=worse_in, is_approved=True)
    return RunGate(actors={"demo oracle": actor})


def tell_nothing_of_what_was_worse(project: Project) -> None:
    """As tickets of earlier versions."""
    file = project.incident.file
    content = json.loads(file.read_text())
    write_json(file, {key: value for key, value in content.items() if key not in ("worse_in", "once_more")})


def new_kinds(project: Project, summary: RunSummary) -> list[str]:
    """Of the incidents that a run would open now."""
    known = unresolved(project.results, project.baselines, problems_of(summary))
    return [incident.kind for incident in incidents_of(summary, Path("new"), IncidentSettings(), known=known)]


class TestSuiteGate:
    @pytest.fixture
    def project(self, tmp_path: Path) -> Project:
        project = Project(tmp_path)
        project.session("first", *self.cells("a", "b"), gate=a_gate("fail"))
        for name in "ab":
            project.approve(name, f"{name}-1")
        return project

    def cells(self, *names: str) -> list[CellResult]:
        return [a_cell(name, Status.AS_BASELINE, "✗", baseline_id=f"{name}-1") for name in names]

    def test_it_is_fixed_when_it_has_passed_over_the_same_cells(self, project: Project) -> None:
        assert project.state == "open"
        project.run("second", *self.cells("a"), gate=a_gate("pass"))
        assert project.state == "open"

        project.run("third", *self.cells("a", "b", "c"), gate=a_gate("pass"))

        assert project.state == "resolved"

    def test_that_nobody_can_tell_is_no_recurrence_of_a_regression(self, project: Project) -> None:
        """Neither where the session fails for it nor where it does not."""
        doubtful = summarise("second", self.cells("a", "b"), gate=a_gate("inconclusive"))
        tolerated = replace(doubtful, gate=replace(doubtful.gate, failures=()))
        worse = summarise("third", self.cells("a", "b"), gate=a_gate("fail"))

        assert new_kinds(project, doubtful) == ["suite-gate-inconclusive"]
        assert (new_kinds(project, tolerated), new_kinds(project, worse)) == ([], [])
        assert not unresolved(project.results, project.baselines, problems_of(tolerated))

    def test_a_doubt_covers_no_regression_after_it(self, tmp_path: Path) -> None:
        project = Project(tmp_path)
        project.session("first", *self.cells("a"), gate=a_gate("inconclusive"))

        again = summarise("second", self.cells("a"), gate=a_gate("inconclusive"))
        worse = summarise("second", self.cells("a"), gate=a_gate("fail"))

        assert (new_kinds(project, again), new_kinds(project, worse)) == ([], ["suite-gate"])

    def test_a_metric_that_was_worse_has_to_be_judged_again(self, tmp_path: Path) -> None:
        """Also of an agent that always does the same, which has no suite of its own."""

        def gate(verdict: str | None) -> GateResult:
            metrics = {"runtime_s": MetricResult(verdict="pass", reason="as fast")}
            if verdict:
                metrics["memory_peak_mb"] = MetricResult(verdict=verdict, reason="so much")
            failures = ["demo oracle: so much"] if verdict == "fail" else []
            overall = {"demo oracle": "fail" if failures else "pass"}
            return GateResult.of_agents({}, verdicts=overall, metrics={"demo oracle": metrics}, failures=failures)

        project = Project(tmp_path)
        project.approve("a", "a-1")
        project.session("first", *self.cells("a"), gate=gate("fail"))
        project.run("second", *self.cells("a"), gate=gate(None))
        assert project.state == "open"

        project.run("third", *self.cells("a"), gate=gate("pass"))

        assert project.state == "resolved"

    def test_a_run_of_an_earlier_version_whose_suite_passed_and_whose_gate_did_not_fixes_nothing(
        self, project: Project
    ) -> None:
        """Neither did its tickets say what was worse, nor its runs what the two came to together."""
        tell_nothing_of_what_was_worse(project)
        passed = replace(a_gate("pass"), verdicts={}, failures=("demo oracle: took more memory than approved",))

        project.run("second", *self.cells("a", "b"), gate=passed)

        assert project.state == "open"

    def test_worse_in_something_else_it_opens_another(self, project: Project) -> None:
        """Also where somebody has taken the first one: a drop of the solve rate says nothing of the cost."""
        project.acknowledge()
        dearer = summarise("second", self.cells("a", "b"), gate=a_dearer_gate())
        both = summarise("second", self.cells("a", "b"), gate=a_dearer_gate(solve_rate="fail"))

        assert [problem.worse_in for problem in problems_of(both)] == ["solve_rate", "cost_usd"]
        assert new_kinds(project, dearer) == new_kinds(project, both) == ["suite-gate"]

    def test_one_of_an_earlier_version_that_does_not_say_what_was_worse_covers_nothing(self, project: Project) -> None:
        tell_nothing_of_what_was_worse(project)

        worse = summarise("second", self.cells("a", "b"), gate=a_gate("fail"))

        assert new_kinds(project, worse) == ["suite-gate"]

    def test_what_is_worse_in_something_else_is_fixed_all_the_same(self, project: Project) -> None:
        """That has a ticket of its own."""
        project.run("second", *self.cells("a", "b"), gate=a_dearer_gate())

        assert project.state == "resolved"

    def test_approved_anew_it_is_resolved_only_when_somebody_has_taken_it(self, project: Project) -> None:
        project.approve("b", "b-2")
        assert project.state == "open"

        project.acknowledge()

        assert project.state == "resolved"

    def test_only_an_approval_of_all_that_was_worse_resolves_it(self, tmp_path: Path) -> None:
        project = Project(tmp_path)
        for name in "abc":
            project.approve(name, f"{name}-1")
        project.session("first", *self.cells("a", "b", "c"), gate=a_gate("fail"), worse=("a", "b"))
        project.acknowledge()
        again = summarise("second", self.cells("a", "b", "c"), gate=a_gate("fail"))

        project.approve("c", "c-2")
        assert (project.state, new_kinds(project, again)) == ("acknowledged", [])

        # The gate goes by another baseline since, which a new drop is beside.
        project.approve("a", "a-2")
        assert (project.state, new_kinds(project, again)) == ("acknowledged", ["suite-gate"])

        project.approve("b", "b-2")
        assert project.state == "resolved"

    def test_a_baseline_that_moved_or_is_gone_was_not_approved_anew(self, project: Project) -> None:
        """Nor may a damaged one count for an approval."""
        project.acknowledge()

        project.move("demo/oracle", "demo/other")
        assert project.state == "acknowledged"

        file = project.baselines / "demo/other/a.json"
        file.write_text("{")
        assert project.state == "acknowledged"
        file.unlink()
        assert project.state == "acknowledged"

    def test_moved_it_is_fixed_under_the_new_name(self, project: Project) -> None:
        project.move("demo/oracle", "demo/other")
        cells = [replace(cell, id=replace(cell.id, agent="other")) for cell in self.cells("a", "b")]
        gate = replace(
            a_gate("pass"), agents={"demo other": a_gate("pass").agents["demo oracle"]}, verdicts={"demo other": "pass"}
        )

        project.run("second", *cells, gate=gate)

        assert project.state == "resolved"

    def test_its_ticket_says_what_was_worse_where_and_how_to_run_it_again(self) -> None:
        summary = summarise("first", self.cells("a", "b", "c"), gate=a_gate("fail"))

        (incident,) = incidents_of(
            summary,
            Path("results/first"),
            IncidentSettings(),
            gate=a_run_gate("b", "a"),
            once_more=lambda cells: f"run {', '.join(cell.scenario for cell in cells)}",
        )

        assert (incident.worse_in, incident.run, incident.once_more) == ("solve_rate", "results/first", "run a, b, c")
        assert [(cell.text, cell.once_more, cell.baseline_id) for cell in incident.cells] == [
            ("b 1/1 → 0/1", "run b", "b-1"),
            ("a 1/1 → 0/1", "run a", "a-1"),
        ]
        assert [cell.artifacts for cell in incident.cells] == [("results/first/trials/x/oracle/1",)] * 2
        assert type(incident).from_json(incident.to_json()) == incident


def test_an_open_one_is_overdue_after_its_day(project: Project) -> None:
    due = date.fromisoformat(project.incident.incident.due_on)

    def is_overdue(day: date) -> bool:
        return review_incidents(project.results, project.baselines, today=day)[0][0].is_overdue

    assert not is_overdue(due)
    assert is_overdue(date.fromordinal(due.toordinal() + 1))
    project.acknowledge()
    assert not is_overdue(date.fromordinal(due.toordinal() + 1))


def test_what_is_known_opens_no_second_incident(project: Project) -> None:
    again = a_cell("a", Status.REGRESSED, "✗", baseline_id="b-1")
    new = a_cell("n", Status.REGRESSED, "✗", baseline_id="n-1")
    summary = summarise("second", [again, new])

    known = unresolved(project.results, project.baselines, problems_of(summary))
    incidents = incidents_of(summary, Path("second"), IncidentSettings(), known=known)

    assert [[cell.cell for cell in incident.cells] for incident in incidents] == [["demo/n[oracle]"]]


def test_worse_in_something_else_a_cell_opens_another(tmp_path: Path) -> None:
    """Also where somebody has taken the first one."""

    def cell(*worse_in: str) -> CellResult:
        return a_cell("a", Status.REGRESSED, baseline_id="b-1", worse_in=worse_in)

    project = Project(tmp_path)
    project.approve("a", "b-1")
    project.session("first", cell("solve_rate"))
    project.acknowledge()

    assert new_kinds(project, summarise("second", [cell("solve_rate")])) == []
    assert new_kinds(project, summarise("second", [cell("cost_usd")])) == ["regression"]
    assert new_kinds(project, summarise("second", [cell("solve_rate", "cost_usd")])) == ["regression"]


def test_what_was_resolved_and_regresses_again_is_a_new_one(project: Project) -> None:
    project.run("second", a_cell("a", Status.SOLVED, baseline_id="b-1"))

    again = problems_of(summarise("third", [a_cell("a", Status.REGRESSED, "✗", baseline_id="b-1")]))

    assert again == project.incident.incident.problems
    assert unresolved(project.results, project.baselines, again) == {}


def test_a_ticket_of_schema_1_can_be_acknowledged(project: Project) -> None:
    file = project.results / "first" / "incidents" / "first-1.json"
    cell = {"cell": "demo/a[oracle]", "status": "regressed", "text": "worse", "baseline_id": "b-1"}
    write_json(file, {"schema_version": 1, "id": "first-1", "opened_at": "2026-01-01T00:00:00.000Z", "cells": [cell]})
    assert project.state == "open"

    project.acknowledge()

    assert project.state == "acknowledged"
    assert project.incident.incident.cells[0].cell == "demo/a[oracle]"


def test_a_damaged_run_after_it_says_nothing(project: Project) -> None:
    project.run("second", a_cell("a", Status.SOLVED, baseline_id="b-1"))
    (project.results / "second" / "summary.json").write_text("{")

    assert project.state == "open"


def test_an_incident_that_was_written_is_read(project: Project) -> None:
    (incident,) = incidents_of(
        summarise("x", [a_cell("a", Status.REGRESSED, "✗", baseline_id="b-1", model="lab/x")]),
        Path("x"),
        IncidentSettings(),
        once_more=lambda cells: f"run {cells[0].key}",
    )

    assert type(incident).from_json(incident.to_json()) == incident
    assert incident.cells[0].once_more == "run demo/a[oracle,lab%2Fx]"


@pytest.mark.parametrize(
    "cell",
    [
        a_cell("a", Status.UNSOLVED, "✗", agent="nop"),
        a_cell("a", Status.REGRESSED, "✗", agent="nop"),
        a_cell("a", Status.UNSOLVED, "✗", xfailed=True),
        a_cell("a", Status.REGRESSED, "✗", xfailed=True),
        a_cell("a", Status.INCONCLUSIVE, "✗", tolerated=True),
        a_cell("a", Status.VOID, "·"),
        a_cell("a", Status.BLOCKED, ""),
        a_cell("a", Status.SOLVED),
    ],
    ids=lambda cell: f"{cell.key} {cell.status}",
)
def test_no_incident_for_what_is_expected_or_was_not_judged(cell: CellResult) -> None:
    assert incidents_of(summarise("x", [cell]), Path("x"), IncidentSettings()) == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (Status.REGRESSED, "regression"),
        (Status.UNSOLVED, "functional-failure"),
        (Status.INCONCLUSIVE, "inconclusive"),
    ],
)
def test_its_kind_says_the_status(status: Status, kind: str) -> None:
    (incident,) = incidents_of(summarise("x", [a_cell("a", status, "✗")]), Path("x"), IncidentSettings())

    assert (incident.kind, incident.text) == (kind, f"{kind} in 1 cell: a")
    assert [cell.status for cell in incident.cells] == [status.value]


def test_twice_as_many_cells_cost_twice_as_much(tmp_path: Path) -> None:
    costs = []
    for number in (100, 200):
        project, names = Project(tmp_path / str(number)), [f"t{n}" for n in range(number)]
        project.session("r1", *(a_cell(name, Status.REGRESSED, "✗", baseline_id="b-1") for name in names))
        project.run("r2", *(a_cell(name, baseline_id="b-1") for name in names))
        costs.append(calls_into("pytest_terminalbench.identity", review_incidents, project.results, project.baselines))

    assert costs[1] <= 2.2 * costs[0]
