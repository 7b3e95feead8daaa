"""Our exceptions, one tree, branching by who must act.

* TerminalBenchError
  + SettingsError          correct the command line or the configuration
  + ScenarioError          correct the scenario file (or its dataset)
  + AgentSetupError        correct the agent's arguments or credentials
  + VerifierError          correct the verifier: it left no result that can be read
  + BaselineError          correct the baseline file, or approve a new one
  + RunFolderError         the run folder is missing or damaged
  + EnvironmentFailure     look after the machine, or try again
    - EngineUnreachable    no container engine answers
    - ImageUnavailable     an image is neither here nor to be had
    - ImageBuildError      a Dockerfile does not build
    - EnvironmentLost      a container that ran is gone
    - TooMuchToCopy        what lies in a container is larger than what may be copied out of it
    - ResultsUnwritable    the disk of the results takes nothing more
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

__all__ = [
    "AgentSetupError",
    "BaselineError",
    "EngineUnreachable",
    "EnvironmentFailure",
    "EnvironmentLost",
    "ImageBuildError",
    "ImageUnavailable",
    "ResultsUnwritable",
    "RunFolderError",
    "ScenarioError",
    "SettingsError",
    "TerminalBenchError",
    "TooMuchToCopy",
    "VerifierError",
]


class TerminalBenchError(Exception):
    """Base of everything this package raises on purpose."""

    @classmethod
    def of_file(cls, file: Path | str, problem: str, cure: str) -> TerminalBenchError:
        """The error for a file of ours that cannot be read: `problem` follows its name, `cure` says what to do."""
        return cls(f"{file} {problem}; {cure}")


class SettingsError(TerminalBenchError):
    """An option, an argument or a configuration value makes no sense."""


class ScenarioError(TerminalBenchError):
    """A scenario or dataset file is wrong.

    Its text has one line per problem, ``<file>: <field>: <problem>``, and says how to fix it.
    """

    def __init__(self, file: Path, problems: Sequence[str], *, cure: str = "") -> None:
        self.file = file
        self.problems = list(problems)
        self.cure = cure
        lines = [f"{file}: {problem}" for problem in self.problems]
        super().__init__("\n".join([*lines, *([f"To fix it: {cure}"] if cure else [])]))

    @classmethod
    def of_file(cls, file: Path | str, problem: str, cure: str) -> ScenarioError:
        return cls(Path(file), [problem], cure=cure)


class AgentSetupError(TerminalBenchError):
    """The agent cannot be made: unknown arguments, missing credentials, a class that does not import."""


class VerifierError(TerminalBenchError):
    """The verifier left no result, or one that cannot be read: nothing was judged."""


class BaselineError(TerminalBenchError):
    """A baseline file is damaged, of a future version, or cannot be approved."""


class RunFolderError(TerminalBenchError):
    """A run folder is missing or damaged."""


class EnvironmentFailure(TerminalBenchError):
    """The machine or its engine failed us; nobody can say what the agent's work was worth.

    ``transient`` says that trying once more may help.
    """

    transient = False


class EngineUnreachable(EnvironmentFailure):
    """No container engine answers."""


class ImageUnavailable(EnvironmentFailure):
    """An image is neither on this machine nor to be had from a registry."""


class ImageBuildError(EnvironmentFailure):
    """A Dockerfile does not build; the text ends with the last lines of the build."""


class EnvironmentLost(EnvironmentFailure):
    """A container that was running is gone, and the agent did not do it."""

    transient = True


class TooMuchToCopy(EnvironmentFailure):
    """What lies in a container is larger than what may be copied out of it."""


class ResultsUnwritable(EnvironmentFailure):
    """The disk of the results takes nothing more: what a trial came to cannot be recorded."""
