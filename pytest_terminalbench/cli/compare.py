"""`terminalbench compare A B`: what got worse, what better, and how sure that is."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pytest_terminalbench.cli.output import complain, say, shown_path, without_controls
from pytest_terminalbench.cli.project import BaselinesOption, ResultsOption, baselines_folder, results_folder
from pytest_terminalbench.errors import BaselineError, RunFolderError, SettingsError

if TYPE_CHECKING:
    from pytest_terminalbench.comparing.compare_records import Comparison

__all__ = ["compare"]

EXIT_WORSE = 1
EXIT_NO_RESULTS = 3

_WHAT = (
    "a run (id, folder, or `latest`), baselines (DATASET/LABEL), a results.json of Terminal-Bench or a folder of "
    "several, a job of Harbor; `@AGENT` at the end chooses one of several agents"
)


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
        float, typer.Option("--alpha", help="How often no change at all may be called worse, as a share.")
    ] = 0.05,
    margin: Annotated[float, typer.Option("--margin", help="A drop up to this share of 1 never fails.")] = 0.02,
    parity: Annotated[
        ParityChoice,
        typer.Option(
            "--parity", help="Tasks with other files, image or limits: left out, only told, or not looked at."
        ),
    ] = ParityChoice.BLOCK,
    fail_on_regression: Annotated[
        bool, typer.Option("--fail-on-regression", help=f"End with {EXIT_WORSE} when the candidate is worse.")
    ] = False,
    results: ResultsOption = None,
    baselines: BaselinesOption = None,
) -> None:
    """Compare B with A, task by task and as a whole.

    Exit code 3 when one of them is missing or damaged.
    """
    comparison = _comparison(a, b, alpha, margin, parity, results_folder(results), baselines_folder(baselines))
    text = _rendered(comparison, output_format)
    if output is None:
        typer.echo(text, nl=False)
    else:
        _write(output, text)
    if fail_on_regression and comparison.suite.verdict == "fail":
        raise typer.Exit(EXIT_WORSE)


def _comparison(
    a: str, b: str, alpha: float, margin: float, parity: ParityChoice, results: Path, baselines: Path
) -> Comparison:
    from pytest_terminalbench.comparing.compare_records import compare_records
    from pytest_terminalbench.importing.find_results import load_record
    from pytest_terminalbench.statistics import SuiteSettings

    if not 0 < alpha < 1 or not 0 <= margin < 1:
        raise SettingsError(f"--alpha is {alpha:g} and --margin {margin:g}; both are shares of 1, as in 0.05 and 0.02")
    try:
        before, after = (load_record(text, results=results, baselines=baselines) for text in (a, b))
    except (RunFolderError, BaselineError) as error:
        complain(str(error))
        raise typer.Exit(EXIT_NO_RESULTS) from None
    # Fewer drops are ruled out than are called failures, or a pass and a failure could both be right.
    settings = SuiteSettings(alpha=alpha, margin=margin, max_drop=max(SuiteSettings().max_drop, margin))
    return compare_records(before, after, settings=settings, parity=parity.value)


def _rendered(comparison: Comparison, output_format: ComparisonFormat) -> str:
    from pytest_terminalbench.comparing.page import html
    from pytest_terminalbench.comparing.text import as_json, lines, markdown

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
