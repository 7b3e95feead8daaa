"""What a session leaves behind, file by file, and what must never be in it."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from importlib.metadata import version
from typing import Any

import pytest

import pytest_terminalbench
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.runs.ledger import FileLedger
from tests.plugin.conftest import Suite, lines_of, scripted


@pytest.fixture
def run(demo: Suite) -> Suite:
    """A run `mine` of two cells, one solved and one not."""
    demo.run("scenarios/demo/alpha.json", "--tb-agent", "oracle", "--tb-agent", "nop", "--tb-run-id", "mine")
    return demo


def loaded(suite: Suite, name: str) -> Any:
    return json.loads((suite.path / "results/mine" / name).read_text())


def test_the_files_of_a_run(run: Suite) -> None:
    assert sorted(run.files("results/mine")) == [
        "events.jsonl",
        "ledger.jsonl",
        "manifest.json",
        "report.md",
        "summary.json",
        "trials/demo/alpha/nop/1/agent.cast",
        "trials/demo/alpha/nop/1/result.json",
        "trials/demo/alpha/nop/1/snapshot/snapshot.json",
        "trials/demo/alpha/nop/1/trajectory.json",
        "trials/demo/alpha/nop/1/verifier/stderr",
        "trials/demo/alpha/nop/1/verifier/stdout",
        "trials/demo/alpha/oracle/1/agent.cast",
        "trials/demo/alpha/oracle/1/commands.jsonl",
        "trials/demo/alpha/oracle/1/result.json",
        "trials/demo/alpha/oracle/1/snapshot/1.tar.gz",
        "trials/demo/alpha/oracle/1/snapshot/snapshot.json",
        "trials/demo/alpha/oracle/1/trajectory.json",
        "trials/demo/alpha/oracle/1/verifier/stderr",
        "trials/demo/alpha/oracle/1/verifier/stdout",
    ]


def test_latest_is_the_newest_run(demo: Suite) -> None:
    for name in ("first", "second"):
        demo.run("scenarios/demo/alpha.json", "--tb-run-id", name)

    link = demo.path / "results/latest"
    assert (link.is_symlink(), str(link.readlink())) == (True, "second")


def test_without_a_name_a_run_is_called_by_its_time(demo: Suite) -> None:
    demo.run("scenarios/demo/alpha.json")
    demo.run("scenarios/demo/alpha.json")

    names = [path.name for path in (demo.path / "results").iterdir() if path.name != "latest"]
    assert len(names) == 2
    assert all(len(name) == len("2026-01-02T03-04-05-abcd") for name in names)


def test_the_manifest_tells_who_ran_what_with_what(run: Suite) -> None:
    manifest = loaded(run, "manifest.json")

    assert manifest["schema_version"] == 2
    assert manifest["run_id"] == "mine"
    assert [CellId.from_json(cell).key for cell in manifest["expected"]] == ["demo/alpha[oracle]", "demo/alpha[nop]"]
    assert manifest["started_at"] <= manifest["finished_at"]
    assert (manifest["exit_status"], manifest["workers"], manifest["engine_platform"]) == (1, 0, None)
    assert manifest["settings"] == {
        "datasets": {"demo": "1.0"},
        "agents": [
            {"name": "oracle", "model": None, "asked_as": "oracle"},
            {"name": "nop", "model": None, "asked_as": "nop"},
        ],
        "agent_args": [],
        "attempts": 1,
        "max_attempts": 5,
        "concurrency": 1,
        "gate": "by agent",
        "alpha": 0.05,
        "margin": 0.02,
        "inconclusive": "pass",
        "parity": "block",
        "min_visible": 0.3,
        "environment": "by kind",
        "network": "scenario",
        "timeout_multiplier": 1.0,
        "max_void_rate": 0.05,
        "update_baselines": False,
        "baselines": "baselines",
    }
    assert manifest["versions"]["python"] == platform.python_version()
    assert manifest["versions"]["pytest"] == version("pytest")
    assert manifest["host"].keys() == {"name", "kernel", "architecture", "class", "cpus", "memory_mb"}
    assert manifest["git"].keys() == {"commit", "dirty"}


def test_the_journal_tells_what_happened_in_order(run: Suite) -> None:
    lines = (run.path / "results/mine/events.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]

    assert all(event["ts"].endswith("Z") and isinstance(event["pid"], int) for event in events)
    assert [(event["type"], event["cell"], event["trial"], event.get("outcome")) for event in events] == [
        ("session-start", None, None, None),
        ("trial-start", "demo/alpha[oracle]", 1, None),
        ("trial-end", "demo/alpha[oracle]", 1, "solved"),
        ("trial-start", "demo/alpha[nop]", 1, None),
        ("trial-end", "demo/alpha[nop]", 1, "unsolved"),
        ("session-end", None, None, None),
    ]


def test_a_result_has_the_fields_of_the_contract(run: Suite) -> None:
    result = loaded(run, "trials/demo/alpha/oracle/1/result.json")

    assert result["timing"].keys() == {
        *("build_s", "start_s", "agent_s", "verify_s", "teardown_s", "working_s", "wall_s"),
    }
    fingerprint = result.pop("fingerprint")
    for digest in (fingerprint.pop("scenario"), fingerprint.pop("verifier"), fingerprint.pop("instruction")):
        assert digest.startswith("sha256:")
    assert fingerprint.pop("image").startswith("fake:")
    assert fingerprint["judging"].pop("files").startswith("sha256:")
    assert fingerprint == {
        "dataset": "demo==1.0",
        "limits": {
            "agent_s": 600,
            "build_s": 600,
            "verifier_s": 120,
            "timeout_multiplier": 1.0,
            "cpus": 1.0,
            "memory_mb": 1024,
            "network": "none",
            "pids": 512,
        },
        "environment": {"workdir": "/app", "env": [], "user": "(the image's)", "platform": "(the engine's)"},
        "ignored": [],
        "judging": {
            "script": "test.sh",
            "result": "exit_code",
            "isolation": "fresh",
            "collect": ["(the working directory)"],
            "keep": [],
        },
        "platform": None,
    }
    del result["timing"]
    assert result == {
        "schema_version": 2,
        "run_id": "mine",
        "scenario": "alpha",
        "scenario_id": "alpha",
        "dataset": "demo",
        "agent": "oracle",
        "model": None,
        "profile": None,
        "source": "live",
        "arguments": {},
        "configuration": result["configuration"],
        "limits": {"build_s": 600.0, "agent_s": 600.0, "verifier_s": 120.0, "wait_s": 0.0},
        "snapshot": {"kept": True, "reason": ""},
        "regraded": [],
        "attempt": 1,
        "session": None,
        "outcome": "solved",
        "reason": "",
        "phase": None,
        "reward": 1.0,
        "checks": {"exit code": "passed"},
        "messages": {},
        "usage": {
            "input_tokens": 0,
            "output_tokens": 0,
            "cached_tokens": 0,
            "cost_usd": 0.0,
            "calls": 0,
            "turns": 0,
        },
        "memory_peak_mb": 1.0,
        "memory_counter": "fake",
        "limits_hit": [],
        "agent_note": "",
        "verifier_tail": "",
        "retries": [],
        "folder": "trials/demo/alpha/oracle/1",
        "artifacts": [
            "agent.cast",
            "commands.jsonl",
            "snapshot/1.tar.gz",
            "snapshot/snapshot.json",
            "trajectory.json",
            "verifier/stderr",
            "verifier/stdout",
        ],
    }


def test_a_summary_has_the_fields_of_the_contract(run: Suite) -> None:
    summary = loaded(run, "summary.json")

    wanted = {
        "run_id",
        "dataset",
        "agent",
        "cells",
        "totals",
        "pass_at_k",
        "pass_hat_k",
        "counts_first_alone",
        "mean",
        "interval",
        "cost",
        "gate",
    }
    assert wanted - summary.keys() == set()
    assert summary["gate"].keys() >= {"verdict", "p", "effect", "mde"}
    assert summary["interval"].keys() >= {"low", "high", "method"}
    assert (summary["dataset"], summary["agent"], summary["mean"]) == (["demo"], ["nop", "oracle"], 0.5)


def test_the_report_is_for_people(run: Suite) -> None:
    lines = (run.path / "results/mine/report.md").read_text().splitlines()

    assert lines[:3] == ["# Run mine", "", "2 cells: 1 solved, 1 unsolved."]
    assert "- demo/alpha[nop]: solved 0 of 1, and no baseline allows that" in lines


def test_json_files_are_made_for_diffs(run: Suite) -> None:
    for name in ("manifest.json", "summary.json", "trials/demo/alpha/nop/1/result.json"):
        text = (run.path / "results/mine" / name).read_text()
        assert text == json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def test_no_scratch_files_are_left(run: Suite) -> None:
    folder = run.path / "results"

    assert list(folder.rglob(".*")) == []


# -- secrets ---------------------------------------------------------------------------------------------------------

SECRET = "s3cr3t-value-of-an-argument"
VARIABLE = "s3cr3t-value-of-a-variable"

AGENTS = """
    from pytest_terminalbench import AgentReport, AgentSetupError

    class Quiet:
        name = "quiet"
        def __init__(self, token):
            self.token = token
        def act(self, task, environment):
            environment.run(["work"])
            return AgentReport()

    class Demanding(Quiet):
        name = "demanding"
        def __init__(self, token, region):
            super().__init__(token)
"""


def where(suite: Suite, text: str) -> list[str]:
    """The files of the newest run that hold `text`."""
    return [name for name, data in suite.files("results").items() if text.encode() in data]


@pytest.mark.parametrize("args", [[], ["-n", "1"]], ids=["alone", "xdist"])
@pytest.mark.parametrize("agent", ["Quiet", "Demanding"])
def test_values_of_arguments_and_variables_are_in_no_file(
    demo: Suite, monkeypatch: pytest.MonkeyPatch, agent: str, args: list[str]
) -> None:
    """Neither where the agent acts, nor where it cannot be made because another argument is missing."""
    monkeypatch.setenv("OPENAI_API_KEY", VARIABLE)
    demo.write("mine.py", AGENTS)

    done = demo.run_apart(
        "--tb-dataset", "demo", "--tb-agent", f"mine:{agent}", "--tb-agent-arg", f"token={SECRET}", *args
    )

    done.assert_outcomes(**{"passed": 3} if agent == "Quiet" else {"errors": 3})
    assert where(demo, "demo/alpha") != []
    assert where(demo, SECRET) == []
    assert where(demo, VARIABLE) == []
    assert loaded_settings(demo)["agent_args"] == ["token"]


def loaded_settings(suite: Suite) -> Any:
    return json.loads((suite.latest / "manifest.json").read_text())["settings"]


def test_the_terminal_does_not_show_them_either(demo: Suite) -> None:
    demo.write("mine.py", AGENTS)

    done = demo.run(
        "--tb-dataset",
        "demo",
        "--tb-agent",
        "mine:Demanding",
        "--tb-agent-arg",
        f"token={SECRET}",
        "--junitxml",
        "x.xml",
    )

    assert SECRET not in done.stdout.str()
    assert SECRET not in (demo.path / "x.xml").read_text()


def test_an_agent_that_cannot_be_made_is_void_and_says_what_it_takes(demo: Suite) -> None:
    demo.write("mine.py", AGENTS)

    demo.run("scenarios/demo/alpha.json", "--tb-agent", "mine:Demanding", "--tb-agent-arg", f"token={SECRET}")

    assert demo.result("alpha", "demanding")["reason"] == (
        "agent 'demanding' cannot be made with token: missing a required argument: 'region'; it takes (token, region)"
    )


def test_what_a_scripted_agent_types_is_recorded(demo: Suite) -> None:
    """That is no secret: it is what the trial was."""
    demo.run("scenarios/demo/alpha.json", *scripted("work hard"))

    lines = (demo.latest / "trials/demo/alpha/scripted/1/commands.jsonl").read_text().splitlines()
    assert [json.loads(line)["command"] for line in lines] == ["work hard"]


def test_the_manifest_names_our_version(run: Suite) -> None:
    assert pytest_terminalbench.__version__ == loaded(run, "manifest.json")["versions"]["pytest-terminalbench"]


# -- when the disk is full -------------------------------------------------------------------------------------------


def test_a_run_that_cannot_be_written_at_the_end_is_told_and_no_success(demo: Suite) -> None:
    demo.write(
        "conftest.py",
        demo.conftest
        + """

from pathlib import Path

@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish():
    Path("results/mine/summary.json").mkdir()
""",
    )

    done = demo.run("--tb-dataset", "demo", "--tb-run-id", "mine")

    assert done.ret == pytest.ExitCode.INTERNAL_ERROR
    assert lines_of(done, "terminalbench: ")[1:] == [
        f"terminalbench: the results folder {demo.path}/results/mine cannot be written: Is a directory"
    ]
    done.stdout.fnmatch_lines(["3 cells: 3 solved"])


FULL_FROM_BETA = """

import resource

def pytest_terminalbench_trial_start(cell):
    if cell.scenario.id == "beta":
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
"""


@pytest.mark.parametrize("options", [[], ["--update-baselines"]], ids=["compared", "to be approved"])
def test_where_the_disk_is_full_the_rest_is_void_and_what_is_known_is_told(demo: Suite, options: list[str]) -> None:
    demo.write("conftest.py", demo.conftest + FULL_FROM_BETA)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--tb-dataset", "demo", "--tb-run-id", "mine"]

    # Through a pipe: what is printed is no file that may not grow.
    done = subprocess.run([*command, *options], cwd=demo.path, capture_output=True, text=True, check=False)

    said = done.stdout.splitlines()
    folder = demo.path / "results/mine"
    assert "INTERNALERROR" not in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert said.count(f"terminalbench: the results folder {folder} cannot be written: File too large") == 1
    assert [line for line in said if line.startswith(("void: ", "3 cells"))] == [
        "void: demo/beta[oracle]: the results cannot be written: File too large",
        "void: demo/gamma[oracle]: the results cannot be written: File too large",
        "3 cells: 1 solved, 2 void",
    ]
    assert [line for line in said if line.startswith("baselines")] == [
        "baselines NOT updated: the run could not be written" for _ in options
    ]
    assert "1 passed, 2 errors" in said[-1]
    assert done.returncode == 22
    assert not (demo.path / "baselines").exists()
    # What lies there can be read.
    assert FileLedger(folder / "ledger.jsonl").read().results.keys() == {"demo/alpha[oracle]"}


def test_a_trial_that_cannot_be_written_is_void_and_the_others_run(demo: Suite) -> None:
    demo.write(
        "conftest.py",
        demo.conftest
        + """

from pathlib import Path

def pytest_terminalbench_trial_start(cell):
    if cell.scenario.id == "beta":
        Path("results/mine/trials/demo/beta").parent.mkdir(parents=True, exist_ok=True)
        Path("results/mine/trials/demo/beta").write_text("in the way")
""",
    )

    done = demo.run("--tb-dataset", "demo", "--tb-run-id", "mine")

    done.assert_outcomes(passed=2, errors=1)
    assert done.ret == 22
    assert demo.statuses["demo/beta[oracle]"] == "void"


@pytest.mark.parametrize("workers", ["0", "2"])
def test_scenarios_of_one_id_in_two_datasets_have_folders_of_their_own(suite: Suite, workers: str) -> None:
    suite.dataset("demo", "alpha", "beta")
    suite.dataset("other", "alpha", folder="scenarios/other")

    done = suite.run_apart("--tb-dataset", "demo", "--tb-dataset", "other", "-n", workers)

    done.assert_outcomes(passed=3)
    assert sorted(path.name for path in (suite.latest / "trials").iterdir()) == ["demo", "other"]
    told = {cell["cell"]: cell["attempts"][0]["folder"] for cell in suite.summary["cells"]}
    assert told == {
        "demo/alpha[oracle]": "trials/demo/alpha/oracle/1",
        "demo/beta[oracle]": "trials/demo/beta/oracle/1",
        "other/alpha[oracle]": "trials/other/alpha/oracle/1",
    }
