"""Where trials are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_terminalbench.identity import CellId
from pytest_terminalbench.trials.trial_store import TrialFolders, files_in

CELL = CellId(dataset="demo", scenario="a", agent="terminal", model="lab/one")


@pytest.fixture
def store(tmp_path: Path) -> TrialFolders:
    return TrialFolders(tmp_path)


def test_a_trial_lies_under_dataset_scenario_and_label(store: TrialFolders) -> None:
    assert store.place(CELL, "2") == "trials/demo/a/terminal,lab%2Fone/2"


def test_it_has_its_name_when_it_is_whole(store: TrialFolders) -> None:
    scratch = store.open(CELL, 1)
    (scratch / "result.json").write_text("{}")
    assert [path.name for path in (store.root / "trials/demo/a/terminal,lab%2Fone").iterdir()] == [".1.running"]

    store.finish(scratch, CELL, "1")

    assert (store.root / store.place(CELL, "1") / "result.json").read_text() == "{}"
    assert not scratch.exists()


def test_it_takes_the_place_of_an_earlier_one(store: TrialFolders) -> None:
    for name in ("old", "new"):
        scratch = store.open(CELL, 1)
        (scratch / name).touch()
        store.finish(scratch, CELL, "1")

    assert files_in(store.root / store.place(CELL, "1")) == ("new",)


def test_what_an_interrupted_trial_left_is_gone(store: TrialFolders) -> None:
    (store.open(CELL, 1) / "stale").touch()

    assert files_in(store.open(CELL, 1)) == ()


def test_files_are_told_in_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b/c", "a", "b/a"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    assert files_in(tmp_path) == ("a", "b/a", "b/c")
