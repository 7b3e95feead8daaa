"""The agent's own place on the host: what it leaves there is kept, and is never in our way."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pytest_terminalbench.agents.base import AgentReport, Task
from pytest_terminalbench.agents.nop import Nop
from pytest_terminalbench.agents.spec import AgentSpec
from pytest_terminalbench.environments.base import Environment
from pytest_terminalbench.environments.fake import FakeEnvironment, fake_environments
from pytest_terminalbench.outcome import Solved
from pytest_terminalbench.trials.cell import Cell
from pytest_terminalbench.trials.journal import FileJournal
from pytest_terminalbench.trials.request import AttemptRequest
from pytest_terminalbench.trials.result import TrialResult
from pytest_terminalbench.trials.trial import run_trial
from pytest_terminalbench.trials.trial_store import TrialFolders
from tests.scenario_files import a_scenario


class Writer(Nop):
    """Writes files that are called like ours."""

    name: ClassVar[str] = "writer"

    def act(self, task: Task, environment: Environment) -> AgentReport:
        for name in ("snapshot", "verifier", "result.json", "commands.jsonl"):
            (task.folder / name).write_text("mine")
        return AgentReport()


def tried(tmp_path: Path, agent: type[Nop]) -> TrialResult:
    cell = Cell(scenario=a_scenario(tmp_path / "dataset"), agent=AgentSpec.of(agent))
    return run_trial(
        AttemptRequest.of(cell, run_id="run"),
        scenario=cell.scenario,
        environments=fake_environments(FakeEnvironment(), FakeEnvironment()),
        store=TrialFolders(tmp_path / "run"),
        journal=FileJournal(tmp_path / "run" / "events.jsonl"),
    )


def test_files_of_our_names_do_no_harm_and_are_kept(tmp_path: Path) -> None:
    result = tried(tmp_path, Writer)

    assert result.outcome == Solved()
    names = {path.name for path in (tmp_path / "run" / result.folder / "agent").iterdir()}
    assert names == {"snapshot", "verifier", "result.json", "commands.jsonl"}


def test_an_empty_one_does_not_stay(tmp_path: Path) -> None:
    result = tried(tmp_path, Nop)

    assert not (tmp_path / "run" / result.folder / "agent").exists()
