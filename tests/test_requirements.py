"""What is pinned: the minimums that are declared are those that CI tests."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINNED = ("dev.txt", "lowest.txt")


def pinned(name: str) -> dict[str, Version]:
    """The version of each package in a file of ``requirements/``."""
    lines = re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / "requirements" / name).read_text(), re.M)
    return {package: Version(version) for package, version in lines}


def minimums(requirements: list[str]) -> Iterator[tuple[str, Version]]:
    for requirement in map(Requirement, requirements):
        for specifier in requirement.specifier:
            if specifier.operator == ">=":
                yield requirement.name, Version(specifier.version)


def test_every_dependency_declares_its_minimum() -> None:
    declared = PROJECT["dependencies"]

    assert [name for name, _ in minimums(declared)] == [Requirement(line).name for line in declared]


def test_the_lowest_versions_that_are_tested_are_those_that_are_declared() -> None:
    lowest = pinned("lowest.txt")
    declared = dict(minimums(PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]))

    # A minimum such as 3.6 may have come out as 3.6.1 only.
    assert {name: lowest[name].release[:2] for name in declared} == {
        name: (*version.release, 0)[:2] for name, version in declared.items()
    }
    assert all(lowest[name] >= version for name, version in declared.items())


def test_the_versions_that_are_developed_with_are_above_the_minimums() -> None:
    newest = pinned("dev.txt")

    assert all(newest[name] >= version for name, version in minimums(PROJECT["dependencies"]))


@pytest.mark.parametrize("name", PINNED)
def test_every_pin_has_its_hash_and_none_names_where_it_comes_from(name: str) -> None:
    blocks = re.split(r"\n(?=\S)", (ROOT / "requirements" / name).read_text().strip())

    assert [block.splitlines()[0] for block in blocks if not re.search(r"--hash=sha256:[0-9a-f]{64}", block)] == []
    assert [block.splitlines()[0] for block in blocks if re.match(r"-|https?:|[\w.-]+ @ ", block)] == []
