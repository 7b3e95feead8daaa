"""Which baselines have no scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.baselines.approval import CellToApprove, approve, retire
from pytest_terminalbench.baselines.orphans import orphans
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.outcome import Solved
from tests.old_baselines import approve_as_before


def cell(scenario: str, **changes: Any) -> CellId:
    return CellId(**{"dataset": "demo", "scenario": scenario, "agent": "t", **changes})


@pytest.fixture(autouse=True)
def _are_approved(folder: Path) -> None:
    """Baselines of alpha and gamma in `demo`, the latter of two agents, and of delta in `other`."""
    cells = [cell("alpha"), cell("gamma"), cell("gamma", model="lab/x"), cell("delta", dataset="other")]
    solved = [AttemptResult(attempt=1, outcome=Solved())]
    chosen = [CellToApprove(cell=each, attempts=solved, fingerprint={}) for each in cells]
    approve(chosen, run_id="r1", baselines=folder, approver="ada")


def names(folder: Path, **scenarios: list[str]) -> list[str]:
    """In a session that runs just these datasets."""
    return [stored.name for stored in orphans(folder, scenarios, datasets=list(scenarios))]


def test_those_whose_scenario_is_gone(folder: Path) -> None:
    assert names(folder, demo=["alpha", "beta"]) == ["demo/t/gamma", "demo/t,lab%2Fx/gamma"]


def test_of_datasets_that_are_not_named_nothing_is_told(folder: Path) -> None:
    assert names(folder, demo=["alpha", "gamma"]) == []
    assert names(folder, other=[]) == ["other/t/delta"]


def test_of_all_datasets_those_count_too_whose_dataset_is_gone(folder: Path) -> None:
    found = orphans(folder, {"demo": ["alpha", "gamma"]})

    assert [stored.name for stored in found] == ["other/t/delta"]


def test_where_no_dataset_is_known_nothing_is_told(folder: Path) -> None:
    assert orphans(folder, {}) == []


def test_one_in_the_wrong_place_is_left_to_who_reads_all(folder: Path) -> None:
    (folder / "demo/t/gamma.json").rename(folder / "demo/t/moved.json")

    assert names(folder, demo=["alpha"]) == ["demo/t,lab%2Fx/gamma"]


def test_retired_ones_need_no_scenario(folder: Path) -> None:
    retire("demo/t/gamma", baselines=folder, by="ada")

    assert names(folder, demo=["alpha"]) == ["demo/t,lab%2Fx/gamma"]


def test_those_of_earlier_versions_do(folder: Path) -> None:
    approve_as_before(folder, cell("old"), "demo/t/old")

    assert "demo/t/old" in names(folder, demo=["alpha", "gamma"])


def test_what_is_damaged_is_left_to_who_reads_all(folder: Path) -> None:
    (folder / "demo/t/gamma.json").write_text("{")

    assert names(folder, demo=["alpha"]) == ["demo/t,lab%2Fx/gamma"]


def test_without_baselines_there_are_none(tmp_path: Path) -> None:
    assert names(tmp_path / "nowhere", demo=["alpha"]) == []
