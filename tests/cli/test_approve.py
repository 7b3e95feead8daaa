"""`terminalbench baseline approve|retire|audit` on runs and files as they may be found."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pytest_terminalbench.baselines.approval import CellTrials, JudgedTrial
from pytest_terminalbench.baselines.approval import approve as approve_trials
from tests.cli.conftest import Done, Project
from tests.cli.runs import a_run

ALPHA = CellTrials(
    scenario_id="alpha",
    file=Path("demo/oracle/alpha.json"),
    trials=[
        JudgedTrial(
            solved=True, reward=1.0, runtime_s=1.0, memory_peak_mb=None, cost_usd=None, tokens=0, fingerprint={"a": "b"}
        )
    ],
)


def approve(project: Project, run: str, *options: str) -> Done:
    return project.call("baseline", "approve", "--scenario", "alpha", "--run", run, "--approver", "ada", *options)


def baseline(project: Project) -> Any:
    return json.loads((project.path / "baselines/demo/oracle/alpha.json").read_text())


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
