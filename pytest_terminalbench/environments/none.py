"""For scenarios that need no container: files, and no commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_terminalbench.environments.base import ExecResult, StopReport
from pytest_terminalbench.environments.memory import FilesInMemory, ProviderInMemory
from pytest_terminalbench.environments.provider import ProviderSettings

__all__ = ["NoContainer", "none_provider"]


class NoContainer(FilesInMemory):
    """An environment without a container: its files are in memory, and every command ends with 127 (not found)."""

    recipe = "none"

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float = 60.0,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        user: str | None = None,
    ) -> ExecResult:
        stderr = f"{' '.join(argv)}: no commands can be run here\n"
        return ExecResult(exit_code=127, stdout="", stderr=stderr, duration_s=0.0)

    def stop_agent(self, *, keep: Sequence[str] = (), remove: Sequence[str] = ()) -> StopReport:
        for path in remove:
            self.replace(path, None)
        return StopReport()

    def why_gone(self) -> str | None:
        return None

    def close(self) -> None:
        """Nothing is left behind."""


def none_provider(_settings: ProviderSettings) -> ProviderInMemory[NoContainer]:
    return ProviderInMemory("none", lambda _scenario: NoContainer())
