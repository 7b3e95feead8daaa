"""The pytest plugin: hooks, nothing else.

pytest imports this module in every project where the package is installed. It imports pytest alone; what a session of
scenarios needs is imported when the first one is collected.
"""

from __future__ import annotations

import warnings
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
from pytest_terminalbench.plugin.options import add_options, bench_settings, hint_at_misspelt, plugin_options
from pytest_terminalbench.plugin.scenario_paths import (
    asked_by_paths,
    holds_scenarios,
    is_asked_for,
    is_scenario_file,
    leads_to_itself,
    scenarios_among,
)
from pytest_terminalbench.plugin.startup import import_compiled, keep_for_good, thaw, without_garbage_collection
from pytest_terminalbench.plugin.stash_keys import CELL, PASSED_OVER, SESSION

if TYPE_CHECKING:
    from pytest_terminalbench.plugin.session import PluginSession

__all__ = ["tb_agent", "tb_baseline", "tb_environment", "tb_model", "tb_scenario", "tb_trials"]


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    # The first hook of all: files named conftest.py come later, and may import ours.
    import_compiled()
    from pytest_terminalbench.plugin import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


def pytest_load_initial_conftests(parser: pytest.Parser, args: list[str]) -> None:
    hint_at_misspelt(parser, args)


def pytest_configure(config: pytest.Config) -> None:
    thaw()
    config.addinivalue_line("markers", "tb_dataset(name): the dataset a scenario belongs to (set by terminalbench)")
    # Read in every project, so that a wrong one in the ini file is always reported.
    settings, _ = bench_settings(config), plugin_options(config)
    by_paths = asked_by_paths(config, settings.root)
    if by_paths or settings.datasets:
        with without_garbage_collection():
            from pytest_terminalbench.plugin.session import PluginSession

            PluginSession.of(config).prepare(by_paths)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    ours = _existing(session.config)
    if ours is None or not ours.is_asked_for:
        return (yield)
    _ = ours.controller  # It hears of what is collected.
    with without_garbage_collection():
        collected = yield
    if all(CELL in item.stash for item in session.items):
        keep_for_good()
    return collected


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if leads_to_itself(path, parent.config.rootpath):
        from pytest_terminalbench.plugin.passed_over import LinkToItself

        link: LinkToItself = LinkToItself.from_parent(parent, path=path)
        return link
    if not holds_scenarios(path, parent.config):
        return None
    if not is_asked_for(path, parent.config):
        from pytest_terminalbench.plugin.passed_over import PassedOverDataset

        passed_over: PassedOverDataset = PassedOverDataset.from_parent(parent, path=path)
        return passed_over
    from pytest_terminalbench.plugin.collection import DatasetDirectory

    return DatasetDirectory.for_folder(path, parent)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    # Files inside the root directory come from their dataset's folder; this is for one outside, named by itself.
    if not isinstance(parent, pytest.Session) or not is_scenario_file(file_path, parent.config):
        return None
    from pytest_terminalbench.plugin.collection import DatasetDirectory, ScenarioFile

    return ScenarioFile.for_file(file_path, DatasetDirectory.for_folder(file_path.parent, parent))


def pytest_sessionstart(session: pytest.Session) -> None:
    ours = _existing(session.config)
    if ours is not None and ours.is_asked_for:
        ours.preflight()


def pytest_report_header(config: pytest.Config) -> list[str]:
    ours = _existing(config)
    return ours.header() if ours is not None and ours.is_asked_for else []


def pytest_report_teststatus(report: pytest.TestReport, config: pytest.Config) -> Any:
    if not (_may_tell_of_cell(report) or hasattr(report, "is_of_session")):
        return None
    from pytest_terminalbench.plugin.report_status import shown_status

    return shown_status(report)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    # Of a cell that a worker ran in a test of the user's own: only now does the controller hear of it.
    node = getattr(report, "node", None)
    if node is not None and _existing(node.config) is None and _may_tell_of_cell(report):
        from pytest_terminalbench.plugin.cell_property import cell_of
        from pytest_terminalbench.plugin.session import PluginSession

        cell = cell_of(report)
        if cell is not None:
            PluginSession.of(node.config).book(report, cell.id)


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    try:
        return (yield)
    except KeyboardInterrupt as error:
        # Asked now: cells in tests of the user's own become known while the loop runs.
        if _existing(session.config) is None:
            raise
        from pytest_terminalbench.plugin.pytest_internals import is_stopped_by_failures

        if not is_stopped_by_failures(session, error):
            raise
        raise session.Failed(session.shouldfail) from None


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    # Inside the terminal reporter's own wrapper, so that the summary is ready when it asks for it; after xdist has
    # ended its workers, so that nobody starts a container any more.
    try:
        with warnings.catch_warnings():
            if _existing(session.config) is not None:
                # Of a worker that is gone: no user asked for it, and where warnings are errors it would end the session
                # in a traceback. Of users' own snapshots syrupy's report says the same.
                warnings.filterwarnings("ignore", message="syrupy: received", category=UserWarning)
            yield
    finally:
        if PASSED_OVER in session.config.stash and hasattr(session.config, "workeroutput"):
            from pytest_terminalbench.plugin.passed_over import tell_passed_over

            tell_passed_over(session.config)
        ours = _existing(session.config)
        if ours is not None:
            from pytest_terminalbench.plugin.pytest_internals import forget_missing_snapshots

            forget_missing_snapshots(session.config)
            ours.finish(session)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config) -> None:
    if PASSED_OVER in config.stash:
        from pytest_terminalbench.plugin.passed_over import write_note

        write_note(terminalreporter, exitstatus)
    ours = _existing(config)
    if ours is not None and ours.controller is not None:
        ours.controller.write_summary(terminalreporter)


@pytest.hookimpl(optionalhook=True)
def pytest_json_modifyreport(json_report: dict[str, Any]) -> None:
    from pytest_terminalbench.plugin.report_status import add_to_json_report

    add_to_json_report(json_report)


# xdist's hooks, on the controller. They are optional: without xdist nobody calls them.


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    from pytest_terminalbench.plugin.worker_input import hand_over

    ours = _existing(node.config)
    hand_over(
        node,
        engine_url=ours.bench.engine_url if ours is not None else None,
        unreachable=ours.unreachable if ours is not None else {},
    )


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    from pytest_terminalbench.plugin.own_tests import has_run
    from pytest_terminalbench.plugin.passed_over import hear_of_passed_over

    hear_of_passed_over(node)
    if has_run(node):
        from pytest_terminalbench.plugin.session import PluginSession

        PluginSession.of(node.config).open_run()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    scenarios = scenarios_among(ids, node.config)
    ours = _existing(node.config)
    if scenarios and ours is not None and ours.controller is not None:
        ours.controller.expect([cell for nodeid in scenarios if (cell := ours.cell_of(nodeid)) is not None])


def _may_tell_of_cell(report: pytest.TestReport) -> bool:
    """Whether a report has a property of our name, which may be another's."""
    return any(name == "tb" for name, _ in getattr(report, "user_properties", ()))


def _existing(config: pytest.Config) -> PluginSession | None:
    """The session's state, if it has anything to do with scenarios so far."""
    session: PluginSession | None = config.stash.get(SESSION, None)
    return session
