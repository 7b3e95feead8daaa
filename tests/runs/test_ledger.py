"""The ledger: what a run's cells came to, line by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.runs.gate_result import GateResult
from pytest_terminalbench.runs.ledger import Closing, FileLedger, LedgerContent
from pytest_terminalbench.status import Status
from tests.cell_results import MIXED, a_cell


@pytest.fixture
def ledger(tmp_path: Path) -> FileLedger:
    return FileLedger(tmp_path / "run" / "ledger.jsonl")


def test_what_was_written_is_read(ledger: FileLedger) -> None:
    for cell in MIXED:
        ledger.record(cell)
    ledger.skip("demo/x[oracle]")
    ledger.close(Closing(exit_status=2, is_interrupted=True))
    ledger.record_gate(GateResult(verdict="fail", p=0.5, notes=("demo mine: nothing",)))

    assert ledger.read() == LedgerContent(
        results={cell.key: cell for cell in MIXED},
        skipped=frozenset({"demo/x[oracle]"}),
        closing=Closing(exit_status=2, is_interrupted=True),
        gate=GateResult(verdict="fail", p=0.5, notes=("demo mine: nothing",)),
    )


def test_a_gate_is_of_the_cells_before_it(ledger: FileLedger) -> None:
    ledger.record(a_cell("a"))
    ledger.record_gate(GateResult(verdict="fail"))
    ledger.record_gate(GateResult(verdict="pass"))
    assert ledger.read().gate == GateResult(verdict="pass")

    ledger.record(a_cell("a", Status.VOID, "·"))
    assert ledger.read().gate is None

    ledger.record_gate(GateResult(verdict="inconclusive"))
    ledger.skip("demo/a[oracle]")
    assert ledger.read().gate is None


def test_every_line_is_one_write_that_ends_with_a_line_end(ledger: FileLedger) -> None:
    ledger.record(a_cell("a", text="two\nlines, half a surrogate \ud800"))

    assert ledger.file.read_bytes().count(b"\n") == 1
    assert ledger.read().results["demo/a[oracle]"].text == "two\nlines, half a surrogate \ud800"


def test_of_a_cell_the_last_line_counts(ledger: FileLedger) -> None:
    ledger.record(a_cell("a", Status.VOID, "·"))
    ledger.record(a_cell("b"))
    ledger.skip("demo/b[oracle]")
    ledger.record(a_cell("a", Status.SOLVED))

    content = ledger.read()
    assert [(key, cell.status) for key, cell in content.results.items()] == [("demo/a[oracle]", Status.SOLVED)]
    assert content.skipped == {"demo/b[oracle]"}


def test_a_session_that_was_killed_has_no_closing(ledger: FileLedger) -> None:
    ledger.record(a_cell("a"))

    assert ledger.read().closing is None


def test_a_last_line_that_was_cut_off_tells_nothing(ledger: FileLedger) -> None:
    ledger.record(a_cell("a"))
    ledger.record(a_cell("b"))
    ledger.file.write_bytes(ledger.file.read_bytes()[:-40])

    assert list(ledger.read().results) == ["demo/a[oracle]"]


def test_what_comes_after_it_is_whole(ledger: FileLedger) -> None:
    """As when a killed session's run is judged again: the next line must not be glued to what is left of the last."""
    ledger.record(a_cell("a"))
    whole = ledger.file.read_bytes()
    ledger.record(a_cell("b"))
    ledger.file.write_bytes(ledger.file.read_bytes()[:-40])

    ledger.record(a_cell("c"))

    assert list(ledger.read().results) == ["demo/a[oracle]", "demo/c[oracle]"]
    assert ledger.file.read_bytes().startswith(whole)


@pytest.mark.parametrize(
    ("line", "damage"),
    [
        ("{", "the document is no object"),
        ("{}", "type is missing"),
        ('{"type": "cell", "result": {"status": "solved"}}', "result.dataset is missing"),
        ('{"type": "gate"}', "result is missing"),
        ('{"type": "more"}', "type is 'more', none of cell, skipped, closed, gate; update pytest-terminalbench"),
    ],
)
def test_a_damaged_line_is_named(ledger: FileLedger, line: str, damage: str) -> None:
    ledger.record(a_cell("a"))
    with ledger.file.open("a") as file:
        file.write(f"{line}\n")
    ledger.close(Closing(exit_status=0))

    with pytest.raises(RunFolderError) as error:
        ledger.read()
    assert str(error.value) == (
        f"{ledger.file}:2 is damaged: {damage}; restore it from where the run was made, or run again"
    )


def test_a_run_without_one_was_made_by_an_earlier_version(ledger: FileLedger) -> None:
    with pytest.raises(RunFolderError, match=r"has no ledger\.jsonl: the run was made by an earlier version"):
        ledger.read()
