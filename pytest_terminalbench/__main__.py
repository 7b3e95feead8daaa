"""``python -m pytest_terminalbench``: the command line."""

from __future__ import annotations

from pytest_terminalbench.cli import main

if __name__ == "__main__":
    main()
