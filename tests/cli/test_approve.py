"""`terminalbench baseline approve|retire|audit` on runs and files as they may be found."""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.baselines import audit
from pytest_terminalbench.baselines.approval import CellToApprove
from pytest_terminalbench.baselines.approval import approve as approve_trials
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.outcome import Solved
from tests.cli.conftest import Done, Project
from tests.cli.runs import a_run, edit
from tests.comparing.test_session_gate import approve as approve_tasks
from tests.counted_calls import calls_into

ALPHA = CellToApprove(
    cell=CellId(dataset="demo", scenario="alpha", agent="oracle"),
    attempts=[AttemptResult(attempt=1, outcome=Solved(), agent_s=1.0)],
    fingerprint={"a": "b"},
)


TODAY = datetime.now(UTC).date().isoformat()


def approve(project: Project, run: str, *options: str) -> Done:
    return project.call("baseline", "approve", "--scenario", "alpha", "--run", run, "--approver", "ada", *options)


def baseline(project: Project) -> Any:
    return json.loads((project.path / "baselines/demo/oracle/alpha.json").read_text())


def test_a_blocked_cell_is_refused_with_the_way_that_costs_nothing(project: Project) -> None:
    a_run(project.path, "r1", status="blocked", attempts=[])

    refused = approve(project, "r1")

    assert refused.exit_code == 4
    assert (
        "demo/alpha[oracle] was blocked in run r1, so it has no outcome; `terminalbench baseline rebase " in refused.err
    )
    assert "demo/oracle/alpha` accepts what differs without a run" in refused.err


def test_the_way_is_into_the_folder_that_was_named(project: Project) -> None:
    a_run(project.path, "r1", status="blocked", attempts=[])

    refused = approve(project, "r1", "--baselines", "kept")

    assert f"`terminalbench baseline rebase demo/oracle/alpha --baselines={project.path}/kept` accepts" in refused.err


class TestInconclusive:
    """It looks worse, and so few trials cannot tell: that is no pass."""

    def test_it_is_refused_and_the_better_baseline_stays(self, project: Project) -> None:
        a_run(project.path, "r1", "✓✓✓✓✓")
        a_run(project.path, "r2", "✗✓", day=2, inconclusive=True)
        approve(project, "r1")
        before = baseline(project)

        refused = approve(project, "r2")

        assert refused.exit_code == 4
        assert refused.err == (
            "terminalbench: demo/alpha[oracle] is inconclusive in run r2: it looks worse than its baseline, and so few "
            "trials cannot tell; run it with more attempts (--tb-attempts), or approve the change for the worse by "
            "--update-baselines\n"
        )
        assert baseline(project) == before

    def test_it_is_no_pass_in_a_row(self, project: Project) -> None:
        for day, is_doubtful in ((1, False), (2, True), (3, False)):
            a_run(project.path, f"r{day}", "✗✓", day=day, inconclusive=is_doubtful)

        done = approve(project, "r3")

        assert done.exit_code == 0
        assert "provisional (1 of 3 passes in a row" in done.out


def test_what_passed_beside_an_earlier_baseline_is_refused_beside_a_better_one(project: Project) -> None:
    a_run(project.path, "r1")
    a_run(project.path, "r2", "✗", day=2)
    approve(project, "r1")
    before = baseline(project)

    refused = approve(project, "r2")

    assert refused.exit_code == 4
    assert refused.err == (
        "terminalbench: demo/alpha[oracle] of run r2 is regressed beside its baseline of now: solved 0 of 1, but the "
        f"baseline alpha-{TODAY} approved 1 of 1; approve a change for the worse by --update-baselines\n"
    )
    assert baseline(project) == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--scenario", "alhpa"], "scenario 'alhpa' (did you mean 'alpha'?); it has: alpha"),
        (["--scenario", "alpha", "--agent", "orakle"], "agent 'orakle' for scenario 'alpha' (did you mean 'oracle'?)"),
        (["--scenario", "alpha", "--model", "lab/x"], "model 'lab/x' for scenario 'alpha'; it has: none"),
    ],
)
def test_what_the_run_does_not_have_is_named_with_the_nearest(project: Project, options: list[str], said: str) -> None:
    a_run(project.path, "r1")

    done = project.call("baseline", "approve", "--run", "r1", *options)

    assert done.exit_code == 4
    assert done.err.startswith(f"terminalbench: run r1 has no cell of {said}")


def test_what_somebody_else_approves_meanwhile_is_not_overwritten(project: Project) -> None:
    """The command waits for the summary of an earlier run, which is a pipe, until the other is through."""
    first = a_run(project.path, "r1")
    a_run(project.path, "r2", day=2)
    summary = (first / "summary.json").read_bytes()
    (first / "summary.json").unlink()
    os.mkfifo(first / "summary.json")
    baselines = project.path / "baselines"

    command = ["baseline", "approve", "--scenario", "alpha", "--run", "r2", "--approver", "ada"]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(project.call_apart, *command)
        with (first / "summary.json").open("wb") as pipe:
            approve_trials([ALPHA], run_id="r9", baselines=baselines, approver="grace")
            pipe.write(summary)
        done = waiting.result(60)

    assert done.exit_code == 4
    file = baselines / "demo/oracle/alpha.json"
    assert done.err == f"terminalbench: {file} was approved meanwhile by grace; look at it and approve again\n"
    assert baseline(project)["approved_by"] == "grace"


class TestAudit:
    @pytest.fixture
    def log(self, project: Project) -> Path:
        """Of two cells, of which the last was approved twice."""
        folder = project.path / "baselines"
        other = replace(ALPHA, cell=replace(ALPHA.cell, scenario="beta"))
        for cell in (other, ALPHA, replace(ALPHA, attempts=[*ALPHA.attempts, *ALPHA.attempts])):
            approve_trials([cell], run_id="r1", baselines=folder, approver="ada")
        assert project.call("baseline", "audit").exit_code == 0
        return folder / "audit.jsonl"

    def refused(self, project: Project) -> str:
        done = project.call("baseline", "audit")
        assert done.exit_code == 4
        assert "is whole" not in done.err
        return done.err

    def test_ours_is_in_order(self, project: Project) -> None:
        shutil.copytree(Path(__file__).parents[2] / "baselines", project.path / "baselines")

        done = project.call("baseline", "audit")

        assert done.exit_code == 0, done.err
        assert "entries is whole" in done.err

    def test_nothing_at_all_is_no_error(self, project: Project) -> None:
        done = project.call("baseline", "audit")

        assert (done.exit_code, done.err) == (0, "baselines/audit.jsonl has no entries\n")

    @pytest.mark.parametrize("content", ["what?\n", "[]\n", "{}\n"])
    def test_lines_that_are_none_are_damage(self, project: Project, content: str) -> None:
        project.write("baselines/audit.jsonl", content)

        assert f"{project.path}/baselines/audit.jsonl:1 " in self.refused(project)

    def test_a_line_that_was_cut_off(self, project: Project, log: Path) -> None:
        log.write_bytes(log.read_bytes()[:-20])

        assert f"{log}:3 is cut off" in self.refused(project)

    @pytest.mark.parametrize("key", ["by", "run", "notes", "ts", "solved", "baseline_id", "record"])
    def test_the_last_line_was_edited(self, project: Project, log: Path, key: str) -> None:
        *lines, last = log.read_text().splitlines()
        log.write_text("\n".join([*lines, json.dumps({**json.loads(last), key: "eve"}, sort_keys=True)]) + "\n")

        assert f"{log}:3 was changed: it is not what its digest says" in self.refused(project)

    @pytest.mark.parametrize("key", ["by", "status", "notes", "solved", "attempts", "baseline_id", "supersedes"])
    def test_the_last_line_was_edited_and_has_no_digest(self, project: Project, log: Path, key: str) -> None:
        """As lines of earlier versions."""
        *lines, last = log.read_text().splitlines()
        entry = {**json.loads(last), key: "eve"}
        del entry["digest"], entry["record"]
        log.write_text("\n".join([*lines, json.dumps(entry, sort_keys=True)]) + "\n")

        assert "alpha.json is not what the last line of demo/oracle/alpha in audit.jsonl says" in self.refused(project)

    def test_the_last_line_was_removed(self, project: Project, log: Path) -> None:
        log.write_text("".join(log.read_text().splitlines(keepends=True)[:-1]))

        assert "alpha.json is not what the last line of demo/oracle/alpha in audit.jsonl says" in self.refused(project)

    def test_the_log_was_deleted(self, project: Project, log: Path) -> None:
        log.unlink()

        said = self.refused(project)

        assert "demo/oracle/alpha.json has no line in audit.jsonl" in said
        assert "demo/oracle/beta.json has no line in audit.jsonl" in said

    def test_the_log_was_begun_anew(self, project: Project, log: Path) -> None:
        *_, last = audit.entries(log)
        log.unlink()
        audit.AuditLog(log).append(last)

        said = self.refused(project)

        assert f"alpha-{TODAY}-2 superseded alpha-{TODAY}, which the log does not know" in said
        assert "demo/oracle/beta.json has no line in audit.jsonl" in said

    def test_a_baseline_was_edited(self, project: Project, log: Path) -> None:
        """Nothing of it is in the line but its digest."""
        edit(log.parent / "demo/oracle/beta.json", fingerprint={})

        assert "beta.json is not what the last line of demo/oracle/beta in audit.jsonl says (its content)" in (
            self.refused(project)
        )

    def test_a_baseline_is_damaged(self, project: Project, log: Path) -> None:
        file = project.write("baselines/demo/oracle/beta.json", "{")

        assert f"{file} is damaged" in self.refused(project)

    def test_a_baseline_is_gone(self, project: Project, log: Path) -> None:
        (log.parent / "demo/oracle/beta.json").unlink()

        assert f"{log} has a baseline for demo/oracle/beta, and there is none" in self.refused(project)

    def test_one_that_is_retired_stays_so(self, project: Project, log: Path) -> None:
        assert project.call("baseline", "retire", "demo/oracle/beta").exit_code == 0
        assert project.call("baseline", "audit").exit_code == 0
        edit(log.parent / "demo/oracle/beta.json", status="active")

        assert "last line of demo/oracle/beta in audit.jsonl says (status)" in self.refused(project)

    def test_a_layout_that_was_changed_says_the_same(self, project: Project, log: Path) -> None:
        file = log.parent / "demo/oracle/beta.json"
        file.write_text(json.dumps(json.loads(file.read_text())))

        assert project.call("baseline", "audit").exit_code == 0

    @pytest.mark.parametrize("command", ["audit", "approve"])
    def test_a_folder_in_its_place(self, project: Project, command: str) -> None:
        a_run(project.path, "r1")
        (project.path / "baselines/audit.jsonl").mkdir(parents=True)

        done = approve(project, "r1") if command == "approve" else project.call("baseline", "audit")

        assert done.exit_code == 4
        assert "audit.jsonl cannot be read: Is a directory; restore it from version control" in done.err


class TestPlaces:
    """Nothing is written but below the folder of baselines, whatever a run or a command line says."""

    def files(self, project: Project) -> dict[Path, bytes]:
        return {file: file.read_bytes() for file in project.path.rglob("*") if file.is_file()}

    STRANGE = (
        {"scenario": "../../../x"},
        {"scenario": "/tmp/x"},
        {"scenario": "a/b"},
        {"scenario": "nul\0"},
        {"scenario": "half \ud800"},
        {"dataset": "../.."},
        {"dataset": ".."},
        {"dataset": "/tmp"},
        {"agent": ".."},
    )

    @pytest.mark.parametrize("changes", [*STRANGE, {"dataset": ""}], ids=str)
    def test_a_run_whose_cell_was_changed_is_refused(self, project: Project, changes: dict[str, Any]) -> None:
        a_run(project.path, "r1", **changes)
        before = self.files(project)

        name = changes.get("scenario", "alpha")
        done = project.call("baseline", "approve", "--scenario", name, "--run", "r1", "--approver", "ada")

        assert done.exit_code == 4
        assert "is damaged" in done.err or "has a trial of another cell among its own" in done.err
        assert self.files(project) == before

    @pytest.mark.parametrize("changes", STRANGE, ids=str)
    def test_a_run_that_says_the_same_everywhere_leads_nowhere_else(
        self, project: Project, changes: dict[str, Any]
    ) -> None:
        facts = {"dataset": "demo", "scenario": "alpha", "agent": "oracle", **changes}
        run = a_run(project.path, "r1", **changes, cell=CellId(**facts).key)
        told = {"scenario_id" if key == "scenario" else key: value for key, value in changes.items()}
        edit(run / "trials/demo/alpha/oracle/1/result.json", **told)
        before = self.files(project)

        done = project.call("baseline", "approve", "--scenario", facts["scenario"], "--run", "r1", "--approver", "ada")

        written = self.files(project).keys() - before.keys()
        baselines = project.path / "baselines"
        assert done.exit_code == 0, done.err
        assert written == {baselines / "audit.jsonl", baselines / CellId(**facts).baseline_file}
        assert len(CellId(**facts).baseline_file.parts) == 3

    def test_a_cell_without_a_dataset_is_damage(self, project: Project) -> None:
        a_run(project.path, "r1", dataset="")

        done = approve(project, "r1")

        assert done.exit_code == 4
        assert "summary.json is damaged: cells[0] is wrong: a cell's dataset has an empty name" in done.err

    @pytest.mark.parametrize("name", ["../evil", "demo/oracle/../../../evil", "evil", "demo/../evil"])
    def test_what_lies_elsewhere_is_not_retired(self, project: Project, name: str) -> None:
        approve_trials([ALPHA], run_id="r1", baselines=project.path / "baselines", approver="ada")
        shutil.copy(project.path / "baselines/demo/oracle/alpha.json", project.path / "evil.json")
        before = self.files(project)

        done = project.call("baseline", "retire", name)

        assert done.exit_code == 4
        assert "that is a scenario's id, a baseline's id or DATASET/LABEL/SCENARIO" in done.err
        assert self.files(project) == before


class TestSeveralRuns:
    """Their attempts are approved together, and each keeps which of them made it."""

    def both(self, project: Project, *options: str) -> Done:
        return approve(project, "r2", "--run", "r1", *options)

    def test_all_attempts_are_approved_in_the_order_of_time(self, project: Project) -> None:
        a_run(project.path, "r1", "✓✗")
        a_run(project.path, "r2", "✓", day=2)

        assert "provisional (2 of 3 passes in a row)" in self.both(project).out
        record = baseline(project)
        assert (record["rewards"], record["sessions"]) == ([1.0, 0.0, 1.0], ["r1", "r1", "r2"])
        (line,) = (project.path / "baselines/audit.jsonl").read_text().splitlines()
        assert json.loads(line)["run"] == "r1, r2"

    def test_a_run_counts_once(self, project: Project) -> None:
        a_run(project.path, "r1")

        refused = approve(project, "r1", "--run", str(project.path / "results/r1"))
        assert (refused.exit_code, refused.err) == (
            4,
            "terminalbench: run r1 is named twice; its attempts would count twice\n",
        )

    def test_what_was_changed_in_between_is_not_one(self, project: Project) -> None:
        a_run(project.path, "r1")
        changed = a_run(project.path, "r2", day=2)
        for trial in changed.rglob("result.json"):
            edit(trial, fingerprint={"scenario": "sha256:2"})

        refused = self.both(project)
        assert refused.exit_code == 4
        assert "runs r1 and r2 tried demo/alpha[oracle] under different conditions" in refused.err
        assert not (project.path / "baselines").exists()

    def test_each_has_to_have_passed(self, project: Project) -> None:
        a_run(project.path, "r1", "✗", status="unsolved")
        a_run(project.path, "r2", day=2)

        assert "demo/alpha[oracle] is unsolved in run r1" in self.both(project).err


class TestRow:
    """Passes in a row."""

    def test_three_runs_make_it_active(self, project: Project) -> None:
        for day in (1, 2, 3):
            a_run(project.path, f"r{day}", day=day)

        assert f"alpha-{TODAY} active: " in approve(project, "r3").out

    def test_another_version_of_the_dataset_does_not_break_the_row(self, project: Project) -> None:
        for day in (1, 2, 3):
            run = a_run(project.path, f"r{day}", day=day)
            fingerprint = {"scenario": "sha256:1", "dataset": f"demo=={day}"}
            edit(run / "trials/demo/alpha/oracle/1/result.json", fingerprint=fingerprint)

        assert f"alpha-{TODAY} active: " in approve(project, "r3").out

    @pytest.mark.parametrize("copies", [("a1", "a2"), ("z1", "z2")])
    def test_a_copy_of_a_run_does_not_count(self, project: Project, copies: tuple[str, ...]) -> None:
        run = a_run(project.path, "r1")
        for name in copies:
            shutil.copytree(run, run.with_name(name))

        assert "provisional (1 of 3 passes in a row)" in approve(project, "r1").out

    def test_a_copy_that_says_it_is_a_run_does_not_count_either(self, project: Project) -> None:
        run = a_run(project.path, "r9")
        for name in ("r1", "r2"):
            shutil.copytree(run, run.with_name(name))
            edit(run.with_name(name) / "manifest.json", run_id=name)

        assert "provisional (1 of 3 passes in a row)" in approve(project, "r9").out

    def test_a_copy_is_not_approved(self, project: Project) -> None:
        run = a_run(project.path, "r1")
        run.rename(run.with_name("a1"))

        refused = approve(project, "a1")

        assert refused.exit_code == 4
        assert "results/a1 is not the folder of its run, which is 'r1' by manifest.json" in refused.err

    @pytest.mark.parametrize("name", ["summary.json", "trials/demo/alpha/oracle/1/result.json"])
    def test_a_damaged_run_between_breaks_it_and_is_named(self, project: Project, name: str) -> None:
        for day in (1, 2, 3, 4):
            run = a_run(project.path, f"r{day}", day=day)
        (run.with_name("r3") / name).write_text("{")

        done = approve(project, "r4")

        assert "provisional (1 of 3 passes in a row)" in done.out
        assert f"no earlier passes count: {run.with_name('r3') / name} is damaged" in done.err

    def test_a_run_that_has_not_ended_is_passed_over(self, project: Project) -> None:
        for day in (1, 2, 3, 4):
            run = a_run(project.path, f"r{day}", day=day)
        (run.with_name("r3") / "summary.json").unlink()

        assert f"alpha-{TODAY} active: " in approve(project, "r4").out


class TestTrials:
    """Only trials of the cell itself are approved, and only as the run tells of them."""

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"scenario_id": "beta"}, "is of demo/beta[oracle]"),
            ({"dataset": "other"}, "is of other/alpha[oracle]"),
            ({"agent": "nop"}, "is of demo/alpha[nop]"),
            ({"model": "gpt"}, "is of demo/alpha[oracle,gpt]"),
            ({"attempt": 1}, "says attempt 1, not 2"),
            (
                {"folder": "trials/demo/alpha/oracle/7"},
                "says folder 'trials/demo/alpha/oracle/7', not 'trials/demo/alpha/oracle/2'",
            ),
            ({"run_id": "r0"}, "has trials of other runs (r0) among its own"),
            (
                {"outcome": "unsolved", "reward": 0.0, "phase": "verify"},
                "says unsolved, reward 0.0, but the run's summ",
            ),
            ({"reward": 2.0}, "says solved, reward 2.0, but the run's summary says solved, reward 1.0"),
        ],
        ids=str,
    )
    def test_a_foreign_or_changed_one_is_refused_and_named(
        self, project: Project, changes: dict[str, Any], said: str
    ) -> None:
        file = a_run(project.path, "r1", "✓✓") / "trials/demo/alpha/oracle/2/result.json"
        edit(file, **changes)

        refused = approve(project, "r1")

        assert refused.exit_code == 4
        assert said in refused.err
        assert str(file) in refused.err
        assert not (project.path / "baselines").exists()

    def test_one_does_not_count_twice(self, project: Project) -> None:
        run = a_run(project.path, "r1")
        (cell,) = json.loads((run / "summary.json").read_text())["cells"]
        edit(run / "summary.json", cells=[{**cell, "attempts": cell["attempts"] * 5}])

        refused = approve(project, "r1")

        assert refused.exit_code == 4
        assert "demo/alpha[oracle] has attempt 1 more than once" in refused.err

    def test_a_cell_has_its_own_name(self, project: Project) -> None:
        """By it the passes of earlier runs are counted."""
        a_run(project.path, "r1", cell="demo/beta[oracle]")

        refused = approve(project, "r1")

        assert refused.exit_code == 4
        assert "cells[0].cell is 'demo/beta[oracle]', but its other fields make it demo/alpha[oracle]" in refused.err

    def test_what_is_called_solved_is(self, project: Project) -> None:
        a_run(project.path, "r1", "✓✗", status="solved")

        refused = approve(project, "r1")

        assert refused.exit_code == 4
        assert "calls demo/alpha[oracle] solved, but trials/demo/alpha/oracle/2 is not" in refused.err

    @pytest.mark.parametrize("content", ["[]", "{", '{"settings": []}'])
    def test_a_damaged_manifest_is_refused(self, project: Project, content: str) -> None:
        (a_run(project.path, "r1") / "manifest.json").write_text(content)

        assert approve(project, "r1").exit_code == 4


@pytest.mark.parametrize("command", ["approve", "retire"])
def test_a_cache_folder_that_cannot_be_made(project: Project, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    a_run(project.path, "r1")
    approve_trials([ALPHA], run_id="r0", baselines=project.path / "baselines", approver="ada")
    monkeypatch.setenv("XDG_CACHE_HOME", str(project.write("file", "")))

    done = approve(project, "r1") if command == "approve" else project.call("baseline", "retire", "demo/oracle/alpha")

    assert done.exit_code == 4
    assert f"{project.path}/file/pytest-terminalbench/locks, where approvals wait for each other, cannot be" in done.err
    assert "set XDG_CACHE_HOME to a folder that can be written" in done.err


def test_a_baseline_that_cannot_be_written(project: Project) -> None:
    a_run(project.path, "r1")
    project.write("baselines/demo", "")

    done = approve(project, "r1")

    assert done.exit_code == 4
    assert "Not a directory" in done.err


def test_half_a_surrogate_pair_is_shown_as_its_escape(project: Project) -> None:
    a_run(project.path, "r1")
    approve(project, "r1")
    edit(project.path / "baselines/demo/oracle/alpha.json", approved_by="half \ud800", notes="\udfff")

    listed = project.call_apart("baseline", "list")
    shown = project.call_apart("baseline", "show", "alpha")
    audited = project.call_apart("baseline", "audit")

    assert [done.exit_code for done in (listed, shown, audited)] == [0, 0, 4]
    assert "half \\ud800" in listed.out
    assert "by half \\ud800" in shown.out
    assert "notes      \\udfff" in shown.out
    for name in ("list", "show"):
        done = project.call_apart("baseline", name, *(["alpha"] if name == "show" else []), "--format", "json")
        assert done.json[0]["approved_by"] == "half \ud800"


def test_what_was_approved_beside_it_is_read_once_for_all_runs(project: Project) -> None:
    for day in (1, 2, 3):
        a_run(project.path, f"r{day}", day=day, gate="statistical")
    approve(project, "r1")
    approve_tasks(project.path / "baselines", {f"t{number}": [1.0] for number in range(40)}, agent="oracle")
    read = "pytest_terminalbench.baselines"

    one = calls_into(read, approve, project, "r1")
    three = calls_into(read, approve, project, "r1", "--run", "r2", "--run", "r3")

    assert three <= 1.5 * one
