"""A summary is a pure function of manifest and ledger: deleted and made again, it has the same bytes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.documents import write_json
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.ledger import Closing, FileLedger, LedgerContent
from pytest_terminalbench.runs.manifest import RunManifest, RunSettings, read_manifest
from pytest_terminalbench.runs.summary import RunSummary, only_dataset, read_summary
from pytest_terminalbench.sessions.closing import ask_gate, close_run, rebuild_run, rebuild_summary
from pytest_terminalbench.sessions.session_ledger import SessionLedger
from pytest_terminalbench.status import Status
from tests.cell_results import MIXED, a_cell, a_cell_id
from tests.comparing.test_session_gate import GOOD, approve, cells

ENDED = Closing(exit_status=1)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "results" / "r1")


@pytest.fixture
def baselines(tmp_path: Path) -> Path:
    return tmp_path / "baselines"


def write_run(
    run: RunFolder,
    results: Sequence[CellResult],
    *,
    missing: Sequence[CellId] = (),
    closing: Closing | None = ENDED,
    settings: RunSettings | None = None,
) -> None:
    """What a session leaves before it is closed."""
    expected = (*(result.id for result in results), *missing)
    manifest = RunManifest(
        run_id=run.id, started_at="2026-01-01T00:00:00.000Z", settings=settings or RunSettings(), expected=expected
    )
    write_json(run.manifest, manifest.to_json())
    ledger = FileLedger(run.ledger)
    for result in results:
        ledger.record(result)
    if closing is not None:
        ledger.close(closing)


def test_a_summary_that_was_deleted_is_made_again_with_the_same_bytes(run: RunFolder, baselines: Path) -> None:
    approve(baselines, GOOD)
    worse = cells({name: [0, 0, 1, 0] for name in GOOD})
    write_run(run, [*worse, a_cell("z", marks="✓★◐✗"), *MIXED], missing=[a_cell_id("gone")])
    closed = closed_run(run, baselines)
    before = run.summary.read_bytes(), run.report.read_bytes()
    run.summary.unlink()
    run.report.unlink()

    assert closed.gate.verdict == "fail"
    assert rebuild_run(run, baselines=baselines).summary == closed
    assert (run.summary.read_bytes(), run.report.read_bytes()) == before


class TestTheGateThatIsRecorded:
    """What the gate came to is kept, whatever is approved or retired since."""

    WORSE = cells({name: [0, 0, 1, 0] for name in GOOD})

    @staticmethod
    def approved_as_bad(baselines: Path) -> None:
        approve(baselines, {name: [0, 0, 1, 0] for name in GOOD})

    @staticmethod
    def all_gone(baselines: Path) -> None:
        shutil.rmtree(baselines)

    @pytest.mark.parametrize("change", [approved_as_bad, all_gone], ids=["approved", "gone"])
    def test_a_rebuild_keeps_it(self, run: RunFolder, baselines: Path, change: Callable[[Path], None]) -> None:
        approve(baselines, GOOD)
        write_run(run, self.WORSE)
        closed = closed_run(run, baselines)
        summary, report, ledger = (file.read_bytes() for file in (run.summary, run.report, run.ledger))
        change(baselines)
        run.summary.unlink()

        rebuilt = rebuild_run(run, baselines=baselines)

        assert closed.gate.verdict == "fail"
        assert not rebuilt.is_gate_new
        assert [file.read_bytes() for file in (run.summary, run.report, run.ledger)] == [summary, report, ledger]

    def test_a_session_that_was_compared_with_nothing_stays_so(self, run: RunFolder, baselines: Path) -> None:
        write_run(run, self.WORSE)
        closed = closed_run(run, baselines)
        approve(baselines, GOOD)

        assert rebuild_run(run, baselines=baselines).summary == closed

    def test_of_an_earlier_versions_run_the_summary_has_it(self, run: RunFolder, baselines: Path) -> None:
        approve(baselines, GOOD)
        write_run(run, self.WORSE, missing=[a_cell_id("gone")])
        ledger = run.ledger.read_bytes()
        closed = closed_run(run, baselines)
        run.ledger.write_bytes(ledger)
        self.all_gone(baselines)

        first = rebuild_run(run, baselines=baselines)
        run.summary.unlink()
        second = rebuild_run(run, baselines=baselines)

        assert first == second
        assert (first.summary, first.is_gate_new) == (closed, False)

    def test_where_nobody_knows_it_is_asked_anew_and_recorded(self, run: RunFolder, baselines: Path) -> None:
        """As of a session that was killed, or whose summary is damaged."""
        approve(baselines, GOOD)
        write_run(run, self.WORSE, closing=None)
        run.summary.write_text("{")

        first = rebuild_run(run, baselines=baselines)
        self.all_gone(baselines)
        second = rebuild_run(run, baselines=baselines)

        assert (first.summary.gate.verdict, first.is_gate_new) == ("fail", True)
        assert (second.summary, second.is_gate_new) == (first.summary, False)

    def test_what_was_said_of_other_results_does_not_count(self, run: RunFolder, baselines: Path) -> None:
        """As where somebody judges a run again and is killed before its summary is written."""
        approve(baselines, GOOD)
        write_run(run, self.WORSE)
        closed_run(run, baselines)
        for cell in cells(GOOD):
            FileLedger(run.ledger).record(cell)

        rebuilt = rebuild_run(run, baselines=baselines)

        assert (rebuilt.summary.gate.verdict, rebuilt.is_gate_new) == ("pass", True)

    def test_a_run_that_approves_asks_none(self, run: RunFolder, baselines: Path) -> None:
        write_run(run, cells(GOOD), settings=RunSettings(update_baselines=True), closing=None)

        assert not rebuild_run(run, baselines=baselines).is_gate_new


def closed_run(run: RunFolder, baselines: Path) -> RunSummary:
    """The summary of `run` as its session writes it."""
    results = list(FileLedger(run.ledger).read().results.values())
    return close_run(run, gate=ask_gate(results, manifest=read_manifest(run), baselines=baselines))


def test_nothing_is_written_to_find_out(run: RunFolder, baselines: Path) -> None:
    write_run(run, MIXED)

    rebuild_summary(run, baselines=baselines)

    assert sorted(path.name for path in run.path.iterdir()) == ["ledger.jsonl", "manifest.json"]


def test_a_cell_that_was_expected_and_never_reported_is_lost(run: RunFolder, baselines: Path) -> None:
    write_run(run, [a_cell("a")], missing=[a_cell_id("b", model="x/y")])

    summary = rebuild_run(run, baselines=baselines).summary

    assert summary.lost == ("demo/b[oracle,x%2Fy]",)
    assert [cell.status for cell in summary.cells] == [Status.SOLVED, Status.LOST]
    assert read_summary(run.summary).cells == summary.cells


def test_nothing_is_lost_where_somebody_stopped_the_session(run: RunFolder, baselines: Path) -> None:
    missing = [a_cell_id("b"), a_cell_id("c")]
    write_run(run, [a_cell("a")], missing=missing, closing=Closing(exit_status=2, is_interrupted=True))

    summary = rebuild_run(run, baselines=baselines).summary

    assert (len(summary.cells), summary.lost) == (1, ())
    assert summary.not_run == ("demo/b[oracle]", "demo/c[oracle]")
    assert summary.in_words == "1 cell: 1 solved; 2 not run"
    assert "1 cell: 1 solved; 2 not run." in run.report.read_text().splitlines()
    assert read_summary(run.summary).not_run == summary.not_run
    assert only_dataset(summary, "demo").not_run == summary.not_run
    assert only_dataset(summary, "other").not_run == ()


def test_of_a_session_that_was_killed_what_had_reported_is_told(run: RunFolder, baselines: Path) -> None:
    write_run(run, [a_cell("a")], missing=[a_cell_id("b")], closing=None)

    summary = rebuild_summary(run, baselines=baselines)

    assert [(cell.id.scenario, cell.status) for cell in summary.cells] == [("a", Status.SOLVED), ("b", Status.LOST)]


def test_what_is_not_run_is_neither_told_nor_lost(run: RunFolder, baselines: Path) -> None:
    write_run(run, [a_cell("a")], missing=[a_cell_id("b")], closing=None)
    FileLedger(run.ledger).skip("demo/b[oracle]")

    summary = rebuild_summary(run, baselines=baselines)

    assert [cell.key for cell in summary.cells] == ["demo/a[oracle]"]


@pytest.mark.parametrize(("updates", "verdict"), [(False, "fail"), (True, "pass")])
def test_the_gate_is_asked_as_the_manifest_says(run: RunFolder, baselines: Path, updates: bool, verdict: str) -> None:
    approve(baselines, GOOD)
    worse = [replace(cell, status=Status.AS_BASELINE) for cell in cells({name: [0, 0, 1, 0] for name in GOOD})]
    write_run(run, worse, settings=RunSettings(update_baselines=updates))

    assert rebuild_summary(run, baselines=baselines).gate.verdict == verdict


def test_a_run_without_a_ledger_cannot_be_made_again(run: RunFolder, baselines: Path) -> None:
    write_run(run, [a_cell("a")])
    run.ledger.unlink()

    with pytest.raises(RunFolderError, match=r"has no ledger\.jsonl"):
        rebuild_summary(run, baselines=baselines)


class TestSessionLedger:
    """What a session's books tell the run's ledger, and when."""

    @pytest.fixture
    def file(self, run: RunFolder) -> FileLedger:
        return FileLedger(run.ledger)

    def test_a_cell_is_told_when_it_has_reported_to_its_end(self, file: FileLedger) -> None:
        books = SessionLedger(file)
        books.expect([a_cell_id("a"), a_cell_id("b")])
        books.record(a_cell("a", Status.VOID))
        books.record(a_cell("a"))
        assert not file.file.exists()

        books.finish("demo/a[oracle]")

        assert file.read().results == {"demo/a[oracle]": a_cell("a")}
        assert books.missing == ["demo/b[oracle]"]

    def test_a_skipped_cell_is_told_as_such(self, file: FileLedger) -> None:
        books = SessionLedger(file)
        books.record(a_cell("a"))
        books.skip("demo/a[oracle]")
        books.finish("demo/a[oracle]")

        assert file.read() == LedgerContent(skipped=frozenset({"demo/a[oracle]"}))
        assert books.skipped == ["demo/a[oracle]"]

    def test_a_cell_in_whose_place_another_is_run_was_not_skipped(self, file: FileLedger) -> None:
        books = SessionLedger(file)
        books.expect([a_cell_id("a")])

        books.replace("demo/a[oracle]")

        assert (books.skipped, books.missing) == ([], [])

    @pytest.mark.parametrize(("is_interrupted", "told"), [(True, ["demo/a[oracle]"]), (False, [])])
    def test_what_an_interrupted_session_knows_of_a_cell_is_told(
        self, file: FileLedger, is_interrupted: bool, told: list[str]
    ) -> None:
        """In one that nobody stopped, a cell whose reports are missing is lost."""
        books = SessionLedger(file)
        books.record(a_cell("a"))

        books.close(Closing(exit_status=2, is_interrupted=is_interrupted))

        assert list(file.read().results) == told
