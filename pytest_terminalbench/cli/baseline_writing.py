"""What the commands have in common that write baselines: who may, and how they end where nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from pytest_terminalbench.cli.output import complain
from pytest_terminalbench.cli.project import project
from pytest_terminalbench.errors import BaselineError, RunFolderError

__all__ = ["EXIT_REFUSED", "ApproverOption", "DryRunOption", "NotesOption", "permitted", "refuse", "refusing"]

EXIT_REFUSED = 4

ApproverOption = Annotated[
    str | None, typer.Option("--approver", metavar="NAME", help="Who approves; default: git's user.name.")
]
NotesOption = Annotated[str, typer.Option("--notes", metavar="TEXT", help="Why; kept with the baseline or in the log.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only show what would be written.")]


def permitted(approver: str | None, *, deed: str) -> str:
    """Who does it: `approver`, or git's user. Raises BaselineError where only maintainers may, and this is none."""
    from pytest_terminalbench.baselines.approval import check_maintainer
    from pytest_terminalbench.runs.manifest import git_user
    from pytest_terminalbench.settings import project_settings

    root = project().root
    by = approver or git_user(root)
    check_maintainer(by, project_settings(root).maintainers, deed=deed)
    return by


@contextmanager
def refusing(folder: Path) -> Iterator[None]:
    """End the command with its code and the reason where baselines in `folder` may not, or cannot, be written."""
    try:
        yield
    except (BaselineError, RunFolderError) as error:
        refuse(str(error))
    except OSError as error:
        place = error.filename or folder
        refuse(f"{place} cannot be written: {error.strerror}; see to it, then run the command again")


def refuse(reason: str) -> NoReturn:
    complain(reason)
    raise typer.Exit(EXIT_REFUSED)
