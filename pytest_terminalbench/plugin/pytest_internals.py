"""What pytest, syrupy and xdist keep under private names, and we cannot do without: all of it is here.

Checked with pytest 8.4 and 9.2, syrupy 6.0 and 7.0, and pytest-xdist 3.6 and 3.8. Each function says what it is for and
why no public way leads there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
from _pytest._code.code import ReprEntryNative, ReprExceptionInfo, ReprFileLocation, ReprTraceback
from _pytest.runner import runtestprotocol

from pytest_terminalbench.plugin.stash_keys import BASELINE_SNAPSHOTS

if TYPE_CHECKING:
    from syrupy.session import SnapshotSession

__all__ = [
    "as_current_item",
    "baseline_snapshots",
    "correct_json_report",
    "files_may_be_ignored",
    "fixture_function",
    "fixture_functions",
    "fixtureinfo",
    "forget_missing_snapshots",
    "is_stopped_by_failures",
    "is_xfailed",
    "longrepr",
    "option",
    "ran_not_at_all",
    "requeued",
    "run_protocol",
    "worker_of",
]


def longrepr(text: str, path: str) -> ReprExceptionInfo:
    """What a failed report shows: all of ``text``, and its first line where pytest has room for one only.

    A plain string would do for a terminal, but on CI pytest's short summary shows a string in full. ``path`` is what
    ``--tb=line`` and the JSON report name as the place of the failure.
    """
    lines = text.splitlines() or [""]
    traceback = ReprTraceback([ReprEntryNative([f"{line}\n" for line in lines])], None, style="native")
    return ReprExceptionInfo(traceback, ReprFileLocation(path, 1, lines[0]))


def run_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Sequence[pytest.TestReport]:
    """Run `item` without telling anybody yet: the hook of this protocol always reports."""
    return runtestprotocol(item, log=False, nextitem=nextitem)


def files_may_be_ignored(config: pytest.Config, hooks: Any) -> bool:
    """Whether anything may leave out files of a folder whose hooks are `hooks`; else the hook need not be asked.

    pytest's own answer looks for a virtual environment below every file, which is a tenth of collecting ten thousand.
    What it goes by are two options and two lists of conftest.py files.
    """
    manager = config.pluginmanager
    lists = ("collect_ignore", "collect_ignore_glob")
    asked = hooks.pytest_ignore_collect
    # pytest 8 wraps the hooks that also take py.path's paths.
    implementations = getattr(asked, "__wrapped__", asked).get_hookimpls()
    return (
        any(config.getoption(name) for name in ("ignore", "ignore_glob"))
        or any(implementation.plugin is not manager.get_plugin("main") for implementation in implementations)
        or any(hasattr(plugin, name) for plugin in manager.get_plugins() for name in lists)
    )


def fixtureinfo(item: pytest.Function) -> Any:
    """What pytest found out about an item's fixtures, to be handed to the next item like it."""
    return getattr(item, "_fixtureinfo", None)


def fixture_functions(item: pytest.Item) -> dict[str, object]:
    """The function behind each fixture that `item` uses, by the fixture's name."""
    definitions = getattr(item, "_fixtureinfo").name2fixturedefs  # noqa: B009
    return {name: known[-1].func for name, known in definitions.items()}


def fixture_function(name: str, node: pytest.Collector | pytest.Item) -> object:
    """The function behind the fixture `name` as `node` sees it; None where there is none."""
    known = node.session._fixturemanager.getfixturedefs(name, node)
    return known[-1].func if known else None


def option(config: pytest.Config, name: str) -> Any:
    """An option of pytest's or of another plugin's; None where the plugin is not there."""
    return getattr(config.option, name, None)


def baseline_snapshots(session: pytest.Session) -> SnapshotSession:
    """A session of syrupy's for baselines alone, which every assertion needs.

    Syrupy's own one tells at the end how many snapshots passed. That counted cells that void or a failed suite gate had
    made worthless, below the verdict. It is left to the user's snapshots, and never finishes this one.
    """
    if BASELINE_SNAPSHOTS not in session.config.stash:
        from syrupy.session import SnapshotSession

        session.config.stash[BASELINE_SNAPSHOTS] = SnapshotSession(pytest_session=session)
    return session.config.stash[BASELINE_SNAPSHOTS]


def forget_missing_snapshots(config: pytest.Config) -> None:
    """Keep syrupy from telling of snapshots that nobody has: it misses what a worker that was stopped has to say.

    It still tells where the workers that are left have seen a snapshot of the user's.
    """
    report = getattr(getattr(config, "_syrupy", None), "report", None)
    if report is not None and getattr(report, "unused_detection_incomplete", False):
        has_snapshots = any(True for seen in (report.discovered, report.used) for _ in seen)
        report.unused_detection_incomplete = has_snapshots


@contextmanager
def as_current_item(item: pytest.Item) -> Iterator[None]:
    """Tell xdist's worker that `item` is the one that reports: it takes reports of the item it has started only."""
    workers = [p for p in item.config.pluginmanager.get_plugins() if type(p).__name__ == "WorkerInteractor"]
    before = [worker.item_index for worker in workers]
    for worker in workers:
        worker.item_index = item.session.items.index(item)
    try:
        yield
    finally:
        for worker, index in zip(workers, before, strict=True):
            worker.item_index = index


def is_xfailed(report: pytest.TestReport) -> bool:
    """Whether the item was expected to fail, and did: no public field tells that from an item that was skipped."""
    return report.skipped and hasattr(report, "wasxfail")


def is_stopped_by_failures(session: pytest.Session, error: KeyboardInterrupt) -> bool:
    """Whether ``-x`` or ``--maxfail`` is why xdist ends the session, and nobody interrupted it meanwhile.

    xdist raises for it what it raises for a worker that was interrupted; only the text tells them apart. pytest counts
    the failures of all workers beside it, and knows better.
    """
    from xdist.dsession import Interrupted

    is_of_xdist = isinstance(error, Interrupted) and not str(error).endswith("received keyboard-interrupt")
    return is_of_xdist and bool(session.shouldfail)


def ran_not_at_all(report: pytest.TestReport) -> bool:
    """Whether an item was skipped, or expected to fail with ``run=False``: of the latter only the reason tells."""
    reason = str(getattr(report, "wasxfail", "[NOTRUN]"))
    return report.skipped and reason.removeprefix("reason: ").startswith("[NOTRUN]")


def worker_of(report: Any) -> str:
    """What xdist calls the worker that sent a report, or whose death it tells."""
    return str(report.node.gateway.id)


def correct_json_report(config: pytest.Config, exit_status: int) -> None:
    """Have pytest-json-report say what the session ends with: it writes before any other plugin can know.

    Checked with pytest-json-report 1.5. Where its file could not be written, that is what it has said already.
    """
    plugin = getattr(config, "_json_report", None)
    report = getattr(plugin, "report", None)
    if plugin is None or report is None or report["exitcode"] == exit_status:
        return
    report["exitcode"] = exit_status
    path = option(config, "json_report_file")
    if path:
        with suppress(OSError):
            plugin.save_report(path)


def requeued(sched: Any, nodeid: str) -> bool:
    """Have xdist run an item once more; False where its way of distributing cannot (``--dist loadscope`` and kin)."""
    try:
        sched.mark_test_pending(nodeid)
    except NotImplementedError:
        return False
    return True
