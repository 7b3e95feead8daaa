"""Every cell is counted once, under its own status and its own word, wherever a run is told of."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.cli.report import report
from pytest_terminalbench.documents import write_json
from pytest_terminalbench.plugin.terminal_summary import summary_lines
from pytest_terminalbench.runs.deltas import Reference
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.manifest import RunManifest
from pytest_terminalbench.runs.report_json import report_json
from pytest_terminalbench.runs.report_markdown import markdown
from pytest_terminalbench.runs.summary import RunSummary, only_dataset, read_summary, summarise
from pytest_terminalbench.runs.totals import Totals
from pytest_terminalbench.sessions.session import ClosedRun
from pytest_terminalbench.status import Change, Status
from tests.cell_results import a_cell, a_cell_id

# One cell of the first status, two of the second, and so on: no two numbers are the same.
EXPECTED = {status: number for number, status in enumerate(Status, start=1)}
CELLS = sum(EXPECTED.values())


def cells() -> list[CellResult]:
    """Of every status as many as expected, in two categories; some of them carry marks."""
    return [
        a_cell(
            f"{status}-{number}",
            status,
            "✓" if status is Status.SOLVED else "" if status.is_error else "✗",
            category="files" if number % 2 else "git",
            change=Change.IMPROVED if status is Status.AS_BASELINE else None,
            tolerated=status is Status.INCONCLUSIVE,
            xfailed=status is Status.UNSOLVED and number == 0,
        )
        for status, times in EXPECTED.items()
        for number in range(times)
        if status is not Status.LOST
    ]


@pytest.fixture
def summary() -> RunSummary:
    lost = [a_cell_id(f"lost-{number}") for number in range(EXPECTED[Status.LOST])]
    return summarise("run-1", cells(), lost=lost)


def counts_in_words(text: str) -> dict[str, int]:
    """``36 cells: 1 solved, 2 as baseline; …`` as word -> number."""
    listed = text.partition(": ")[2].partition(";")[0].rstrip(".")
    return {word: int(number) for number, word in (part.split(" ", 1) for part in listed.split(", "))}


def check_table(rows: Sequence[Sequence[str]]) -> None:
    """`rows`: heading first. In every row the statuses add up to its cells, and the last has all."""
    heading, *lines = rows
    assert heading == ["category", "cells", *(status.words for status in Status), "seconds"]
    numbers = [[0 if text == "-" else int(text) for text in line[1:-1]] for line in lines]
    assert [sum(row[1:]) for row in numbers] == [row[0] for row in numbers]
    assert numbers[-1] == [CELLS, *EXPECTED.values()]
    assert [sum(column) for column in zip(*numbers[:-1], strict=True)] == numbers[-1]


def columns(line: str) -> list[str]:
    return re.split(r"\s{2,}", line.strip())


EXPECTED_WORDS = {status.words: number for status, number in EXPECTED.items()}
HEADLINE = (
    "36 cells: 1 solved, 2 as baseline, 3 unsolved, 4 regressed, 5 inconclusive, 6 void, 7 blocked, 8 lost; "
    "2 of these improved; 1 of these expected to fail"
)


def test_the_value(summary: RunSummary) -> None:
    assert {status: summary.totals[status] for status in Status} == EXPECTED
    assert (summary.totals.cells, summary.totals.in_words) == (CELLS, HEADLINE)
    assert counts_in_words(summary.totals.in_words) == EXPECTED_WORDS


def test_summary_json(summary: RunSummary) -> None:
    totals = summary.to_json()["totals"]

    assert totals == {
        "cells": CELLS,
        **{status.value.replace("-", "_"): number for status, number in EXPECTED.items()},
        "improved": 2,
        "xfailed": 1,
    }


def test_numbers_that_do_not_add_up_are_damage(summary: RunSummary) -> None:
    with pytest.raises(ValueError, match="cells is 37, but the numbers by status add up to 36"):
        Totals.from_json({**summary.totals.to_json(), "cells": 37})


def test_the_end_of_a_session(summary: RunSummary, tmp_path: Path) -> None:
    closed = ClosedRun(run=RunFolder(tmp_path / "run-1"), summary=summary, exit_status=1)

    lines = list(summary_lines(closed, tmp_path))

    check_table([columns(line) for line in lines[:5]])
    assert HEADLINE in lines
    check_sections(lines)


def test_report_md(summary: RunSummary) -> None:
    text = markdown(summary)

    table = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    check_table(table[:5])
    assert f"{HEADLINE}.\n" in text
    by_word = [row[1] for row in table[6:]]
    assert {status.words: by_word.count(status.words) for status in Status} == EXPECTED_WORDS
    for status in Status:
        section = text.partition(f"\n## {status.words.capitalize()}\n")[2].partition("\n## ")[0]
        assert section.count("\n- ") == (0 if status is Status.SOLVED else EXPECTED[status])


@pytest.fixture
def stored(summary: RunSummary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """The run in a project's folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    run = RunFolder(tmp_path / "results" / "run-1")
    write_json(run.manifest, RunManifest(run_id="run-1", started_at="2026-11-21T00:00:00.000Z").to_json())
    write_json(run.summary, summary.to_json())
    run.point_latest()
    return run


@pytest.mark.parametrize("dataset", [None, "demo"])
def test_terminalbench_report(stored: RunFolder, capsys: pytest.CaptureFixture[str], dataset: str | None) -> None:
    report(None, dataset=dataset)

    lines = capsys.readouterr().out.splitlines()
    table = lines.index(next(line for line in lines if line.startswith("category")))
    check_table([columns(line) for line in lines[table : table + 5]])
    assert HEADLINE in lines
    rows = [columns(line)[1] for line in lines if re.match(r"\S+\[oracle\] ", line)]
    assert {status.words: rows.count(status.words) for status in Status} == EXPECTED_WORDS
    check_sections(lines)


@pytest.mark.parametrize("dataset", [None, "demo"])
def test_the_report_as_json(summary: RunSummary, stored: RunFolder, dataset: str | None) -> None:
    part = only_dataset(summary, dataset) if dataset else summary
    manifest = RunManifest(run_id="run-1", started_at="2026-11-21T00:00:00.000Z")

    content = json.loads(json.dumps(report_json(part, run=stored.path, manifest=manifest, before=Reference())))

    by_status = [scenario["status"] for scenario in content["scenarios"]]
    assert {status: by_status.count(status.value) for status in Status} == EXPECTED
    assert {status: content["summary"][status.key] for status in Status} == EXPECTED
    assert (content["summary"]["cells"], content["summary"]["regressions"]) == (CELLS, EXPECTED[Status.REGRESSED])
    assert counts_in_words(content["words"]["headline"]) == EXPECTED_WORDS
    for status in Status:
        if not status.is_pass:
            assert len(content["words"]["attention"][status.words]) == EXPECTED[status]


def check_sections(lines: Sequence[str]) -> None:
    """A line for every cell that somebody should look at."""
    for status in Status:
        listed = [line for line in lines if line.startswith(f"{status.words}: demo/")]
        assert len(listed) == (0 if status.is_pass else EXPECTED[status])


@pytest.mark.parametrize("version", [1, 2])
def test_summaries_of_earlier_versions_add_up_too(summary: RunSummary, tmp_path: Path, version: int) -> None:
    """Their `unsolved` were all that were judged and not solved; schema 1 has lost cells by their names alone."""
    content = summary.to_json()
    content["schema_version"] = version
    content["totals"] = {"cells": 36, "solved": 1, "unsolved": 14, "as_baseline": 2, "regressed": 4, "improved": 2}
    if version == 1:
        content["cells"] = [cell for cell in content["cells"] if cell["status"] != "lost"]
    write_json(tmp_path / "summary.json", content)

    read = read_summary(tmp_path / "summary.json")

    assert read.totals == summary.totals
    assert only_dataset(read, "demo").totals == summary.totals


def test_the_part_about_a_dataset_has_its_own_cells_that_were_not_run_alone() -> None:
    waiting = [a_cell_id("left"), a_cell_id("left", dataset="other")]
    both = summarise("run-1", [a_cell("a"), a_cell("a", dataset="other")], not_run=waiting)

    assert both.in_words == "2 cells: 2 solved; 2 not run"
    assert only_dataset(both, "demo").in_words == "1 cell: 1 solved; 1 not run"
