"""`terminalbench images …`: build, prune, bootstrap."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from pytest_terminalbench.cli.output import (
    Format,
    FormatOption,
    Numbers,
    Styled,
    Whole,
    complain,
    print_json,
    print_table,
    say,
)
from pytest_terminalbench.cli.project import ImageMapOption, catalog, engine, project_image_map
from pytest_terminalbench.errors import ScenarioError, SettingsError
from pytest_terminalbench.naming import counted

if TYPE_CHECKING:
    from pytest_terminalbench.environments.parallel_builds import Built
    from pytest_terminalbench.scenarios.container import ContainerScenario

__all__ = ["app"]

EXIT_FAILED = 1
DEFAULT_DATASET = "terminal-bench-core"
DEFAULT_BASE = "debian:bookworm-slim"
# Builds mostly wait for disk and downloads, so a few more than there are CPUs; many more get in each other's way.
MAX_JOBS = 4
_STYLES = {"built": "green", "pulled": "green", "present": "", "failed": "bold red"}

app = typer.Typer(help="Images of scenarios and their bases.", no_args_is_help=True)


@app.command("build")
def build(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="A dataset's name or folder.")] = DEFAULT_DATASET,
    scenarios: Annotated[
        str | None, typer.Option("--scenarios", metavar="A,B", help="Only these scenarios' images.")
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="How many at a time.")] = min(
        MAX_JOBS, (os.cpu_count() or 1) + 1
    ),
    image_map: ImageMapOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Build or pull every image of a dataset, so that the first run need not.

    Exit code 1 when one fails; the others are built.
    """
    from pytest_terminalbench.environments.docker_provider import DockerProvider
    from pytest_terminalbench.environments.parallel_builds import build_images
    from pytest_terminalbench.environments.provider import ProviderSettings

    chosen, wrong = _scenarios(dataset, scenarios)
    for error in wrong:
        complain(str(error))
    settings = ProviderSettings(engine_url=engine().url, run_id="images", image_map=project_image_map(image_map))
    results: list[Built] = []
    for built in build_images(chosen, lambda: DockerProvider(settings).images, jobs=jobs):
        results.append(built)
        say(f"[{len(results)}/{len(chosen)}] {built.scenario_id}: {built.how} ({built.seconds:.1f} s)")
        if built.problem:
            say(built.problem)
    _print_built(sorted(results, key=lambda built: built.scenario_id), output)
    if wrong or any(built.how == "failed" for built in results):
        raise typer.Exit(EXIT_FAILED)


def _scenarios(dataset: str, wanted: str | None) -> tuple[list[ContainerScenario], list[ScenarioError]]:
    """The scenarios asked for that are right and have a container, and what is wrong with the others."""
    from pytest_terminalbench.scenarios.container import ContainerScenario
    from pytest_terminalbench.scenarios.select_by_name import select_files

    chosen = catalog().find(dataset, asked="dataset")
    valid, wrong = chosen.check()
    right = [scenario for scenario in valid if isinstance(scenario, ContainerScenario)]
    if wanted:
        files = select_files([chosen], wanted.split(","))
        right = [scenario for scenario in right if scenario.file in files]
        wrong = [error for error in wrong if error.file in files]
    if not right and not wrong:
        raise SettingsError(f"{chosen.folder} holds no scenarios with a container")
    return right, wrong


def _print_built(results: Sequence[Built], output: Format) -> None:
    if output is Format.JSON:
        print_json([{**asdict(built), "seconds": round(built.seconds, 3)} for built in results])
        return
    columns: list[Numbers | Whole | str] = [Whole("scenario"), "image", Numbers("seconds"), Whole("reference")]
    rows: list[list[str | Styled]] = [
        [built.scenario_id, Styled(built.how, _STYLES[built.how]), f"{built.seconds:.1f}", built.reference or "-"]
        for built in results
    ]
    print_table(columns, rows)


@app.command("prune")
def prune(
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="AGE", help="Only images built so long ago: 30m, 12h, 7d, 0.")
    ] = "7d",
    bases: Annotated[bool, typer.Option("--bases", help="Also those that an image map names.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be removed.")] = False,
    image_map: ImageMapOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Remove old images that were built for scenarios and that no container uses.

    What another process builds at this moment stays, and so does what is not ours.
    """
    from pytest_terminalbench.environments.docker_provider import default_locks
    from pytest_terminalbench.environments.prune_images import prune_images

    mapped = () if bases else tuple(project_image_map(image_map).replacements.values())
    age_s = _seconds(older_than)
    pruned = sorted(
        prune_images(engine(), older_than_s=age_s, mapped=mapped, locks=default_locks(), dry_run=dry_run),
        key=lambda pair: (pair[0].scenario_id, pair[0].tags),
    )
    gone = [image for image, fate in pruned if fate in ("removed", "would be removed")]
    if output is Format.JSON:
        print_json([{**asdict(image), "fate": fate} for image, fate in pruned])
        return
    if pruned:
        columns: list[Numbers | str] = ["scenario", "image", Numbers("MiB"), Numbers("days"), "fate"]
        print_table(
            columns,
            [
                [
                    image.scenario_id,
                    ", ".join(image.tags) or image.id[:19],
                    f"{image.size_bytes >> 20}",
                    f"{image.age_s / 86_400:.1f}",
                    fate,
                ]
                for image, fate in pruned
            ],
        )
    young = sum(fate == "too young" for _, fate in pruned)
    say(
        f"{'would remove' if dry_run else 'removed'} {counted(len(gone), 'image')}, left {len(pruned) - len(gone)}"
        + (f"; {young} younger than {older_than} (--older-than 0 takes them, too)" if young else "")
    )


def _seconds(age: str) -> float:
    """`age`, as ``7d``; raises SettingsError for what is none."""
    match = re.fullmatch(r"(\d{1,6})([smhd])|0+", age)
    if match is None:
        raise SettingsError(f"--older-than {age!r} is no age; write a number and s, m, h or d, as in 12h or 7d")
    return int(match[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[match[2]] if match[1] else 0


@app.command("bootstrap")
def bootstrap_base(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The base image, as scenarios name it.")] = DEFAULT_BASE,
    force: Annotated[bool, typer.Option("--force", help="Build it even if it is here or could be pulled.")] = False,
    no_pull: Annotated[bool, typer.Option("--no-pull", help="Do not ask a registry.")] = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Have a base image, also where no registry answers.

    As it is here, else pulled, else built from Debian's packages and noted in this machine's image map.
    """
    from pytest_terminalbench.environments.bootstrap import bootstrap

    host = engine()
    say(f"looking for {name}; if it has to be built from packages, that takes some minutes")
    made = bootstrap(host, name, pull=not no_pull, force=force)
    if output is Format.JSON:
        print_json(asdict(made))
    else:
        typer.echo(f"{made.name}: {made.how}" + (f" as {made.reference}" if made.reference != made.name else ""))
