"""Our exceptions: one tree, drawn on top of its file as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_terminalbench import errors
from pytest_terminalbench.errors import ScenarioError, TerminalBenchError


def tree(kind: type[Exception], depth: int = 0) -> list[tuple[int, str]]:
    below: list[tuple[int, str]] = []
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            below += tree(child, depth + 1)
    return [(depth, kind.__name__), *below]


def test_the_drawing_shows_the_tree() -> None:
    drawn = [
        line.split()[:2] for line in (errors.__doc__ or "").splitlines() if line.lstrip()[:2] in ("* ", "+ ", "- ")
    ]

    assert sorted(("*+-".index(mark), name) for mark, name in drawn) == sorted(tree(TerminalBenchError))


def test_all_of_them_are_public() -> None:
    assert sorted(errors.__all__) == sorted(name for _, name in tree(TerminalBenchError))


def test_only_a_lost_environment_may_be_there_the_next_time() -> None:
    """Trying again costs a whole trial; what is told of here will not change by itself."""
    kinds = [getattr(errors, name) for _, name in tree(errors.EnvironmentFailure)]

    assert [kind.__name__ for kind in kinds if kind.transient] == ["EnvironmentLost"]


@pytest.mark.parametrize(
    ("cure", "lines"),
    [
        ("", ["a.json: x: wrong", "a.json: y: wrong too"]),
        ("do better", ["a.json: x: wrong", "a.json: y: wrong too", "To fix it: do better"]),
    ],
)
def test_problems_of_a_scenario_are_lines(cure: str, lines: list[str]) -> None:
    error = ScenarioError(Path("a.json"), ["x: wrong", "y: wrong too"], cure=cure)

    assert str(error).splitlines() == lines
