"""`terminalbench compare A B`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Project
from tests.importing.test_own_runs import a_baseline, a_run
from tests.samples import TB

GOOD = {(f"task-{number}", "oracle"): "✓✓✓✓✓" for number in range(8)}
BAD = {cell: "✗✗✗✗✗" if cell[0] in ("task-1", "task-2") else marks for cell, marks in GOOD.items()}


@pytest.fixture
def runs(project: Project) -> Project:
    """A project with a good and a bad run."""
    a_run(project.path / "results" / "good", GOOD)
    a_run(project.path / "results" / "bad", BAD)
    return project


def test_runs_are_compared_by_their_ids(runs: Project) -> None:
    done = runs.call("compare", "good", "bad")

    assert (done.exit_code, done.err) == (0, "")
    assert "FAIL: the candidate is worse" in done.out.splitlines()
    assert "  task-1  ✓✓✓✓✓ → ✗✗✗✗✗         -100.0     0.00104" in done.out.splitlines()


@pytest.mark.parametrize(("a", "b", "exit_code"), [("good", "bad", 1), ("bad", "good", 0)])
def test_a_regression_fails_only_when_asked_to(runs: Project, a: str, b: str, exit_code: int) -> None:
    assert runs.call("compare", a, b, "--fail-on-regression").exit_code == exit_code
    assert runs.call("compare", a, b).exit_code == 0


@pytest.mark.parametrize("marks", ["", "··"])
def test_a_job_that_compared_nothing_is_not_green(runs: Project, marks: str) -> None:
    a_run(runs.path / "results" / "blind", {("task-0", "oracle"): marks})

    done = runs.call("compare", "good", "blind", "--fail-on-regression")

    assert "INCONCLUSIVE: nothing was compared" in done.out.splitlines()
    assert done.exit_code == 2
    assert runs.call("compare", "good", "blind").exit_code == 0


def test_json_is_all_there_is_on_standard_output(runs: Project) -> None:
    assert runs.call("compare", "good", "bad", "--format", "json").json["suite"]["verdict"] == "fail"


def test_a_page_is_written_to_a_file(runs: Project) -> None:
    done = runs.call("compare", "good", "bad", "--format", "html", "--output", "out/page.html")

    assert (done.out, done.err) == ("", "written to out/page.html\n")
    assert (runs.path / "out" / "page.html").read_text().startswith("<!doctype html>")


def test_markdown_is_for_pasting(runs: Project) -> None:
    assert runs.call("compare", "good", "bad", "--format", "markdown").out.startswith("# good → bad\n")


def test_a_run_is_compared_with_baselines(runs: Project) -> None:
    for number in range(8):
        a_baseline(runs.path / "baselines" / "demo" / "oracle", f"task-{number}", [1.0] * 5)

    assert runs.call("compare", "demo/oracle", "bad", "--fail-on-regression").exit_code == 1


def test_folders_elsewhere_can_be_named(runs: Project, tmp_path: Path) -> None:
    a_run(tmp_path / "elsewhere" / "other", GOOD)

    done = runs.call("compare", "other", "other", "--results", tmp_path / "elsewhere", "--format", "json")

    assert done.json["notes"] == ["both sides are the same results"]


def test_alpha_and_margin_reach_the_gate(runs: Project) -> None:
    strict = runs.call("compare", "good", "bad", "--format", "json", "--alpha", "0.000001").json["suite"]
    lenient = runs.call("compare", "good", "bad", "--format", "json", "--margin", "0.5").json["suite"]

    assert (strict["verdict"], strict["settings"]["alpha"]) == ("inconclusive", 1e-6)
    assert (lenient["verdict"], lenient["settings"]["margin"]) == ("pass", 0.5)


@pytest.mark.parametrize("value", ["5", "0", "-0.05", "1e-17", "0.6", "inf", "nan"])
def test_an_alpha_that_no_session_can_have_is_refused(runs: Project, value: str) -> None:
    done = runs.call("compare", "good", "bad", "--alpha", value)

    said = f"--alpha is {value}; it is a share of 1, at least 1e-06 and at most 0.5"
    assert (done.exit_code, done.out, done.err) == (4, "", f"terminalbench: {said}\n")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("--margin=1", "--margin is 1; it is a share of 1, at least 0 and at most 0.99"),
        ("--margin=-0.1", "--margin is -0.1; it is a share of 1, at least 0 and at most 0.99"),
        ("--min-visible=0", "--min-visible 0.0 is not a number of at least 1 and at most 100"),
        ("--min-visible=0.3", "--min-visible 0.3 is in points, of 100: for a drop of 0.3 say 30"),
        ("--min-visible=nan", "--min-visible nan is not a number of at least 1 and at most 100"),
    ],
)
def test_so_are_other_values_that_none_can_have(runs: Project, typed: str, said: str) -> None:
    done = runs.call("compare", "good", "bad", typed)

    assert (done.exit_code, done.out, done.err) == (4, "", f"terminalbench: {said}\n")


def test_the_policy_is_that_of_the_candidates_session_unless_somebody_says_otherwise(runs: Project) -> None:
    manifest = runs.path / "results" / "bad" / "manifest.json"
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**content, "settings": {**content["settings"], "alpha": 0.01, "parity": "warn"}}))

    as_session = runs.call("compare", "good", "bad", "--format", "json").json["policy"]
    otherwise = runs.call("compare", "good", "bad", "--format", "json", "--alpha", "0.1", "--min-visible", "7").json

    assert (as_session["alpha"], as_session["parity"], as_session["min_visible"]) == (0.01, "warn", 0.3)
    assert (otherwise["policy"]["alpha"], otherwise["policy"]["min_visible"]) == (0.1, pytest.approx(0.07))


@pytest.mark.parametrize("alpha", [5, 1e-17])
def test_a_policy_that_no_session_can_have_ends_with_3(runs: Project, alpha: float) -> None:
    manifest = runs.path / "results" / "bad" / "manifest.json"
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**content, "settings": {**content["settings"], "alpha": alpha}}))

    done = runs.call("compare", "good", "bad")

    assert (done.exit_code, done.out) == (3, "")
    assert f"settings.alpha is {alpha:g}, not at least 1e-06 and at most 0.5" in done.err


def test_agents_that_always_do_the_same_are_compared_strictly(project: Project) -> None:
    """As their session was: a single attempt that fails is a regression."""
    for name, marks in (("good", "✓"), ("bad", "✗")):
        run = a_run(project.path / "results" / name, {("alpha", "oracle"): marks})
        summary = json.loads((run / "summary.json").read_text())
        summary["cells"][0]["gate"] = "strict"
        (run / "summary.json").write_text(json.dumps(summary))

    done = project.call("compare", "good", "bad", "--fail-on-regression")

    assert done.exit_code == 1
    assert "FAIL: 1 task regressed" in done.out.splitlines()


def test_results_of_tb_are_compared(project: Project) -> None:
    done = project.call("compare", TB / "one-file", TB / "per-run", "--format", "json")

    assert done.json["baseline"]["agent"] == "LeadArchitect"
    assert len(done.json["tasks"]) == 4


def test_a_missing_run_ends_with_3(runs: Project) -> None:
    done = runs.call("compare", "good", "godo")

    assert (done.exit_code, done.out) == (3, "")
    assert done.err.startswith("terminalbench: nothing is called 'godo': ")
    assert done.err.endswith("; did you mean good?\n")


def test_a_damaged_baseline_ends_with_3(runs: Project) -> None:
    runs.write("baselines/demo/oracle/task-1.json", '{"baseline_id": "x", "scenario_id": "task-1"}')

    done = runs.call("compare", "demo/oracle", "bad")

    assert done.exit_code == 3
    assert "baselines/demo/oracle/task-1.json has schema_version None, " in done.err


def test_what_cannot_be_written_is_told(runs: Project) -> None:
    runs.write("taken", "a file")

    done = runs.call("compare", "good", "bad", "--output", "taken/page.html")

    assert done.exit_code == 4
    assert done.err.startswith("terminalbench: --output taken/page.html cannot be written: ")


def test_names_cannot_command_the_terminal(project: Project) -> None:
    """This one would rename its window."""
    name = "\x1b]0;renamed\x07"
    file = project.write(
        "results.json", {"results": [{"task_id": name, "trial_name": f"{name}.1-of-1", "is_resolved": True}]}
    )

    out = project.call("compare", file, file, "--format", "markdown").out

    assert "�]0;renamed�" in out
    assert not {"\x1b", "\x07"} & set(out)
