"""The documentation that ships with the package: its pages, and their sections as topics."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest_terminalbench
from pytest_terminalbench.errors import SettingsError
from pytest_terminalbench.naming import listed, nearest

__all__ = ["Hit", "Topic", "find_topic", "search", "topics"]

# In a wheel the pages lie in the package; in a clone of the repository, beside it.
_PACKAGE = Path(pytest_terminalbench.__file__).parent
_FOLDERS = (_PACKAGE / "pages", _PACKAGE.parent / "docs")
_HEADING = re.compile(r"^(#+) (.+)$")
# A link to a page of ours, or to a section of the same page.
_LINK = re.compile(r"\[([^\]]+)\]\((?:([\w-]+)\.md)?(?:#([\w-]+))?\)")


@dataclass(frozen=True, kw_only=True)
class Topic:
    """A page, or a section of one with all below it. ``name`` is ``page`` or ``page#section``; ``text`` is Markdown."""

    name: str
    title: str
    text: str

    @property
    def page(self) -> str:
        return self.name.partition("#")[0]

    @property
    def section(self) -> str:
        """The section's part of the name; empty for a page."""
        return self.name.partition("#")[2]

    @property
    def purpose(self) -> str:
        """The first paragraph, in one line."""
        paragraphs = self.text.split("\n\n")
        return " ".join(paragraphs[1].split()) if len(paragraphs) > 1 else ""


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A section that a search found, and its first line that has one of the words."""

    topic: Topic
    line: str


def topics() -> list[Topic]:
    """Every page, each followed by its sections; raises SettingsError where the package has been taken apart."""
    folder = next((folder for folder in _FOLDERS if folder.is_dir()), None)
    if folder is None:
        raise SettingsError(f"the documentation is missing: {_FOLDERS[0]} is no folder; install the package again")
    return [topic for file in sorted(folder.glob("*.md")) for topic in _topics_of(file)]


def find_topic(request: str) -> Topic:
    """The page or section that is called `request`: ``page``, ``section``, ``page#section``, or a heading as it stands.

    Raises SettingsError naming the nearest for none, and all for several.
    """
    known = topics()
    wanted = request.strip().removeprefix("docs/").replace(".md", "")
    name = "#".join(map(_slug, wanted.split("#", 1)))
    page = next((topic for topic in known if topic.name == name), None)
    if page is not None:
        return page
    sections = [topic for topic in known if topic.section == name]
    if len(sections) == 1:
        return sections[0]
    if sections:
        names = ", ".join(topic.name for topic in sections)
        raise SettingsError(f"several sections are called {request!r}: {names}; name one of them")
    names_known = list(dict.fromkeys(part for topic in known for part in (topic.name, topic.section) if part))
    pages = [topic.name for topic in known if not topic.section]
    raise SettingsError(
        f"no page or section is called {request!r}{nearest(name, names_known)}; pages: {listed(pages, len(pages))}; "
        f"or search: `terminalbench docs --search {request.split()[0] if request.split() else 'WORD'}`"
    )


def search(words: Sequence[str]) -> Iterator[Hit]:
    """Sections whose own text, without that of sections below them, has all `words`, in any case."""
    wanted = [word.casefold() for word in words]
    for topic in topics():
        own = _own_text(topic)
        if all(word in own.casefold() for word in wanted):
            lines = [line for line in own.splitlines() if any(word in line.casefold() for word in wanted)]
            yield Hit(topic=topic, line=lines[0].strip() if lines else "")


def _topics_of(file: Path) -> Iterator[Topic]:
    text = _with_commands_for_links(file.read_text(encoding="utf-8"), file.stem)
    lines = text.splitlines(keepends=True)
    headings = list(_headings(lines))
    for place, (number, level, title) in enumerate(headings):
        end = next((later for later, other, _ in headings[place + 1 :] if other <= level), len(lines))
        name = file.stem if level == 1 else f"{file.stem}#{_slug(title)}"
        yield Topic(name=name, title=title, text="".join(lines[number:end]).rstrip() + "\n")


def _headings(lines: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """The number of the line, the level and the text of every heading; ``#`` in code begins none."""
    is_code = False
    for number, line in enumerate(lines):
        if line.startswith("```"):
            is_code = not is_code
        heading = None if is_code else _HEADING.match(line.rstrip("\n"))
        if heading:
            yield number, len(heading[1]), heading[2]


def _own_text(topic: Topic) -> str:
    lines = topic.text.splitlines(keepends=True)
    below = [number for number, _, _ in _headings(lines)][1:]
    return "".join(lines[: below[0]] if below else lines)


def _with_commands_for_links(text: str, page: str) -> str:
    """`text` with what to type in place of links to pages, which lead nowhere in a terminal."""

    def command(link: re.Match[str]) -> str:
        words, other, section = link[1], link[2], link[3]
        target = f"{other or page}#{section}" if section else other
        return f"{words} (`terminalbench docs {target}`)" if target else link[0]

    return _LINK.sub(command, text)


def _slug(heading: str) -> str:
    """As GitHub makes anchors of headings."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
