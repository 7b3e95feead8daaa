"""Commands about baselines, as people paste them: they act on the folder that was meant."""

from __future__ import annotations

import shlex
from pathlib import Path

from pytest_terminalbench.errors import SettingsError
from pytest_terminalbench.settings import pytest_settings

__all__ = ["baseline_command", "baselines_option"]


def baseline_command(words: str, folder: Path) -> str:
    """``terminalbench baseline WORDS`` for the baselines in `folder`, to be typed in the current folder."""
    return " ".join(["terminalbench baseline", words, *baselines_option(folder)])


def baselines_option(folder: Path, *, name: str = "baselines") -> tuple[str, ...]:
    """The option `name` by which a command that is typed in the current folder looks in `folder`, quoted for a shell.

    None where it looks there by itself. A `folder` that is not absolute lies in the project's.
    """
    try:
        project = pytest_settings(Path.cwd())
    except SettingsError:
        # Pytest was given another file than the one that cannot be read here.
        return (_option(name, folder),)
    is_default = (project.root / folder).resolve() == project.baselines.resolve()
    return () if is_default else (_option(name, folder),)


def _option(name: str, folder: Path) -> str:
    return shlex.quote(f"--{name}={folder}")
