"""What a Dockerfile builds on, and the context that it is built from."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from pytest_terminalbench.scenarios.build_context import context_files

__all__ = ["base_images", "build_context", "with_bases_replaced"]


def base_images(dockerfile: str) -> list[str]:
    """The images that `dockerfile` builds on, as written, without its own stages and ``scratch``."""
    stages = {"scratch"}
    names: list[str] = []
    for name, stage in _from_lines(dockerfile):
        if name.lower() not in stages and name not in names:
            names.append(name)
        if stage:
            stages.add(stage.lower())
    return names


# Not a line that goes on from the one before: SQL has its FROM too.
_FROM = re.compile(
    r"(?<!\\\n)^(?P<head>[ \t]*FROM\s+(?:--platform=\S+\s+)?)(?P<name>\S+)"
    r"(?P<rest>(?:\s+AS\s+(?P<stage>\S+))?\s*)$",
    re.I | re.M,
)
_ARG = re.compile(r"^\s*ARG\s+(?P<key>\w+)=(?P<value>\S+)\s*$", re.I | re.M)


def _from_lines(dockerfile: str) -> Iterator[tuple[str, str | None]]:
    defaults = _arguments(dockerfile)
    for match in _FROM.finditer(dockerfile):
        yield _expand(match["name"], defaults), match["stage"]


def _arguments(dockerfile: str) -> dict[str, str]:
    first = _FROM.search(dockerfile)
    head = dockerfile[: first.start()] if first else ""
    return {match["key"]: match["value"].strip("\"'") for match in _ARG.finditer(head)}


def _expand(name: str, defaults: Mapping[str, str]) -> str:
    """`name` with ``$KEY``, ``${KEY}`` and ``${KEY:-default}`` replaced; a key without a value stays as it is."""

    def value(match: re.Match[str]) -> str:
        return defaults.get(match["key"] or match["plain"]) or match["default"] or match[0]

    return re.sub(r"\$(?:\{(?P<key>\w+)(?::-(?P<default>[^}]*))?\}|(?P<plain>\w+))", value, name)


def with_bases_replaced(dockerfile: str, replacement: Callable[[str], str]) -> str:
    """`dockerfile` with each base that it names replaced by what `replacement` says for it."""
    defaults = _arguments(dockerfile)

    def replace(match: re.Match[str]) -> str:
        name = _expand(match["name"], defaults)
        return f"{match['head']}{replacement(name)}{match['rest']}"

    return _FROM.sub(replace, dockerfile)


def build_context(folder: Path, dockerfile: str) -> io.BytesIO:
    """The build context as a tar with fixed owners and times, so that the engine's layer cache hits."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path in context_files(folder):
            info = tar.gettarinfo(path, arcname=path.relative_to(folder).as_posix())
            info.uid = info.gid = info.mtime = 0
            info.uname = info.gname = "root"
            if info.isreg():
                info.mode = 0o755 if info.mode & 0o100 else 0o644
            content = dockerfile.encode() if info.name == "Dockerfile" else path.read_bytes() if info.isreg() else b""
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    buffer.seek(0)
    return buffer
