"""`terminalbench import`: results of other harnesses become runs here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pytest_terminalbench.cli.output import complain, say, shown_path
from pytest_terminalbench.cli.project import BaselinesOption, ResultsOption, baselines_folder, project, results_folder
from pytest_terminalbench.errors import BaselineError, RunFolderError

if TYPE_CHECKING:
    from pytest_terminalbench.importing.approve_stored import ImportApproval

__all__ = ["import_results"]

EXIT_NO_RESULTS = 3
EXIT_REFUSED = 4


def import_results(
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH[@AGENT]",
            help="A results.json of tb, a folder of several, or a job's or trial's folder of Harbor.",
        ),
    ],
    *,
    run_id: Annotated[
        str | None, typer.Option("--run-id", metavar="ID", help="Name of the run; default: its own.")
    ] = None,
    approve: Annotated[bool, typer.Option("--approve", help="Make it the baseline of its cells, too.")] = False,
    leave_out_void: Annotated[
        bool,
        typer.Option("--leave-out-void", help="Approve cells with void attempts, too, by their other attempts."),
    ] = False,
    approver: Annotated[
        str | None, typer.Option("--approver", metavar="NAME", help="Who approves; default: git's user.name.")
    ] = None,
    notes: Annotated[str, typer.Option("--notes", metavar="TEXT", help="Why; kept with the baselines.")] = "",
    results: ResultsOption = None,
    baselines: BaselinesOption = None,
) -> None:
    """Store results of tb or Harbor as a run, to report, compare or approve.

    Exit code 3: they are missing or damaged; 4: the approval was refused, of all cells or of those with void attempts.
    """
    from pytest_terminalbench.importing.approve_stored import approve_stored
    from pytest_terminalbench.importing.find_results import load_record
    from pytest_terminalbench.importing.store_as_run import store_record
    from pytest_terminalbench.runs.manifest import git_user
    from pytest_terminalbench.settings import project_settings

    folder = results_folder(results)
    try:
        record = load_record(path, results=folder, baselines=baselines_folder(baselines, is_made=True))
        run = store_record(record, folder, run_id=run_id)
    except RunFolderError as error:
        complain(str(error))
        raise typer.Exit(EXIT_NO_RESULTS) from None
    typer.echo(str(shown_path(run.path)))
    if not approve:
        return
    root = project().root
    try:
        done = approve_stored(
            run,
            baselines=baselines_folder(baselines, is_made=True),
            approver=approver or git_user(root),
            maintainers=project_settings(root).maintainers,
            notes=notes,
            leave_out_void=leave_out_void,
        )
    except (BaselineError, RunFolderError) as error:
        complain(str(error))
        raise typer.Exit(EXIT_REFUSED) from None
    _tell(done)
    # With the option, what is refused has no judged attempt at all: nothing that one could have approved.
    if not done.approved or (done.refused and not leave_out_void):
        raise typer.Exit(EXIT_REFUSED)


def _tell(done: ImportApproval) -> None:
    """What was approved, and what was not."""
    say(f"{len(done.approval.written)} baselines written, {done.approval.unchanged} unchanged")
    for warning in done.warnings:
        say(warning)
    for cell in done.thinned:
        say(f"approved by its other attempts: {cell}")
    for cell in done.refused:
        complain(f"not approved: {cell}")
    if any(cell.voids < cell.attempts for cell in done.refused):
        say("--leave-out-void approves cells with void attempts by their other attempts")
