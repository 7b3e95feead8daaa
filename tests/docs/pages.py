"""The documentation's pages taken apart: files to write, commands to run, what they are said to print."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_FENCE = re.compile(r"^```(?P<language>\w*)(?P<rest>[^`\n]*)\n(?P<text>.*?)^```$", re.M | re.S)
_TITLE = re.compile(r'\btitle="([^"]+)"')
_EXIT = re.compile(r"\s+# exit (\d+)$")


@dataclass(frozen=True)
class Block:
    """A fenced block; `title` is the file that a reader is to write with its text."""

    page: Path
    line: int
    language: str
    title: str | None
    text: str


@dataclass(frozen=True)
class Command:
    """A line of a console block: what to type, the exit code it is said to have, what it is said to print."""

    where: str
    line: str
    exit_code: int = 0
    shown: Sequence[str] = field(default=())


def blocks(page: Path) -> Iterator[Block]:
    content = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(content):
        title = _TITLE.search(match["rest"])
        yield Block(
            page=page,
            line=content.count("\n", 0, match.start()) + 1,
            language=match["language"],
            title=title[1] if title else None,
            text=match["text"],
        )


def commands(block: Block) -> Iterator[Command]:
    """The commands of a console block: lines that begin with ``$ ``, each with the lines of output below it."""
    assert block.language == "console"
    for entry in re.split(r"^\$ ", block.text, flags=re.M)[1:]:
        line, *shown = entry.splitlines()
        expected = _EXIT.search(line)
        yield Command(
            where=f"{block.page.name}, block at line {block.line}",
            line=_EXIT.sub("", line),
            exit_code=int(expected[1]) if expected else 0,
            shown=shown,
        )


def missing_line(shown: Sequence[str], printed: str) -> str | None:
    """The first of `shown` that `printed` does not have, in this order; None when all are there.

    ``…`` stands for anything, any other text is compared without its numbers, run ids, and lengths of blanks and rules.
    """
    lines = iter([_normal(line) for line in printed.splitlines()])
    for line in shown:
        if line.strip() in ("", "…"):
            continue
        pattern = re.compile(".*".join(re.escape(piece) for piece in re.split(r" ?… ?", _normal(line))))
        if not any(pattern.fullmatch(candidate) for candidate in lines):
            return line
    return None


def _normal(line: str) -> str:
    line = re.sub(r"\d{4}-\d\d-\d\dT[\d-]{8}-[0-9a-f]{4}", "#", line)
    line = re.sub(r"([=_-])\1{2,}", r"\1\1\1", line)
    line = re.sub(r"\d+(?:\.\d+)?", "#", line)
    return re.sub(r"\s+", " ", line).strip()
