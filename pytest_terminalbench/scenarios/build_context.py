"""What a build context holds: the files of its folder that its ``.dockerignore`` does not leave out, as Docker reads it.

docker-py has such a matcher, too; it takes ``Notes`` for ``notes`` and knows no escapes, so it is not used here.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pytest_terminalbench.digest import digest_files, tree_files

__all__ = ["DockerIgnore", "Instruction", "context_files", "digest_context", "ignore_problem", "instructions"]

# The classic builder needs both; it takes them out of what is copied itself where they are left out.
_ALWAYS_SENT = ("Dockerfile", ".dockerignore")


def context_files(folder: Path) -> Iterator[Path]:
    """The files of the build context in `folder`, in the order of `tree_files`.

    Raises ValueError for an ignore file that Docker would refuse.
    """
    ignore = _patterns_of(ignore_file(folder))
    for path in tree_files(folder):
        name = path.relative_to(folder).as_posix()
        if name in _ALWAYS_SENT or not ignore.leaves_out(name):
            yield path


class Instruction(NamedTuple):
    """A line of a Dockerfile: the instruction's name in capitals, and what follows it."""

    word: str
    rest: str


def instructions(dockerfile: str) -> Iterator[Instruction]:
    """The Dockerfile's instructions, continued lines joined, comments left out."""
    lines = [line for line in dockerfile.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\[ \t]*\n", " ", "\n".join(lines))
    for line in joined.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word:
            yield Instruction(word.upper(), rest.strip())


def digest_context(folder: Path) -> str:
    """Of all that the engine gets to build an image: a file that is left out changes nothing."""
    return digest_files(folder, context_files(folder))


def ignore_problem(folder: Path) -> str | None:
    """Why Docker would refuse the ignore file of the build context in `folder`; None where it would not."""
    file = ignore_file(folder)
    try:
        _patterns_of(file)
    except ValueError as error:
        return f"has a {file.name if file else ''} that Docker refuses: {error}"
    return None


def ignore_file(folder: Path) -> Path | None:
    """The ignore file of a build context: the Dockerfile's own, which goes before everybody's, or none."""
    files = (folder / "Dockerfile.dockerignore", folder / ".dockerignore")
    return next((file for file in files if file.is_file()), None)


def _patterns_of(file: Path | None) -> DockerIgnore:
    return DockerIgnore.parse(file.read_text(encoding="utf-8-sig", errors="surrogateescape") if file else "")


@dataclass(frozen=True)
class _Pattern:
    matches: re.Pattern[str]
    is_exception: bool


@dataclass(frozen=True)
class DockerIgnore:
    """The patterns of an ignore file, the last that fits a path or a folder above it decides."""

    patterns: tuple[_Pattern, ...]

    @classmethod
    def parse(cls, text: str) -> DockerIgnore:
        """Raises ValueError naming the line for a pattern that Docker refuses."""
        patterns = []
        for number, line in enumerate(text.split("\n"), start=1):
            # Only at the very beginning of a line: ` #x` is a file's name to Docker.
            if line.startswith("#") or not line.strip():
                continue
            try:
                patterns.append(_pattern(line.strip()))
            except ValueError as error:
                raise ValueError(f"line {number}: {line.strip()!r}: {error}") from None
        return cls(tuple(patterns))

    def leaves_out(self, path: str) -> bool:
        """Whether the file at `path`, relative to the context and with slashes, does not belong to it."""
        steps = path.split("/")
        places = ["/".join(steps[: count + 1]) for count in range(len(steps))]
        is_out = False
        for pattern in self.patterns:
            # Nothing changes by a pattern that says what is so already.
            if pattern.is_exception == is_out and any(pattern.matches.fullmatch(place) for place in places):
                is_out = not pattern.is_exception
        return is_out


def _pattern(text: str) -> _Pattern:
    is_exception = text.startswith("!")
    glob = text.removeprefix("!").strip()
    if not glob:
        raise ValueError("an exception to nothing")
    # As Go cleans a path; a leading slash is the context's folder.
    glob = posixpath.normpath(re.sub(r"^/+", "/", glob))
    return _Pattern(re.compile(_regex(glob[1:] if len(glob) > 1 and glob[0] == "/" else glob), re.S), is_exception)


_TOKEN = re.compile(
    r"(?P<stars>\*\*/?)|(?P<star>\*)|(?P<any>\?)|(?P<escaped>\\.)"
    r"|(?P<range>\[\^?(?:(?:\\.|[^]\\-])(?:-(?:\\.|[^]\\-]))?)+\])|(?P<plain>[^][*?\\]|\])",
    re.S,
)


def _regex(glob: str) -> str:
    """`glob`, in the language of Go's filepath.Match with ``**`` for any number of folders, as a regular expression."""
    # `**x` alone is any path that ends with x; with other wildcards behind it, `**` ends at a slash.
    if glob.startswith("**") and not re.search(r"[*?\[\]\\]", glob[2:]) and not glob.startswith("**/"):
        return ".*" + re.escape(glob[2:])
    parts: list[str] = []
    at = 0
    while at < len(glob):
        token = _TOKEN.match(glob, at)
        if token is None:
            raise ValueError("a bracket that is not closed, or a backslash at the end")
        at = token.end()
        match token.lastgroup:
            case "stars":
                parts.append(".*" if at == len(glob) else "(?:.*/)?")
            case "star":
                parts.append("[^/]*")
            case "any":
                parts.append("[^/]")
            case "range":
                parts.append(_range(token[0]))
            case "escaped":
                parts.append(re.escape(token[0][1:]))
            case _:
                parts.append(re.escape(token[0]))
    return "".join(parts)


def _range(text: str) -> str:
    """A set of characters such as ``[^a-z\\]]``, in Python's spelling."""
    negation = "^" if text.startswith("[^") else ""
    inner = re.sub(r"\\(.)|([^-])", lambda match: re.escape(match[1] or match[2]), text[1 + len(negation) : -1], flags=re.S)
    try:
        re.compile(f"[{inner}]")
    except re.error as error:
        raise ValueError(f"no set of characters: {error}") from None
    return f"[{negation}{inner}]"
