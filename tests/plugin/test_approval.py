"""Approving by command: who may, what may be approved, and the log that cannot be changed unseen."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pytest_terminalbench.baselines.approval import approve
from pytest_terminalbench.cli.app import app
from pytest_terminalbench.errors import BaselineError
from tests.plugin.conftest import Suite, scripted


def command(suite: Suite, *args: str) -> Result:
    return CliRunner().invoke(app, list(args), catch_exceptions=False)


def approved(suite: Suite, *args: str) -> Result:
    return command(suite, "baseline", "approve", "--scenario", "alpha", "--run", "latest", "--approver", "ada", *args)


def record(suite: Suite) -> Any:
    return json.loads(suite.baseline("alpha").read_text())


def test_a_baseline_is_provisional_until_its_cell_has_passed_three_times_in_a_row(demo: Suite) -> None:
    seen = []
    for _ in range(3):
        demo.run("--tb-dataset", "demo", "-k", "alpha")
        result = approved(demo, "--notes", "first week")
        assert result.exit_code == 0, result.output
        seen.append(record(demo)["status"])

    assert seen == ["provisional", "provisional", "active"]
    assert record(demo)["approved_by"] == "ada"
    assert record(demo)["notes"] == "first week"
    assert command(demo, "baseline", "audit").exit_code == 0


def test_a_failure_between_begins_the_row_anew(demo: Suite) -> None:
    for options in ([], scripted("spoil"), [], []):
        demo.run("--tb-dataset", "demo", "-k", "alpha", *(options or scripted("work")))

    approved(demo)

    content = json.loads(demo.baseline("alpha", "scripted").read_text())
    assert content["status"] == "provisional"


def test_only_a_maintainer_may_approve(demo: Suite) -> None:
    demo.write("pyproject.toml", '[tool.terminalbench]\nmaintainers = ["grace"]\n')
    demo.run("--tb-dataset", "demo", "-k", "alpha")

    refused = approved(demo)

    assert refused.exit_code == 4
    assert "'ada' may not approve; [tool.terminalbench] maintainers names: grace" in refused.stderr
    assert not demo.baseline("alpha").exists()
    assert approved(demo, "--approver", "grace").exit_code == 0


def test_what_has_not_passed_is_refused(demo: Suite) -> None:
    demo.run("--tb-dataset", "demo", "--tb-agent", "nop", "-k", "alpha")

    refused = approved(demo)

    assert refused.exit_code == 4
    assert "demo/alpha[nop] is unsolved in run" in refused.stderr


def test_a_run_that_added_trials_where_it_looked_bad_is_refused(demo: Suite) -> None:
    demo.run("--tb-dataset", "demo", "--tb-attempts", "auto", "-k", "alpha")

    refused = approved(demo)

    assert refused.exit_code == 4
    assert "which makes a biased baseline" in refused.stderr


def test_trials_of_another_run_are_refused(demo: Suite) -> None:
    demo.run("--tb-dataset", "demo", "-k", "alpha")
    file = demo.latest / "trials" / "demo" / "alpha" / "oracle" / "1" / "result.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "run_id": "elsewhere"}))

    refused = approved(demo)

    assert refused.exit_code == 4
    assert "has trials of other runs (elsewhere) among its own" in refused.stderr


def test_an_unknown_run_or_scenario_is_refused(demo: Suite) -> None:
    assert approved(demo).exit_code == 4
    demo.run("--tb-dataset", "demo", "-k", "beta")

    refused = approved(demo)

    assert refused.exit_code == 4
    assert "has no cell of scenario 'alpha'" in refused.stderr


def test_a_retired_baseline_counts_no_longer(demo: Suite) -> None:
    demo.run("--tb-dataset", "demo", "--update-baselines")
    worse = ["--tb-dataset", "demo", "-k", "alpha", "--tb-agent", "oracle"]

    retired = command(demo, "baseline", "retire", "demo/oracle/alpha", "--notes", "dropped")
    again = command(demo, "baseline", "retire", "demo/oracle/alpha")

    assert retired.exit_code == 0, retired.output
    assert again.exit_code == 4
    demo.run(*worse)
    assert demo.summary["cells"][0]["baseline_id"] is None


def test_a_changed_line_breaks_the_chain(demo: Suite) -> None:
    demo.run("--tb-dataset", "demo", "--update-baselines")
    log = demo.path / "baselines" / "audit.jsonl"
    lines = log.read_text().splitlines()
    log.write_text("\n".join([lines[0].replace("alpha", "omega"), *lines[1:]]) + "\n")

    result = command(demo, "baseline", "audit")

    assert result.exit_code == 4
    assert "audit.jsonl:2 does not follow from the line before" in result.stderr.replace("\n", " ")
    refused = demo.run("--tb-dataset", "demo", "--tb-agent", "nop", "--update-baselines")
    assert refused.ret == 1
    refused.stdout.fnmatch_lines(["baselines NOT updated: *audit.jsonl*"])


def test_two_approvals_at_once_one_wins_and_the_other_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("pytest_terminalbench.baselines.lock.LOCK_TIMEOUT_S", 0.05)
    from pytest_terminalbench.baselines.lock import only_writer

    entered, leave = threading.Event(), threading.Event()

    def first() -> None:
        with only_writer(tmp_path):
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=first)
    thread.start()
    entered.wait(10)
    try:
        with pytest.raises(BaselineError, match="somebody else is approving"):
            approve([], run_id="run", baselines=tmp_path, approver="ada")
    finally:
        leave.set()
        thread.join()


def test_incidents_are_listed_until_somebody_takes_them(demo: Suite) -> None:
    demo.run("--tb-dataset", "demo", *scripted())
    (incident,) = json.loads(command(demo, "incident", "list", "--format", "json").stdout)

    taken = command(demo, "incident", "ack", incident["id"], "--by", "grace")

    assert taken.exit_code == 0
    assert json.loads(command(demo, "incident", "list", "--format", "json").stdout) == []
    (known,) = json.loads(command(demo, "incident", "list", "--all", "--format", "json").stdout)
    assert known["acknowledged"]["by"] == "grace"


def test_a_dataset_is_locked_and_its_drift_told(demo: Suite) -> None:
    assert command(demo, "dataset", "lock", "demo").exit_code == 0
    assert command(demo, "dataset", "lock", "demo", "--check").exit_code == 0
    (demo.path / "scenarios" / "demo" / "alpha" / "tests" / "test.sh").write_text("#!/bin/sh\nexit 0\n")

    result = command(demo, "dataset", "lock", "demo", "--check")

    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "alpha: digest has drifted from the lock",
        "alpha: verifier has drifted from the lock",
    ]
