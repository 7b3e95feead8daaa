"""The command line ``terminalbench``. Importing it imports nothing; each command imports what it needs when it runs."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """The console script's entry point; ends the process with the command's exit code."""
    from pytest_terminalbench.cli.app import app

    app(prog_name="terminalbench")
