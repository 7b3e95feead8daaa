"""Files written whole or not at all, and read in one way."""

from __future__ import annotations

import math
import re
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from pytest_terminalbench.documents import (
    FieldError,
    Fields,
    append_line,
    now_text,
    parse_json,
    parse_line,
    read_document,
    read_json,
    write_atomically,
    write_json,
)
from pytest_terminalbench.errors import BaselineError, ScenarioError, SettingsError
from tests.little_room import files_up_to


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


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": 1,\n "b": {"a": 2},\n "a": 3}', "the key 'a' stands twice in one object (lines 1, 2, 3)"),
        ('[\n{"ä": 1, "\\u00e4": 2}]'.encode(), "the key 'ä' stands twice in one object (lines 2, 2)"),
        ('{"a/b": 1, "a\\/b": 2, "c": 3}', "the key 'a/b' stands twice in one object (lines 1)"),
        ('{"a": NaN}', "NaN is no number in JSON"),
        ("[-Infinity]", "-Infinity is no number in JSON"),
        ("[-1e999]", "-1e999 is too large a number"),
    ],
)
def test_what_json_does_not_have_is_a_value_error(text: str | bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        parse_json(text)


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_what_json_does_not_have_is_not_written(tmp_path: Path, number: float) -> None:
    for write in (write_json, append_line):
        with pytest.raises(ValueError, match="not JSON compliant"):
            write(tmp_path / "a.json", {"a": number})

    assert list(tmp_path.iterdir()) == []


# -- one edge for files of ours ---------------------------------------------------------------------------------------


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    schema_version: int
    name: str


def name_of(content: object) -> str:
    return Fields(content).nested("who", lambda who: Fields(who).text("name"))


class TestReadDocument:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        return tmp_path / "a.json"

    def problem(self, file: Path, read: Any = name_of, **options: Any) -> str:
        with pytest.raises(BaselineError) as error:
            read_document(file, read, error=BaselineError, cure="see to it", **options)
        return str(error.value).removeprefix(f"{file} ")

    def test_what_is_right_is_read(self, file: Path) -> None:
        write_json(file, {"schema_version": 2, "who": {"name": "Ada"}})

        assert read_document(file, name_of, error=BaselineError, cure="see to it", versions=(1, 2)) == "Ada"

    def test_a_file_that_is_not_there(self, file: Path) -> None:
        assert self.problem(file) == "does not exist; see to it"

    def test_a_folder_in_its_place(self, file: Path) -> None:
        file.mkdir()

        assert self.problem(file) == "cannot be read: Is a directory; see to it"

    @pytest.mark.parametrize(
        ("raw", "said"),
        [
            (b"", "is damaged: not JSON: Expecting value: line 1 column 1 (char 0); see to it"),
            (b"[" * 100_000, "is damaged: not JSON: nested too deeply; see to it"),
            (b"[]", "is damaged: the document is no object; see to it"),
            (b'{"schema_version": 1}', "is damaged: who is missing; see to it"),
            (b'{"schema_version": 1, "who": {}}', "is damaged: who.name is missing; see to it"),
            (b'{"schema_version": 1, "who": {"name": 3}}', "is damaged: who.name is 3, not text; see to it"),
        ],
    )
    def test_damage_is_named_by_its_field(self, file: Path, raw: bytes, said: str) -> None:
        file.write_bytes(raw)

        assert self.problem(file) == said

    def test_what_is_no_text_is_damaged(self, file: Path) -> None:
        file.write_bytes(b"\xff\xff{")

        assert self.problem(file).startswith("is damaged: ")

    @pytest.mark.parametrize("version", [3, True, "1", None])
    def test_another_version_says_which_are_read(self, file: Path, version: object) -> None:
        write_json(file, {"schema_version": version})

        assert self.problem(file, versions=(2, 1)) == (
            f"has schema_version {version!r}, and this version of pytest-terminalbench reads 1 and 2; update "
            "pytest-terminalbench, or see to it"
        )

    def test_a_file_may_leave_its_version_out_where_that_is_known(self, file: Path) -> None:
        write_json(file, {"who": {"name": "Ada"}})

        assert read_document(file, name_of, error=BaselineError, cure="", unversioned=1) == "Ada"
        assert self.problem(file).startswith("has schema_version None, ")

    def test_a_model_of_pydantic_s_tells_its_fields(self, file: Path) -> None:
        write_json(file, {"schema_version": 1, "name": 3, "more": 1})

        assert self.problem(file, Strict.model_validate) == (
            "is damaged: name: Input should be a valid string; more: unknown key; see to it"
        )

    @pytest.mark.parametrize(
        ("error", "said"), [(KeyError("name"), "name is missing"), (SettingsError("no such agent"), "no such agent")]
    )
    def test_whatever_a_reader_refuses_by_is_damage(self, file: Path, error: Exception, said: str) -> None:
        write_json(file, {"schema_version": 1})

        def refuse(content: object) -> None:
            raise error

        assert self.problem(file, refuse) == f"is damaged: {said}; see to it"

    def test_errors_of_scenarios_keep_their_form(self, file: Path) -> None:
        with pytest.raises(ScenarioError) as error:
            read_document(file, name_of, error=ScenarioError, cure="see to it")

        assert (error.value.file, error.value.problems) == (file, ["does not exist"])


class TestFields:
    def test_the_place_of_what_is_wrong_is_told_in_full(self) -> None:
        def read(cell: object) -> tuple[float, ...]:
            return Fields(cell).each("attempts", lambda attempt: Fields(attempt).number("seconds"))

        content = {"cells": [{"attempts": []}, {"attempts": [{"seconds": 1}, {"seconds": "2"}]}]}

        with pytest.raises(FieldError) as error:
            Fields(content).each("cells", read)
        assert str(error.value) == "cells[1].attempts[1].seconds is '2', not a number"

    @pytest.mark.parametrize("value", [True, "1", None, float("nan"), float("inf"), [1]])
    def test_these_are_no_numbers(self, value: Any) -> None:
        with pytest.raises(FieldError, match=r"^n is .*, not a number$"):
            Fields({"n": value}).number("n")

    @pytest.mark.parametrize("value", [True, 1.0, "1", None])
    def test_these_are_no_whole_numbers(self, value: Any) -> None:
        with pytest.raises(FieldError, match=r"^n is .*, not a whole number$"):
            Fields({"n": value}).whole("n")

    def test_a_default_is_for_what_is_missing_and_null_only_for_none(self) -> None:
        fields = Fields({"null": None, "text": "x"})

        assert (fields.text_or("more", "y"), fields.text_or("null", None), fields.text_or("text", None)) == (
            "y",
            None,
            "x",
        )
        with pytest.raises(FieldError, match="null is None, not text"):
            fields.text_or("null", "y")

    def test_objects_are_read_by_their_names(self) -> None:
        def number(value: object) -> float:
            return Fields(value).number("n")

        assert Fields({"all": {"a": {"n": 1}, "b": {"n": 2}}}).by_name("all", number) == {"a": 1, "b": 2}
        with pytest.raises(FieldError, match=r"^all\.b is no object$"):
            Fields({"all": {"a": {"n": 1}, "b": 2}}).by_name("all", number)


def test_lines_are_appended_whole_and_read_one_by_one(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "a.jsonl"
    for number in (1, 2):
        append_line(file, {"n": number, "text": "ä\n\ud800"})

    lines = file.read_bytes().splitlines()
    assert [parse_line(line) for line in lines] == [{"n": 1, "text": "ä\n\ud800"}, {"n": 2, "text": "ä\n\ud800"}]


def test_what_a_killed_writer_left_half_written_is_not_glued_to_the_next_line(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text('{"n": 1}\n{"n"')

    append_line(file, {"n": 2})

    assert file.read_text() == '{"n": 1}\n{"n": 2}\n'


def test_a_line_that_has_no_room_leaves_nothing(tmp_path: Path) -> None:
    """The write takes a part, as on a full disk."""
    file = tmp_path / "events.jsonl"
    append_line(file, {"n": 1})

    with files_up_to(50), pytest.raises(OSError, match="File too large"):
        append_line(file, {"n": "x" * 100})

    assert file.read_text() == '{"n": 1}\n'


@pytest.mark.parametrize("line", ["", "{", "[]", "3", "[" * 100_000])
def test_a_line_that_is_no_object_is_none(line: str) -> None:
    assert parse_line(line) is None
