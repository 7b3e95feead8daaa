"""Files written whole or not at all."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.documents import mistyped, now_text, parse_json, read_json, write_atomically, write_json


def test_json_is_made_for_diffs(tmp_path: Path) -> None:
    write_json(tmp_path / "deep" / "a.json", {"b": [1], "a": "ä"})

    assert (tmp_path / "deep" / "a.json").read_bytes() == '{\n  "a": "ä",\n  "b": [\n    1\n  ]\n}\n'.encode()


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a"
    write_atomically(file, "old")

    def refuse(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(file, "new")

    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a", "old")]


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    file = tmp_path / "a"
    texts = {letter * 100_000 for letter in "abc"}
    write_atomically(file, "a" * 100_000)
    writers = [threading.Thread(target=write_atomically, args=(file, text)) for text in texts for _ in range(5)]
    for writer in writers:
        writer.start()
    seen = {file.read_text() for _ in range(50)}
    for writer in writers:
        writer.join()

    assert seen <= texts


def test_the_time_is_utc_with_milliseconds() -> None:
    text = now_text()

    assert text.endswith("Z")
    assert len(text) == len("2026-01-02T03:04:05.678Z")
    assert abs((datetime.fromisoformat(text) - datetime.now(UTC)).total_seconds()) < 60


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"a": [1.5, None, "ä"]})

    assert read_json(tmp_path / "a.json") == {"a": [1.5, None, "ä"]}


@pytest.mark.parametrize("text", ["[" * 101 + "]" * 101, '{"a":' * 150 + "1" + "}" * 150, "[" * 100_000, "{", b"\xff"])
def test_what_is_no_json_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"nested too deeply|Expecting|decode"):
        parse_json(text)


@pytest.mark.parametrize("value", [True, "1", None, float("nan"), float("inf"), [1]])
def test_these_are_no_numbers(value: Any) -> None:
    assert list(mistyped("cell", {"n": value}, {"n": (int, float)})) == ["cell has no usable 'n'"]


def test_what_is_of_its_type_is_right() -> None:
    content = {"n": 1.5, "is": True, "more": object()}

    assert list(mistyped("cell", content, {"n": (int, float), "is": bool})) == []
    assert list(mistyped("cell", [], {"n": int})) == ["cell is no object"]
