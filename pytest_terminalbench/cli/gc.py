"""`terminalbench gc`: remove containers that nobody needs any more."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Annotated

import typer

from pytest_terminalbench.cli.output import Format, FormatOption, Whole, print_json, print_table, say, shown_path
from pytest_terminalbench.cli.project import engine, results_folder
from pytest_terminalbench.errors import SettingsError
from pytest_terminalbench.naming import counted, nearest

__all__ = ["gc"]

EXIT_LEFT = 1


def _check_run(run: str, with_containers: AbstractSet[str]) -> None:
    """Raise SettingsError where neither a container nor a folder of results is of this run."""
    from pytest_terminalbench.runs.layout import run_names

    results = results_folder(None)
    stored = set(run_names(results))
    if run not in stored:
        raise SettingsError(
            f"--run {run!r}: no container is of this run, and none is so called in {shown_path(results)}"
            f"{nearest(run, with_containers | stored)}"
        )


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
    ours = leftovers(host, run_id=run)
    if run is not None and not ours:
        _check_run(run, {container.run_id for container in leftovers(host)})
    chosen = [container for container in ours if everything or run or container.is_orphan]
    removed = set() if dry_run else set(remove(host, chosen))
    fates = [
        (
            container,
            "would be removed" if dry_run else "removed" if container.id in removed else "NOT removed",
        )
        for container in chosen
    ]
    if output is Format.JSON:
        print_json(
            [
                {
                    "id": container.id,
                    "run_id": container.run_id,
                    "state": container.state,
                    "is_orphan": container.is_orphan,
                    "fate": fate,
                }
                for container, fate in fates
            ]
        )
    else:
        if chosen:
            rows = [
                [container.id[:12], container.run_id, "dead" if container.is_orphan else "alive", container.state, fate]
                for container, fate in fates
            ]
            print_table([Whole("container"), Whole("run"), "owner", "state", "fate"], rows)
        if dry_run:
            say(f"{len(chosen)} to remove, {len(ours) - len(chosen)} in use")
        else:
            say(f"removed {counted(len(removed), 'container')}, left {len(ours) - len(removed)}")
    if not dry_run and len(removed) < len(chosen):
        raise typer.Exit(EXIT_LEFT)
