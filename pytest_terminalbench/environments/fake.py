"""An environment without an engine: files in a dictionary, commands answered by a function.

Ships with the package so that tests of agents, verifiers and plugins run the real trial with it.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

from pytest_terminalbench.digest import tree_files
from pytest_terminalbench.environments.archive import extract, pack
from pytest_terminalbench.environments.base import ExecResult, StopReport
from pytest_terminalbench.errors import EnvironmentLost

__all__ = ["FakeCall", "FakeEnvironment", "Reply", "fake_environments"]


class FakeCall(NamedTuple):
    """How a command was run: its line, its variables, where, as whom, and with how many seconds."""

    line: str
    env: Mapping[str, str]
    cwd: str | None
    user: str | None
    timeout_s: float


Reply = Callable[["FakeEnvironment", Sequence[str]], ExecResult | int | str]


class FakeEnvironment:
    """`replies` maps a piece of a command line to what it does: a function, a result, an exit code, or what it prints.

    A command that no key fits ends with exit code 0 and prints nothing. `files` holds what is in the environment,
    absolute path -> content; `log` holds every command line that was run, `calls` how, and `stops` what `stop_agent`
    was asked to keep. Set `gone` to ``agent`` or ``engine``, from a reply for example, and every call raises
    EnvironmentLost.
    """

    def __init__(
        self,
        replies: Mapping[str, Reply | ExecResult | int | str] | None = None,
        *,
        files: Mapping[str, bytes] | None = None,
        stop_report: StopReport | None = None,
    ) -> None:
        self.files: dict[str, bytes] = dict(files or {})
        self.calls: list[FakeCall] = []
        self.stops: list[Sequence[str]] = []
        self.gone: str | None = None
        self.closed = False
        self._replies = dict(replies or {})
        self._stop_report = stop_report or StopReport(memory_peak_mb=1.0, memory_counter="fake")

    @property
    def log(self) -> list[str]:
        return [call.line for call in self.calls]

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float = 60.0,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        user: str | None = None,
    ) -> ExecResult:
        self._check()
        line = " ".join(argv)
        self.calls.append(FakeCall(line, dict(env or {}), cwd, user, timeout_s))
        for piece, reply in self._replies.items():
            if piece in line:
                return _result(reply(self, argv) if callable(reply) else reply)
        return _result(0)

    def put(self, files: Mapping[str, bytes | Path], *, root: str = "/") -> None:
        self._check()
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
        archive = self.export(path)
        if archive is None:
            return False
        extract(archive, target, max_bytes=max_bytes)
        return True

    def export(self, path: str) -> Iterator[bytes] | None:
        self._check()
        path = path.rstrip("/")
        name = path.rpartition("/")[2]
        found = {
            name + file.removeprefix(path): content
            for file, content in self.files.items()
            if file == path or file.startswith(f"{path}/")
        }
        return iter([pack(found)]) if found else None

    def replace(self, path: str, archive: Iterator[bytes] | None) -> None:
        self._check()
        path = path.rstrip("/")
        for file in [file for file in self.files if file == path or file.startswith(f"{path}/")]:
            del self.files[file]
        if archive is None:
            return
        parent = path.rpartition("/")[0]
        with tarfile.open(fileobj=io.BytesIO(b"".join(archive))) as tar:
            for member in tar:
                content = tar.extractfile(member)
                if content is not None:
                    self.files[f"{parent}/{member.name}"] = content.read()

    def stop_agent(self, *, keep: Sequence[str] = (), remove: Sequence[str] = ()) -> StopReport:
        self._check()
        self.stops.append(list(keep))
        for path in remove:
            self.replace(path, None)
        return self._stop_report

    def why_gone(self) -> str | None:
        return self.gone

    def close(self) -> None:
        self.closed = True

    def _check(self) -> None:
        if self.gone is not None:
            raise EnvironmentLost("the fake environment is gone")


def fake_environments(*environments: FakeEnvironment) -> Callable[[], AbstractContextManager[FakeEnvironment]]:
    """A factory that hands out `environments` one after the other, the last one for ever, and closes them."""
    left = list(environments)

    @contextmanager
    def factory() -> Iterator[FakeEnvironment]:
        environment = left.pop(0) if len(left) > 1 else left[0]
        try:
            yield environment
        finally:
            environment.close()

    return factory


def _result(reply: ExecResult | int | str) -> ExecResult:
    if isinstance(reply, ExecResult):
        return reply
    if isinstance(reply, int):
        return ExecResult(exit_code=reply, stdout="", stderr="", duration_s=0.0)
    return ExecResult(exit_code=0, stdout=reply, stderr="", duration_s=0.0)
