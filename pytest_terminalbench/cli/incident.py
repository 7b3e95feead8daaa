"""`terminalbench incident …`: tickets for what got worse."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pytest_terminalbench.cli.output import Format, FormatOption, complain, print_json, print_table, say, shown_path
from pytest_terminalbench.cli.project import project, results_folder

__all__ = ["app"]

EXIT_DAMAGED = 3

app = typer.Typer(help="Incidents: tickets for what got worse.", no_args_is_help=True)

ResultsOption = Annotated[Path | None, typer.Option("--results", metavar="DIR", help="Where the runs lie.")]


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
    from pytest_terminalbench.incidents import damaged_incidents, read_incidents

    folder = results_folder(results)
    found = [content for _, content in read_incidents(folder) if everything or not content.get("acknowledged")]
    if output is Format.JSON:
        print_json(found)
    elif found:
        print_table(["incident", "kind", "due", "for", "acknowledged", "what"], [_row(one) for one in found])
    else:
        say(f"no open incidents below {shown_path(folder)}")
    damaged = damaged_incidents(folder)
    for file in damaged:
        complain(f"{shown_path(file)} is damaged, or of another version: restore it, update, or remove the file")
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


def _row(content: dict[str, Any]) -> list[str]:
    acknowledged = content.get("acknowledged") or {}
    keys = [str(content.get(key) or "-") for key in ("id", "kind", "due_on", "on_rotation")]
    return [*keys, str(acknowledged.get("by") or "-"), str(content.get("text", ""))]
