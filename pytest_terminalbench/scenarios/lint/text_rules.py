"""Findings in what people and agents read: instruction and tags."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_terminalbench.scenarios.lint.finding import Finding, finding
from pytest_terminalbench.scenarios.markers import tag_marker
from pytest_terminalbench.scenarios.model import Scenario

__all__ = ["findings"]

# As long as "Write the 20th prime to /app/answer.txt."; hardly anything shorter names a file and its content.
SHORT_INSTRUCTION_CHARS = 40


def findings(scenario: Scenario) -> Iterator[Finding]:
    """What is odd about the texts of `scenario`."""
    yield from _instruction(scenario)
    yield from _tags(scenario)


def _instruction(scenario: Scenario) -> Iterator[Finding]:
    text = scenario.instruction.strip()
    if not text:
        yield finding("L401", scenario.file, "instruction", "it holds nothing but blanks", "say what is to be done")
    elif len(text) < SHORT_INSTRUCTION_CHARS:
        yield finding(
            "L402",
            scenario.file,
            "instruction",
            f"only {len(text)} characters: {text!r}",
            "say everything that is judged: names of files, formats, what must stay as it is",
        )


def _tags(scenario: Scenario) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for tag in scenario.tags:
        marker = tag_marker(tag)
        if marker in seen:
            same = f"and {seen[marker]!r} both become the marker {marker!r}"
            said = "is there twice" if seen[marker] == tag else same
            yield finding("L403", scenario.file, "tags", f"{tag!r} {said}", "keep one of them, or name them apart")
        elif marker.startswith(("difficulty_", "category_")):
            message = f"{tag!r} looks like the marker of a {marker.partition('_')[0]}"
            yield finding("L403", scenario.file, "tags", message, "give the tag another name")
        seen.setdefault(marker, tag)
