"""A whole session in this process, for scripts, experiments and pages: what pytest does, without it."""

from __future__ import annotations

from pytest_terminalbench.agents.registry import AgentRegistry
from pytest_terminalbench.cells.bench import Bench
from pytest_terminalbench.cells.bench_settings import BenchSettings
from pytest_terminalbench.cells.executors import run_in_threads, run_in_turn
from pytest_terminalbench.cells.observer import Observer
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.exit_codes import EXIT_FAILED, EXIT_OK
from pytest_terminalbench.runs.layout import RunFolder, check_run_id, new_run_id
from pytest_terminalbench.scenarios.catalog import Catalog
from pytest_terminalbench.sessions.session import ClosedRun, Session

__all__ = ["run_session"]


def run_session(
    settings: BenchSettings,
    *,
    catalog: Catalog | None = None,
    registry: AgentRegistry | None = None,
    observer: Observer | None = None,
) -> ClosedRun:
    """Run every cell of the session and close its run. The run's folder is like one of pytest's.

    The exit status is pytest's: 0, 1 for a cell that is not what was expected of it, a gate that fails, or a baseline
    without its scenario where that is asked for, 3 for lost cells, 22 for too many void ones. Ctrl-C closes the run
    with what there is and is raised again. Raises SettingsError, ScenarioError, BaselineError or EngineUnreachable
    before anything has run, OSError or RunFolderError where the run cannot be written.
    """
    run_id = settings.run_id or new_run_id()
    check_run_id(run_id)
    run = RunFolder(settings.results / run_id)
    if run.path.exists():
        raise RunFolderError(f"{run.path} exists; name another run")
    bench = Bench(settings, run.path, catalog=catalog, registry=registry, observer=observer)
    datasets = [bench.datasets.named(request) for request in settings.datasets]
    bench.check()
    bench.check_environments()
    cells = list(bench.cells(datasets))
    session = Session(bench, run)
    session.expect(cell.id for cell in cells)
    session.open()
    was_stopped = True
    try:
        turns = run_in_threads(bench, cells, settings.concurrency) if settings.concurrency > 1 else None
        for turn in turns or run_in_turn(bench, cells):
            if turn.error is None:
                turn.run.compare_trials()
            session.ledger.record(turn.run.result)
            session.ledger.finish(turn.run.cell.key)
        was_stopped = False
    finally:
        closed = session.close(
            status=_status(session, was_stopped), was_stopped=was_stopped, is_interrupted=was_stopped
        )
    assert closed is not None  # It was opened.
    return closed


def _status(session: Session, was_stopped: bool) -> int:
    gate = session.gate(was_stopped=was_stopped)
    has_failed = any(not result.passes for result in session.ledger.results(was_stopped=was_stopped))
    has_failed = has_failed or session.fails_for_orphans or (gate is not None and bool(gate.failures))
    return EXIT_FAILED if has_failed else EXIT_OK
