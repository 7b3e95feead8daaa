"""Tables for people."""

from __future__ import annotations

import pytest

from pytest_terminalbench.cli.output import Numbers, Whole, print_table

LONG = "20261121-214733-0a1b2c3d-a-very-long-name-of-a-run-that-somebody-chose-1"


@pytest.mark.parametrize("width", [20, 80, None])
def test_what_people_copy_is_never_folded_nor_cut_off(
    width: int | None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if width is not None:
        monkeypatch.setenv("COLUMNS", str(width))

    print_table([Whole("id"), "why", Numbers("seconds"), "what"], [[LONG, "nobody knows", "12345.6", "words " * 40]])

    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith(f"{LONG}  nobody")
    assert " 12345.6  words" in lines[1]
    assert sum(line.count("words") for line in lines) == 40
