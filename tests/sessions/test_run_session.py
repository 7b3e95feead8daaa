"""A session without pytest leaves the run that pytest leaves."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.agents.base import AgentReport, Task
from pytest_terminalbench.agents.registry import AgentRegistry
from pytest_terminalbench.baselines.record import read_record
from pytest_terminalbench.cells.bench import Bench
from pytest_terminalbench.cells.bench_settings import BenchSettings
from pytest_terminalbench.cells.observer import Unobserved
from pytest_terminalbench.environments.base import Environment
from pytest_terminalbench.errors import RunFolderError, ScenarioError, SettingsError
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.summary import read_summary
from pytest_terminalbench.sessions.closing import rebuild_run
from pytest_terminalbench.sessions.run_session import run_session
from pytest_terminalbench.sessions.session import Session
from pytest_terminalbench.trials.cell import Cell
from tests.comparing.test_session_gate import GOOD, approve, cells
from tests.plugin.conftest import Suite, demo, suite  # noqa: F401  # Fixtures.

# Twenty lines, as somebody would write them.
SCRIPT = """
from pathlib import Path

from pytest_terminalbench.cells.bench_settings import BenchSettings
from pytest_terminalbench.sessions.run_session import run_session

root = Path.cwd()
closed = run_session(
    BenchSettings(
        root=root,
        baselines=root / "baselines",
        results=root / "results",
        datasets=("demo",),
        agents=("oracle", "nop"),
        environment="fake",
        run_id="by-script",
    )
)
for cell in closed.summary.cells:
    print(cell.key, cell.status)
raise SystemExit(closed.exit_status)
"""
# What differs from run to run: times, processes, names of runs, and what the host was like.
CHANGING = {
    "ts",
    "pid",
    "at_s",
    "duration_s",
    "agent_s",
    "wall_s",
    "run_id",
    "timing",
    "started_at",
    "finished_at",
    "usage",
    "git",
    "title",
}


def settings(suite: Suite, **changes: Any) -> BenchSettings:  # noqa: F811
    root = suite.path
    facts: dict[str, Any] = {"datasets": ("demo",), "environment": "fake", "run_id": "mine", **changes}
    return BenchSettings(root=root, baselines=root / "baselines", results=root / "results", **facts)


def content(run: Path) -> dict[str, Any]:
    """Every file of `run`: JSON without what changes from run to run, of others that they are there."""
    return {file.relative_to(run).as_posix(): _lasting(file) for file in run.rglob("*") if file.is_file()}


def _lasting(file: Path) -> Any:
    if file.suffix == ".jsonl":
        return sorted(repr(_without_changing(json.loads(line))) for line in file.read_text().splitlines())
    return _without_changing(json.loads(file.read_text())) if file.suffix == ".json" else "there"


def _without_changing(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_changing(part) for key, part in value.items() if key not in CHANGING}
    if isinstance(value, list):
        return [_without_changing(part) for part in value]
    return re.sub(r"by-\w+", "RUN", value) if isinstance(value, str) else value


def test_a_script_of_twenty_lines_leaves_the_same_run_folder(demo: Suite) -> None:  # noqa: F811
    (demo.path / "conftest.py").unlink()
    assert len(SCRIPT.strip().splitlines()) <= 21
    demo.write("session.py", SCRIPT)

    options = ("--tb-dataset", "demo", "--tb-agent", "oracle", "--tb-agent", "nop", "--tb-env", "fake")
    by_pytest = demo.run_apart(*options, "--tb-run-id", "by-pytest")
    by_script = subprocess.run(
        [sys.executable, "session.py"], cwd=demo.path, capture_output=True, text=True, check=False
    )

    assert by_script.returncode == by_pytest.ret == 0, by_script.stderr
    assert "demo/alpha[nop] solved" in by_script.stdout
    assert content(demo.path / "results/by-script") == content(demo.path / "results/by-pytest")


@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_summary_that_is_deleted_and_made_anew_has_the_same_bytes(demo: Suite, concurrency: int) -> None:  # noqa: F811
    closed = run_session(settings(demo, agents=("oracle", "nop"), concurrency=concurrency))
    summary, report = closed.run.summary.read_bytes(), closed.run.report.read_bytes()
    closed.run.summary.unlink()
    closed.run.report.unlink()

    rebuild_run(closed.run, baselines=demo.path / "baselines")

    assert (closed.run.summary.read_bytes(), closed.run.report.read_bytes()) == (summary, report)


def test_the_summary_tells_the_gate_that_the_session_has_asked(demo: Suite) -> None:  # noqa: F811
    """Also where somebody retires or approves baselines before it is closed."""
    asked = settings(demo)
    approve(asked.baselines, GOOD)
    run = RunFolder(asked.results / "mine")
    session = Session(Bench(asked, run.path), run)
    worse = cells({name: [0, 0, 1, 0] for name in GOOD})
    session.expect(cell.id for cell in worse)
    session.open()
    for cell in worse:
        session.ledger.record(cell)
        session.ledger.finish(cell.key)

    gate = session.gate()
    shutil.rmtree(asked.baselines)
    closed = session.close(status=1)

    assert gate is not None
    assert gate.verdict == "fail"
    assert closed is not None
    assert closed.summary.gate == gate.result
    assert rebuild_run(run, baselines=asked.baselines).summary == closed.summary


def test_outcomes_are_approved_and_compared(demo: Suite) -> None:  # noqa: F811
    first = run_session(settings(demo, run_id="first", update_baselines=True, approver="ada"))
    second = run_session(settings(demo, run_id="second"))

    assert first.approval is not None
    assert first.approval.approval is not None
    assert len(first.approval.approval.written) == 3
    assert [cell.baseline_id is not None for cell in second.summary.cells] == [True] * 3
    assert (first.exit_status, second.exit_status) == (0, 0)


class ApprovingMeanwhile(Unobserved):
    """Another session that approves the same cells while the first trial of this one runs."""

    def __init__(self, other: BenchSettings) -> None:
        self._other: BenchSettings | None = other

    def trial_started(self, cell: Cell) -> None:
        other, self._other = self._other, None
        if other is not None:
            assert run_session(other).exit_status == 0


@pytest.mark.parametrize(
    ("is_first", "folder"), [(True, "kept"), (False, "baselines")], ids=["a first one", "over another"]
)
def test_what_was_approved_since_the_session_began_is_not_superseded(
    demo: Suite,  # noqa: F811
    is_first: bool,
    folder: str,
) -> None:
    if not is_first:
        run_session(settings(demo, run_id="earlier", update_baselines=True, approver="eve"))
    baselines = demo.path / folder
    approving = replace(
        settings(demo, update_baselines=True, approver="ada", attempts=2),
        baselines=baselines,
    )
    other = replace(approving, run_id="other", approver="grace", attempts=3)

    closed = run_session(approving, observer=ApprovingMeanwhile(other))

    place = baselines / "demo/oracle"
    option = "" if folder == "baselines" else f" --baselines={baselines}"
    assert closed.approval is not None
    assert closed.approval.refusal == (
        ", ".join(f"{place}/{name}.json was approved meanwhile by grace" for name in ("alpha", "beta", "gamma"))
        + "; this session did not know it: run it again to be compared with what is approved now, or approve what it "
        f"came to by `terminalbench baseline approve --run mine --scenario SCENARIO{option}`"
    )
    assert (closed.exit_status, closed.summary.totals.in_words) == (1, "3 cells: 3 solved")
    assert {read_record(file).approved_by for file in place.iterdir()} == {"grace"}  # type: ignore[union-attr]


class Interrupting(Unobserved):
    """Ctrl-C just before the trial that is the `number`-th to begin."""

    def __init__(self, number: int) -> None:
        self._left = number

    def trial_started(self, cell: Cell) -> None:
        self._left -= 1
        if not self._left:
            raise KeyboardInterrupt


def test_what_an_interrupted_cell_has_earned_is_told(demo: Suite) -> None:  # noqa: F811
    asked = settings(demo, attempts=3, max_void_rate=0.0)

    with pytest.raises(KeyboardInterrupt):
        run_session(asked, observer=Interrupting(6))

    run = RunFolder(asked.results / "mine")
    summary = read_summary(run.summary)
    alpha, beta = summary.cells
    assert (alpha.status, beta.status) == ("solved", "void")
    assert (beta.text, beta.category) == ("interrupted after 2 trials, so it was not judged", "scripting")
    assert [attempt.is_solved for attempt in beta.attempts] == [True, True]
    assert summary.in_words == "2 cells: 1 solved, 1 void; 1 not run"
    assert (summary.not_run, summary.cut_short) == (("demo/beta[oracle]", "demo/gamma[oracle]"), ("demo/beta[oracle]",))
    assert (summary.mean, summary.cost.total_usd, summary.cost.unknown) == (1.0, 0.0, 0)
    assert "Interrupted: 1 cell not run and 1 cell not judged, so all numbers are of the others alone" in (
        run.report.read_text()
    )
    assert rebuild_run(run, baselines=asked.baselines).summary == summary


def test_a_cell_whose_only_trial_was_interrupted_is_not_run(demo: Suite) -> None:  # noqa: F811
    with pytest.raises(KeyboardInterrupt):
        run_session(settings(demo, attempts=3), observer=Interrupting(1))

    assert len(read_summary(demo.path / "results/mine/summary.json").not_run) == 3


def test_what_cannot_run_is_refused_before_there_is_a_folder(demo: Suite) -> None:  # noqa: F811
    with pytest.raises(SettingsError, match="'orakel' is not known"):
        run_session(settings(demo, agents=("orakel",)))
    with pytest.raises(SettingsError, match=r"run_id '\.\./evil' may hold letters"):
        run_session(settings(demo, run_id="../evil"))
    with pytest.raises(SettingsError, match="'dmeo' is neither a folder nor a known dataset"):
        run_session(settings(demo, datasets=("dmeo",)))

    assert not (demo.path / "results").exists()


def test_another_run_of_that_name_is_not_overwritten(demo: Suite) -> None:  # noqa: F811
    run_session(settings(demo))

    with pytest.raises(RunFolderError, match="mine exists; name another run"):
        run_session(settings(demo))


def test_two_datasets_of_one_name_are_refused_before_anything_runs(demo: Suite) -> None:  # noqa: F811
    """One's trials would overwrite the other's."""
    demo.dataset("demo", "alpha", folder="other")

    with pytest.raises(SettingsError, match=r"two cells would share one name.* demo/alpha\[oracle\]"):
        run_session(settings(demo, datasets=("demo", str(demo.path / "other"))))

    assert not (demo.path / "results").exists()


def test_so_are_names_that_differ_in_upper_and_lower_case_alone(demo: Suite) -> None:  # noqa: F811
    demo.dataset("Demo", "alpha", folder="other")

    with pytest.raises(ScenarioError, match=r"name: 'Demo' and 'demo' .* differ in upper and lower case alone"):
        run_session(settings(demo, datasets=("demo", str(demo.path / "other"))))


def test_a_dataset_that_is_named_twice_runs_once(demo: Suite) -> None:  # noqa: F811
    closed = run_session(settings(demo, datasets=("demo", str(demo.path / "scenarios/demo"))))

    events = (closed.run.events).read_text()
    assert (closed.summary.totals.cells, events.count('"trial-start"')) == (3, 3)


class Remembering:
    """Notes how often it has acted."""

    deterministic = True

    def __init__(self) -> None:
        self.acted = 0

    def act(self, task: Task, environment: Environment) -> AgentReport:
        self.acted += 1
        return AgentReport(note=f"acted {self.acted}")


@pytest.mark.parametrize("concurrency", [1, 3])
def test_an_agent_remembers_nothing_of_an_earlier_attempt(demo: Suite, concurrency: int) -> None:  # noqa: F811
    """Or one attempt would tell of the others, and the statistics take them for independent."""
    registry = AgentRegistry()
    registry.register("remembering", Remembering)
    asked = settings(demo, agents=("remembering",), attempts=3, concurrency=concurrency)

    run_session(asked, registry=registry)

    assert [demo.result("alpha", "remembering", attempt)["agent_note"] for attempt in (1, 2, 3)] == ["acted 1"] * 3


def test_what_the_project_says_of_incidents_is_read_before_anything_runs(demo: Suite) -> None:  # noqa: F811
    """And not again: a file that is edited while a session runs does not end it in a traceback."""
    asked = settings(demo)
    run = RunFolder(asked.results / "mine")
    session = Session(Bench(asked, run.path), run)
    wrong = '[tool.terminalbench.incidents]\nurl = "x"\n'

    session.open()
    demo.write("pyproject.toml", wrong)
    closed = session.close(status=0)

    assert closed is not None
    assert closed.exit_status == 0
    with pytest.raises(SettingsError, match=r"incidents\] has no key 'url'"):
        Session(Bench(asked, asked.results / "other"), RunFolder(asked.results / "other")).open()
    assert not (asked.results / "other").exists()


def test_in_tests_of_the_users_own_too(demo: Suite) -> None:  # noqa: F811
    demo.write("pyproject.toml", '[tool.terminalbench.incidents]\nurl = "x"\n')
    demo.write(
        "test_own.py",
        """
        import pytest

        @pytest.mark.parametrize("tb_scenario", ["demo/alpha"], indirect=True)
        def test_it(tb_trials, tb_baseline):
            assert tb_trials == tb_baseline
        """,
    )

    done = demo.run("test_own.py")

    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*pyproject.toml: [[]tool.terminalbench.incidents] has no key 'url'*"])
