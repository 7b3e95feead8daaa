"""`terminalbench init`: a project with a first scenario, an agent to fill in and a CI job."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pytest_terminalbench.cli.output import say, shown_path
from pytest_terminalbench.errors import SettingsError
from pytest_terminalbench.settings import has_pytest_settings

__all__ = ["init"]

_TEMPLATE = Path(__file__).parents[1] / "project_template"
# What the dataset is called in the template's files.
_DATASET = "my-set"


class CI(StrEnum):
    GITHUB = "github"
    GITLAB = "gitlab"
    NONE = "none"


_CI_FILES = {CI.GITHUB: ".github/workflows/benchmark.yml", CI.GITLAB: ".gitlab-ci.yml"}


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The project's folder; it may have other files already.")
    ] = Path(),
    *,
    dataset: Annotated[str, typer.Option("--dataset", metavar="NAME", help="What the dataset is called.")] = _DATASET,
    ci: Annotated[CI, typer.Option("--ci", help="Whose CI the job is for.")] = CI.GITHUB,
) -> None:
    """Make a dataset with one scenario, an agent to fill in, and a CI job.

    Nothing is overwritten: where one of the files is there already, nothing is made.
    """
    from pytest_terminalbench.scenarios.catalog import check_dataset_name

    check_dataset_name(dataset, asked="--dataset")
    files = _files(folder, dataset, ci)
    _check_free(folder, files)
    for name, content in files.items():
        _write(folder / name, content)
    for line in _report(folder, dataset, ci, list(files)):
        typer.echo(line)


def _files(folder: Path, dataset: str, ci: CI) -> dict[str, bytes]:
    """What is to be made, relative to `folder`; what configures other tools only where there is none yet."""
    scenario = _TEMPLATE / "scenario"
    sources = {
        f"scenarios/{dataset}/{file.relative_to(scenario).as_posix()}": file
        for file in sorted(scenario.rglob("*"))
        if file.is_file()
    }
    sources["my_agent.py"] = _TEMPLATE / "my_agent.py"
    if ci in _CI_FILES:
        sources[_CI_FILES[ci]] = _TEMPLATE / "ci" / f"{ci}.yml"
    if not has_pytest_settings(folder):
        sources["pytest.ini"] = _TEMPLATE / "pytest.ini"
    if not (folder / ".gitignore").exists():
        sources[".gitignore"] = _TEMPLATE / "gitignore"
    return {name: source.read_bytes().replace(_DATASET.encode(), dataset.encode()) for name, source in sources.items()}


def _check_free(folder: Path, files: Mapping[str, bytes]) -> None:
    """Raises SettingsError naming every file that is there already, and what is in the way of one."""
    if folder.exists() and not folder.is_dir():
        raise SettingsError(f"{folder} is no folder; name another DIR")
    taken = [name for name in files if (folder / name).exists() or (folder / name).is_symlink()]
    if taken:
        raise SettingsError(
            f"nothing was made: {folder} has {', '.join(taken)} already; name another folder, or remove or rename "
            "them, or choose another --dataset or --ci"
        )


def _write(file: Path, content: bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("xb") as new:
            new.write(content)
        if content.startswith(b"#!"):
            file.chmod(0o755)
    except OSError as error:
        raise SettingsError(f"{file} cannot be written: {error.strerror or error}") from None


def _report(folder: Path, dataset: str, ci: CI, made: list[str]) -> list[str]:
    """What was made, what was left alone, and what to type now."""
    kept = [name for name in ("pytest.ini", ".gitignore") if name not in made]
    if ".gitignore" in kept:
        say("there is a .gitignore already: see to it that it has results/")
    here = shown_path(folder.resolve())
    go_there = [] if folder.resolve() == Path.cwd() else [f"  cd {shlex.quote(here)}"]
    run = f"  pytest --tb-dataset {dataset}"
    return [
        f"made in {here}:",
        *(f"  {name}" for name in made),
        "",
        f"The scenario is scenarios/{dataset}/hello.json, with a solution and a verifier beside it. Try it:",
        *go_there,
        f"{run:<76}  # the oracle runs the solution: solved",
        f"{run + ' --tb-agent nop':<76}  # nothing is done: must be unsolved",
        # It is to fail at first: that is no incident, which a release would wait for.
        f"{run + ' --tb-agent my_agent:MyAgent --tb-no-incidents':<76}  # yours: unsolved, until you fill it in",
        f"{'  terminalbench scenario shell hello':<76}  # you: solve it by hand, and be judged",
        "",
        "Fill in my_agent.py, approve what it does, and commit all but results/:",
        f"{run} --tb-agent my_agent:MyAgent --tb-attempts 5 --update-baselines",
        *(
            []
            if ci is CI.NONE
            else ["The CI job installs pytest-terminalbench from a submodule or copy in this folder."]
        ),
        "More: `terminalbench docs writing-scenarios`, `terminalbench docs extending`"
        + ("" if ci is CI.NONE else ", `terminalbench docs ci`"),
    ]
