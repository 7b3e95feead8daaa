"""Approving: what is written, what is left alone, and the log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.baselines import audit
from pytest_terminalbench.baselines.approval import (
    Approval,
    CellToApprove,
    FolderContents,
    approve,
    contents,
    record_of,
    retire,
)
from pytest_terminalbench.baselines.folder import StoredBaseline, baselines_named
from pytest_terminalbench.baselines.record import BaselineRecord, Measure, read_record
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.outcome import Outcome, Phase, Solved, Unsolved, Void
from pytest_terminalbench.regular_files import read_regular
from tests.counted_calls import calls_into
from tests.little_room import files_up_to


@pytest.fixture
def baselines(tmp_path: Path) -> Path:
    return tmp_path / "baselines"


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def judged(solved: bool = True, *, reward: float | None = None, **changes: Any) -> AttemptResult:
    outcome: Outcome = Solved(reward=reward or 1.0) if solved else Unsolved(reason="refused", reward=reward or 0.0)
    facts: dict[str, Any] = {"attempt": 1, "agent_s": 1.0, "memory_peak_mb": 8.0, "cost_usd": 0.0, "tokens": 0}
    return AttemptResult(outcome=outcome, **{**facts, **changes})


def cell_id(scenario: str, **changes: Any) -> CellId:
    return CellId(**{"dataset": "demo", "scenario": scenario, "agent": "oracle", **changes})


def cell(name: str = "make-it", *attempts: AttemptResult, **changes: Any) -> CellToApprove:
    facts: dict[str, Any] = {"fingerprint": {"scenario": "sha256:1"}, "configuration": "sha256:2"}
    return CellToApprove(cell=cell_id(name), attempts=attempts or [judged()], **{**facts, **changes})


def approved(baselines: Path, *cells: CellToApprove, run: str = "run-1", by: str = "me", notes: str = "") -> Approval:
    return approve(cells, run_id=run, baselines=baselines, approver=by, notes=notes)


def unsolved_and_last_a_large_one(names: Sequence[str]) -> list[CellToApprove]:
    cells = [cell(name, judged(solved=False)) for name in names]
    return [*cells[:-1], replace(cells[-1], fingerprint={"scenario": "x" * 2_500})]


def log(baselines: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (baselines / "audit.jsonl").read_text().splitlines()]


def files(baselines: Path) -> dict[str, bytes]:
    return {p.relative_to(baselines).as_posix(): p.read_bytes() for p in baselines.rglob("*.json")}


class TestRecord:
    def test_it_keeps_what_was_judged(self) -> None:
        attempts = [judged(agent_s=1.0), judged(solved=False, reward=0.25, agent_s=4.0, memory_peak_mb=10.06)]

        assert record_of(cell("make-it", *attempts), approver="me", notes="why") == BaselineRecord(
            baseline_id=f"make-it-{today()}",
            cell=cell_id("make-it"),
            configuration="sha256:2",
            scenario_id="make-it",
            status="active",
            approved_on=today(),
            approved_by="me",
            notes="why",
            attempts=2,
            solved=1,
            rewards=[1.0, 0.25],
            metrics={
                "runtime_s": Measure(median=2.5, spread=3.0, values=[1.0, 4.0]),
                "memory_peak_mb": Measure(median=9.1, spread=2.1, values=[8.0, 10.1]),
                "cost_usd": Measure(median=0.0, spread=0.0, values=[0.0, 0.0]),
            },
            fingerprint={"scenario": "sha256:1"},
        )

    def test_it_keeps_which_session_made_each_attempt(self) -> None:
        mondays, tuesdays, unknown = (judged(session=session) for session in ("monday", "tuesday", None))

        assert record_of(cell("a", mondays, tuesdays), approver="me").sessions == ["monday", "tuesday"]
        assert record_of(cell("a", mondays, unknown), approver="me").sessions is None

    def test_what_is_not_known_of_each_attempt_is_not_measured(self) -> None:
        attempts = [judged(memory_peak_mb=None, tokens=500), judged(cost_usd=None, tokens=400)]

        assert sorted(record_of(cell("make-it", *attempts), approver="me").metrics) == ["runtime_s", "tokens"]

    def test_no_time_and_no_token_were_not_measured_but_a_model_may_be_free(self) -> None:
        attempts = [judged(agent_s=0.0, tokens=500), judged(agent_s=2.0, tokens=0)]

        assert sorted(record_of(cell("make-it", *attempts), approver="me").metrics) == ["cost_usd", "memory_peak_mb"]

    def test_without_an_attempt_there_is_nothing_to_approve(self) -> None:
        empty = CellToApprove(cell=cell_id("make-it"), attempts=[], fingerprint={})

        with pytest.raises(BaselineError, match=r"^make-it: no attempt was judged, so there is nothing to approve$"):
            record_of(empty, approver="me")

    def test_a_void_attempt_has_nothing_to_approve(self) -> None:
        void = AttemptResult(attempt=2, outcome=Void(reason="the engine broke", phase=Phase.START))

        with pytest.raises(BaselineError, match=r"^make-it: a void attempt has no outcome to approve$"):
            record_of(cell("make-it", judged(), void), approver="me")

    def test_more_attempts_than_a_baseline_has_are_refused(self) -> None:
        with pytest.raises(
            BaselineError, match=r"^make-it: there are 1001 attempts to approve, and a baseline has at most"
        ):
            record_of(cell("make-it", *[judged()] * 1001), approver="me")


class TestFiles:
    def test_each_cell_has_one_in_its_place(self, baselines: Path) -> None:
        found = approved(baselines, cell("a"), cell("b"))

        places = [baselines / "demo/oracle/a.json", baselines / "demo/oracle/b.json"]
        assert found == Approval(written=places, unchanged=0)
        assert [record.solved for record in map(read_record, places) if record] == [1, 1]

    def test_only_the_chosen_ones_are_touched(self, baselines: Path) -> None:
        approved(baselines, cell("a"), cell("b"))
        before = files(baselines)

        approved(baselines, cell("a", judged(solved=False)))

        after = files(baselines)
        assert [name for name in before if before[name] != after[name]] == ["demo/oracle/a.json"]
        assert before.keys() == after.keys()

    def test_measured_times_alone_are_no_reason_to_write(self, baselines: Path) -> None:
        """A run that changes nothing leaves no diff."""
        approved(baselines, cell("a"))
        before = files(baselines)

        found = approved(baselines, cell("a", judged(agent_s=99.0, memory_peak_mb=99.0)), run="run-2", by="you")

        assert found == Approval(written=[], unchanged=1)
        assert files(baselines) == before
        assert len(log(baselines)) == 1

    @pytest.mark.parametrize(
        "changed",
        [
            cell("a", judged(solved=False)),
            cell("a", judged(), judged()),
            cell("a", judged(reward=1.5)),
            cell("a", fingerprint={"scenario": "sha256:2"}),
            cell("a", configuration="sha256:3"),
        ],
        ids=["solved", "attempts", "reward", "conditions", "configuration"],
    )
    def test_anything_that_is_compared_is(self, baselines: Path, changed: CellToApprove) -> None:
        approved(baselines, cell("a"))

        assert len(approved(baselines, changed).written) == 1

    def test_another_session_of_the_same_outcome_is_no_reason_to_write(self, baselines: Path) -> None:
        approved(baselines, cell("a", judged(session="monday"), judged(session="monday")))

        again = cell("a", judged(session="tuesday"), judged(session="tuesday"))

        assert approved(baselines, again) == Approval(written=[], unchanged=1)

    def test_sessions_that_were_not_known_become_known(self, baselines: Path) -> None:
        approved(baselines, cell("a", judged(), judged()))

        assert len(approved(baselines, cell("a", judged(session="monday"), judged(session="monday"))).written) == 1
        record = read_record(baselines / "demo/oracle/a.json")
        assert record is not None
        assert record.sessions == ["monday", "monday"]

    def test_attempts_of_one_session_and_of_several_are_not_the_same(self, baselines: Path) -> None:
        approved(baselines, cell("a", judged(session="monday"), judged(session="monday")))

        assert len(approved(baselines, cell("a", judged(session="tuesday"), judged(session="friday"))).written) == 1

    def test_sessions_that_are_known_are_not_forgotten(self, baselines: Path) -> None:
        approved(baselines, cell("a", judged(session="monday")))

        assert approved(baselines, cell("a", judged())) == Approval(written=[], unchanged=1)

    @pytest.mark.parametrize(
        ("then", "now"),
        [
            ({"tokens": 0}, {"tokens": 500}),
            ({"cost_usd": None}, {"cost_usd": 0.5}),
            ({"memory_peak_mb": None}, {"memory_peak_mb": 40.0}),
            ({"agent_s": None}, {"agent_s": 2.0}),
        ],
    )
    def test_a_metric_that_was_not_known_becomes_known(
        self, baselines: Path, then: dict[str, Any], now: dict[str, Any]
    ) -> None:
        approved(baselines, cell("a", judged(**then)))

        assert len(approved(baselines, cell("a", judged(**now))).written) == 1
        assert approved(baselines, cell("a", judged(**then))) == Approval(written=[], unchanged=1)

    def test_times_too_short_to_be_measured_every_time_are_no_reason_to_write(self, baselines: Path) -> None:
        approved(baselines, cell("a", judged(agent_s=0.0)))

        assert approved(baselines, cell("a", judged(agent_s=0.001))) == Approval(written=[], unchanged=1)

    def test_what_was_measured_on_another_class_of_host_is_written(self, baselines: Path) -> None:
        """Or times could be compared on neither."""
        approved(baselines, cell("a", host="8 CPUs"))

        assert len(approved(baselines, cell("a", host="2 CPUs")).written) == 1
        assert approved(baselines, cell("a", host="2 CPUs")) == Approval(written=[], unchanged=1)

    def test_a_new_one_names_what_it_supersedes(self, baselines: Path) -> None:
        for solved in (True, False, True):
            approved(baselines, cell("a", judged(solved=solved)))

        record = read_record(baselines / "demo/oracle/a.json")
        assert record is not None
        assert (record.baseline_id, record.supersedes) == (f"a-{today()}-3", f"a-{today()}-2")

    def test_the_order_of_cells_does_not_matter(self, tmp_path: Path) -> None:
        cells = [cell("c"), cell("a", judged(solved=False)), cell("b")]
        approved(tmp_path / "one", *cells)
        approved(tmp_path / "other", *reversed(cells))

        assert files(tmp_path / "one") == files(tmp_path / "other")
        assert [line["cell"] for line in log(tmp_path / "one")] == [line["cell"] for line in log(tmp_path / "other")]

    def test_one_that_cannot_be_approved_stops_all(self, baselines: Path) -> None:
        with pytest.raises(BaselineError):
            approved(baselines, cell("a"), CellToApprove(cell=cell_id("b"), attempts=[], fingerprint={}))

        assert not baselines.exists()

    def test_a_damaged_one_stops_all_and_stays(self, baselines: Path) -> None:
        approved(baselines, cell("b"))
        (baselines / "demo/oracle/b.json").write_text("damaged")

        with pytest.raises(BaselineError, match="is damaged: not JSON: Expecting"):
            approved(baselines, cell("a"), cell("b", judged(solved=False)))

        assert files(baselines) == {"demo/oracle/b.json": b"damaged"}

    def test_nothing_else_is_left_behind(self, baselines: Path) -> None:
        approved(baselines, cell("a"))

        assert sorted(p.relative_to(baselines).as_posix() for p in baselines.rglob("*") if p.is_file()) == [
            "audit.jsonl",
            "demo/oracle/a.json",
        ]

    @pytest.mark.parametrize(
        ("room", "is_the_log"),
        [(3_000, False), (6_000, True)],
        ids=["for some of the files", "for the files and not for the log"],
    )
    def test_where_not_all_can_be_written_nothing_is(self, baselines: Path, room: int, is_the_log: bool) -> None:
        """As on a full disk."""
        names = [f"t{number}" for number in range(8)]
        approved(baselines, *map(cell, names))
        everything = {path: path.read_bytes() for path in baselines.rglob("*") if path.is_file()}

        with files_up_to(room), pytest.raises(BaselineError) as error:
            approved(baselines, *unsolved_and_last_a_large_one(names))

        place = baselines / "audit.jsonl" if is_the_log else baselines
        assert str(error.value) == (
            f"{place} cannot be written: File too large; nothing was written: see to it, and do it again"
        )
        assert {path: path.read_bytes() for path in baselines.rglob("*") if path.is_file()} == everything

    def test_first_ones_that_cannot_be_logged_leave_nothing(self, baselines: Path) -> None:
        names = [f"t{number}" for number in range(8)]

        with (
            files_up_to(3_400),
            pytest.raises(BaselineError, match=r"audit\.jsonl cannot be written: .* nothing was written"),
        ):
            approved(baselines, *unsolved_and_last_a_large_one(names))

        assert [path for path in baselines.rglob("*") if path.is_file() and path.stat().st_size] == []


class TestLog:
    def test_each_approval_is_a_line(self, baselines: Path) -> None:
        approved(baselines, cell("a"), run="run-7", by="Zoë", notes="as planned")

        (line,) = log(baselines)
        assert datetime.fromisoformat(line.pop("ts"))
        assert line.pop("previous") == "none"
        assert line.pop("digest").startswith("sha256:")
        assert line.pop("record").startswith("sha256:")
        assert line == {
            "action": "approved",
            "how": "--update-baselines",
            "status": "active",
            "notes": "as planned",
            "baseline_id": f"a-{today()}",
            "cell": "demo/oracle/a",
            "by": "Zoë",
            "run": "run-7",
            "solved": 1,
            "attempts": 1,
            "supersedes": None,
        }

    def test_lines_are_only_added(self, baselines: Path) -> None:
        approved(baselines, cell("a"))
        first = (baselines / "audit.jsonl").read_bytes()
        approved(baselines, cell("a", judged(solved=False)), cell("b"))

        assert (baselines / "audit.jsonl").read_bytes().startswith(first)
        assert [line["cell"] for line in log(baselines)] == ["demo/oracle/a", "demo/oracle/a", "demo/oracle/b"]

    def test_a_line_that_was_changed_is_found(self, baselines: Path) -> None:
        approved(baselines, cell("a"), cell("b"))
        file = baselines / "audit.jsonl"
        file.write_text(file.read_text().replace('"by": "me"', '"by": "somebody else"', 1))

        with pytest.raises(BaselineError, match=r":2 does not follow from the line before"):
            approved(baselines, cell("c"))
        assert not (baselines / "demo/oracle/c.json").exists()

    def test_a_line_begins_anew_after_one_whose_end_was_taken(self, baselines: Path) -> None:
        approved(baselines, cell("a"))
        file = baselines / "audit.jsonl"
        file.write_bytes(file.read_bytes().rstrip(b"\n"))

        approved(baselines, cell("b"))

        assert [line["cell"] for line in log(baselines)] == ["demo/oracle/a", "demo/oracle/b"]
        assert audit.problems(file) == []

    @pytest.mark.parametrize("is_removed", [False, True])
    def test_no_chain_is_begun_anew_beside_baselines(self, baselines: Path, is_removed: bool) -> None:
        approved(baselines, cell("a"))
        before, file = files(baselines), baselines / "audit.jsonl"
        file.write_bytes(b"")
        if is_removed:
            file.unlink()

        with pytest.raises(BaselineError, match=r"audit\.jsonl has no lines, and there is .*/a\.json"):
            approved(baselines, cell("b"))

        assert files(baselines) == before
        assert file.exists() is not is_removed

    def test_nothing_is_added_to_a_line_that_was_cut_off(self, baselines: Path) -> None:
        approved(baselines, cell("a"))
        file = baselines / "audit.jsonl"
        cut = file.read_bytes()[:-9]
        file.write_bytes(cut)

        with pytest.raises(BaselineError, match=r"audit.jsonl:1 is cut off; restore audit.jsonl from version control"):
            approved(baselines, cell("b"))
        assert file.read_bytes() == cut

    @pytest.mark.parametrize("cells", [1, 40])
    def test_it_is_read_once_however_many_cells_are_approved(
        self, baselines: Path, monkeypatch: pytest.MonkeyPatch, cells: int
    ) -> None:
        approved(baselines, cell("first"))
        read: list[str] = []

        def noted(file: Path) -> bytes:
            read.append(file.name)
            return read_regular(file)

        monkeypatch.setattr(audit, "read_regular", noted)

        approved(baselines, *(cell(f"cell-{number}") for number in range(cells)))

        assert read.count("audit.jsonl") == 1
        assert len(log(baselines)) == cells + 1
        assert audit.problems(baselines / "audit.jsonl") == []

    def test_odd_names_are_escaped(self, baselines: Path) -> None:
        approved(baselines, cell("a"), by="half \ud800", notes="\u2028\x85\x0b")
        approved(baselines, cell("b"))

        assert [line["by"] for line in log_as_bytes(baselines)] == ["half \ud800", "me"]


def log_as_bytes(baselines: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (baselines / "audit.jsonl").read_bytes().split(b"\n") if line]


class TestRetiring:
    def test_it_stays_and_no_longer_counts(self, baselines: Path) -> None:
        approved(baselines, cell("a"))

        retire("demo/oracle/a", baselines=baselines, by="me", notes="old")

        record = read_record(baselines / "demo/oracle/a.json")
        assert record is not None
        assert record.status == "retired"
        assert [line["action"] for line in log(baselines)] == ["approved", "retired"]

    def test_of_several_none_is_retired_where_one_cannot_be(self, baselines: Path) -> None:
        approved(baselines, cell("a"), cell("b"))

        with pytest.raises(BaselineError, match=r"^'demo/oracle/c' names no baseline \(did you mean"):
            retire("demo/oracle/a", "demo/oracle/c", baselines=baselines, by="me")
        assert [line["action"] for line in log(baselines)] == ["approved"] * 2

        retire("demo/oracle/a", "demo/oracle/b", baselines=baselines, by="me")
        assert [line["action"] for line in log(baselines)] == ["approved"] * 2 + ["retired"] * 2
        assert audit.contradictions(baselines) == []

    def test_a_scenario_s_id_names_all_of_its_that_count(self, baselines: Path) -> None:
        other, third = (replace(cell("a"), cell=cell_id("a", agent=agent)) for agent in ("other", "third"))
        approved(baselines, cell("a"), cell("b"), other, third)
        retire("demo/other/a", baselines=baselines, by="me")

        retired = retire("a", baselines=baselines, by="me")

        assert [record.cell for record in retired] == [cell("a").cell, third.cell]

    def test_twice_as_many_cost_twice_as_much(self, tmp_path: Path) -> None:
        costs = []
        for number in (10, 20):
            baselines = tmp_path / str(number)
            approved(baselines, *(cell(f"t{n}") for n in range(number)))
            names = [f"demo/oracle/t{n}" for n in range(number)]
            costs.append(calls_into("pytest_terminalbench", retire, *names, baselines=baselines, by="me"))

        assert costs[1] <= 2.2 * costs[0]

    def test_once_is_enough(self, baselines: Path) -> None:
        approved(baselines, cell("a"))
        retire("demo/oracle/a", baselines=baselines, by="me")

        with pytest.raises(BaselineError, match=f"^a-{today()} is retired already$"):
            retire("demo/oracle/a", baselines=baselines, by="me")

    def test_what_somebody_approves_meanwhile_stays(self, baselines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        approved(baselines, cell("a", judged(solved=False)), by="eve")

        def read_just_before_an_approval(folder: Path, names: Iterable[str]) -> list[StoredBaseline]:
            read = baselines_named(folder, names)
            approved(baselines, cell("a"), by="ada")
            return read

        monkeypatch.setattr("pytest_terminalbench.baselines.approval.baselines_named", read_just_before_an_approval)
        with pytest.raises(BaselineError) as error:
            retire("demo/oracle/a", baselines=baselines, by="me")

        file = baselines / "demo/oracle/a.json"
        assert str(error.value) == f"{file} was approved meanwhile by ada; look at it and retire again"
        record = read_record(file)
        assert record is not None
        assert (record.status, record.approved_by) == ("active", "ada")
        assert audit.contradictions(baselines) == []

    def test_what_is_not_there_cannot_be(self, baselines: Path) -> None:
        with pytest.raises(BaselineError, match=r"^'demo/oracle/a' names no baseline: that is a scenario's id, "):
            retire("demo/oracle/a", baselines=baselines, by="me")


HOLDER = """
import sys
from pathlib import Path
from pytest_terminalbench.baselines.lock import only_writer

with only_writer(Path(sys.argv[1])):
    print("holding", flush=True)
    sys.stdin.readline()
"""


def test_two_do_not_approve_at_once(baselines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_terminalbench.baselines.lock.LOCK_TIMEOUT_S", 0.05)
    command = [sys.executable, "-c", HOLDER, str(baselines)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ)) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"holding\n"

        with pytest.raises(BaselineError) as error:
            approved(baselines, cell("a"))
        holder.communicate(b"\n")

    assert str(error.value) == f"somebody else is approving in {baselines} at this moment; try again"
    assert approved(baselines, cell("a")).unchanged == 0


RACER = """
import sys
from pathlib import Path
from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.baselines.approval import CellToApprove, approve, contents
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.outcome import Solved

baselines, name, reward = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
cell = CellToApprove(
    cell=CellId(dataset="demo", scenario="a", agent="oracle"),
    attempts=[AttemptResult(attempt=1, outcome=Solved(reward=reward))],
    fingerprint={},
)
seen = contents(baselines, [cell.cell])
print("looked", flush=True)
sys.stdin.readline()
try:
    approve([cell], run_id="run", baselines=baselines, approver=name, seen=seen)
except BaselineError as error:
    print(error, flush=True)
else:
    print("won", flush=True)
"""


def test_what_a_folder_held_is_known_of_cells_that_nobody_had_named(baselines: Path) -> None:
    """Also where a baseline lay where earlier versions put it."""
    approved(baselines, cell("a"))
    old = cell_id("c", model="p/m")
    (baselines / "demo/oracle--p-m").mkdir()
    (baselines / "demo/oracle--p-m/c.json").write_text("{}")
    cells = [cell_id("a"), cell_id("b"), old]
    before = contents(baselines, cells)

    held = FolderContents(baselines)
    approved(baselines, cell("a", judged(solved=False)), cell("b"))
    (baselines / "demo/oracle--p-m/c.json").unlink()

    assert held.of(cells) == before
    assert [before[one] is None for one in cells] == [False, True, False]
    assert contents(baselines, cells) != before


@pytest.mark.parametrize("is_new", [True, False], ids=["a first one", "over another"])
def test_of_two_who_looked_at_the_same_one_wins_and_the_other_is_told(baselines: Path, is_new: bool) -> None:
    if not is_new:
        approved(baselines, cell("a", judged(solved=False)), by="eve")
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(baselines), name, reward],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name, reward in (("ada", "1"), ("grace", "2"))
    ]
    for racer in racers:
        assert racer.stdout
        assert racer.stdout.readline() == "looked\n"
    for racer in racers:
        assert racer.stdin
        racer.stdin.write("\n")
        racer.stdin.flush()
    said = [racer.communicate()[0].strip() for racer in racers]

    file = baselines / "demo/oracle/a.json"
    record = read_record(file)
    assert record is not None
    assert said.count("won") == 1
    winner = ("ada", "grace")[said.index("won")]
    assert record.approved_by == winner
    assert said[1 - said.index("won")] == f"{file} was approved meanwhile by {winner}; look at it and approve again"
    assert len(log(baselines)) == (1 if is_new else 2)
