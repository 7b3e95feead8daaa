"""The journal of a run, to which several processes append."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from pytest_terminalbench.trials.journal import FileJournal, read_events
from tests.little_room import files_up_to

WRITER = """
import sys
from pathlib import Path
from pytest_terminalbench.trials.journal import FileJournal

journal = FileJournal(Path(sys.argv[1]))
for number in range(200):
    journal.write("event", cell=sys.argv[2], trial=number, text="x" * 3000)
"""


def test_an_event_says_when_who_what_and_of_which_trial(tmp_path: Path) -> None:
    before = datetime.now(UTC)
    FileJournal(tmp_path / "deep" / "events.jsonl").write(
        "trial-start", cell="demo/a[oracle]", trial=2, folder=Path("/x")
    )

    (event,) = read_events(tmp_path / "deep" / "events.jsonl")
    when = datetime.fromisoformat(str(event.pop("ts")))
    assert abs((when - before).total_seconds()) < 60
    assert event == {
        "pid": os.getpid(),
        "type": "trial-start",
        "cell": "demo/a[oracle]",
        "trial": 2,
        "folder": "/x",
    }


def test_lines_are_ascii(tmp_path: Path) -> None:
    """So that half a letter of a verifier's output cannot break a reader."""
    FileJournal(tmp_path / "events.jsonl").write("x", text="ä\ud800\n")

    raw = (tmp_path / "events.jsonl").read_bytes()
    assert raw.count(b"\n") == 1
    assert raw.isascii()


def test_processes_do_not_tear_each_others_lines(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(file), str(n)]) for n in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]

    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert sorted((line["cell"], line["trial"]) for line in lines) == [
        (str(writer), number) for writer in range(3) for number in range(200)
    ]


def test_a_line_that_was_cut_off_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    FileJournal(file).write("first")
    with file.open("a") as log:
        log.write('{"ts": "2026-01-01", "type": "ha\n[1]\n\n')
    FileJournal(file).write("last")

    assert [event["type"] for event in read_events(file)] == ["first", "last"]


def test_without_a_file_there_are_no_events(tmp_path: Path) -> None:
    assert list(read_events(tmp_path / "events.jsonl")) == []


def test_an_event_that_has_no_room_is_lost_and_the_next_is_whole(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path / "events.jsonl")
    journal.write("first")
    with files_up_to(journal.file.stat().st_size + 20):
        journal.write("lost")
    journal.write("last")

    assert [event["type"] for event in read_events(journal.file)] == ["first", "last"]
