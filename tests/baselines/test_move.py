"""Baselines follow what was renamed, and the log tells of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.baselines import audit
from pytest_terminalbench.baselines.approval import CellToApprove, approve, retire
from pytest_terminalbench.baselines.folder import baseline_of
from pytest_terminalbench.baselines.move import plan_move
from pytest_terminalbench.baselines.rewrite import write_rewrites
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.identity import CellId, identifying
from pytest_terminalbench.outcome import Solved
from tests.old_baselines import approve_as_before


def cell(scenario: str = "alpha", **changes: Any) -> CellId:
    return CellId(**{"dataset": "demo", "scenario": scenario, "agent": "t", **changes})


def approved(folder: Path, *cells: CellId, attempts: int = 1) -> None:
    solved = [AttemptResult(attempt=number + 1, outcome=Solved()) for number in range(attempts)]
    chosen = [CellToApprove(cell=each, attempts=solved, fingerprint={"dataset": "demo==1"}) for each in cells]
    approve(chosen, run_id="r1", baselines=folder, approver="ada")


def moved(folder: Path, old: str, new: str) -> list[str]:
    rewrites = plan_move(folder, old, new, notes="renamed")
    write_rewrites(rewrites, folder, by="grace", again="move")
    return [rewrite.name for rewrite in rewrites]


def complaints(folder: Path) -> list[str]:
    """What `baseline audit` would say."""
    return [*audit.problems(folder / audit.AUDIT), *audit.contradictions(folder)]


NAMES = {
    "a scenario": ("demo/t/alpha", "demo/t/omega", ["demo/t/omega"]),
    "an agent": ("demo/t", "demo/typist", ["demo/typist/alpha", "demo/typist/beta"]),
    "a dataset": ("demo", "set", ["set/t,lab%2Fx/alpha", "set/t/alpha", "set/t/beta"]),
    "a model": ("demo/t,lab%2Fx", "demo/t,lab%2Fy", ["demo/t,lab%2Fy/alpha"]),
    "all three": ("demo/t/alpha", "set/typist/omega", ["set/typist/omega"]),
}


@pytest.mark.parametrize(("old", "new", "names"), NAMES.values(), ids=NAMES)
def test_what_was_renamed_is_followed(folder: Path, old: str, new: str, names: list[str]) -> None:
    approved(folder, cell("alpha"), cell("beta"), cell("alpha", model="lab/x"))

    assert sorted(moved(folder, old, new)) == names

    assert all((folder / f"{name}.json").exists() for name in names)
    assert len(list(folder.glob("*/*/*.json"))) == 3
    assert complaints(folder) == []


def test_outcome_and_approval_stand(folder: Path) -> None:
    approved(folder, cell())
    before = baseline_of(folder, cell())

    moved(folder, "demo/t/alpha", "set/t/omega")

    now = baseline_of(folder, cell("omega", dataset="set"))
    assert before is not None
    assert now is not None
    changes = {"cell": now.cell, "scenario_id": "omega", "fingerprint": {"dataset": "set==1"}}
    assert now.record == before.record.model_copy(update=changes)


def test_the_log_says_who_and_why(folder: Path) -> None:
    approved(folder, cell())

    moved(folder, "demo/t/alpha", "demo/t/omega")

    *_, line = audit.entries(folder / audit.AUDIT)
    told = {key: line[key] for key in ("action", "how", "by", "notes", "from", "cell", "solved", "attempts")}
    assert told == {
        "action": "moved",
        "how": "baseline move",
        "by": "grace",
        "notes": "renamed",
        "from": "demo/t/alpha",
        "cell": "demo/t/omega",
        "solved": 1,
        "attempts": 1,
    }


def test_what_is_approved_afterwards_supersedes_it(folder: Path) -> None:
    approved(folder, cell())
    moved(folder, "demo/t/alpha", "demo/t/omega")

    approved(folder, cell("omega"), attempts=2)

    assert complaints(folder) == []


def test_there_and_back_and_there_again_is_logged_each_time(folder: Path) -> None:
    approved(folder, cell())

    for old, new in (("demo", "set"), ("set", "demo"), ("demo", "set")):
        moved(folder, old, new)

    assert [line["action"] for line in audit.entries(folder / audit.AUDIT)] == ["approved", *["moved"] * 3]
    assert complaints(folder) == []


def test_identifying_arguments_go_along(folder: Path) -> None:
    named = cell(arguments=identifying({"temperature": 0.5}))
    approved(folder, named)

    moved(folder, "demo", "set")

    stored = baseline_of(folder, replace(named, dataset="set"))
    assert stored is not None
    assert stored.record.cell == stored.cell


WRONG = {
    "nothing there": ("demo/t/gone", "demo/t/x", r"no baseline is called 'demo/t/gone'"),
    "two forms": ("demo/t/alpha", "demo/t", r"are to be two names of one form: DATASET, DATASET/LABEL or"),
    "the same": ("demo/t", "demo/t", r"'demo/t' is called so already"),
    "no label": ("demo/t", "demo/t,,,x", r"is no label of a cell"),
    "no name": ("demo", "de mo", r"'de mo' is no name in a path: spell it 'de%20mo'"),
    "taken": ("demo/t/alpha", "demo/t/beta", r"demo/t/beta has a baseline of its own; retire demo/t/alpha"),
    "another kind of agent": ("demo/t", "demo/t,~0123456789ab", r"the arguments that identify an agent"),
    "replayed": ("demo/t", "demo/t,~replay", r"whether its model is replayed, make another cell"),
}


@pytest.mark.parametrize(("old", "new", "said"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_meant_is_refused(folder: Path, old: str, new: str, said: str) -> None:
    approved(folder, cell("alpha"), cell("beta"))
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}

    with pytest.raises(BaselineError, match=said):
        moved(folder, old, new)

    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before


def test_what_was_changed_since_it_was_approved_is_not_moved(folder: Path) -> None:
    """A new line in the log would make it look approved."""
    approved(folder, cell())
    file = folder / "demo/t/alpha.json"
    file.write_text(file.read_text().replace('"ada"', '"eve"'))

    with pytest.raises(BaselineError, match=r"is not what the last line of demo/t/alpha in audit.jsonl says"):
        moved(folder, "demo", "set")


def test_one_of_an_earlier_version_is_migrated_first(folder: Path) -> None:
    approve_as_before(folder, cell(), "demo/t/alpha")

    with pytest.raises(
        BaselineError, match=r"is of an earlier version: `terminalbench baseline migrate --baselines=\S+` first"
    ):
        moved(folder, "demo", "set")


def test_a_retired_one_stays_retired(folder: Path) -> None:
    approved(folder, cell())
    retire("demo/t/alpha", baselines=folder, by="ada")

    moved(folder, "demo", "set")

    stored = baseline_of(folder, cell(dataset="set"))
    assert stored is not None
    assert stored.record.status == "retired"
    assert complaints(folder) == []


def test_a_line_that_gives_it_another_outcome_is_found(folder: Path) -> None:
    """Though record, file and chain fit: who moves does not approve."""
    approved(folder, cell())
    (rewrite,) = plan_move(folder, "demo", "set")
    worse = rewrite.record.model_copy(update={"solved": 0, "rewards": [0.0]})

    write_rewrites([replace(rewrite, record=worse)], folder, by="eve", again="move")

    (problem,) = complaints(folder)
    assert "was moved with 0 of 1 solved, and was approved with 1 of 1 solved: a line was changed" in problem
