"""Approving outcomes and being compared with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.host_class import host_class
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.sessions.closing import rebuild_summary
from pytest_terminalbench.status import Status
from tests.plugin.conftest import Suite, lines_of, scripted
from tests.plugin.test_failure_cards import card


def without_times(content: Any) -> Any:
    """`content` without what two runs cannot have in common: times, process and run ids."""
    changing: tuple[str, ...] = (
        "_s",
        "ts",
        "pid",
        "run",
        "run_id",
        "approved_on",
        "started_at",
        "finished_at",
        "opened_at",
        "previous",
    )
    if isinstance(content, dict):
        if "previous" in content:  # A line of the log: like the line before, its digests hold times.
            changing += ("digest", "record")
        kept = {key: value for key, value in content.items() if not key.endswith(changing[:1]) and key not in changing}
        return {key: without_times(value) for key, value in kept.items()}
    return [without_times(value) for value in content] if isinstance(content, list) else content


def test_the_life_of_a_baseline(demo: Suite) -> None:
    only = ["--tb-dataset", "demo", "-k", "alpha"]
    worse, good = scripted("rest"), scripted("work")
    file = demo.baseline("alpha", "scripted")

    # Nothing to compare with yet: who solves passes, who does not fails.
    demo.run(*only, *good).assert_outcomes(passed=1)
    demo.run(*only, *worse).assert_outcomes(failed=1)
    assert demo.statuses == {"demo/alpha[scripted]": "unsolved"}
    assert not file.exists()

    # What it does now is approved.
    done = demo.run(*only, *good, "--update-baselines", "--tb-approver", "Ada")
    done.assert_outcomes(passed=1)
    assert lines_of(done, "baselines") == [f"baselines: 1 written, 0 unchanged in {demo.path}/baselines"]
    first = json.loads(file.read_text())
    assert (first["solved"], first["attempts"], first["approved_by"], first["supersedes"]) == (1, 1, "Ada", None)

    # The agent gets worse: a regression, and the file is untouched.
    before = demo.files("baselines")
    demo.run(*only, *worse).assert_outcomes(failed=1)
    assert demo.statuses == {"demo/alpha[scripted]": "regressed"}
    assert demo.files("baselines") == before

    # That is accepted for now: it passes, told apart from what is solved.
    done = demo.run(*only, *worse, "--update-baselines", "--tb-approver", "Grace")
    assert demo.statuses == {"demo/alpha[scripted]": "as-baseline"}
    second = json.loads(file.read_text())
    assert (second["solved"], second["approved_by"], second["supersedes"]) == (0, "Grace", first["baseline_id"])
    assert second["baseline_id"] == f"{first['baseline_id']}-2"
    assert demo.run(*only, *worse).ret == pytest.ExitCode.OK
    assert demo.statuses == {"demo/alpha[scripted]": "as-baseline"}

    # It gets better again: it passes, and the summary asks to approve it.
    done = demo.run(*only, *good)
    done.assert_outcomes(passed=1)
    assert demo.summary["totals"]["improved"] == 1
    better = f"solved 1 of 1; the baseline {second['baseline_id']} approved 0 of 1"
    assert lines_of(done, "improved:") == [
        f"improved: demo/alpha[scripted]: {better} (approve with --update-baselines)"
    ]
    assert json.loads(file.read_text()) == second

    # The log tells it all.
    audit = [json.loads(line) for line in (demo.path / "baselines/audit.jsonl").read_text().splitlines()]
    assert [(line["action"], line["by"], line["solved"], line["supersedes"]) for line in audit] == [
        ("approved", "Ada", 1, None),
        ("approved", "Grace", 0, first["baseline_id"]),
    ]


def test_a_baseline_file_is_what_the_contract_says(demo: Suite) -> None:
    demo.run("--tb-dataset", "demo", "-k", "alpha", "--update-baselines", "--tb-approver", "Ada", "--tb-attempts", "2")

    text = demo.baseline("alpha").read_text()
    content = json.loads(text)
    assert text == json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    # An agent that answers within half a millisecond has no time that anybody measured.
    content["metrics"].pop("runtime_s", None)
    result = demo.result("alpha")
    assert content.pop("configuration").startswith("sha256:")
    assert content.pop("host") == host_class()
    assert content.pop("sessions") == [demo.latest.name] * 2
    assert content == {
        "schema_version": 2,
        "baseline_id": f"alpha-{content['approved_on']}",
        "cell": {
            "dataset": "demo",
            "scenario": "alpha",
            "agent": "oracle",
            "model": None,
            "profile": None,
            "source": "live",
            "arguments": {},
        },
        "scenario_id": "alpha",
        "status": "active",
        "approved_on": content["approved_on"],
        "approved_by": "Ada",
        "notes": "",
        "attempts": 2,
        "solved": 2,
        "rewards": [1.0, 1.0],
        "metrics": {
            "memory_peak_mb": {"median": 1.0, "spread": 0.0, "values": [1.0, 1.0]},
            "cost_usd": {"median": 0.0, "spread": 0.0, "values": [0.0, 0.0]},
        },
        "fingerprint": result["fingerprint"],
        "supersedes": None,
    }


def test_a_model_has_baselines_of_its_own(demo: Suite) -> None:
    demo.write(
        "mine.py",
        """
        from pytest_terminalbench import AgentReport

        class Thinker:
            name = "thinker"
            def __init__(self, model): pass
            def act(self, task, environment):
                environment.run(["work"])
                return AgentReport()
        """,
    )

    demo.run(
        "--tb-dataset", "demo", "-k", "alpha", "--tb-agent", "mine:Thinker", "--tb-model", "lab/x", "--update-baselines"
    )

    assert sorted(demo.files("baselines")) == ["audit.jsonl", "demo/thinker,lab%2Fx/alpha.json"]


def test_approving_the_same_again_changes_no_byte(demo: Suite) -> None:
    demo.run("--tb-dataset", "demo", "--update-baselines")
    before = demo.files("baselines")

    done = demo.run("--tb-dataset", "demo", "--update-baselines")

    assert lines_of(done, "baselines") == [f"baselines: 0 written, 3 unchanged in {demo.path}/baselines"]
    assert demo.files("baselines") == before


def test_approving_a_selection_never_touches_the_others(demo: Suite) -> None:
    demo.run("--tb-dataset", "demo", "--update-baselines", *scripted("rest"))
    before = demo.files("baselines/demo")

    demo.run("--tb-dataset", "demo", "-k", "beta", "--update-baselines", *scripted("work")).assert_outcomes(passed=1)

    after = demo.files("baselines/demo")
    assert {name for name in before if after[name] != before[name]} == {"scripted/beta.json"}
    assert after.keys() == before.keys()


@pytest.mark.parametrize("option", ["--snapshot-update", "--snapshot-update --snapshot-details", "--snapshot-details"])
@pytest.mark.parametrize("selection", [[], ["-k", "beta"], ["--deselect", "scenarios/demo/beta.json"]], ids=" ".join)
def test_options_of_syrupys_never_write_or_delete_baselines(demo: Suite, option: str, selection: list[str]) -> None:
    demo.run("--tb-dataset", "demo", "--update-baselines", *scripted("work"))
    before = demo.files("baselines")

    done = demo.run("--tb-dataset", "demo", *selection, *option.split(), *scripted("rest"))

    assert done.ret == pytest.ExitCode.TESTS_FAILED
    assert set(demo.statuses.values()) == {"regressed"}
    assert demo.files("baselines") == before
    assert "unused" not in done.stdout.str()


def test_a_users_own_snapshots_are_updated_beside_scenarios(demo: Suite) -> None:
    demo.pytester.makepyfile(test_mine="def test_one(snapshot): assert 'text' == snapshot\n")
    demo.run("--tb-dataset", "demo", "--update-baselines")
    before = demo.files("baselines")

    demo.run("scenarios", "test_mine.py", "--snapshot-update").assert_outcomes(passed=4)

    demo.run("scenarios", "test_mine.py").assert_outcomes(passed=4)
    assert demo.files("baselines") == before


# -- refused ---------------------------------------------------------------------------------------------------------


def test_with_a_void_cell_nothing_is_approved(demo: Suite) -> None:
    demo.scenario("beta", solution=None)

    done = demo.run("--tb-dataset", "demo", "--update-baselines", "--tb-max-void-rate", "1")

    assert lines_of(done, "baselines") == ["baselines NOT updated: 1 void among the selected cells"]
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    assert not (demo.path / "baselines").exists()


def test_an_interrupted_session_approves_nothing(demo: Suite) -> None:
    """With `-x`, stopped here by an ordinary test, for what is being approved does not fail."""
    demo.pytester.makepyfile(test_mine="def test_fails(): assert 0\n")

    done = demo.run("scenarios/demo/alpha.json", "test_mine.py", "scenarios/demo/beta.json", "-x", "--update-baselines")

    done.assert_outcomes(passed=1, failed=1)
    assert lines_of(done, "baselines") == ["baselines NOT updated: 1 not run among the selected cells"]
    assert not (demo.path / "baselines").exists()


def test_with_a_skipped_cell_nothing_is_approved(demo: Suite) -> None:
    demo.write(
        "conftest.py",
        demo.conftest
        + """

def pytest_collection_modifyitems(items):
    for item in items:
        if "beta" in item.name:
            item.add_marker(pytest.mark.skip(reason="not today"))
""",
    )

    done = demo.run("--tb-dataset", "demo", "--update-baselines")

    done.assert_outcomes(passed=2, skipped=1)
    assert lines_of(done, "baselines") == ["baselines NOT updated: 1 skipped among the selected cells"]
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    assert not (demo.path / "baselines").exists()


def test_where_approval_is_refused_cells_keep_their_own_verdicts(demo: Suite) -> None:
    demo.run("--tb-dataset", "demo", *scripted("work"), "--update-baselines")
    demo.pytester.makepyfile(test_mine="def test_fails(): assert 0\n")
    paths = ["scenarios/demo/alpha.json", "test_mine.py", "scenarios/demo/beta.json"]

    done = demo.run(*paths, "-x", *scripted("rest"), "--update-baselines")

    done.assert_outcomes(failed=1)
    assert lines_of(done, "baselines") == ["baselines NOT updated: 1 not run among the selected cells"]
    assert demo.statuses == {"demo/alpha[scripted]": "regressed"}
    assert demo.summary["totals"]["regressed"] == 1
    assert rebuild_summary(RunFolder(demo.latest.resolve()), baselines=demo.path / "baselines").totals.in_words == (
        "1 cell: 0 solved, 1 regressed"
    )


def test_where_approval_is_given_cells_are_as_their_baselines_say(demo: Suite) -> None:
    only = ["--tb-dataset", "demo", "-k", "alpha", "--update-baselines"]
    demo.run(*only, *scripted("work"))

    done = demo.run(*only, *scripted("rest"))

    assert lines_of(done, "baselines") == [f"baselines: 1 written, 0 unchanged in {demo.path}/baselines"]
    done.stdout.fnmatch_lines(["*1 as baseline*"])
    assert demo.statuses == {"demo/alpha[scripted]": "as-baseline"}
    (cell,) = rebuild_summary(RunFolder(demo.latest.resolve()), baselines=demo.path / "baselines").cells
    assert (cell.status, cell.approving) == (Status.AS_BASELINE, False)


def test_ordinary_tests_in_the_session_do_not_hinder_an_approval(demo: Suite) -> None:
    demo.pytester.makepyfile(test_mine="def test_fails(): assert 0\ndef test_passes(): pass\n")

    done = demo.run("scenarios", "test_mine.py", "--update-baselines")

    done.assert_outcomes(passed=4, failed=1)
    assert lines_of(done, "baselines") == [f"baselines: 3 written, 0 unchanged in {demo.path}/baselines"]


def test_an_approval_that_cannot_be_written_is_refused_before_anything_runs(demo: Suite) -> None:
    demo.write("baselines", "a file where the folder should be")

    done = demo.run("--tb-dataset", "demo", "--update-baselines")

    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert not (demo.path / "results").exists()


def test_an_approval_that_was_refused_is_exit_code_1(demo: Suite) -> None:
    demo.write(
        "conftest.py",
        demo.conftest
        + """

from pathlib import Path

@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish():
    Path("baselines").write_text("a file where the folder should be")
""",
    )

    done = demo.run("--tb-dataset", "demo", "--update-baselines", "--json-report", "--json-report-file", "out.json")

    done.assert_outcomes(passed=3)
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    assert json.loads((demo.path / "out.json").read_text())["exitcode"] == done.ret
    assert lines_of(done, "baselines NOT updated: ")


def test_collecting_approves_nothing(demo: Suite) -> None:
    demo.run("--tb-dataset", "demo", "--collect-only", "--update-baselines")

    assert not (demo.path / "baselines").exists()


# -- files that cannot be read ---------------------------------------------------------------------------------------


READS = ", and this version of pytest-terminalbench reads 1 and 2; update pytest-terminalbench, or "
CURE = "restore it from version control, or remove it and approve again with --update-baselines"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "is damaged: not JSON: Expecting value: line 1 column 1 (char 0); "),
        ("[]", "is damaged: the document is no object; "),
        ('{"schema_version": 3}', f"has schema_version 3{READS}"),
        (
            '{"schema_version": 1}',
            "is damaged: baseline_id: Field required; scenario_id: Field required; status: Field required; ",
        ),
    ],
    ids=["empty", "list", "future", "cut"],
)
@pytest.mark.parametrize("options", [[], ["--update-baselines"]], ids=["compare", "approve"])
def test_a_file_that_cannot_be_read_is_an_error_that_names_file_and_cure(
    demo: Suite, content: str, problem: str, options: list[str]
) -> None:
    file = demo.baseline("beta")
    file.parent.mkdir(parents=True)
    file.write_text(content)

    done = demo.run("--tb-dataset", "demo", *options)

    done.assert_outcomes(passed=2, errors=1)
    assert card(done, "ERROR at setup of scenario beta[oracle]") == [f"beta: {file} {problem}{CURE}"]
    assert demo.statuses["demo/beta[oracle]"] == "void"
    assert file.read_text() == content
    assert not (demo.latest / "trials/demo/beta").exists()


def test_a_damaged_file_is_that_cells_error_under_the_statistical_gate_too(demo: Suite) -> None:
    """The gate of the whole run reads the baselines once more."""
    demo.run("--tb-dataset", "demo", "--update-baselines", "--tb-attempts", "3").assert_outcomes(passed=3)
    demo.baseline("beta").write_text("")

    demo.run("--tb-dataset", "demo", "--tb-gate", "statistical").assert_outcomes(passed=2, errors=1)

    assert demo.statuses["demo/beta[oracle]"] == "void"


def test_the_cure_for_a_damaged_file_works(demo: Suite) -> None:
    file = demo.baseline("beta")
    file.parent.mkdir(parents=True)
    file.write_text("")
    demo.run("--tb-dataset", "demo").assert_outcomes(passed=2, errors=1)

    file.unlink()

    demo.run("--tb-dataset", "demo", "--update-baselines").assert_outcomes(passed=3)
    assert json.loads(file.read_text())["scenario_id"] == "beta"


# -- the same with and without workers -------------------------------------------------------------------------------


def test_four_workers_leave_the_same_files_as_none(demo: Suite, pytester: pytest.Pytester) -> None:
    demo.scenario("delta", category="git")
    demo.scenario("gamma", solution=None)
    told: list[dict[str, Any]] = []
    but_gamma = ["--tb-dataset", "demo", "--deselect", "scenarios/demo/gamma.json"]
    for workers in ("0", "4"):
        place = Path(f"out-{workers}")
        where = ["--tb-results", f"{place}/results", "--tb-baselines", f"{place}/baselines"]
        who = ["--tb-agent", "oracle", "--tb-agent", "nop", "--tb-approver", "Ada", "-n", workers]
        demo.run_apart(*but_gamma, "--update-baselines", *where, *who, "--tb-run-id", "run")
        demo.run_apart("--tb-dataset", "demo", *where, *who, "--tb-run-id", "again")
        # Journal and manifest have the paths of folders, which differ here alone.
        left = {name: data.replace(f"{place}/".encode(), b"out/") for name, data in demo.files(str(place)).items()}
        told.append({name: readable(name, data) for name, data in left.items()})

    alone, shared = told
    assert "baselines/demo/nop/alpha.json" in alone
    assert alone.keys() == shared.keys()
    # The order of what happened is the workers' own.
    for name in [name for name in alone if name.endswith(("events.jsonl", "audit.jsonl", "ledger.jsonl"))]:
        alone[name], shared[name] = (sorted(map(repr, without_times(lines))) for lines in (alone[name], shared[name]))
    for run in ("run", "again"):
        for files in (alone, shared):
            manifest = files[f"results/{run}/manifest.json"]
            assert manifest.pop("workers") in (0, 4)
    assert without_times(alone) == without_times(shared)


def readable(name: str, data: bytes) -> Any:
    """A file's content, ready to be compared."""
    if name.endswith(".json"):
        return json.loads(data)
    if name.endswith(".jsonl"):
        return [json.loads(line) for line in data.decode().splitlines()]
    if name.endswith("report.md"):
        # Times and memory stand in the last columns of tables only, or a dash where nobody knows them.
        return [line.rstrip("|0123456789. -") for line in data.decode().splitlines()]
    if name.endswith(".cast"):
        return [line[1:] if isinstance(line, list) else None for line in map(json.loads, data.decode().splitlines())]
    return data
