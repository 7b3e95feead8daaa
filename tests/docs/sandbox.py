"""A project such as a reader of the documentation has, and a shell in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.docs.pages import ROOT, Command, blocks, missing_line

# A page's slowest command builds an image; twice the slowest seen.
TIMEOUT_S = 300
# What readers have of the repository when they follow its README.
_OF_THE_REPOSITORY = ("scenarios/terminal-bench-core", "tests/wrong_answers", "benchmarks")


@dataclass(frozen=True)
class Sandbox:
    path: Path

    def write(self, name: str, text: str) -> None:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def write_quick_start(self) -> None:
        """The project that the quick start ends with."""
        for block in blocks(ROOT / "docs" / "quickstart.md"):
            if block.title:
                self.write(block.title, block.text)
                if block.text.startswith("#!"):
                    (self.path / block.title).chmod(0o755)

    def copy_repository(self) -> None:
        for name in _OF_THE_REPOSITORY:
            shutil.copytree(ROOT / name, self.path / name)

    def run(self, command: Command) -> None:
        """Raises AssertionError with all output when the command does not do what is written."""
        done = subprocess.run(
            ["bash", "-c", command.line],
            cwd=self.path,
            env=_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        said = f"{command.where}: {command.line}\n"
        assert done.returncode == command.exit_code, f"{said}ended with {done.returncode}\n{done.stdout}"
        missing = missing_line(command.shown, done.stdout)
        assert missing is None, f"{said}does not print: {missing}\n{done.stdout}"


def _environment() -> dict[str, str]:
    """This process's, with this Python's commands first and without what pytest tells its own processes."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    # On CI pytest shows whole lines where a terminal shows what has room.
    inherited = {name: value for name, value in inherited.items() if name not in ("CI", "BUILD_NUMBER")}
    scripts = str(Path(sys.executable).parent)
    return {
        **inherited,
        "PATH": f"{scripts}{os.pathsep}{inherited.get('PATH', '')}",
        "COLUMNS": "100",
        "NO_COLOR": "1",
    }
