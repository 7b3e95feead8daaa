"""`terminalbench docs`: the documentation of the version that is installed."""

from __future__ import annotations

import pydoc
import sys
from typing import Annotated

import typer

from pytest_terminalbench.cli.output import Format, FormatOption, print_json, print_table, printable, say

__all__ = ["docs"]

EXIT_NOTHING = 1


def docs(
    topic: Annotated[
        list[str] | None,
        typer.Argument(metavar="TOPIC", help="A page, a section, or PAGE#SECTION; without one the pages are listed."),
    ] = None,
    *,
    search_for: Annotated[
        str | None, typer.Option("--search", metavar="WORDS", help="List the sections that have all these words.")
    ] = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Read the documentation that comes with the package.

    Exit codes: 0 ok, 1 nothing found, 4 no such topic.
    """
    from pytest_terminalbench.cli import docs_pages

    if search_for is not None:
        _list_hits(search_for, output)
    elif topic:
        page = docs_pages.find_topic(" ".join(topic))
        if output is Format.JSON:
            print_json({"topic": page.name, "title": page.title, "text": page.text})
        elif sys.stdout.isatty():
            pydoc.pager(printable(page.text))
        else:
            typer.echo(printable(page.text), nl=False)
    else:
        _list_pages(output)


def _list_pages(output: Format) -> None:
    from pytest_terminalbench.cli.docs_pages import topics

    known = topics()
    if output is Format.JSON:
        print_json([{"topic": topic.name, "title": topic.title} for topic in known])
        return
    print_table(["topic", "what it is for"], [[topic.name, topic.purpose] for topic in known if not topic.section])
    say("read one with `terminalbench docs TOPIC`; each section is a topic, too: `terminalbench docs --search WORDS`")


def _list_hits(words: str, output: Format) -> None:
    from pytest_terminalbench.cli.docs_pages import search

    hits = list(search(words.split()))
    if output is Format.JSON:
        print_json([{"topic": hit.topic.name, "title": hit.topic.title, "line": hit.line} for hit in hits])
    elif hits:
        print_table(["topic", "first line that says so"], [[hit.topic.name, hit.line] for hit in hits])
    if not hits:
        say(f"no section has all of these words: {words}")
        raise typer.Exit(EXIT_NOTHING)
