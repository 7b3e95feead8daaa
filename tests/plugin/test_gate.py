"""The statistical gate through pytest: cells, the suite, parity, incidents, locks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.plugin.conftest import Suite, lines_of, scripted

# An agent whose successes are written down beforehand: `moods/<scenario>` has a 1 or 0 for every trial to come, or
# "die" for one that ends the process.
MOODY = """
import json
import os
import signal
from pathlib import Path

from pytest_terminalbench import AgentReport


class Moody:
    name = "moody"
    deterministic = False

    def act(self, task, environment):
        file = Path(__file__).with_name("moods") / task.scenario_id
        luck, *left = json.loads(file.read_text())
        file.write_text(json.dumps(left))
        if luck == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        environment.run(["work"] if luck else ["idle"])
        return AgentReport()
"""


@pytest.fixture
def moody(suite: Suite) -> Suite:
    """Twelve scenarios, and the agent `moody`."""
    suite.dataset("demo", *(f"task-{number:02}" for number in range(12)))
    suite.write("moods.py", MOODY)
    return suite


def plan(suite: Suite, default: Sequence[int], **others: Sequence[int | str]) -> None:
    moods: dict[str, Sequence[int | str]] = {f"task-{number:02}": list(default) for number in range(12)}
    moods.update({name.replace("_", "-"): luck for name, luck in others.items()})
    for name, luck in moods.items():
        suite.write(f"moods/{name}", json.dumps(luck))


def run(suite: Suite, *args: str) -> pytest.RunResult:
    return suite.run_apart("--tb-dataset", "demo", "--tb-agent", "moods:Moody", "-p", "no:randomly", *args)


def approve(suite: Suite, default: Sequence[int], **others: Sequence[int | str]) -> None:
    plan(suite, default, **others)
    result = run(suite, "--tb-attempts", str(len(default)), "--update-baselines")
    assert result.ret == 0, result.stdout.str()


def attempts(suite: Suite) -> Mapping[str, int]:
    return {cell["scenario"]: len(cell["attempts"]) for cell in suite.summary["cells"]}


def test_a_cell_that_breaks_is_tried_again_until_it_is_surely_worse(moody: Suite) -> None:
    approve(moody, [1, 1, 1, 1, 1])
    plan(moody, [1], task_03=[0, 0, 0, 0, 0])

    result = run(moody, "--tb-attempts", "auto")

    result.assert_outcomes(passed=11, failed=1)
    assert result.ret == 1
    assert moody.statuses["demo/task-03[moody]"] == "regressed"
    assert [count for name, count in attempts(moody).items() if name != "task-03"] == [1] * 11
    assert 2 <= attempts(moody)["task-03"] <= 5


def test_one_bad_trial_is_chance(moody: Suite) -> None:
    """A snapshot of one run would have called it a regression."""
    approve(moody, [1, 1, 1, 1, 1])
    plan(moody, [1], task_03=[0, 1, 1, 1, 1])

    result = run(moody, "--tb-attempts", "auto")

    assert result.ret == 0, result.stdout.str()
    assert moody.statuses["demo/task-03[moody]"] == "as-baseline"


def test_what_few_trials_cannot_tell_is_inconclusive_and_the_policy_decides(moody: Suite) -> None:
    unsteady = {f"task_{number:02}": [1, 0, 1] for number in range(6, 12)}
    approve(moody, [1, 1, 1], **unsteady)
    unlucky = [0, 0, 0]

    plan(moody, [1, 1, 1], task_03=unlucky)
    lenient = run(moody, "--tb-attempts", "3")
    cell = next(cell for cell in moody.summary["cells"] if cell["scenario"] == "task-03")
    assert (cell["status"], cell["tolerated"]) == ("inconclusive", True)
    assert lenient.ret == 0
    assert "1 inconclusive" in lenient.outlines[-1]
    assert "?" in next(line for line in lenient.outlines if "task-03.json" in line)
    plan(moody, [1, 1, 1, 1], task_03=unlucky)
    strict = run(moody, "--tb-attempts", "3", "--tb-inconclusive", "fail")
    strict.assert_outcomes(passed=11, failed=1)
    cell = next(cell for cell in moody.summary["cells"] if cell["scenario"] == "task-03")
    assert (cell["status"], cell["tolerated"]) == ("inconclusive", False)


def test_the_suite_gate_fails_though_no_cell_does(moody: Suite) -> None:
    approve(moody, [1, 1, 1, 0])
    plan(moody, [1, 0, 0, 0])

    result = run(moody, "--tb-attempts", "4", "--junitxml", "junit.xml", "--json-report")

    assert result.ret == 1
    told = "demo moody: 75.0 % → 25.0 % solved on 12 tasks (-50.0 points, 95% interval -72.2 to -27.8)"
    assert lines_of(result, "suite gate: ") == [f"suite gate: FAIL: {told}"]
    start = result.outlines.index(f"worse than approved: {told}")
    assert result.outlines[start + 1 : start + 7] == [
        "  hardly luck: an unchanged agent does as badly in about 1 of 300,000 runs (p = 3.9e-06)",
        "  each side is one session, so that a bad night looks the same as a worse agent: run it again to tell",
        (
            "  this run could have seen a drop of 26.5 points (80 % of the time), a smaller one less often, "
            "and here it did"
        ),
        (
            "lowest:       task-00 3/4 → 1/4, task-01 3/4 → 1/4, task-02 3/4 → 1/4, "
            "task-03 3/4 → 1/4, task-04 3/4 → 1/4 and 7 more"
        ),
        f"which cells:  terminalbench compare baselines/demo/moody results/{moody.latest.name}",
        "if intended:  your pytest command again with --update-baselines --tb-attempts 4",
    ]
    assert "[105%]" not in result.stdout.str()
    gate = moody.summary["gate"]
    assert gate["verdict"] == "fail"
    assert gate["p"] < 0.05
    assert gate["effect"] == pytest.approx(-0.5)
    assert gate["mde"] > 0
    assert "suite gate" in (moody.path / "junit.xml").read_text()
    report = json.loads((moody.path / ".report.json").read_text())
    assert [test["outcome"] for test in report["tests"] if test["nodeid"] == "suite gate"] == ["failed"]


def test_the_same_agent_passes_the_suite_gate_or_says_that_it_cannot_tell(moody: Suite) -> None:
    approve(moody, [1, 1, 1, 0])
    plan(moody, [1, 1, 0, 1])

    result = run(moody, "--tb-attempts", "4")

    assert result.ret == 0
    assert moody.summary["gate"]["verdict"] in ("pass", "inconclusive")
    assert lines_of(result, "suite gate: ")


def test_a_run_that_cannot_tell_is_not_green_and_the_policy_decides(suite: Suite) -> None:
    """One attempt approved of each, all solved; now none is: no test can tell that from luck."""
    suite.dataset("demo", *(f"task-{number:02}" for number in range(4)))
    suite.write("moods.py", MOODY)
    plan(suite, [1])
    approved = run(suite, "--update-baselines")

    plan(suite, [0])
    lenient = run(suite)
    plan(suite, [0])
    strict = run(suite, "--tb-inconclusive", "fail", "--junitxml", "junit.xml")

    assert lines_of(approved, "warning: demo moody: 4 cells approved with fewer than 3 attempts: ")
    assert lenient.ret == 0
    assert set(suite.statuses.values()) == {"inconclusive"}
    assert "4 inconclusive, 1 suite gate inconclusive" in lenient.outlines[-1]
    verdict = (
        "suite gate: INCONCLUSIVE: demo moody: 100.0 % → 0.0 % solved on 4 tasks (-100.0 points, 95% interval -100.0 "
        "to +0.0)"
    )
    cure = (
        "  to see a drop of 30 points: approve with --tb-attempts 7 --update-baselines, then compare with "
        "--tb-attempts 7"
    )
    assert lines_of(lenient, "suite gate: ") == [verdict]
    assert lenient.outlines[lenient.outlines.index(verdict) + 1] == cure
    assert strict.ret == 1
    strict.assert_outcomes(failed=5)
    strict.stdout.fnmatch_lines(["nobody can tell: demo moody: 100.0 % → 0.0 % solved on 4 tasks *"])
    assert 'name="suite gate"' in (suite.path / "junit.xml").read_text()


@pytest.mark.parametrize("options", [(), ("-q",), ("-n", "1"), ("-n", "1", "-q"), ("-p", "no:terminal")])
def test_neither_a_letter_nor_json_stands_behind_the_line_of_letters(suite: Suite, options: tuple[str, ...]) -> None:
    """A lone blocked cell, of which the gate can tell nothing either: both streams on one terminal."""
    suite.dataset("demo", "alpha")
    suite.write("moods.py", MOODY)
    plan(suite, [1])
    run(suite, "--update-baselines")
    changed_limits(suite)
    plan(suite, [1])

    command = [sys.executable, "-m", "pytest", "--tb-dataset", "demo", "--tb-agent", "moods:Moody", *options]
    with (suite.path / "output.txt").open("w+") as output:
        suite.pytester.popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL).wait()
        output.seek(0)
        printed = output.read().splitlines()

    (parity,) = [line for line in printed if '"parity"' in line]
    assert list(json.loads(parity)["parity"]) == ["demo/alpha[moody]"]
    letters = [line for line in printed if "[100%]" in line]
    assert len(letters) == ("no:terminal" not in options)
    assert all(line.endswith("[100%]") for line in letters)
    if letters:
        told = "suite gate: INCONCLUSIVE: demo moody: nothing was compared: 1 task selected, 1 approved: 1 blocked ("
        assert [line for line in printed if line.startswith(told)]


def test_a_mistyped_folder_of_baselines_is_told_and_fails_where_doubt_does(suite: Suite) -> None:
    suite.dataset("demo", "task-00")
    suite.write("moods.py", MOODY)
    plan(suite, [1])

    result = run(suite, "--tb-inconclusive", "fail", "--tb-baselines", "basleines", "--tb-no-incidents")

    assert result.ret == 1
    result.assert_outcomes(passed=1, failed=1)
    assert suite.summary["gate"]["verdict"] is None
    told = "nothing is approved for it yet, so nothing was compared; approve with --tb-attempts 3 --update-baselines"
    assert lines_of(result, "suite gate: ") == [f"suite gate: noted: demo moody: {told}"]
    assert lines_of(result, "baselines: there is no folder ")[0].endswith("basleines")


def test_workers_agree_with_one_process(moody: Suite) -> None:
    """Thresholds are known before the first trial, so workers need not talk to each other."""
    approve(moody, [1, 1, 1, 1, 1])
    plan(moody, [1], task_03=[0, 0, 0, 0, 0])

    result = run(moody, "--tb-attempts", "auto", "-n", "1")

    assert result.ret == 1
    assert moody.statuses["demo/task-03[moody]"] == "regressed"


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_cells_that_need_more_trials_get_them_after_the_others(moody: Suite, workers: tuple[str, ...]) -> None:
    approve(moody, [1, 1, 1, 1, 1])
    plan(moody, [1], task_00=[0, 0, 0, 0, 0], task_01=[0, 1, 1, 1, 1])

    result = run(moody, "--tb-attempts", "auto", *workers)

    assert result.ret == 1
    assert moody.statuses["demo/task-00[moody]"] == "regressed"
    assert moody.statuses["demo/task-01[moody]"] == "as-baseline"
    assert list(moody.statuses.values()).count("solved") == 10
    began = [event for event in events(moody) if event["type"] == "trial-start"]
    for pid in {event["pid"] for event in began}:
        own = [event["trial"] for event in began if event["pid"] == pid]
        assert own == sorted(own, key=lambda trial: trial > 1)


@pytest.mark.parametrize("last", ["task-11", "test_last"])
def test_a_worker_that_dies_in_a_second_turn_makes_that_cell_run_again(moody: Suite, last: str) -> None:
    """xdist takes the item that it gave last for the one that was running. That one is not run again, nor is it void;
    what the worker had put aside besides is run again, without blame.
    """
    approve(moody, [1, 1, 1, 1, 1])
    plan(moody, [1], task_00=[0, "die", 0, 0, 0, 0, 0], task_01=[0, 1])
    own_tests = [moody.write("test_last.py", "def test_last(): pass\n")] if last == "test_last" else []

    result = run(moody, "--tb-attempts", "auto", "-n", "1", *map(str, own_tests))

    # The suite gate passes on the first trials alone.
    assert result.parseoutcomes() == {"passed": 11 + len(own_tests), "failed": 1, "retried": 1}
    assert moody.statuses == {
        f"demo/task-{number:02}[moody]": "regressed" if number == 0 else "solved" for number in range(12)
    }
    crashes = [event for event in events(moody) if event["type"] == "worker-crash"]
    assert [(event["cell"], event["crashes"]) for event in crashes] == [("demo/task-00[moody]", 1)]


def events(suite: Suite) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (suite.latest / "events.jsonl").read_text().splitlines()]


def test_a_deterministic_agent_is_compared_strictly(demo: Suite) -> None:
    demo.run("--tb-dataset", "demo", "--update-baselines")

    demo.run("--tb-dataset", "demo")

    gate = demo.summary["gate"]
    assert (gate["verdict"], gate["p"], gate["agents"], gate["verdicts"]) == ("pass", None, {}, {"demo oracle": "pass"})


def test_auto_cannot_be_approved(demo: Suite) -> None:
    result = demo.run("--tb-dataset", "demo", "--tb-attempts", "auto", "--update-baselines")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --update-baselines needs a fixed --tb-attempts K*"])


def changed_limits(suite: Suite) -> None:
    file = suite.path / "scenarios" / "demo" / "alpha.json"
    content: dict[str, Any] = json.loads(file.read_text())
    content["environment"]["memory_mb"] = 2048
    file.write_text(json.dumps(content))


def test_other_conditions_than_the_baselines_block_the_cell(demo: Suite) -> None:
    demo.run("--tb-dataset", "demo", "--update-baselines")
    changed_limits(demo)

    result = demo.run_apart("--tb-dataset", "demo")

    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*limits.memory_mb: approved 1024, now 2048"])
    assert demo.statuses["demo/alpha[oracle]"] == "blocked"
    parity = json.loads((demo.latest / "parity.json").read_text())
    told = next(json.loads(line)["parity"] for line in result.errlines if line.startswith('{"parity"'))
    assert parity == told
    assert {"field": "limits.memory_mb", "baseline": 1024, "now": 2048} in parity["demo/alpha[oracle]"]
    assert not (demo.latest / "trials" / "demo" / "alpha").exists()


@pytest.mark.parametrize("policy", ["warn", "off"])
def test_parity_can_be_only_noted_or_not_looked_at(demo: Suite, policy: str) -> None:
    demo.run("--tb-dataset", "demo", "--update-baselines")
    changed_limits(demo)

    result = demo.run("--tb-dataset", "demo", "--tb-parity", policy)

    result.assert_outcomes(passed=3)
    assert (demo.latest / "parity.json").exists() == (policy == "warn")


def test_what_neither_agent_nor_verifier_sees_is_noted_and_blocks_nothing(demo: Suite) -> None:
    demo.run("--tb-dataset", "demo", "--update-baselines")
    demo.dataset("demo", version="2.0")
    demo.scenario("alpha", title="Another title")
    demo.write("scenarios/demo/beta/tests/.test.sh.swp", "vim")

    result = demo.run("--tb-dataset", "demo")

    result.assert_outcomes(passed=3)
    noted = json.loads((demo.latest / "parity.json").read_text())
    assert {cell: [mismatch["field"] for mismatch in found] for cell, found in noted.items()} == {
        "demo/alpha[oracle]": ["dataset", "scenario"],
        "demo/beta[oracle]": ["dataset", "ignored"],
        "demo/gamma[oracle]": ["dataset"],
    }
    result.stdout.fnmatch_lines(
        [f"noted: 3 cells compared, though not all is as it was approved (dataset, ignored, scenario): {demo.latest}/*"]
    )


def test_another_instruction_blocks(demo: Suite) -> None:
    demo.run("--tb-dataset", "demo", "--update-baselines")
    demo.scenario("alpha", instruction="Do something else.")

    result = demo.run("--tb-dataset", "demo")

    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(
        [
            "  instruction: approved sha256:*, now sha256:*",
            "Accept it without a run: terminalbench baseline rebase demo/oracle/alpha",
        ]
    )


def test_what_is_to_be_pasted_acts_on_the_sessions_baselines(demo: Suite) -> None:
    kept = ["--tb-dataset", "demo", "--tb-baselines", "kept"]
    demo.run(*kept, "--update-baselines").assert_outcomes(passed=3)
    demo.scenario("alpha", instruction="Do something else.")
    demo.scenario("beta", title="Another title")
    (demo.path / "scenarios/demo/gamma.json").unlink()
    option = f"--baselines={demo.path}/kept"

    noted, strict = demo.run(*kept), demo.run(*kept, "--tb-strict-baselines")

    move = (
        f"`terminalbench baseline move OLD NEW {option}` where it has another name, *`*baseline retire NAME {option}`*"
    )
    noted.stdout.fnmatch_lines(
        [
            f"Accept it without a run: terminalbench baseline rebase demo/oracle/alpha {option}",
            f"noted: 1 cell compared, *; `terminalbench baseline rebase {option}` accepts it",
            f"1 baseline without a scenario: demo/oracle/gamma; fix it by {move}",
        ]
    )
    strict.stdout.fnmatch_lines([f"Fix it by {move}"])


def test_a_failing_cell_opens_an_incident(demo: Suite) -> None:
    demo.write(
        "pyproject.toml",
        '[tool.terminalbench.incidents]\nrotation = ["ada", "grace"]\nwebhook = "http://127.0.0.1:9/nobody"\n',
    )
    result = demo.run("--tb-dataset", "demo", *scripted(), "-k", "alpha or beta")

    assert result.ret == 1
    (file,) = (demo.latest / "incidents").iterdir()
    incident = json.loads(file.read_text())
    assert incident["kind"] == "functional-failure"
    assert [cell["cell"] for cell in incident["cells"]] == ["demo/alpha[scripted]", "demo/beta[scripted]"]
    assert incident["on_rotation"] in ("ada", "grace")
    assert incident["delivery"].startswith("not delivered after 3 tries")
    assert incident["due_on"] > incident["opened_at"][:10]


def test_a_locked_dataset_fails_on_drift(demo: Suite) -> None:
    from pytest_terminalbench.scenarios.catalog import open_dataset
    from pytest_terminalbench.scenarios.lock import write_lock

    without = demo.run("--tb-dataset", "demo", "--tb-locked")
    assert without.ret == pytest.ExitCode.USAGE_ERROR
    without.stderr.fnmatch_lines(
        ["ERROR: --tb-locked: nobody has locked demo yet; lock it as it is now with `terminalbench dataset lock demo`"]
    )
    write_lock(open_dataset(demo.path / "scenarios" / "demo"))
    demo.run("--tb-dataset", "demo", "--tb-locked").assert_outcomes(passed=3)
    changed_limits(demo)

    result = demo.run("--tb-dataset", "demo", "--tb-locked")

    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*alpha.json: limits has drifted from the lock"])


def test_what_is_gone_from_a_locked_dataset_is_an_error_and_the_others_run(demo: Suite) -> None:
    from pytest_terminalbench.scenarios.catalog import open_dataset
    from pytest_terminalbench.scenarios.lock import write_lock

    folder = demo.path / "scenarios" / "demo"
    write_lock(open_dataset(folder))
    (folder / "alpha.json").unlink()
    demo.dataset("demo", version="2.0")

    result = demo.run("--tb-dataset", "demo", "--tb-locked", "--tb-parity", "off")

    result.assert_outcomes(passed=2, errors=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "*lock.json: alpha: is in the lock, and no longer in the dataset",
            "*version: is 2.0, and was locked as 1.0",
            "*`terminalbench dataset lock demo`*",
        ]
    )


def test_rewards_above_one_are_solved_and_no_better_than_that(moody: Suite) -> None:
    approve(moody, [1, 1, 1])
    for file in (moody.path / "baselines").rglob("task-*.json"):
        record = json.loads(file.read_text())
        file.write_text(json.dumps({**record, "rewards": [2.0, 1.0, 3.5]}))
    plan(moody, [1, 1, 1])

    result = run(moody, "--tb-attempts", "3")

    assert result.ret == 0, result.stdout.str()
    assert moody.summary["gate"]["effect"] == 0.0
