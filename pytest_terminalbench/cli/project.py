"""Where the project is that a command is about: found as pytest finds it, from the current folder."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pytest_terminalbench.cli.output import complain
from pytest_terminalbench.settings import PytestSettings, pytest_settings

if TYPE_CHECKING:
    from pytest_terminalbench.environments.docker_engine import DockerEngine
    from pytest_terminalbench.environments.image_map import ImageMap
    from pytest_terminalbench.scenarios.catalog import Catalog, Dataset

__all__ = [
    "BaselinesOption",
    "ImageMapOption",
    "ResultsOption",
    "baselines_folder",
    "catalog",
    "chosen_image_map",
    "configured",
    "engine",
    "find_datasets",
    "known_datasets",
    "project",
    "project_image_map",
    "results_folder",
]

ResultsOption = Annotated[
    Path | None, typer.Option("--results", metavar="DIR", help="Where runs lie; default: as pytest is configured.")
]
BaselinesOption = Annotated[
    Path | None,
    typer.Option("--baselines", metavar="DIR", help="Where baselines lie; default: as pytest is configured."),
]
ImageMapOption = Annotated[
    Path | None, typer.Option("--image-map", metavar="FILE", help="Base images replaced by others.")
]


def project() -> PytestSettings:
    return pytest_settings(Path.cwd())


def results_folder(chosen: Path | None) -> Path:
    """`chosen`, else what the project's ini option says, else ``results``."""
    return Path.cwd() / chosen if chosen else _configured("tb_results", "results")


def baselines_folder(chosen: Path | None) -> Path:
    return Path.cwd() / chosen if chosen else _configured("tb_baselines", "baselines")


def _configured(option: str, default: str) -> Path:
    return project().root / (configured(option) or default)


def configured(option: str) -> str | None:
    """What the project's ini file says for `option`, as text; None where it says nothing, or has a list there."""
    value = project().values.get(option)
    return str(value) or None if isinstance(value, str | int | float) else None


def catalog() -> Catalog:
    from pytest_terminalbench.scenarios.catalog import Catalog

    return Catalog(project().root)


def find_datasets(requests: list[str]) -> list[Dataset]:
    """The datasets named on the command line, all that are known when none is; raises SettingsError."""
    datasets = catalog()
    return [datasets.find(request, asked="dataset") for request in requests or datasets.names()]


def known_datasets() -> dict[str, Dataset]:
    """By name, the datasets below ``scenarios/`` and those that the ini option tb_dataset names; broken ones apart."""
    from pytest_terminalbench.errors import ScenarioError, SettingsError

    configured = project().values.get("tb_dataset", [])
    requests = shlex.split(configured) if isinstance(configured, str) else configured
    named = [request for request in requests if isinstance(request, str)] if isinstance(requests, list) else []
    datasets, found = catalog(), {}
    for request in [*datasets.names(), *named]:
        try:
            dataset = datasets.find(request, asked="tb_dataset")
        except (ScenarioError, SettingsError) as error:
            complain(str(error))
            continue
        found[dataset.name] = dataset
    return found


def project_image_map(chosen: Path | None = None) -> ImageMap:
    from pytest_terminalbench.environments.image_map import image_map_for

    return image_map_for(project().root, chosen_image_map(chosen))


def chosen_image_map(chosen: Path | None) -> Path | None:
    """The file of the image map: `chosen`, else what the project's ini option says, if anything."""
    from pytest_terminalbench.cells.bench_settings import image_map_file

    return image_map_file(typed=chosen, start=Path.cwd(), configured=configured("tb_image_map"), root=project().root)


def engine() -> DockerEngine:
    """The engine that answers; raises EngineUnreachable."""
    from pytest_terminalbench.environments.docker_engine import DockerEngine
    from pytest_terminalbench.environments.endpoint import find_endpoint

    return DockerEngine(find_endpoint().url)
