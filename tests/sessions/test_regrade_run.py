"""A run judged again: its cells, its summary and its report, in fake environments."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.agents.registry import AgentSpec
from pytest_terminalbench.agents.scripted import ScriptedAgent
from pytest_terminalbench.cells.regrade import RegradedCell
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.documents import write_json
from pytest_terminalbench.environments.base import Environment
from pytest_terminalbench.environments.fake import FakeEnvironment, fake_environments
from pytest_terminalbench.errors import RunFolderError, SettingsError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.limits import Limits
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.ledger import Closing, FileLedger
from pytest_terminalbench.runs.manifest import RunManifest, RunSettings
from pytest_terminalbench.scenarios.catalog import Catalog
from pytest_terminalbench.scenarios.model import Scenario
from pytest_terminalbench.sessions.closing import rebuild_summary
from pytest_terminalbench.sessions.regrade_run import RunRegrader, chosen_cells
from pytest_terminalbench.status import Status
from pytest_terminalbench.trials.cell import Cell
from pytest_terminalbench.trials.fingerprint import conditions
from pytest_terminalbench.trials.journal import FileJournal
from pytest_terminalbench.trials.request import AttemptRequest
from pytest_terminalbench.trials.trial import run_trial
from pytest_terminalbench.trials.trial_store import TrialFolders
from tests.comparing.test_session_gate import approve
from tests.counted_calls import calls_into
from tests.scenario_files import a_scenario

DATASET = {"schema_version": 1, "name": "demo", "version": "1.0", "description": "for tests", "license": "Apache-2.0"}


def work(environment: FakeEnvironment, argv: Sequence[str]) -> int:
    environment.files["/app/done"] = b"yes"
    return 0


def looks(environment: FakeEnvironment, argv: Sequence[str]) -> int:
    return 0 if "/app/done" in environment.files else 1


class LookingPrepared:
    """Environments whose verifier looks for what the agents make."""

    recipe = "sha256:1"
    platform: str | None = None
    build_s = 0.0
    start_s = 0.0

    def __call__(self) -> AbstractContextManager[Environment]:
        return fake_environments(FakeEnvironment({"/tests/": looks}))()

    def close(self) -> None:
        pass


class Project:
    """A project with a run of two cells, whose verifier was broken: it refused whatever it saw."""

    def __init__(self, folder: Path) -> None:
        self.path = folder
        self.run = RunFolder(folder / "results/r1")
        self.dataset = folder / "scenarios/demo"
        write_json(self.dataset / "dataset.json", DATASET)
        self.cells = [self._cell("alpha", "work"), self._cell("beta", "rest")]
        self.write_run()

    def write_run(self, **settings: Any) -> None:
        lost = CellId(dataset="demo", scenario="gamma", agent="scripted")
        expected = [*(cell.id for cell in self.cells), lost]
        manifest = RunManifest.begin(
            "r1", RunSettings(**{"attempts": 1, **settings}), expected=expected, root=self.path, workers=0
        )
        write_json(self.run.manifest, manifest.to_json())
        ledger = FileLedger(self.run.ledger)
        for cell in self.cells:
            ledger.record(cell)
        ledger.close(Closing(exit_status=1))
        write_json(self.run.summary, rebuild_summary(self.run, baselines=self.path / "baselines").to_json())

    def _cell(self, scenario_id: str, command: str) -> CellResult:
        scenario = a_scenario(self.dataset, scenario_id)
        agent = AgentSpec.of(ScriptedAgent, name="scripted", arguments={"commands": [command]})
        cell = Cell(scenario=scenario, agent=agent)
        fakes = [FakeEnvironment({"work": work, "/tests/": 1}) for _ in "ab"]
        result = run_trial(
            AttemptRequest.of(cell, run_id="r1", fingerprint=conditions(scenario, image="sha256:1")),
            scenario=scenario,
            environments=fake_environments(*fakes),
            store=TrialFolders(self.run.path),
            journal=FileJournal(self.run.events),
        )
        return CellResult(id=cell.id, status=Status.UNSOLVED, attempts=(result.attempt_result(),), category="files")

    def regrader(self, prepare: Callable[[Scenario, Limits], LookingPrepared] | None = None) -> RunRegrader:
        return RunRegrader(
            self.run,
            root=self.path,
            baselines=self.path / "baselines",
            catalog=Catalog(self.path),
            prepare=prepare or (lambda scenario, limits: LookingPrepared()),
        )

    def regrade(self, *names: str) -> list[RegradedCell]:
        regrader = self.regrader()
        regraded = list(regrader.regrade(chosen_cells(self.run, names)))
        regrader.close(regraded)
        return regraded

    @property
    def summary(self) -> Any:
        return json.loads(self.run.summary.read_text())

    @property
    def statuses(self) -> dict[str, str]:
        return {cell["cell"]: cell["status"] for cell in self.summary["cells"] if cell["status"] != "lost"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_summary_and_report_tell_of_the_cells_as_they_are_now(project: Project) -> None:
    assert project.summary["mean"] == 0.0

    project.regrade()

    assert project.statuses == {"demo/alpha[scripted]": "solved", "demo/beta[scripted]": "unsolved"}
    assert project.summary["mean"] == 0.5
    assert (project.summary["totals"]["solved"], project.summary["totals"]["lost"]) == (1, 1)
    assert project.summary["lost"] == ["demo/gamma[scripted]"]
    assert "demo/beta[scripted]" in project.run.report.read_text()


def test_cells_can_be_chosen_and_the_others_stay_as_they_are(project: Project) -> None:
    (regraded,) = project.regrade("demo/beta[scripted]")

    assert regraded.after.key == "demo/beta[scripted]"
    assert project.statuses == {"demo/alpha[scripted]": "unsolved", "demo/beta[scripted]": "unsolved"}
    assert not list(project.run.path.glob("trials/demo/alpha/*/*/regraded"))


def test_a_cell_that_the_run_does_not_have_is_refused_by_name(project: Project) -> None:
    with pytest.raises(SettingsError) as error:
        chosen_cells(project.run, ["demo/alpha[script]"])
    assert str(error.value) == (
        "run r1 has no cell 'demo/alpha[script]' (did you mean 'demo/alpha[scripted]'?); it has demo/alpha[scripted], "
        "demo/beta[scripted]"
    )


def test_a_scenario_that_is_gone_is_told_and_the_others_are_judged(project: Project) -> None:
    (project.dataset / "alpha.json").unlink()

    alpha, beta = project.regrade()

    (trial,) = alpha.trials
    assert (trial.after, trial.has_failed) == (None, True)
    assert trial.problem == "dataset demo has no scenario 'alpha'"
    assert beta.was_judged


def test_where_nothing_was_judged_the_summary_stays_as_it_is(project: Project) -> None:
    for file in project.dataset.glob("*.json"):
        file.unlink()
    before = project.run.summary.read_bytes()

    project.regrade()

    assert project.run.summary.read_bytes() == before
    assert not project.run.report.exists()


def test_what_was_judged_before_an_interruption_counts(project: Project) -> None:
    asked: list[str] = []

    def prepare(scenario: Scenario, limits: Limits) -> LookingPrepared:
        asked.append(scenario.id)
        if len(asked) > 1:
            raise KeyboardInterrupt
        return LookingPrepared()

    regrader = project.regrader(prepare)
    cells = regrader.regrade(chosen_cells(project.run, []))
    first = next(cells)
    with pytest.raises(KeyboardInterrupt):
        next(cells)
    regrader.close([first])

    assert project.statuses["demo/alpha[scripted]"] == "solved"


def test_a_run_without_its_manifest_is_refused(project: Project) -> None:
    project.run.manifest.unlink()

    with pytest.raises(RunFolderError, match=r"manifest\.json"):
        project.regrader()


def test_what_was_judged_before_it_was_killed_is_in_the_ledger(project: Project) -> None:
    """Its trials' records are changed by then, and a summary made anew tells the same as they do."""
    cells = project.regrader().regrade(chosen_cells(project.run, []))
    next(cells)

    summary = rebuild_summary(project.run, baselines=project.path / "baselines")

    assert {cell.id.scenario: str(cell.status) for cell in summary.cells if cell.attempts} == {
        "alpha": "solved",
        "beta": "unsolved",
    }


def test_what_was_approved_is_read_once_however_many_cells_are_judged(project: Project) -> None:
    approve(project.path / "baselines", {f"t{number}": [1.0] for number in range(40)}, agent="scripted")

    one, both = (
        calls_into("pytest_terminalbench.baselines", list, project.regrader().regrade(chosen_cells(project.run, names)))
        for names in (["demo/alpha[scripted]"], [])
    )

    assert both <= 1.2 * one
