"""What an agent left, kept in its trial's folder: judging can be done from it, later, elsewhere, or once more."""

from __future__ import annotations

import gzip
import shutil
import zlib
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_terminalbench.digest import digest_bytes
from pytest_terminalbench.documents import Fields, read_document, write_json
from pytest_terminalbench.environments.base import Environment
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.scenarios.model import Scenario
from pytest_terminalbench.trials.acting import Acted

__all__ = ["SNAPSHOT_FOLDER", "Snapshot", "read_snapshot", "take_snapshot"]

SNAPSHOT_FOLDER = "snapshot"
SCHEMA_VERSION = 1
# For all paths together. Most scenarios collect a few files; what is larger than this is judged and not kept.
MAX_BYTES = 64 << 20
# Before compression: a file full of zeros is a thousandth of its size when it is compressed, and still takes its time.
MAX_BYTES_READ = 512 << 20
CHUNK = 1 << 20
CURE = "restore the folder from where the run was made"


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What lies in `folder`. `archives`: the collected paths and the files they are in, None where there is no path.

    `instruction`: the digest of what the agent was told.
    """

    folder: Path
    instruction: str
    acted: Acted
    archives: Mapping[str, str | None]

    def to_json(self) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "instruction": self.instruction,
            "acted": self.acted.to_json(),
            "archives": dict(self.archives),
        }

    def was_told(self, scenario: Scenario) -> bool:
        """Whether the agent was told what `scenario` says now."""
        return self.instruction == _digest(scenario)

    def archive(self, path: str) -> Iterator[bytes] | None:
        """`path` as `Environment.export` gave it, read piece by piece; None where there was no such path.

        Raises RunFolderError for a path that was not collected; reading raises it for a file that is damaged or gone.
        """
        if path not in self.archives:
            known = ", ".join(self.archives) or "nothing"
            raise RunFolderError(f"{self.folder} has no {path}: the agent's work was collected as {known}")
        name = self.archives[path]
        return None if name is None else _read(self.folder / name)


def take_snapshot(environment: Environment, scenario: Scenario, folder: Path, acted: Acted) -> Snapshot | str:
    """Keep what `scenario` collects of `environment` in `folder`; or why it is not kept.

    Everything is written as it comes, so that nothing is held in memory as a whole. Raises what
    `Environment.export` raises.
    """
    folder.mkdir()
    archives: dict[str, str | None] = {}
    budget = _Budget()
    for number, path in enumerate(scenario.collected_paths, start=1):
        stream = environment.export(path)
        archives[path] = f"{number}.tar.gz" if stream is not None else None
        if stream is not None and not budget.allows(stream, folder / f"{number}.tar.gz"):
            shutil.rmtree(folder)
            return f"what is collected is larger than {MAX_BYTES >> 20} MiB compressed, or {MAX_BYTES_READ >> 20} MiB"
    snapshot = Snapshot(folder=folder, instruction=_digest(scenario), acted=acted, archives=archives)
    write_json(folder / "snapshot.json", snapshot.to_json())
    return snapshot


def _digest(scenario: Scenario) -> str:
    return digest_bytes(scenario.instruction.encode())


class _Budget:
    """Writes archives as long as they are small enough together."""

    def __init__(self) -> None:
        self._read = 0
        self._kept = 0

    def allows(self, stream: Iterator[bytes], file: Path) -> bool:
        """Write `stream` to `file`, compressed; False where that is too much."""
        with file.open("wb") as raw:
            # Level 1: three times as fast as the default, for some percent of size. Without a name and a time, the
            # same content has the same bytes.
            with gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=1, mtime=0) as compressed:
                for chunk in stream:
                    self._read += len(chunk)
                    if self._read > MAX_BYTES_READ or self._kept + raw.tell() > MAX_BYTES:
                        _hang_up(stream)
                        return False
                    compressed.write(chunk)
            self._kept += raw.tell()
        return self._kept <= MAX_BYTES


def _hang_up(stream: Iterator[bytes]) -> None:
    """Let an engine know that nobody reads the rest."""
    if isinstance(stream, Generator):
        stream.close()


def _read(file: Path) -> Iterator[bytes]:
    try:
        with gzip.open(file) as archive:
            while chunk := archive.read(CHUNK):
                yield chunk
    except (OSError, EOFError, zlib.error) as error:
        raise RunFolderError(f"{file} is damaged or missing: {type(error).__name__}: {error}; {CURE}") from None


def read_snapshot(folder: Path) -> Snapshot:
    """The snapshot in `folder`; raises RunFolderError naming file and cure where it is missing or damaged."""

    def read(content: object) -> Snapshot:
        snapshot = Fields(content)
        snapshot.require("archives")
        return Snapshot(
            folder=folder,
            instruction=snapshot.text("instruction"),
            acted=snapshot.nested("acted", Acted.from_json),
            archives=snapshot.by_name("archives", _file_name),
        )

    return read_document(folder / "snapshot.json", read, error=RunFolderError, cure=CURE, versions=(SCHEMA_VERSION,))


def _file_name(name: Any) -> str | None:
    """Runs are copied from machine to machine: no file may point out of its folder."""
    is_name = name is None or (isinstance(name, str) and Path(name).name == name and name not in ("", ".."))
    if not is_name or (name is not None and ("\0" in name or not name.isprintable())):
        raise ValueError(f"{name!r} is no name of a file")
    return name
