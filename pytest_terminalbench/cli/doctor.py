"""`terminalbench doctor`: can runs work here?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from pytest_terminalbench.cli.output import Format, FormatOption, Styled, print_json, print_table
from pytest_terminalbench.cli.project import project_image_map
from pytest_terminalbench.naming import counted

if TYPE_CHECKING:
    from pytest_terminalbench.doctor import Probe

__all__ = ["doctor"]

EXIT_BROKEN = 1
_STYLES = {"ok": "green", "warning": "yellow", "failed": "bold red"}


def doctor(output: FormatOption = Format.TABLE) -> None:
    """Look whether runs can work on this machine, and why not.

    Python and packages, container engine, limits, disk, what is left over, base images, and one container that is
    started for real. Exit code 0 when runs can work, else 1.
    """
    from pytest_terminalbench.doctor import Level, can_run, examine

    probes = list(examine(project_image_map))
    if output is Format.JSON:
        listed = [{"name": p.name, "level": p.level, "value": p.value, "note": p.note} for p in probes]
        print_json({"can_run": can_run(probes), "probes": listed})
    else:
        print_table(["probe", "level", "answer"], [row for probe in probes for row in _rows(probe)])
        warnings = sum(probe.level is Level.WARNING for probe in probes)
        typer.echo()
        typer.echo(_verdict(is_fine=can_run(probes), warnings=warnings))
    if not can_run(probes):
        raise typer.Exit(EXIT_BROKEN)


def _rows(probe: Probe) -> Iterator[list[str | Styled]]:
    yield [probe.name, Styled(probe.level, _STYLES[probe.level]), probe.value]
    if probe.note:
        yield ["", "", probe.note]


def _verdict(*, is_fine: bool, warnings: int) -> str:
    if not is_fine:
        return "runs cannot work here until what failed is fixed"
    return "runs can work here" + (f" ({counted(warnings, 'warning')})" if warnings else "")
