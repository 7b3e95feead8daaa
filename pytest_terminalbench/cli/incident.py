"""`terminalbench incident …`: tickets for what got worse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from pytest_terminalbench.cli.output import (
    Format,
    FormatOption,
    Whole,
    complain,
    print_json,
    print_table,
    say,
    shown_path,
)
from pytest_terminalbench.cli.project import (
    BaselinesOption,
    ResultsOption,
    baselines_folder,
    project,
    results_folder,
)

if TYPE_CHECKING:
    from pytest_terminalbench.errors import RunFolderError
    from pytest_terminalbench.release_check import ReviewedIncident

__all__ = ["app"]

EXIT_OPEN = 1
EXIT_DAMAGED = 3

app = typer.Typer(help="Incidents: tickets for what got worse.", no_args_is_help=True)


@app.command("list")
def list_incidents(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Acknowledged and resolved ones too.")] = False,
    results: ResultsOption = None,
    baselines: BaselinesOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Every open incident, oldest first: nobody has acknowledged it, and what it is about has not passed since.

    Exit code 3 when a ticket is damaged.
    """
    from pytest_terminalbench.release_check import IncidentState, review_incidents

    tickets, damaged = review_incidents(results_folder(results), baselines_folder(baselines))
    listed = [ticket for ticket in tickets if everything or ticket.state is IncidentState.OPEN]
    _print(listed, output, nothing=f"no open incidents below {shown_path(results_folder(results))}")
    _refuse(damaged)


@app.command("check")
def check(
    *,
    results: ResultsOption = None,
    baselines: BaselinesOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """The release check: fails as long as an incident is open.

    Exit code 1 when one is open, 3 when a ticket is damaged.
    """
    from pytest_terminalbench.release_check import IncidentState, review_incidents

    folder = results_folder(results)
    tickets, damaged = review_incidents(folder, baselines_folder(baselines))
    waiting = [ticket for ticket in tickets if ticket.state is IncidentState.OPEN]
    _print(waiting, output, nothing=f"no open incidents below {shown_path(folder)}")
    _refuse(damaged)
    if waiting:
        complain(
            f"{len(waiting)} open, of these {sum(ticket.is_overdue for ticket in waiting)} overdue; take one by "
            "`terminalbench incident ack ID`, or correct what it is about and run again"
        )
        raise typer.Exit(EXIT_OPEN)


@app.command("ack")
def acknowledge_incident(
    incident: Annotated[str, typer.Argument(metavar="ID", help="As `incident list` shows it.")],
    *,
    notes: Annotated[str, typer.Option("--notes", metavar="TEXT", help="What is being done.")] = "",
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who; default: git's user.name.")] = None,
    results: ResultsOption = None,
) -> None:
    """Say that you have taken an incident: it fails `incident check` no longer."""
    from pytest_terminalbench.incidents import acknowledge
    from pytest_terminalbench.runs.manifest import git_user

    who = by or git_user(project().root)
    acknowledge(results_folder(results), incident, by=who, notes=notes)
    typer.echo(f"{incident} acknowledged by {who}")


def _print(tickets: Sequence[ReviewedIncident], output: Format, *, nothing: str) -> None:
    if output is Format.JSON:
        print_json([ticket.to_json() for ticket in tickets])
    elif tickets:
        print_table([Whole("incident"), "kind", "state", "due", "for", "why", "what"], map(_row, tickets))
    else:
        say(nothing)


def _row(ticket: ReviewedIncident) -> list[str]:
    incident = ticket.incident
    due = f"{incident.due_on or '-'}{' (overdue)' if ticket.is_overdue else ''}"
    return [
        *(incident.id, incident.kind or "-", ticket.state.value, due),
        *(incident.on_rotation or "-", ticket.why, incident.text.partition("; ")[0]),
    ]


def _refuse(damaged: Sequence[RunFolderError]) -> None:
    for error in damaged:
        complain(str(error))
    if damaged:
        raise typer.Exit(EXIT_DAMAGED)
