"""The cells of a run by what became of them: one count, one order and one wording for every report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.documents import Fields
from pytest_terminalbench.naming import counted
from pytest_terminalbench.status import Status

__all__ = ["Totals"]


@dataclass(frozen=True, kw_only=True)
class Totals:
    """How many cells have which status: every cell is counted once, so that these numbers add up to `cells`.

    Reports tell them in the order and the words of `Status`. `improved` (better than approved) and `xfailed` (expected
    to fail) are marks that some of these cells carry, and no part of the sum.
    """

    by_status: Mapping[Status, int] = field(default_factory=dict)
    improved: int = 0
    xfailed: int = 0

    @classmethod
    def of(cls, cells: Sequence[CellResult], *, lost: Collection[str] = ()) -> Totals:
        """`lost`: names of lost cells; summaries of schema 1 do not have these among their cells."""
        numbers = Counter(cell.status for cell in cells)
        numbers[Status.LOST] += len(set(lost) - {cell.key for cell in cells})
        return cls(
            by_status={status: numbers[status] for status in Status},
            improved=sum(cell.improved for cell in cells),
            xfailed=sum(cell.xfailed for cell in cells),
        )

    def __getitem__(self, status: Status) -> int:
        return self.by_status.get(status, 0)

    @property
    def cells(self) -> int:
        return sum(self.by_status.values())

    @property
    def in_words(self) -> str:
        """``24 cells: 22 solved, 1 regressed, 1 void; 2 of these improved``; what did not happen is left out."""
        told = [status for status in Status if self[status] or status is Status.SOLVED]
        marks = {"improved": self.improved, "expected to fail": self.xfailed}
        marked = [f"{number} of these {mark}" for mark, number in marks.items() if number]
        numbers = ", ".join(f"{self[status]} {status.words}" for status in told)
        return "; ".join([f"{counted(self.cells, 'cell')}: {numbers}", *marked])

    def to_json(self) -> dict[str, int]:
        return {
            "cells": self.cells,
            **{status.key: self[status] for status in Status},
            "improved": self.improved,
            "xfailed": self.xfailed,
        }

    @classmethod
    def from_json(cls, content: Any) -> Totals:
        """The opposite of `to_json`; raises ValueError where the numbers do not add up."""
        numbers = Fields(content)
        cells = numbers.whole("cells")
        totals = cls(
            by_status={status: numbers.whole(status.key) for status in Status},
            improved=numbers.whole("improved"),
            xfailed=numbers.whole("xfailed"),
        )
        if totals.cells != cells:
            raise ValueError(f"cells is {cells}, but the numbers by status add up to {totals.cells}")
        return totals
