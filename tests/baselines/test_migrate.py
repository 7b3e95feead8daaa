"""Baselines of schema 1 become baselines that say their cell: what tells the model, and what an interruption leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.baselines import audit, rewrite
from pytest_terminalbench.baselines.approval import CellToApprove, approve, retire
from pytest_terminalbench.baselines.folder import baseline_of
from pytest_terminalbench.baselines.migrate import plan_migration
from pytest_terminalbench.baselines.record import read_record
from pytest_terminalbench.baselines.rewrite import write_rewrites
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.outcome import Solved
from tests.old_baselines import approve_as_before


def cell(scenario: str = "alpha", **changes: Any) -> CellId:
    return CellId(**{"dataset": "demo", "scenario": scenario, "agent": "t", **changes})


def plan(
    folder: Path, *runs: tuple[str, Sequence[CellId]], models: Mapping[str, str] | None = None
) -> list[tuple[str, str]]:
    moves = plan_migration(folder, runs=dict(runs), models=models or {})
    return [(move.old.place, move.name) for move in moves]


def questions(folder: Path, *runs: tuple[str, Sequence[CellId]], models: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(BaselineError) as error:
        plan(folder, *runs, models=models)
    return str(error.value).splitlines()


def migrated(folder: Path, *runs: tuple[str, Sequence[CellId]], models: Mapping[str, str] | None = None) -> None:
    plan = plan_migration(folder, runs=dict(runs), models=models or {})
    write_rewrites(plan, folder, by="grace", again="migrate")


def complaints(folder: Path) -> list[str]:
    """What `baseline audit` would say."""
    return [*audit.problems(folder / audit.AUDIT), *audit.contradictions(folder)]


class TestWhoseItIs:
    def test_an_agent_without_a_model_is_what_its_folder_says(self, folder: Path) -> None:
        approve_as_before(folder, cell(), "demo/t/alpha")

        assert plan(folder) == [("demo/t/alpha", "demo/t/alpha")]

    def test_the_run_in_which_it_was_approved_tells_its_model(self, folder: Path) -> None:
        """Though other runs had another."""
        approve_as_before(folder, cell(model="a/b"), "demo/t--a-b/alpha", run="r1")

        runs = ("r1", [cell(model="a/b"), cell("beta", model="a-b")]), ("r2", [cell(model="a:b")])
        assert plan(folder, *runs) == [("demo/t--a-b/alpha", "demo/t,a%2Fb/alpha")]

    def test_else_any_run_does_where_no_other_model_would_lie_there(self, folder: Path) -> None:
        approve_as_before(folder, cell(model="gpt"), "demo/t--gpt/alpha", run="gone")

        assert plan(folder, ("r2", [cell("other", model="gpt")])) == [("demo/t--gpt/alpha", "demo/t,gpt/alpha")]

    def test_a_model_of_another_run_does_not_win_where_the_approving_run_is_gone(self, folder: Path) -> None:
        """It may have shared the folder with the model that was approved."""
        approve_as_before(folder, cell(model="a/b"), "demo/t--a-b/alpha", run="gone")

        assert questions(folder, ("r2", [cell("other", model="a:b")])) == [
            (
                f"{folder}/demo/t--a-b: which model is 'a-b'? (the run that approved it is gone, and others, which "
                "know a:b, may be of other models); say it: --model a-b=a:b"
            )
        ]

    def test_of_a_shared_folder_each_baseline_is_asked_for_and_answered(self, folder: Path) -> None:
        for name, model, run in (("alpha", "a/b", "gone"), ("beta", "a:b", "r2")):
            approve_as_before(folder, cell(name, model=model), f"demo/t--a-b/{name}", run=run)
        known = ("r2", [cell("beta", model="a:b")])

        (question,) = questions(folder, known)
        assert question.startswith(f"{folder}/demo/t--a-b/alpha.json: which model is 'a-b'?")
        assert question.endswith("say it: --model demo/t--a-b/alpha=a:b")
        assert plan(folder, known, models={"demo/t--a-b/alpha": "a/b"}) == [
            ("demo/t--a-b/alpha", "demo/t,a%2Fb/alpha"),
            ("demo/t--a-b/beta", "demo/t,a%3Ab/beta"),
        ]

    def test_models_that_shared_a_folder_are_told_apart(self, folder: Path) -> None:
        approve_as_before(folder, cell("alpha", model="a/b"), "demo/t--a-b/alpha", run="r1")
        approve_as_before(folder, cell("beta", model="a:b"), "demo/t--a-b/beta", run="r2")

        assert plan(folder, ("r1", [cell("alpha", model="a/b")]), ("r2", [cell("beta", model="a:b")])) == [
            ("demo/t--a-b/alpha", "demo/t,a%2Fb/alpha"),
            ("demo/t--a-b/beta", "demo/t,a%3Ab/beta"),
        ]

    def test_where_no_run_tells_it_is_asked_once(self, folder: Path) -> None:
        for name in ("alpha", "beta"):
            approve_as_before(folder, cell(name, model="a/b"), f"demo/t--a-b/{name}")

        assert questions(folder) == [
            (
                f"{folder}/demo/t--a-b: which model is 'a-b'? (no run in the results folder tells); say it: "
                "--model a-b=PROVIDER/NAME"
            )
        ]

    def test_where_runs_tell_two_models_both_are_offered(self, folder: Path) -> None:
        approve_as_before(folder, cell(model="a/b"), "demo/t--a-b/alpha", run="gone")

        assert questions(folder, ("r2", [cell(model="a/b"), cell(model="a:b")])) == [
            (
                f"{folder}/demo/t--a-b: which model is 'a-b'? (the run that approved it is gone, and others, which "
                "know a/b and a:b, may be of other models); say it: --model a-b=a/b or --model a-b=a:b"
            )
        ]

    @pytest.mark.parametrize(("said", "label"), [("a-b", "t,a%2Fb"), ("demo/t--a-b/alpha", "t,a%3Ab")])
    def test_what_is_said_of_a_baseline_wins_and_of_a_folder_where_no_run_tells(
        self, folder: Path, said: str, label: str
    ) -> None:
        approve_as_before(folder, cell(model="a/b"), "demo/t--a-b/alpha", run="r1")

        found = plan(folder, ("r1", [cell(model="a/b")]), models={said: "a:b"})

        assert found == [("demo/t--a-b/alpha", f"demo/{label}/alpha")]

    @pytest.mark.parametrize(
        ("models", "said"),
        [
            ({"x-y": "x/y"}, "--model x-y=x/y: no old baseline is of a model called 'x-y'; there are: a-b"),
            ({"a-b": "a/c"}, "--model a-b=a/c: a folder for 'a/c' would have been called 'a-c'"),
        ],
    )
    def test_what_cannot_be_meant_is_told(self, folder: Path, models: dict[str, str], said: str) -> None:
        approve_as_before(folder, cell(model="a/b"), "demo/t--a-b/alpha")

        assert said in questions(folder, models=models)


class TestWhatIsWritten:
    def test_nothing_of_an_approval_is_lost(self, folder: Path) -> None:
        old = approve_as_before(folder, cell(model="a/b"), "demo/t--a-b/alpha")
        before = read_record(old)

        migrated(folder, models={"a-b": "a/b"})

        stored = baseline_of(folder, cell(model="a/b"))
        assert before is not None
        assert stored is not None
        assert stored.record == before.model_copy(update={"schema_version": 2, "cell": cell(model="a/b")})
        assert not old.parent.exists()

    def test_the_log_tells_of_it_and_agrees(self, folder: Path) -> None:
        approve_as_before(folder, cell(model="a/b"), "demo/t--a-b/alpha")
        first = (folder / audit.AUDIT).read_bytes()

        migrated(folder, models={"a-b": "a/b"})

        *_, line = audit.entries(folder / audit.AUDIT)
        assert (folder / audit.AUDIT).read_bytes().startswith(first)
        assert {key: line[key] for key in ("action", "by", "from", "cell")} == {
            "action": "migrated",
            "by": "grace",
            "from": "demo/t--a-b/alpha",
            "cell": "demo/t,a%2Fb/alpha",
        }
        assert complaints(folder) == []

    def test_what_is_approved_afterwards_supersedes_it(self, folder: Path) -> None:
        approve_as_before(folder, cell(model="a/b"), "demo/t--a-b/alpha")
        migrated(folder, models={"a-b": "a/b"})

        attempts = [AttemptResult(attempt=number, outcome=Solved()) for number in (1, 2)]
        better = CellToApprove(cell=cell(model="a/b"), attempts=attempts, fingerprint={})
        approve([better], run_id="r2", baselines=folder, approver="ada")

        assert complaints(folder) == []

    def test_a_retired_one_stays_retired(self, folder: Path) -> None:
        approve_as_before(folder, cell(), "demo/t/alpha")
        retire("demo/t/alpha", baselines=folder, by="ada")

        migrated(folder)

        stored = baseline_of(folder, cell())
        assert stored is not None
        assert (stored.record.status, stored.record.schema_version) == ("retired", 2)
        assert complaints(folder) == []

    def test_migrating_again_changes_nothing(self, folder: Path) -> None:
        approve_as_before(folder, cell(), "demo/t/alpha")
        migrated(folder)
        before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}

        migrated(folder)

        assert plan(folder) == []
        assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before

    def test_an_approval_moves_an_old_one_too(self, folder: Path) -> None:
        old = approve_as_before(folder, cell(model="m"), "demo/t--m/alpha")
        attempts = [AttemptResult(attempt=number, outcome=Solved()) for number in (1, 2)]

        approve(
            [CellToApprove(cell=cell(model="m"), attempts=attempts, fingerprint={})],
            run_id="r2",
            baselines=folder,
            approver="ada",
        )

        assert not old.exists()
        assert complaints(folder) == []


class TestRefused:
    def test_an_approval_over_what_may_be_of_another_model(self, folder: Path) -> None:
        """It would remove the other's baseline."""
        old = approve_as_before(folder, cell(model="a:b"), "demo/t--a-b/alpha")
        mine = CellToApprove(
            cell=cell(model="a/b"), attempts=[AttemptResult(attempt=1, outcome=Solved())], fingerprint={}
        )

        with pytest.raises(BaselineError, match="did not tell all models apart: it may be of t,a%2Fb, or of another"):
            approve([mine], run_id="r2", baselines=folder, approver="ada")
        assert old.exists()
        assert complaints(folder) == []

    def test_what_was_changed_since_it_was_approved(self, folder: Path) -> None:
        """A new line in the log would make it look approved."""
        file = approve_as_before(folder, cell(), "demo/t/alpha")
        file.write_text(file.read_text().replace('"ada"', '"eve"'))

        (problem,) = questions(folder)
        assert problem.startswith(f"{file} is not what the last line of demo/t/alpha in audit.jsonl says (approved_by)")

    def test_what_nobody_approved(self, folder: Path) -> None:
        file = approve_as_before(folder, cell(), "demo/t/alpha")
        (folder / audit.AUDIT).unlink()

        (problem,) = questions(folder)
        assert problem.startswith(f"{file} has no line in audit.jsonl: nobody approved it here")

    def test_a_damaged_one(self, folder: Path) -> None:
        approve_as_before(folder, cell(), "demo/t/alpha").write_text("{")

        (problem,) = questions(folder)
        assert "is damaged: not JSON: Expecting" in problem

    def test_one_whose_cell_has_been_approved_anew(self, folder: Path) -> None:
        approve_as_before(folder, cell(model="a/b"), "demo/t--a-b/alpha")
        old = folder / "demo/t--a-b"
        old.rename(folder / "aside")
        approve(
            [
                CellToApprove(
                    cell=cell(model="a/b"), attempts=[AttemptResult(attempt=1, outcome=Solved())], fingerprint={}
                )
            ],
            run_id="r2",
            baselines=folder,
            approver="ada",
        )
        (folder / "aside").rename(old)

        (problem,) = questions(folder, models={"a-b": "a/b"})
        assert problem.startswith(f"{old}/alpha.json would become demo/t,a%2Fb/alpha, which has been approved again")

    def test_one_that_is_changed_between_plan_and_deed(self, folder: Path) -> None:
        file = approve_as_before(folder, cell(), "demo/t/alpha")
        moves = plan_migration(folder, runs={}, models={})
        file.write_text(file.read_text().replace('"ada"', '"eve"'))

        with pytest.raises(BaselineError, match="was changed meanwhile; look at it and migrate again"):
            write_rewrites(moves, folder, by="grace", again="migrate")


@pytest.mark.parametrize("step", ["write_atomically", "remove_file"])
@pytest.mark.parametrize("label", ["t", "t--a-b"])
def test_one_that_is_interrupted_is_finished_by_the_next(
    folder: Path, monkeypatch: pytest.MonkeyPatch, step: str, label: str
) -> None:
    """Logged and not written, or written and the old one still there."""
    model = "a/b" if "--" in label else None
    for name in ("alpha", "beta"):
        approve_as_before(folder, cell(name, model=model), f"demo/{label}/{name}")
    models = {"a-b": "a/b"} if model else {}

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(rewrite, step, full)
        if model or step == "write_atomically":
            with pytest.raises(OSError, match="No space left"):
                migrated(folder, models=models)

    # Each record is still there, in one form or the other.
    for name in ("alpha", "beta"):
        assert baseline_of(folder, cell(name, model=model)) is not None
    migrated(folder, models=models)
    assert complaints(folder) == []
    assert [entry["action"] for entry in audit.entries(folder / audit.AUDIT)].count("migrated") == 2
