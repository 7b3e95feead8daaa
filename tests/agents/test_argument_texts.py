"""Arguments of agents: what is typed, and what counts of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_terminalbench.agents.argument_texts import AgentArgument, by_content, parse_arguments
from pytest_terminalbench.digest import digest_bytes
from pytest_terminalbench.errors import SettingsError


def test_values_that_are_json_become_what_they_say() -> None:
    texts = ["a=1", "b=text", 'c=["x"]', "d=null", "e=true", "f=", "g=k=v", 'h="1"']

    assert {argument.key: argument.value for argument in parse_arguments(texts)} == {
        "a": 1,
        "b": "text",
        "c": ["x"],
        "d": None,
        "e": True,
        "f": "",
        "g": "k=v",
        "h": "1",
    }


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1e999", '["a", NaN]', "[" * 5000], ids=lambda value: value[:10])
def test_what_no_record_could_hold_stays_text(value: str) -> None:
    assert parse_arguments([f"a={value}"])[0].value == value


@pytest.mark.parametrize(
    ("text", "argument", "name"),
    [
        ("depth=3", AgentArgument(None, "depth", 3), "depth"),
        ("nop:depth=3", AgentArgument("nop", "depth", 3), "nop:depth"),
        ("url=http://x:80/?a=b", AgentArgument(None, "url", "http://x:80/?a=b"), "url"),
        ("mine:Agent:url=http://x", AgentArgument("mine:Agent", "url", "http://x"), "mine:Agent:url"),
        ("a%3Db:depth=3", AgentArgument("a%3Db", "depth", 3), "a%3Db:depth"),
    ],
)
def test_an_argument_is_for_all_or_for_one(text: str, argument: AgentArgument, name: str) -> None:
    assert parse_arguments([text]) == [argument]
    assert argument.name == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a", "a"),
        ("=1", "=…"),
        ("a b=1", "a b=…"),
        ("1a=1", "1a=…"),
        ("a-b=1", "a-b=…"),
        (":a=1", ":a=…"),
        ("nop:=1", "nop:=…"),
    ],
)
def test_what_is_no_pair_is_told_without_its_value(text: str, name: str) -> None:
    """Which may be secret."""
    with pytest.raises(SettingsError) as error:
        parse_arguments([text])

    assert str(error.value) == f"--tb-agent-arg {name!r} is not KEY=VALUE or AGENT:KEY=VALUE"


class TestContent:
    def test_a_file_counts_by_its_content_wherever_it_stands(self, tmp_path: Path) -> None:
        (tmp_path / "prompt.md").write_text("Think.")
        name, digest = str(tmp_path / "prompt.md"), digest_bytes(b"Think.")

        assert by_content(name) == digest
        assert by_content({"a": [name, "other"], "b": 1}) == {"a": [digest, "other"], "b": 1}

    def test_an_edited_file_counts_anew(self, tmp_path: Path) -> None:
        file = tmp_path / "prompt.md"
        file.write_text("Think.")
        before = by_content(str(file))
        file.write_text("Think again.")

        assert by_content(str(file)) != before

    def test_a_scenarios_own_file_is_found(self, tmp_path: Path) -> None:
        (tmp_path / "alpha.sh").write_text("work")

        assert by_content(f"{tmp_path}/{{scenario}}.sh", scenario_id="alpha") == digest_bytes(b"work")
        assert by_content(f"{tmp_path}/{{scenario}}.sh", scenario_id="beta") == f"{tmp_path}/{{scenario}}.sh"

    @pytest.mark.parametrize("text", ["", ".", "no/such/file", "nul\0", "x" * 5000])
    def test_what_names_no_file_counts_as_it_is(self, text: str) -> None:
        assert by_content(text) == text
