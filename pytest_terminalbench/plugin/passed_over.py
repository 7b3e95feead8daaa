"""Datasets that pytest comes upon and nobody asked for: nothing of them is collected, and who may miss them is told."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.plugin.stash_keys import PASSED_OVER

__all__ = ["LinkToItself", "PassedOverDataset", "hear_of_passed_over", "tell_passed_over", "write_note"]

SHOWN_DATASETS = 3
WORKER_OUTPUT = "terminalbench_passed_over"


class PassedOverDataset(pytest.Directory):
    """Collects nothing: pytest itself would import the tests of verifiers, which are for containers."""

    def collect(self) -> Iterable[pytest.Collector]:
        self.config.stash.setdefault(PASSED_OVER, []).append(self.path)
        return []


class LinkToItself(pytest.Directory):
    """Collects nothing: pytest would follow the link as often as the system lets it."""

    def collect(self) -> Iterable[pytest.Collector]:
        return []


def tell_passed_over(config: pytest.Config) -> None:
    """In a worker of xdist, at its end: let the controller know."""
    config.workeroutput[WORKER_OUTPUT] = [str(path) for path in config.stash[PASSED_OVER]]  # type: ignore[attr-defined]


def hear_of_passed_over(node: Any) -> None:
    """In the controller, when the worker of `node` has ended. All workers come upon the same."""
    paths = getattr(node, "workeroutput", {}).get(WORKER_OUTPUT)
    if paths:
        node.config.stash[PASSED_OVER] = [Path(path) for path in paths]


def write_note(reporter: pytest.TerminalReporter, exitstatus: int) -> None:
    """A line for who named a folder, or has run nothing; all others ran what they meant to run."""
    config = reporter.config
    is_typed = config.args_source is pytest.Config.ArgsSource.ARGS
    if not is_typed and exitstatus != pytest.ExitCode.NO_TESTS_COLLECTED:
        return
    names = [os.path.relpath(path, config.invocation_params.dir) for path in config.stash[PASSED_OVER]]
    more = f" and {len(names) - SHOWN_DATASETS} more" if len(names) > SHOWN_DATASETS else ""
    reporter.write_line(
        f"terminalbench: not asked for, so not run: {', '.join(names[:SHOWN_DATASETS])}{more}; "
        f"to run scenarios, name their dataset: `pytest {names[0]}`, or --tb-dataset"
    )
