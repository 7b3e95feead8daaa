"""`terminalbench incident …`: tickets for what got worse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pytest_terminalbench.cli.output import Format, FormatOption, complain, print_json, print_table, say, shown_path
from pytest_terminalbench.cli.project import ResultsOption, project, results_folder

if TYPE_CHECKING:
    from pytest_terminalbench.incidents import Incident

__all__ = ["app"]

EXIT_DAMAGED = 3

app = typer.Typer(help="Incidents: tickets for what got worse.", no_args_is_help=True)


@app.command("list")
def list_incidents(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Acknowledged ones too.")] = False,
    results: ResultsOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Every incident that nobody has acknowledged, oldest first.

    Exit code 3 when a ticket is damaged.
    """
    from pytest_terminalbench.incidents import read_incidents

    folder = results_folder(results)
    tickets, damaged = read_incidents(folder)
    listed = [incident for _, incident in tickets if everything or incident.acknowledged is None]
    if output is Format.JSON:
        print_json([incident.to_json() for incident in listed])
    elif listed:
        print_table(["incident", "kind", "due", "for", "acknowledged", "what"], map(_row, listed))
    else:
        say(f"no open incidents below {shown_path(folder)}")
    for error in damaged:
        complain(str(error))
    if damaged:
        raise typer.Exit(EXIT_DAMAGED)


@app.command("ack")
def acknowledge_incident(
    incident: Annotated[str, typer.Argument(metavar="ID", help="As `incident list` shows it.")],
    *,
    notes: Annotated[str, typer.Option("--notes", metavar="TEXT", help="What is being done.")] = "",
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who; default: git's user.name.")] = None,
    results: ResultsOption = None,
) -> None:
    """Say that you have taken an incident."""
    from pytest_terminalbench.incidents import acknowledge
    from pytest_terminalbench.runs.manifest import git_user

    who = by or git_user(project().root)
    acknowledge(results_folder(results), incident, by=who, notes=notes)
    typer.echo(f"{incident} acknowledged by {who}")


def _row(incident: Incident) -> list[str]:
    by = incident.acknowledged.by if incident.acknowledged else None
    return [
        *(value or "-" for value in (incident.id, incident.kind, incident.due_on, incident.on_rotation, by)),
        incident.text,
    ]
