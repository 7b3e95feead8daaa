"""Baselines that are put in place together, and what is told where that breaks in the middle."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.baselines import audit
from pytest_terminalbench.baselines.approval import CellToApprove, record_of
from pytest_terminalbench.baselines.record import serialised
from pytest_terminalbench.baselines.write_together import LoggedBaseline, write_together
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.outcome import Solved


def logged(folder: Path, scenario: str) -> LoggedBaseline:
    cell = CellId(dataset="demo", scenario=scenario, agent="oracle")
    attempts = [AttemptResult(attempt=1, outcome=Solved(reward=1.0))]
    record = record_of(CellToApprove(cell=cell, attempts=attempts, fingerprint={}), approver="me")
    line = {
        "action": "approved",
        "baseline_id": record.baseline_id,
        "cell": cell.baseline_name,
        "record": audit.record_digest(serialised(record)),
    }
    return LoggedBaseline(file=folder / cell.baseline_file, record=record, line=line)


def test_where_it_breaks_in_the_middle_the_log_tells_of_what_was_written_alone(folder: Path) -> None:
    several = [logged(folder, scenario) for scenario in "abcd"]
    in_the_way = several[2].file
    in_the_way.mkdir(parents=True)

    with pytest.raises(BaselineError) as error:
        write_together(several, folder)

    assert str(error.value) == (
        f"{in_the_way} cannot be written: Is a directory; written: demo/oracle/a, demo/oracle/b; not written: "
        "demo/oracle/c, demo/oracle/d; see to it, and do these again"
    )
    in_the_way.rmdir()
    assert sorted(path.name for path in in_the_way.parent.iterdir()) == ["a.json", "b.json"]
    assert [*audit.problems(folder / audit.AUDIT), *audit.contradictions(folder)] == []

    write_together(several[2:], folder)
    assert [entry["cell"] for entry in audit.entries(folder / audit.AUDIT)] == [
        f"demo/oracle/{name}" for name in "abcd"
    ]
    assert [*audit.problems(folder / audit.AUDIT), *audit.contradictions(folder)] == []


def test_the_first_that_cannot_be_written_leaves_no_log(folder: Path) -> None:
    one = logged(folder, "a")
    one.file.mkdir(parents=True)

    with pytest.raises(BaselineError, match=r"; written: none; not written: demo/oracle/a; see to it"):
        write_together([one], folder)

    assert not (folder / audit.AUDIT).exists()


def test_an_old_one_gives_way(folder: Path) -> None:
    old = folder / "demo/oracle--x/a.json"
    old.parent.mkdir(parents=True)
    old.write_text("{}")
    one = logged(folder, "a")

    write_together([LoggedBaseline(file=one.file, record=one.record, line=one.line, old=old)], folder)

    assert one.file.exists()
    assert not old.parent.exists()
