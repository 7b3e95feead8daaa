"""Files in and out of containers as tar archives."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from pytest_terminalbench.digest import tree_files
from pytest_terminalbench.errors import EnvironmentFailure, TooMuchToCopy

__all__ = ["IterStream", "extract", "pack"]


def pack(files: Mapping[str, bytes | Path]) -> bytes:
    """One tar of `files` (path in the container -> content, or a file or folder of the host), all owned by root."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, source in files.items():
            if isinstance(source, bytes):
                _add_bytes(tar, name, source)
            elif source.is_dir():
                _add_folder(tar, name)
                for path in tree_files(source):
                    _add_file(tar, f"{name.strip('/')}/{path.relative_to(source).as_posix()}", path)
            else:
                _add_file(tar, name, source)
    return buffer.getvalue()


def _add_folder(tar: tarfile.TarFile, name: str) -> None:
    info = tarfile.TarInfo(name.strip("/"))
    info.type, info.mode = tarfile.DIRTYPE, 0o755
    tar.addfile(info)


def _add_file(tar: tarfile.TarFile, name: str, path: Path) -> None:
    info = tar.gettarinfo(path, arcname=name.strip("/"))
    info.uid = info.gid = 0
    info.uname = info.gname = "root"
    if not info.isreg():
        tar.addfile(info)
        return
    # The umask of a checkout must not decide whether a script runs.
    info.mode = 0o755 if info.mode & 0o100 else 0o644
    with path.open("rb") as file:
        tar.addfile(info, file)


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name.strip("/"))
    info.size = len(content)
    info.mode = 0o755 if content.startswith(b"#!") else 0o644
    tar.addfile(info, io.BytesIO(content))


def extract(archive: Iterable[bytes], target: Path, *, max_bytes: int) -> None:
    """Unpack what an engine sent of one folder or file into the folder `target`.

    The folder's own name is dropped. Only plain files and folders are made: what a container sends is not trusted, so
    links and devices are left out. Raises TooMuchToCopy past `max_bytes` of content, and EnvironmentFailure for an
    archive that breaks off or that this machine cannot store.
    """
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tarfile.open(fileobj=IterStream(archive), mode="r|") as tar:
            _extract_members(tar, target, max_bytes)
    except tarfile.TarError as error:
        raise EnvironmentFailure(f"what the engine sent is no whole archive: {error}") from error
    except OSError as error:
        raise EnvironmentFailure(f"cannot store what comes out of the container: {error}") from error


def _extract_members(tar: tarfile.TarFile, target: Path, max_bytes: int) -> None:
    left = max_bytes
    for member in tar:
        parts = [part for part in member.name.split("/") if part not in ("", ".")][1:]
        if ".." in parts or not (member.isreg() or member.isdir()):
            continue
        path = target.joinpath(*parts) if parts or member.isdir() else target / Path(member.name).name
        if member.isdir():
            path.mkdir(parents=True, exist_ok=True)
            continue
        left -= member.size
        if left < 0:
            raise TooMuchToCopy(f"{member.name}: more than {max_bytes} bytes to copy out of the container")
        content = tar.extractfile(member)
        assert content is not None  # Regular members always have content.
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            shutil.copyfileobj(content, file)


class IterStream(io.RawIOBase):
    """A readable file over an iterable of byte chunks, so that nothing is held in memory as a whole."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]  # The stub of RawIOBase names no buffer type before 3.12.
        while not self._rest:
            try:
                self._rest = next(self._chunks)
            except StopIteration:
                return 0
        size = min(len(view), len(self._rest))
        view[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
