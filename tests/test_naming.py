from __future__ import annotations

import pytest

from pytest_terminalbench.naming import counted


@pytest.mark.parametrize(("number", "text"), [(0, "0 cells"), (1, "1 cell"), (2, "2 cells")])
def test_a_noun_agrees_with_its_number(number: int, text: str) -> None:
    assert counted(number, "cell") == text


def test_a_plural_of_its_own() -> None:
    assert [counted(number, "process", "processes") for number in (1, 2)] == ["1 process", "2 processes"]
