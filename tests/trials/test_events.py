"""The event sink: what of an agent's doing and saying is kept, and what is not."""

from __future__ import annotations

import json
import shlex
import threading
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pytest_terminalbench.agents.nop import Nop
from pytest_terminalbench.agents.registry import AgentSpec
from pytest_terminalbench.environments.base import ExecResult
from pytest_terminalbench.trials.events import MAX_TEXT_CHARS, EventSink, Secrets, shortened


def done(stdout: str = "", stderr: str = "") -> ExecResult:
    return ExecResult(exit_code=0, stdout=stdout, stderr=stderr, duration_s=0.25)


def lines(sink: EventSink) -> list[dict[str, Any]]:
    return [json.loads(line) for line in sink.file.read_text().splitlines()]


@pytest.fixture
def sink(tmp_path: Path) -> EventSink:
    return EventSink(tmp_path / "commands.jsonl", secrets=Secrets(["s3cret"]))


def test_a_command_is_a_line(sink: EventSink) -> None:
    sink.command("ls", done("a\n", "b\n"), at_s=1.23456)

    assert lines(sink) == [
        {
            "at_s": 1.235,
            "command": "ls",
            "exit_code": 0,
            "timed_out": False,
            "duration_s": 0.25,
            "stdout": "a\n",
            "stderr": "b\n",
        }
    ]


def test_a_message_is_a_line(sink: EventSink) -> None:
    sink.message("I look first.")

    (line,) = lines(sink)
    assert line.pop("at_s") >= 0
    assert line == {"message": "I look first."}


@pytest.mark.parametrize("secret", ["it's-a-key", 'say "key"', "two\nlines", "schlüssel"])
def test_nor_are_their_other_spellings(tmp_path: Path, secret: str) -> None:
    """Quotes are written otherwise in a command line, in what Python shows and in JSON."""
    secrets = Secrets([secret])

    for text in (shlex.join(["login", f"--key={secret}"]), repr([secret]), json.dumps({"key": secret})):
        assert "[secret]" in secrets.redacted(text)


def test_secrets_are_in_no_field_of_it(sink: EventSink) -> None:
    sink.hide("t0ken")
    sink.command("curl -H s3cret", done("s3cret!", "t0ken?"), at_s=0)
    sink.message("my key is t0ken")

    assert "s3cret" not in sink.file.read_text()
    assert "t0ken" not in sink.file.read_text()
    assert lines(sink)[0]["stdout"] == "[secret]!"
    assert lines(sink)[1]["message"] == "my key is [secret]"


def test_a_secret_in_the_middle_that_is_left_out_leaves_no_half_behind(sink: EventSink) -> None:
    half = MAX_TEXT_CHARS // 2
    sink.message("x" * (half - 3) + "s3cret" + "y" * MAX_TEXT_CHARS)

    assert "s3c" not in sink.file.read_text()


def test_long_texts_keep_their_ends(sink: EventSink) -> None:
    sink.command("echo " + "a" * 20_000, done("o" * 20_000, "e" * 20_000), at_s=0)

    (line,) = lines(sink)
    assert all("characters left out" in line[key] for key in ("command", "stdout", "stderr"))
    assert len(json.dumps(line)) < 3 * MAX_TEXT_CHARS + 500


def test_a_full_file_says_so_and_grows_no_more(sink: EventSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_terminalbench.trials.events.MAX_FILE_BYTES", 300)
    for _ in range(50):
        sink.message("x" * 50)

    *messages, last = lines(sink)
    assert last.pop("at_s") >= 0
    assert last == {"full": True}
    assert 0 < len(messages) < 5


def test_after_it_was_closed_nothing_is_written(sink: EventSink) -> None:
    """A thread that was left behind must not write into the folder of the next try."""
    sink.message("first")
    sink.close()
    sink.message("second")

    assert [line["message"] for line in lines(sink)] == ["first"]


def test_threads_do_not_tear_each_others_lines(sink: EventSink) -> None:
    def speak() -> None:
        for _ in range(50):
            sink.message("x" * 3000)

    threads = [threading.Thread(target=speak) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [line["message"] for line in lines(sink)] == ["x" * 3000] * 200


class TestSecrets:
    def test_an_agents_are_the_values_of_the_arguments_that_its_class_declares(self) -> None:
        class Keyed(Nop):
            secret_arguments: ClassVar[tuple[str, ...]] = ("api_key", "headers", "unused")

            def __init__(self, **arguments: object) -> None:
                pass

        arguments = {"api_key": "k-12345", "headers": {"Authorization": ["Bearer x1y2"]}, "style": "terse"}
        secrets = Secrets.of(AgentSpec.of(Keyed, name="keyed", arguments=arguments))

        assert secrets.redacted("k-12345 / Bearer x1y2 / terse") == "[secret] / [secret] / terse"

    def test_an_agent_that_declares_none_has_none(self) -> None:
        agent = AgentSpec.of(Nop, name="nop", arguments={"x": "visible"})

        assert Secrets.of(agent).redacted("visible") == "visible"

    def test_of_two_of_which_one_is_part_of_the_other_nothing_remains(self) -> None:
        assert Secrets(["token", "token-and-more"]).redacted("token-and-more token") == "[secret] [secret]"

    @pytest.mark.parametrize("value", ["", "abc", None, True, 12])
    def test_what_is_too_short_to_be_one_is_left_as_it_is(self, value: object) -> None:
        assert Secrets([value]).redacted(f"{value} abc True") == f"{value} abc True"

    def test_numbers_can_be_secret(self) -> None:
        assert Secrets([123456]).redacted("pin 123456") == "pin [secret]"


def test_long_output_keeps_its_ends() -> None:
    text = "a" * MAX_TEXT_CHARS + "b" * 100 + "c" * MAX_TEXT_CHARS

    half = MAX_TEXT_CHARS // 2
    assert shortened(text) == f"{'a' * half}\n[... {len(text) - 2 * half} characters left out ...]\n{'c' * half}"
    assert shortened("x" * MAX_TEXT_CHARS) == "x" * MAX_TEXT_CHARS
