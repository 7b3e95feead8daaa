"""`terminalbench compare A B`: what got worse, what better, and how sure that is."""

from __future__ import annotations

import json
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from pytest_terminalbench.baselines.policy_settings import (
    ALPHA,
    MARGIN,
    PolicySettings,
    read_min_visible,
)
from pytest_terminalbench.cli.output import complain, say, shown_path, without_controls
from pytest_terminalbench.cli.project import BaselinesOption, ResultsOption, baselines_folder, results_folder
from pytest_terminalbench.errors import BaselineError, RunFolderError, SettingsError
from pytest_terminalbench.exit_codes import EXIT_BLOCKED

if TYPE_CHECKING:
    from pytest_terminalbench.comparing.compare_records import Comparison

__all__ = ["compare"]

EXIT_WORSE = 1
# As where a session was blocked altogether: nobody can say that a job which compared nothing is fine.
EXIT_NOTHING_COMPARED = EXIT_BLOCKED
EXIT_NO_RESULTS = 3

_WHAT = (
    "a run (id, folder, or `latest`), baselines (DATASET/LABEL), a results.json of Terminal-Bench or a folder of "
    "several, a job of Harbor; `@AGENT` at the end chooses one of several agents"
)


# What a comparison is told where its user says nothing.
_AS_SESSION = "default: as B's session had it"


class _Said(NamedTuple):
    """What the command line says of the policy; None: as the candidate's session had it."""

    alpha: float | None
    margin: float | None
    min_visible: float | None
    parity: ParityChoice | None


class ComparisonFormat(StrEnum):
    TABLE = "table"
    MARKDOWN = "markdown"
    JSON = "json"
    HTML = "html"


class ParityChoice(StrEnum):
    BLOCK = "block"
    WARN = "warn"
    OFF = "off"


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help=f"The baseline: {_WHAT}.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The candidate: likewise.")],
    *,
    output_format: Annotated[
        ComparisonFormat, typer.Option("--format", help="Lines for people, Markdown, JSON, or one HTML file.")
    ] = ComparisonFormat.TABLE,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write there; default: standard output.")
    ] = None,
    alpha: Annotated[
        float | None,
        typer.Option(
            "--alpha",
            help=f"How often no change at all may be called worse, as a share; {_AS_SESSION}, else "
            f"{PolicySettings.alpha:g}.",
        ),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(
            "--margin", help=f"A drop up to this share of 1 never fails; {_AS_SESSION}, else {PolicySettings.margin:g}."
        ),
    ] = None,
    min_visible: Annotated[
        float | None,
        typer.Option(
            "--min-visible",
            metavar="POINTS",
            help=f"What passes rules such a drop out and could have seen one; {_AS_SESSION}, else "
            f"{100 * PolicySettings.min_visible:g}.",
        ),
    ] = None,
    parity: Annotated[
        ParityChoice | None,
        typer.Option(
            "--parity",
            help=f"Tasks with other files, image or limits: left out, only told, or not looked at; {_AS_SESSION}, else "
            f"{PolicySettings.parity}.",
        ),
    ] = None,
    fail_on_regression: Annotated[
        bool,
        typer.Option(
            "--fail-on-regression",
            help=f"End with {EXIT_WORSE} when the candidate is worse, {EXIT_NOTHING_COMPARED} when no task was judged "
            "on both sides.",
        ),
    ] = False,
    results: ResultsOption = None,
    baselines: BaselinesOption = None,
) -> None:
    """Compare B with A, task by task and as a whole.

    Exit code 3 when one of them is missing or damaged.
    """
    said = _Said(alpha=alpha, margin=margin, min_visible=min_visible, parity=parity)
    comparison = _comparison(a, b, said, results_folder(results), baselines_folder(baselines))
    text = _rendered(comparison, output_format)
    if output is None:
        typer.echo(text, nl=False)
    else:
        _write(output, text)
    if fail_on_regression and comparison.verdict == "fail":
        raise typer.Exit(EXIT_WORSE)
    if fail_on_regression and not comparison.tasks:
        raise typer.Exit(EXIT_NOTHING_COMPARED)


def _comparison(a: str, b: str, said: _Said, results: Path, baselines: Path) -> Comparison:
    from pytest_terminalbench.comparing.compare_records import compare_records, policy_of
    from pytest_terminalbench.importing.find_results import load_record

    _check(said)
    try:
        before, after = (load_record(text, results=results, baselines=baselines) for text in (a, b))
    except (RunFolderError, BaselineError) as error:
        complain(str(error))
        raise typer.Exit(EXIT_NO_RESULTS) from None
    policy = policy_of(after)
    return compare_records(
        before,
        after,
        policy=replace(
            policy,
            alpha=policy.alpha if said.alpha is None else said.alpha,
            margin=policy.margin if said.margin is None else said.margin,
            min_visible=policy.min_visible if said.min_visible is None else said.min_visible / 100,
            parity=policy.parity if said.parity is None else said.parity.value,
        ),
    )


def _check(said: _Said) -> None:
    """Raises SettingsError naming the option, its value and what would be right."""
    if said.alpha is not None and not ALPHA.holds(said.alpha):
        raise SettingsError(f"--alpha is {said.alpha:g}; it is a share of 1, {ALPHA}")
    if said.margin is not None and not MARGIN.holds(said.margin):
        raise SettingsError(f"--margin is {said.margin:g}; it is a share of 1, {MARGIN}")
    if said.min_visible is not None:
        read_min_visible(said.min_visible, option="--min-visible")


def _rendered(comparison: Comparison, output_format: ComparisonFormat) -> str:
    from pytest_terminalbench.comparing.comparison_json import as_json
    from pytest_terminalbench.comparing.page import html
    from pytest_terminalbench.comparing.text import lines, markdown

    match output_format:
        case ComparisonFormat.JSON:
            return json.dumps(as_json(comparison), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        case ComparisonFormat.HTML:
            return html(comparison)
        case ComparisonFormat.MARKDOWN:
            return without_controls(markdown(comparison))
        case ComparisonFormat.TABLE:
            return without_controls("".join(f"{line}\n" for line in lines(comparison)))


def _write(file: Path, text: str) -> None:
    from pytest_terminalbench.documents import write_atomically

    try:
        write_atomically(file, text)
    except OSError as error:
        raise SettingsError(f"--output {file} cannot be written: {error.strerror or error}") from None
    say(f"written to {shown_path(file.resolve())}")
