"""Small plots as inline SVG: intervals on a common axis, a row each. No script, no font, no colour of their own.

Colours are the page's: its style sheet gives `.plot` and the classes of the rows theirs, light and dark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

__all__ = ["Axis", "Bar", "Row", "interval_plot"]

WIDTH = 860
# A letter of the labels' 12 px sans serif is at most so wide on average (DejaVu Sans Bold; others are narrower).
LETTER = 7.6
ROW_HEIGHT, AXIS_HEIGHT, HALF_CAP = 20, 26, 4


class Axis(NamedTuple):
    """From `low` to `high`, with grid lines at `ticks`; `shown` writes a tick. `marked` values have a stronger line."""

    low: float
    high: float
    ticks: Sequence[float]
    shown: Callable[[float], str]
    marked: Sequence[float] = ()


class Bar(NamedTuple):
    """One interval; `is_wide` draws it thick. `tip` is what a pointer over it tells."""

    low: float
    high: float
    tip: str
    is_wide: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """A label, a point, the intervals around it. `kind` is the class that gives the row its colour; `limit` is
    drawn dashed.
    """

    label: str
    value: float
    bars: Sequence[Bar] = ()
    note: str = ""
    kind: str = "same"
    limit: float | None = None


def interval_plot(rows: Sequence[Row], axis: Axis, *, title: str) -> str:
    """An `<svg>`; `title` says what it shows to those who do not see it."""
    left = min(360.0, max((len(row.label) for row in rows), default=0) * LETTER + 16)
    right = max((len(row.note) for row in rows), default=0) * LETTER + 16
    scale = _Scale(axis, left, WIDTH - right)
    bottom = ROW_HEIGHT * len(rows) + 6
    height = bottom + AXIS_HEIGHT
    parts = [
        f'<svg class="plot" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">',
        *_grid(axis, scale, bottom),
        *(part for number, row in enumerate(rows) for part in _row(row, ROW_HEIGHT * number + 14, scale)),
        "</svg>",
    ]
    return "\n".join(parts)


class _Scale(NamedTuple):
    axis: Axis
    left: float
    right: float

    def x(self, value: float) -> float:
        """Values beyond the axis lie on its end."""
        inside = min(max(value, self.axis.low), self.axis.high)
        return self.left + (inside - self.axis.low) / (self.axis.high - self.axis.low) * (self.right - self.left)


def _grid(axis: Axis, scale: _Scale, bottom: float) -> Iterator[str]:
    for tick in axis.ticks:
        x = scale.x(tick)
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="2" y2="{bottom}"/>'
        yield f'<text class="tick" x="{x:.1f}" y="{bottom + 16}">{escape(axis.shown(tick))}</text>'
    for value in axis.marked:
        yield f'<line class="mark" x1="{scale.x(value):.1f}" x2="{scale.x(value):.1f}" y1="2" y2="{bottom}"/>'


def _row(row: Row, y: float, scale: _Scale) -> Iterator[str]:
    middle = y - 4
    yield f'<g class="row {row.kind}">'
    yield f'<text class="label" x="{scale.left - 10:.1f}" y="{y}">{escape(_fitting(row.label, scale.left))}</text>'
    if row.limit is not None:
        x = scale.x(row.limit)
        yield f'<line class="limit" x1="{x:.1f}" x2="{x:.1f}" y1="{middle - 9}" y2="{middle + 9}"/>'
    for bar in row.bars:
        x1, x2 = scale.x(bar.low), scale.x(bar.high)
        yield f'<g class="{"wide" if bar.is_wide else "thin"}"><title>{escape(bar.tip)}</title>'
        yield f'<line class="bar" x1="{x1:.1f}" x2="{x2:.1f}" y1="{middle}" y2="{middle}"/>'
        for x, end in ((x1, bar.low), (x2, bar.high)):
            if not bar.is_wide and scale.axis.low <= end <= scale.axis.high:
                yield f'<line class="cap" x1="{x:.1f}" x2="{x:.1f}" y1="{middle - HALF_CAP}" y2="{middle + HALF_CAP}"/>'
        yield "</g>"
    yield f'<circle class="dot" cx="{scale.x(row.value):.1f}" cy="{middle}" r="4"/>'
    if row.note:
        yield f'<text class="note" x="{scale.right + 12:.1f}" y="{y}">{escape(row.note)}</text>'
    yield "</g>"


def _fitting(label: str, left: float) -> str:
    most = int((left - 12) / LETTER)
    return label if len(label) <= most else f"{label[: most - 1]}…"
