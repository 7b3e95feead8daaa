"""The pytest plugin: hooks, nothing else.

pytest imports this module in every project where the package is installed. It imports pytest alone; what a session of
scenarios needs is imported when the first one is collected.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_terminalbench.plugin.fixtures import (
    tb_agent,
    tb_baseline,
    tb_environment,
    tb_model,
    tb_scenario,
    tb_trials,
)
from pytest_terminalbench.plugin.options import Options, add_options

if TYPE_CHECKING:
    from pytest_terminalbench.plugin.session import BenchSession

__all__ = ["tb_agent", "tb_baseline", "tb_environment", "tb_model", "tb_scenario", "tb_trials"]


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    from pytest_terminalbench.plugin import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "tb_dataset(name): the dataset a scenario belongs to (set by terminalbench)")
    options = Options.from_config(config)
    if options.datasets:
        _bench(config, options).choose_arguments()


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if not (path / "dataset.json").is_file() and not _is_named(parent.config, path):
        return None
    from pytest_terminalbench.plugin.collection import DatasetDirectory

    return DatasetDirectory.for_folder(path, parent)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    # Only below a dataset's folder: other people's JSON files are none of our business.
    if file_path.suffix != ".json" or type(parent).__name__ != "DatasetDirectory":
        return None
    from pytest_terminalbench.plugin.collection import ScenarioFile

    return ScenarioFile.for_file(file_path, parent)


def pytest_sessionstart(session: pytest.Session) -> None:
    bench = existing(session.config)
    if bench is not None and not hasattr(session.config, "workerinput"):
        bench.preflight()


def pytest_report_header(config: pytest.Config) -> list[str]:
    bench = existing(config)
    return bench.header() if bench is not None else []


def pytest_report_teststatus(report: pytest.TestReport, config: pytest.Config) -> Any:
    if not any(name == "tb" for name, _ in getattr(report, "user_properties", ())):
        return None
    from pytest_terminalbench.plugin.status import shown_status

    return shown_status(report)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    # pytest asks an item to draw its failure (repr_failure) for the call alone; ours fail in their fixtures as well.
    if call.excinfo is not None and call.when != "call" and existing(item.config) is not None:
        from pytest_terminalbench.plugin.cards import card_of

        report.longrepr = card_of(item, call.excinfo.value) or report.longrepr
    return report


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    # Inside the terminal reporter's own wrapper, so that the summary is ready when it asks for it; after xdist has
    # ended its workers, so that nobody starts a container any more.
    try:
        yield
    finally:
        bench = existing(session.config)
        if bench is not None:
            bench.finish(session)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    bench = existing(config)
    if bench is not None and bench.controller is not None:
        bench.controller.write_summary(terminalreporter)


@pytest.hookimpl(optionalhook=True)
def pytest_json_modifyreport(json_report: dict[str, Any]) -> None:
    from pytest_terminalbench.plugin.status import add_to_json_report

    add_to_json_report(json_report)


# xdist's hooks, on the controller. They are optional: without xdist nobody calls them.


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    from pytest_terminalbench.plugin.workers import hand_over

    hand_over(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    if any(".json::" in nodeid for nodeid in ids):
        controller = _bench(node.config).controller
        assert controller is not None  # xdist calls this on the controller only.
        controller.expect(ids)


@pytest.hookimpl(optionalhook=True)
def pytest_handlecrashitem(crashitem: str, report: pytest.TestReport, sched: Any) -> None:
    bench = existing(sched.config)
    if bench is not None and bench.controller is not None:
        bench.controller.worker_crashed(crashitem, report, sched)


def existing(config: pytest.Config) -> BenchSession | None:
    """The session's state, if it has anything to do with scenarios so far."""
    from pytest_terminalbench.plugin.keys import BENCH

    return config.stash.get(BENCH, None)


def _bench(config: pytest.Config, options: Options | None = None) -> BenchSession:
    from pytest_terminalbench.plugin.session import BenchSession

    return BenchSession.of(config, options)


def _is_named(config: pytest.Config, path: Path) -> bool:
    bench = existing(config)
    return bench is not None and bench.is_dataset(path)
