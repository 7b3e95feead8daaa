"""What the commands print: tables for people, JSON for programs, on stdout; everything else on stderr."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pytest_terminalbench.status import Status

__all__ = [
    "Format",
    "FormatOption",
    "Numbers",
    "Styled",
    "Whole",
    "complain",
    "percent",
    "print_json",
    "print_table",
    "printable",
    "say",
    "shown_path",
    "status_cell",
    "without_controls",
]

# Where the output is no terminal nobody says how wide it is; this holds our tables without folding.
PIPED_WIDTH = 120
# A column of texts is folded to this width at the least; where that is too much the lines are longer than the terminal.
FOLDED_WIDTH = 8


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"


FormatOption = Annotated[
    Format, typer.Option("--format", help="A table for people, or JSON for programs.", show_default=True)
]


@dataclass(frozen=True)
class Numbers:
    """A column of numbers; one of texts is just its heading."""

    heading: str


@dataclass(frozen=True)
class Whole:
    """A column of what people copy, as ids: never folded, however narrow the terminal is."""

    heading: str


@dataclass(frozen=True)
class Styled:
    """A cell's text and its style in Rich's words."""

    text: str
    style: str


_STATUS_STYLES = {
    Status.SOLVED: "green",
    Status.AS_BASELINE: "yellow",
    Status.UNSOLVED: "red",
    Status.REGRESSED: "bold red",
    Status.INCONCLUSIVE: "yellow",
    Status.VOID: "magenta",
    Status.BLOCKED: "magenta",
    Status.LOST: "magenta",
}


def status_cell(status: Status) -> Styled:
    return Styled(status.words, _STATUS_STYLES[status])


def printable(text: str) -> str:
    """`text` with halves of surrogate pairs, which no file or terminal takes, as JSON's escapes for them."""
    return text.encode(errors="backslashreplace").decode()


def without_controls(text: str) -> str:
    """`text` that cannot command a terminal: names in foreign files may hold what moves its cursor."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "�" for letter in text)


def print_json(content: object) -> None:
    typer.echo(printable(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)))


def print_table(columns: Sequence[Numbers | Whole | str], rows: Iterable[Sequence[str | Styled]]) -> None:
    """A table without lines; long texts are folded, never cut off."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    # Not as markup: `[oracle]` is no style.
    texts = [[Text(cell.text, cell.style) if isinstance(cell, Styled) else Text(cell) for cell in row] for row in rows]
    least_width = 0
    for number, column in enumerate(columns):
        heading = column if isinstance(column, str) else column.heading
        widest = max([len(heading), *(row[number].cell_len for row in texts)])
        is_folded = isinstance(column, str)
        narrowest = min(widest, FOLDED_WIDTH) if is_folded else widest
        table.add_column(
            heading,
            justify="right" if isinstance(column, Numbers) else "left",
            no_wrap=not is_folded,
            overflow="fold",
            # Rich 13.0 counts the padding into it for the last column, which shifts what stands on the right.
            min_width=narrowest if is_folded else None,
        )
        least_width += narrowest + 2
    for row in texts:
        table.add_row(*row)
    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPED_WIDTH
    console.width = max(console.width, least_width)
    with console.capture() as drawn:
        console.print(table)
    # Rich fills lines up with blanks; nobody wants those in a file or a diff.
    typer.echo(printable("\n".join(line.rstrip() for line in drawn.get().splitlines())))


def say(text: str) -> None:
    """A message to people, beside the output."""
    typer.echo(printable(text), err=True)


def complain(text: str) -> None:
    """The message of an error."""
    typer.secho(f"terminalbench: {printable(text)}", err=True, fg=None if "NO_COLOR" in os.environ else "red")


def percent(value: float | None) -> str:
    """``+12.3 %``; a dash for what is not known."""
    return "-" if value is None else f"{value:+.1f} %"


def shown_path(path: Path) -> str:
    """`path` as one would type it here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
