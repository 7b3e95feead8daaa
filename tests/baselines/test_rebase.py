"""A baseline gets the conditions of today, and keeps what was approved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.baselines import audit, rewrite
from pytest_terminalbench.baselines.approval import CellToApprove, approve
from pytest_terminalbench.baselines.folder import StoredBaseline, baseline_of
from pytest_terminalbench.baselines.parity import Mismatch
from pytest_terminalbench.baselines.rebase import Rebase, plan_rebase
from pytest_terminalbench.baselines.rewrite import hindrances, log_lines, write_rewrites
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.outcome import Solved

CELL = CellId(dataset="demo", scenario="alpha", agent="t")
APPROVED = {
    "scenario": "sha256:1",
    "dataset": "demo==1",
    "image": "sha256:2",
    "limits": {"pids": 1, "timeout_multiplier": 1.0},
    "verifier": "sha256:3",
    "platform": "linux/amd64",
}


def approved(folder: Path, attempts: int = 1) -> None:
    solved = [AttemptResult(attempt=number + 1, outcome=Solved()) for number in range(attempts)]
    chosen = [CellToApprove(cell=CELL, attempts=solved, fingerprint=APPROVED)]
    approve(chosen, run_id="r1", baselines=folder, approver="ada", notes="as planned")


@pytest.fixture(autouse=True)
def _is_approved(folder: Path) -> None:
    approved(folder)


def stored(folder: Path) -> StoredBaseline:
    found = baseline_of(folder, CELL)
    assert found is not None
    return found


def planned(folder: Path, **now: Any) -> Rebase:
    found = plan_rebase(stored(folder), {**APPROVED, **now}, notes="roomier")
    assert found is not None
    return found


def written(folder: Path, rebase: Rebase) -> None:
    write_rewrites([rebase.rewrite], folder, by="grace", again="rebase")


def test_what_differs_is_told_and_put_in_its_record(folder: Path) -> None:
    before = stored(folder).record

    rebase = planned(folder, verifier="sha256:4", limits={"pids": 2})
    written(folder, rebase)

    assert rebase.differences == (Mismatch("limits.pids", 1, 2), Mismatch("verifier", "sha256:3", "sha256:4"))
    now = {**APPROVED, "verifier": "sha256:4", "limits": {"pids": 2, "timeout_multiplier": 1.0}}
    assert stored(folder).record == before.model_copy(update={"fingerprint": now})


def test_the_log_says_who_when_what_and_why(folder: Path) -> None:
    written(folder, planned(folder, verifier="sha256:4"))

    *_, line = audit.entries(folder / audit.AUDIT)
    told = {key: line[key] for key in ("action", "how", "by", "notes", "cell", "baseline_id", "solved", "differed")}
    assert told == {
        "action": "rebased",
        "how": "baseline rebase",
        "by": "grace",
        "notes": "roomier",
        "cell": "demo/t/alpha",
        "baseline_id": stored(folder).record.baseline_id,
        "solved": 1,
        "differed": [{"field": "verifier", "baseline": "sha256:3", "now": "sha256:4"}],
    }
    assert line["ts"]
    assert [*audit.problems(folder / audit.AUDIT), *audit.contradictions(folder)] == []


def test_there_and_back_and_there_again_is_logged_each_time(folder: Path) -> None:
    for verifier in ("sha256:4", "sha256:3", "sha256:4"):
        written(folder, planned(folder, verifier=verifier))

    assert [line["action"] for line in audit.entries(folder / audit.AUDIT)] == ["approved", *["rebased"] * 3]
    assert [*audit.problems(folder / audit.AUDIT), *audit.contradictions(folder)] == []


def test_one_that_was_logged_and_not_written_is_finished_by_the_next(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(rewrite, "write_atomically", full)
        with pytest.raises(OSError, match="No space left"):
            written(folder, planned(folder, verifier="sha256:4"))
    rebase = planned(folder, verifier="sha256:4")
    assert list(hindrances(folder, rebase.rewrite, log_lines(folder))) == []
    written(folder, rebase)

    assert [line["action"] for line in audit.entries(folder / audit.AUDIT)] == ["approved", "rebased"]
    assert [*audit.problems(folder / audit.AUDIT), *audit.contradictions(folder)] == []


def test_its_file_is_made_for_diffs(folder: Path) -> None:
    written(folder, planned(folder, verifier="sha256:4"))

    text = (folder / CELL.baseline_file).read_text()
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n"


def test_what_is_not_known_now_stays_as_it_was_approved(folder: Path) -> None:
    assert plan_rebase(stored(folder), {**APPROVED, "image": None, "platform": None}) is None


def test_a_fact_that_was_not_known_is_learned(folder: Path) -> None:
    """Baselines of earlier versions get what they lack."""
    rebase = planned(folder, instruction="sha256:5", environment={"user": "me"})

    assert rebase.differences == (
        Mismatch("environment", None, {"user": "me"}),
        Mismatch("instruction", None, "sha256:5"),
    )
    assert str(rebase.differences[1]) == "instruction: approved (not known), now sha256:5…"


def test_where_nothing_differs_there_is_nothing_to_do(folder: Path) -> None:
    assert plan_rebase(stored(folder), APPROVED) is None


def test_one_that_somebody_has_approved_meanwhile_is_left_alone(folder: Path) -> None:
    rebase = planned(folder, verifier="sha256:4")
    approved(folder, attempts=2)

    with pytest.raises(BaselineError, match="was changed meanwhile; look at it and rebase again"):
        written(folder, rebase)


@pytest.mark.parametrize("forged", ["by", "differed", "cell"])
def test_a_line_that_was_changed_is_found(folder: Path, forged: str) -> None:
    written(folder, planned(folder, verifier="sha256:4"))
    log = folder / audit.AUDIT
    *lines, last = log.read_text().splitlines()
    log.write_text("\n".join([*lines, json.dumps({**json.loads(last), forged: "eve"}, sort_keys=True)]) + "\n")

    assert audit.problems(log) == [f"{log}:2 was changed: it is not what its digest says"]


def test_a_record_that_was_changed_after_it_was_rebased_is_found(folder: Path) -> None:
    written(folder, planned(folder, verifier="sha256:4"))
    file = folder / CELL.baseline_file
    file.write_text(file.read_text().replace("sha256:4", "sha256:5"))

    (problem,) = audit.contradictions(folder)
    assert "is not what the last line of demo/t/alpha in audit.jsonl says (its content)" in problem
