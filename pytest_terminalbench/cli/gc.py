"""`terminalbench gc`: remove containers that nobody needs any more."""

from __future__ import annotations

from typing import Annotated

import typer

from pytest_terminalbench.cli.output import Format, FormatOption, print_json, print_table, say
from pytest_terminalbench.cli.project import engine

__all__ = ["gc"]

EXIT_LEFT = 1


def gc(
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Remove all containers of ours, those of running sessions too.")
    ] = False,
    run: Annotated[str | None, typer.Option("--run", metavar="ID", help="Remove the containers of this run.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be removed.")] = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Remove containers whose session is dead or whose time is over.

    What is not ours is never touched. Exit code 1 when one could not be removed.
    """
    from pytest_terminalbench.environments.reaper import leftovers, remove

    host = engine()
    found = leftovers(host, run_id=run)
    chosen = [one for one in found if everything or run or one.is_orphan]
    removed = set() if dry_run else set(remove(host, chosen))
    fates = [
        (one, "would be removed" if dry_run else "removed" if one.id in removed else "NOT removed") for one in chosen
    ]
    if output is Format.JSON:
        print_json(
            [
                {"id": one.id, "run_id": one.run_id, "state": one.state, "is_orphan": one.is_orphan, "fate": fate}
                for one, fate in fates
            ]
        )
    else:
        if chosen:
            rows = [
                [one.id[:12], one.run_id, "dead" if one.is_orphan else "alive", one.state, fate] for one, fate in fates
            ]
            print_table(["container", "run", "owner", "state", "fate"], rows)
        say(
            f"{len(chosen)} to remove, {len(found) - len(chosen)} in use"
            if dry_run
            else _said(len(removed), len(found))
        )
    if not dry_run and len(removed) < len(chosen):
        raise typer.Exit(EXIT_LEFT)


def _said(removed: int, found: int) -> str:
    return f"removed {removed} container{'' if removed == 1 else 's'}, left {found - removed}"
