"""What environments share that live in this process's memory: their files, and how they are handed out."""

from __future__ import annotations

import io
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from pytest_terminalbench.digest import tree_files
from pytest_terminalbench.environments.archive import extract, pack
from pytest_terminalbench.environments.base import Environment
from pytest_terminalbench.errors import EnvironmentFailure
from pytest_terminalbench.limits import Limits
from pytest_terminalbench.scenarios.model import Scenario

__all__ = ["EnvironmentInMemory", "FilesInMemory", "PreparedInMemory", "ProviderInMemory"]


class FilesInMemory:
    """Files as an environment has them, in a dictionary: absolute path -> content. No folders, owners or modes."""

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self.files: dict[str, bytes] = dict(files or {})
        self._lock = threading.RLock()

    def put(self, files: Mapping[str, bytes | Path], *, root: str = "/") -> None:
        """See `Environment.put`."""
        for name, source in files.items():
            path = f"/{root.strip('/')}/{name.strip('/')}".replace("//", "/")
            if isinstance(source, bytes):
                self.files[path] = source
            elif source.is_dir():
                for file in tree_files(source):
                    self.files[f"{path}/{file.relative_to(source).as_posix()}"] = file.read_bytes()
            else:
                self.files[path] = source.read_bytes()

    def get(self, path: str, target: Path, *, max_bytes: int = 1 << 30) -> bool:
        """See `Environment.get`."""
        archive = self.export(path)
        if archive is None:
            return False
        extract(archive, target, max_bytes=max_bytes)
        return True

    def export(self, path: str) -> Iterator[bytes] | None:
        """See `Environment.export`."""
        path = path.rstrip("/")
        name = path.rpartition("/")[2]
        with self._lock:
            contents = {name + file.removeprefix(path): self.files[file] for file in self._at(path)}
        return iter([pack(contents)]) if contents else None

    def replace(self, path: str, archive: Iterator[bytes] | None) -> None:
        """See `Environment.replace`."""
        path = path.rstrip("/")
        with self._lock:
            for file in self._at(path):
                del self.files[file]
        if archive is None:
            return
        parent = path.rpartition("/")[0]
        with tarfile.open(fileobj=io.BytesIO(b"".join(archive))) as tar:
            for member in tar:
                content = tar.extractfile(member)
                if content is not None:
                    self.files[f"{parent}/{member.name}"] = content.read()

    def _at(self, path: str) -> list[str]:
        # A copy: others may add files meanwhile.
        return [file for file in list(self.files) if file == path or file.startswith(f"{path}/")]


class EnvironmentInMemory(Environment, Protocol):
    """An environment that costs nothing to start; its recipe is what it is made of."""

    @property
    def recipe(self) -> str: ...


E = TypeVar("E", bound=Environment)
M = TypeVar("M", bound=EnvironmentInMemory)


class PreparedInMemory(Generic[E]):
    """Hands out what `start` makes, and closes it after use."""

    platform: str | None = None
    build_s = 0.0
    start_s = 0.0

    def __init__(self, start: Callable[[], E], *, recipe: str) -> None:
        self.recipe = recipe
        self._start = start

    @contextmanager
    def __call__(self) -> Iterator[E]:
        environment = self._start()
        try:
            yield environment
        finally:
            environment.close()

    def close(self) -> None:
        """Nothing was started that nobody used."""


class ProviderInMemory(Generic[M]):
    """Environments that are always there: `make` makes one for a scenario."""

    def __init__(self, kind: str, make: Callable[[Scenario], M]) -> None:
        self.kind = kind
        self._make = make
        self._is_stopped = False

    def check(self) -> None:
        """Nothing can be missing."""

    def prepare(self, scenario: Scenario, limits: Limits) -> PreparedInMemory[M]:
        if self._is_stopped:
            raise EnvironmentFailure("the session ended before the environment was started")
        return PreparedInMemory(lambda: self._make(scenario), recipe=self._make(scenario).recipe)

    def stop(self) -> None:
        self._is_stopped = True

    def sweep(self, *, orphans_only: bool = False) -> list[str]:
        """What is in memory goes with its process."""
        return []
