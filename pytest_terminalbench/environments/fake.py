"""An environment without an engine: files in a dictionary, commands answered by a function.

Ships with the package so that tests of agents, verifiers and plugins run the real trial with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple, TypeAlias

from pytest_terminalbench.digest import digest_bytes, digest_json
from pytest_terminalbench.environments.base import ExecResult, StopReport
from pytest_terminalbench.environments.memory import FilesInMemory, PreparedInMemory, ProviderInMemory
from pytest_terminalbench.environments.provider import ProviderSettings
from pytest_terminalbench.errors import EnvironmentLost
from pytest_terminalbench.scenarios.model import Scenario

__all__ = ["FakeCall", "FakeEnvironment", "FakeProvider", "Reply", "fake_environments", "fake_provider"]


class FakeCall(NamedTuple):
    """How a command was run: its line, its variables, where, as whom, and with how many seconds."""

    line: str
    env: Mapping[str, str]
    cwd: str | None
    user: str | None
    timeout_s: float


Reply: TypeAlias = Callable[["FakeEnvironment", Sequence[str]], ExecResult | int | str]


class FakeEnvironment(FilesInMemory):
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
        super().__init__(files)
        self.calls: list[FakeCall] = []
        self.stops: list[Sequence[str]] = []
        self.gone: str | None = None
        self.closed = False
        self._replies = dict(replies or {})
        self._stop_report = stop_report or StopReport(memory_peak_mb=1.0, memory_counter="fake")
        self.recipe = f"fake:{_digest(self._replies, self.files)}"

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
        super().put(files, root=root)

    def export(self, path: str) -> Iterator[bytes] | None:
        self._check()
        return super().export(path)

    def replace(self, path: str, archive: Iterator[bytes] | None) -> None:
        self._check()
        super().replace(path, archive)

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


class FakeProvider(ProviderInMemory[FakeEnvironment]):
    """A provider of the same rank as the real ones; `environment` makes what a scenario is tried in."""

    def __init__(self, environment: Callable[[Scenario], FakeEnvironment]) -> None:
        super().__init__("fake", environment)


def fake_provider(_settings: ProviderSettings) -> FakeProvider:
    """``--tb-env fake``: environments in which every command succeeds in silence."""
    return FakeProvider(lambda _scenario: FakeEnvironment())


def fake_environments(*environments: FakeEnvironment) -> PreparedInMemory[FakeEnvironment]:
    """A factory that hands out `environments` one after the other, the last one for ever, and closes them."""
    left = list(environments)
    return PreparedInMemory(lambda: left.pop(0) if len(left) > 1 else left[0], recipe=environments[0].recipe)


def _result(reply: ExecResult | int | str) -> ExecResult:
    if isinstance(reply, ExecResult):
        return reply
    if isinstance(reply, int):
        return ExecResult(exit_code=reply, stdout="", stderr="", duration_s=0.0)
    return ExecResult(exit_code=0, stdout=reply, stderr="", duration_s=0.0)


def _digest(replies: Mapping[str, Reply | ExecResult | int | str], files: Mapping[str, bytes]) -> str:
    """Of what a fake is made of; of functions only where they stand."""
    facts = {piece: _reply_facts(reply) for piece, reply in replies.items()}
    contents = {path: digest_bytes(content) for path, content in files.items()}
    return digest_json([facts, contents]).removeprefix("sha256:")[:12]


def _reply_facts(reply: Reply | ExecResult | int | str) -> object:
    if isinstance(reply, ExecResult):
        return asdict(reply)
    if not callable(reply):
        return reply
    # Not all that can be called is a function with a name of its own.
    named = reply if hasattr(reply, "__qualname__") else type(reply)
    return f"{named.__module__}:{named.__qualname__}"
