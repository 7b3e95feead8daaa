"""The books of a session: which cells are missed, skipped and known when it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_terminalbench.runs.ledger import Closing, FileLedger
from pytest_terminalbench.sessions.session_ledger import SessionLedger
from pytest_terminalbench.status import Status
from tests.cell_results import a_cell
from tests.little_room import files_up_to

ALPHA, BETA = a_cell("alpha"), a_cell("beta")


@pytest.fixture
def file(tmp_path: Path) -> FileLedger:
    return FileLedger(tmp_path / "ledger.jsonl")


@pytest.fixture
def ledger(file: FileLedger) -> SessionLedger:
    """Of a session that expects the cells alpha and beta."""
    ledger = SessionLedger(file)
    ledger.expect([ALPHA.id, BETA.id])
    return ledger


def test_a_cell_is_missed_until_it_has_reported_to_its_end(ledger: SessionLedger) -> None:
    ledger.record(ALPHA)
    assert ledger.missing == [ALPHA.key, BETA.key]

    ledger.finish(ALPHA.key)

    assert ledger.missing == [BETA.key]
    assert ledger.results(was_stopped=False) == [ALPHA]


def test_what_a_stopped_session_knows_of_a_cell_is_kept(ledger: SessionLedger, file: FileLedger) -> None:
    ledger.record(ALPHA)

    ledger.close(Closing(exit_status=2, is_interrupted=True))

    assert list(file.read().results) == [ALPHA.key]
    assert (ledger.results(was_stopped=True), ledger.results(was_stopped=False)) == ([ALPHA], [])


def test_a_cell_in_whose_place_another_was_run_is_neither_missed_nor_skipped(
    ledger: SessionLedger, file: FileLedger
) -> None:
    ledger.replace(ALPHA.key)

    assert (ledger.missing, ledger.skipped) == ([BETA.key], [])
    assert file.read().skipped == {ALPHA.key}


def test_a_cell_that_has_reported_is_not_replaced(ledger: SessionLedger, file: FileLedger) -> None:
    ledger.record(ALPHA)
    ledger.finish(ALPHA.key)

    ledger.replace(ALPHA.key)

    assert ledger.results(was_stopped=False) == [ALPHA]
    assert list(file.read().results) == [ALPHA.key]


def test_of_a_cell_that_is_corrected_the_last_word_counts(ledger: SessionLedger, file: FileLedger) -> None:
    ledger.record(ALPHA)
    ledger.finish(ALPHA.key)

    ledger.correct(a_cell("alpha", Status.AS_BASELINE, "✗"))

    assert file.read().results[ALPHA.key].status is Status.AS_BASELINE


def test_what_cannot_be_written_is_known_and_written_when_it_can_be(ledger: SessionLedger, file: FileLedger) -> None:
    file.file.mkdir()
    ledger.record(ALPHA)
    ledger.finish(ALPHA.key)

    assert isinstance(ledger.unwritten, IsADirectoryError)
    assert ledger.content(Closing(exit_status=1)).results == {ALPHA.key: ALPHA}

    file.file.rmdir()
    ledger.record(BETA)
    ledger.finish(BETA.key)

    assert ledger.unwritten is None
    assert list(file.read().results) == [ALPHA.key, BETA.key]


def test_a_ledger_that_lacks_cells_is_not_closed(ledger: SessionLedger, file: FileLedger) -> None:
    ledger.record(ALPHA)
    ledger.finish(ALPHA.key)
    with files_up_to(file.file.stat().st_size + 100):
        ledger.record(BETA)
        ledger.finish(BETA.key)
        ledger.close(Closing(exit_status=0))

    assert ledger.unwritten is not None
    assert ledger.unwritten.strerror == "File too large"
    assert (list(file.read().results), file.read().closing) == ([ALPHA.key], None)
