"""`terminalbench run`: pytest with our options under shorter names, and exit codes that say what to do."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from pytest_terminalbench.cli.project import catalog, project
from pytest_terminalbench.status import Status

__all__ = ["run"]

DEFAULT_DATASET = "terminal-bench-core"


def run(
    pytest_arguments: Annotated[
        list[str] | None, typer.Argument(metavar="PYTEST_ARGS", help="Whatever follows -- goes to pytest.")
    ] = None,
    *,
    dataset: Annotated[
        list[str] | None,
        typer.Option("--dataset", metavar="NAME|PATH", help=f"May be repeated; default: {DEFAULT_DATASET}."),
    ] = None,
    scenarios: Annotated[
        str | None, typer.Option("--scenarios", metavar="A,B", help="Only these scenarios, by their ids.")
    ] = None,
    agent: Annotated[
        list[str] | None, typer.Option("--agent", metavar="NAME", help="May be repeated; default: oracle.")
    ] = None,
    model: Annotated[list[str] | None, typer.Option("--model", metavar="MODEL", help="May be repeated.")] = None,
    attempts: Annotated[str | None, typer.Option("--attempts", metavar="K", help="Trials per cell.")] = None,
    processes: Annotated[
        str | None, typer.Option("-n", metavar="N", help="Scenarios at a time, each in a process (pytest-xdist).")
    ] = None,
    update_baselines: Annotated[
        bool, typer.Option("--update-baselines", help="Approve the outcomes as baselines.")
    ] = False,
) -> None:
    """Run scenarios: `pytest --tb-dataset …` in this Python.

    Exit codes: 0 ok, 1 a regression or a failure, 2 everything that failed was
    blocked by parity, 4 a wrong command line or an unknown name, 130 interrupted.
    The others are pytest's (3 internal error or lost items, 5 nothing selected) and
    the plugin's (22 too many void).
    """
    requests = dataset or [DEFAULT_DATASET]
    chosen = list(_scenario_arguments(requests, scenarios)) if scenarios is not None else []
    arguments = [
        # With `=`: pytest takes a separate word that is a path for a folder of tests when it looks for its root.
        *(f"--tb-dataset={request}" for request in requests),
        *(f"--tb-agent={name}" for name in agent or ()),
        *(f"--tb-model={name}" for name in model or ()),
        *([f"--tb-attempts={attempts}"] if attempts is not None else []),
        *([f"-n{processes}"] if processes is not None else []),
        *(["--update-baselines"] if update_baselines else []),
        *chosen,
        *(pytest_arguments or ()),
    ]
    raise typer.Exit(_pytest(arguments))


def _scenario_arguments(requests: Sequence[str], scenarios: str) -> Iterator[str]:
    """What makes pytest run these scenarios only; raises SettingsError for an id that no dataset has."""
    from pytest_terminalbench.scenarios.formats import scenario_files
    from pytest_terminalbench.scenarios.select_by_name import select_files

    known_datasets = catalog()
    datasets = [known_datasets.find(request, asked="--dataset") for request in requests]
    chosen = select_files(datasets, scenarios.split(","))
    root = project().root.resolve()
    if all(dataset.folder.resolve().is_relative_to(root) for dataset in datasets):
        yield from map(str, chosen)
        return
    # With files from elsewhere as arguments pytest would look for its root, configuration and conftest.py there.
    for dataset in datasets:
        yield from (f"--ignore={file}" for file in scenario_files(dataset.folder) if file not in chosen)


def _pytest(arguments: list[str]) -> int:
    import pytest

    from pytest_terminalbench.exit_codes import run_exit_code

    # What pytest and xdist show and hand on as the command.
    sys.argv = [str(Path(sys.argv[0]).with_name("pytest")), *arguments]
    failures = _Failures()
    status = pytest.main(arguments, plugins=[failures])
    return run_exit_code(
        int(status), only_blocked=failures.are_all_blocked, is_stopped_by_failures=failures.have_stopped_pytest
    )


class _Failures:
    """A plugin that hears of everything that fails: cells, other tests, the suite gate, files that cannot be read."""

    def __init__(self) -> None:
        self._blocked = 0
        self._others = 0
        self._has_stopped_itself = False

    @property
    def are_all_blocked(self) -> bool:
        return self._blocked > 0 and self._others == 0

    @property
    def have_stopped_pytest(self) -> bool:
        """Whether pytest ended the session before its time, with something that had failed, and nobody asked it to."""
        return self._has_stopped_itself and self._blocked + self._others > 0

    def pytest_runtest_logreport(self, report: Any) -> None:
        if not report.failed:
            return
        # What fails when a blocked cell is torn down is not what blocked it.
        if report.when != "teardown" and _status(report) is Status.BLOCKED:
            self._blocked += 1
        else:
            self._others += 1

    def pytest_collectreport(self, report: Any) -> None:
        self._others += report.failed

    def pytest_keyboard_interrupt(self, excinfo: Any) -> None:
        import pytest

        # Raised for `session.shouldstop` and for files that cannot be collected; Ctrl-C and `pytest.exit` are others.
        self._has_stopped_itself = isinstance(excinfo.value, pytest.Session.Interrupted)


def _status(report: Any) -> Status | None:
    """What became of the cell that `report` is about, if any."""
    from pytest_terminalbench.cells.report_property import PROPERTY, read_property

    cells = (read_property(value) for name, value in report.user_properties if name == PROPERTY)
    return next((cell.status for cell in cells if cell is not None), None)
