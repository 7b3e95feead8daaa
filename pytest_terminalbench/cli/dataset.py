"""`terminalbench dataset …`: what there is, what is wrong with it, what could be better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pytest_terminalbench.cli.output import (
    Format,
    FormatOption,
    Numbers,
    Styled,
    print_json,
    print_table,
    say,
    shown_path,
)
from pytest_terminalbench.cli.project import catalog, find_datasets
from pytest_terminalbench.errors import SettingsError
from pytest_terminalbench.naming import counted

if TYPE_CHECKING:
    from pytest_terminalbench.scenarios.dataset_list import DatasetEntry
    from pytest_terminalbench.scenarios.lint import Finding
    from pytest_terminalbench.scenarios.validation import Checked

__all__ = ["app"]

EXIT_WRONG = 1
# Enough of a digest to tell two apart by eye; JSON has all of it.
SHOWN_DIGEST = len("sha256:") + 12

app = typer.Typer(help="Datasets: list them, validate and lint their scenarios.", no_args_is_help=True)

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME|PATH", help="Datasets, their folders, or scenario files; default: all datasets."),
]


@app.command("list")
def list_datasets(output: FormatOption = Format.TABLE) -> None:
    """Every dataset under scenarios/, with its version and the digest of its content."""
    from pytest_terminalbench.scenarios.dataset_list import listed_datasets

    datasets = catalog()
    entries = listed_datasets(datasets)
    if output is Format.JSON:
        print_json([{**asdict(entry), "folder": str(entry.folder)} for entry in entries])
        return
    if not entries:
        say(f"no datasets under {shown_path(datasets.root / 'scenarios')}")
        return
    columns: list[Numbers | str] = ["name", "version", Numbers("scenarios"), "digest", "folder"]
    print_table(columns, [_entry_row(entry) for entry in entries])
    for entry in entries:
        if entry.problems:
            problems = counted(entry.problems, "problem")
            say(f"{entry.name}: {problems}; see `terminalbench dataset validate {entry.name}`")


def _entry_row(entry: DatasetEntry) -> list[str | Styled]:
    digest = entry.digest[:SHOWN_DIGEST] if entry.digest else Styled("not valid", "red")
    return [entry.name, entry.version, str(entry.scenarios), digest, shown_path(entry.folder)]


@app.command("validate")
def validate(names: Names = None, output: FormatOption = Format.TABLE) -> None:
    """Check datasets or single scenario files.

    Every problem with file, field and cure; exit code 1 if there is any.
    """
    from pytest_terminalbench.scenarios.validation import check_path

    datasets = catalog()
    checked = [check_path(datasets, name) for name in _chosen(names)]
    if output is Format.JSON:
        print_json([_checked_json(result) for result in checked])
    else:
        for result in checked:
            _print_checked(result)
    if any(result.problems for result in checked):
        raise typer.Exit(EXIT_WRONG)


def _chosen(names: Sequence[str] | None) -> list[str]:
    datasets = catalog()
    chosen = list(names or datasets.names())
    if not chosen:
        raise SettingsError(f"no datasets under {datasets.root / 'scenarios'}; name a folder or a scenario's file")
    return chosen


def _checked_json(checked: Checked) -> dict[str, object]:
    return {
        "name": checked.name,
        "scenarios": [scenario.id for scenario in checked.scenarios],
        "problems": [{**asdict(problem), "file": str(problem.file)} for problem in checked.problems],
    }


def _print_checked(checked: Checked) -> None:
    before = None
    for number, problem in enumerate(checked.problems):
        if problem.file != before:
            typer.echo(shown_path(problem.file))
        typer.echo(f"  {problem.field}: {problem.text}" if problem.field else f"  {problem.text}")
        before = problem.file
        following = checked.problems[number + 1 : number + 2]
        # One cure stands for all problems of a file.
        if problem.cure and not (following and following[0].file == before):
            typer.echo(f"  To fix it: {problem.cure}")
    right = counted(len(checked.scenarios), "valid scenario")
    typer.echo(
        f"{checked.name}: {right}, {counted(len(checked.problems), 'problem') if checked.problems else 'no problems'}"
    )


@app.command("lint")
def lint(
    names: Names = None,
    rules: Annotated[bool, typer.Option("--rules", help="Print what is looked for, and stop.")] = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Find what is valid and yet not what its author wants.

    Exit code 1 on errors, 0 with warnings alone. `--rules` lists what is looked for.
    """
    if rules:
        _print_rules(output)
        return
    from pytest_terminalbench.scenarios.lint import Severity

    findings = [finding for name in _chosen(names) for finding in _findings(name)]
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    if output is Format.JSON:
        print_json([_finding_json(finding) for finding in findings])
    else:
        for finding in findings:
            _print_finding(finding)
        say(f"{counted(errors, 'error')}, {counted(len(findings) - errors, 'warning')}")
    if errors:
        raise typer.Exit(EXIT_WRONG)


def _findings(name: str) -> list[Finding]:
    from pytest_terminalbench.scenarios.formats import is_scenario
    from pytest_terminalbench.scenarios.lint import lint_checked, lint_dataset
    from pytest_terminalbench.scenarios.validation import check_path

    if is_scenario(Path(name)):
        return lint_checked(check_path(catalog(), name))
    return lint_dataset(catalog(), name)


def _finding_json(finding: Finding) -> dict[str, object]:
    return {**asdict(finding), "file": str(finding.file), "severity": finding.severity}


def _print_finding(finding: Finding) -> None:
    field = f" {finding.field}:" if finding.field else ""
    style = {"error": "red", "warning": "yellow"}[finding.severity]
    head = typer.style(f"{finding.code} {finding.severity}", fg=style)
    typer.echo(f"{shown_path(finding.file)}: {head}:{field} {finding.message}")
    typer.echo(f"    {finding.cure}")


def _print_rules(output: Format) -> None:
    from pytest_terminalbench.scenarios.lint import RULES

    if output is Format.JSON:
        print_json({code: {"severity": rule.severity, "title": rule.title} for code, rule in RULES.items()})
    else:
        print_table(["code", "severity", "what"], [[code, rule.severity, rule.title] for code, rule in RULES.items()])


@app.command("lock")
def lock(
    names: Names = None,
    *,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 when something has drifted.")] = False,
) -> None:
    """Write the digests of all scenarios to the dataset's lock.json; `--tb-locked` refuses what drifts from it."""
    from pytest_terminalbench.scenarios.lock import dataset_drift, drift, read_lock, write_lock

    drifted = 0
    for dataset in find_datasets(names or []):
        if not check:
            typer.echo(str(shown_path(write_lock(dataset))))
            continue
        locked = read_lock(dataset)
        lines = [
            f"{scenario.id}: {change}"
            for scenario in dataset.scenarios()
            for change in drift(scenario, locked.scenarios)
        ]
        lines += dataset_drift(dataset, locked)
        drifted += len(lines)
        typer.echo("\n".join(lines) or f"{dataset.name}: as it was locked")
    if drifted:
        raise typer.Exit(1)


@app.command("schema")
def schema(
    *,
    kind: Annotated[str, typer.Option("--kind", metavar="KIND", help="Of scenarios of this kind.")] = "terminal",
    target: Annotated[Path | None, typer.Option("--output", metavar="FILE", help="Write it there.")] = None,
) -> None:
    """Print the JSON Schema of a kind's scenario files, generated from its model."""
    from pytest_terminalbench.documents import write_atomically
    from pytest_terminalbench.scenarios.json_schema import schema_text
    from pytest_terminalbench.scenarios.kinds import kind_named

    try:
        text = schema_text(kind_named(kind))
    except SettingsError as error:
        raise SettingsError(f"--kind {error}") from None
    if target is None:
        typer.echo(text, nl=False)
        return
    try:
        write_atomically(target, text)
    except OSError as error:
        raise SettingsError(f"--output {target} cannot be written: {error}") from None
    say(f"wrote {target}")
