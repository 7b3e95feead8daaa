"""A finding, and the list of everything that is looked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

__all__ = ["RULES", "Finding", "Rule", "Severity", "finding"]


class Severity(StrEnum):
    """An error makes trials void or their results worthless; a warning is worth a look."""

    ERROR = "error"
    WARNING = "warning"


class Rule(NamedTuple):
    """What a code stands for."""

    severity: Severity
    title: str


def _error(title: str) -> Rule:
    return Rule(Severity.ERROR, title)


def _warning(title: str) -> Rule:
    return Rule(Severity.WARNING, title)


# The hundreds say what it is about: 0 files and dataset, 1 environment, 2 verifier and scripts, 3 solution, 4 texts.
# A code keeps its meaning for ever: people silence and search by it.
RULES: Mapping[str, Rule] = {
    "L001": _error("the scenario, or dataset.json, is not valid"),
    "L002": _warning("the dataset has no dataset.json"),
    "L003": _warning("a folder that no scenario uses"),
    "L101": _error("the Dockerfile has no FROM"),
    "L102": _warning("a base image whose content can change: no tag, or latest"),
    "L103": _error("tests, solution or scenario file lie in the build context, so agents could read them"),
    "L104": _warning("the agent is on the network, and no tag `network` says so"),
    "L105": _warning("ENTRYPOINT or CMD starts something that will not run"),
    "L106": _warning("a variable that looks like a secret"),
    "L201": _error("the verifier never leaves a result"),
    "L202": _error("a script that is not executable"),
    "L203": _warning("a script without an interpreter line"),
    "L204": _error("a script with Windows line ends"),
    "L205": _warning("the verifier names a file of /tests that is not there"),
    "L206": _warning("a script downloads something, and there is no network"),
    "L207": _warning("the verifier has more time than the agent"),
    "L208": _error("`collect` takes nothing, everything, or what the verifier itself needs"),
    "L209": _warning("`collect` takes a path twice"),
    "L210": _warning("an entry of `keep` that never matches"),
    "L211": _warning("`keep` spares whatever an interpreter runs"),
    "L301": _warning("no solution"),
    "L401": _error("the instruction is blank"),
    "L402": _warning("the instruction is very short"),
    "L403": _warning("tags that collide"),
    "L404": _warning("a category written in two ways"),
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One finding: where it is (``field`` empty: the file as a whole), what it is, what to do."""

    code: str
    file: Path
    field: str
    message: str
    cure: str

    @property
    def severity(self) -> Severity:
        return RULES[self.code].severity


def finding(code: str, file: Path, field: str, message: str, cure: str) -> Finding:
    """A finding of the rule `code`, which must be in `RULES`."""
    assert code in RULES
    return Finding(code=code, file=file, field=field, message=message, cure=cure)
