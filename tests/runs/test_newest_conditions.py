"""The conditions of the newest run, where something of it is damaged."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.documents import write_json
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.outcome import Solved
from pytest_terminalbench.runs.newest_conditions import AskedCell, newest_conditions
from pytest_terminalbench.runs.summary import summarise
from pytest_terminalbench.trials.result import TrialResult
from tests.baselines.test_record import a_record
from tests.cell_results import a_cell, a_cell_id

NOW = "sha256:scenario"


def a_run(results: Path, run_id: str, *, began: str, image: str, attempts: int = 1) -> Path:
    """A run of the cells ``a`` and ``b`` on `image`."""
    folder = results / run_id
    cells = [a_tried_cell(folder, a_cell_id(scenario), image, attempts) for scenario in "ab"]
    write_json(folder / "summary.json", summarise(run_id, cells).to_json())
    write_json(folder / "manifest.json", {"started_at": began, "settings": {"attempts": attempts}})
    return folder


def a_tried_cell(run: Path, cell: CellId, image: str, attempts: int) -> CellResult:
    trials = [
        TrialResult(
            run_id=run.name,
            cell=cell,
            attempt=number,
            outcome=Solved(),
            folder=f"trials/{cell.scenario}/{number}",
            fingerprint={"scenario": NOW, "image": image, "platform": "linux/amd64"},
        )
        for number in range(1, attempts + 1)
    ]
    for trial in trials:
        write_json(run / trial.folder / "result.json", trial.to_json())
    return a_cell(cell.scenario, attempts=tuple(trial.attempt_result() for trial in trials))


def images(results: Path) -> Mapping[str, object]:
    asked = {a_cell_id(name): AskedCell(a_record(), NOW) for name in "ab"}
    return {cell.scenario: facts["image"] for cell, facts in newest_conditions(results, asked).items()}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    a_run(tmp_path, "old", began="2026-01-01T00:00:00.000Z", image="old")
    return tmp_path


def test_a_run_of_the_scenario_as_it_was_tells_nothing(results: Path) -> None:
    asked = {a_cell_id("a"): AskedCell(a_record(), "sha256:edited"), a_cell_id("b"): AskedCell(a_record(), NOW)}

    assert [cell.scenario for cell in newest_conditions(results, asked)] == ["b"]


def test_a_damaged_result_hides_no_other_cell_of_its_run(results: Path) -> None:
    new = a_run(results, "new", began="2026-01-02T00:00:00.000Z", image="new")
    (new / "trials/a/1/result.json").write_text("{")

    assert images(results) == {"a": "old", "b": "new"}


def test_a_damaged_result_hides_no_other_attempt_of_its_cell(results: Path) -> None:
    new = a_run(results, "new", began="2026-01-02T00:00:00.000Z", image="new", attempts=2)
    (new / "trials/a/2/result.json").write_text("{")

    assert images(results) == {"a": "new", "b": "new"}


def test_a_damaged_summary_hides_its_run_alone(results: Path) -> None:
    new = a_run(results, "new", began="2026-01-02T00:00:00.000Z", image="new")
    (new / "summary.json").write_text("{")

    assert images(results) == {"a": "old", "b": "old"}
