"""Where the project is that a command is about: found as pytest finds it, from the current folder."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pytest_terminalbench.cli.output import complain
from pytest_terminalbench.errors import SettingsError
from pytest_terminalbench.settings import PytestSettings, pytest_settings

if TYPE_CHECKING:
    from pytest_terminalbench.baselines.comparison_policy import ComparisonPolicy
    from pytest_terminalbench.baselines.policy_settings import Range
    from pytest_terminalbench.environments.docker_engine import DockerEngine
    from pytest_terminalbench.environments.image_map import ImageMap
    from pytest_terminalbench.runs.layout import RunFolder
    from pytest_terminalbench.scenarios.catalog import Catalog, Dataset

__all__ = [
    "BaselinesOfRunOption",
    "BaselinesOption",
    "ImageMapOption",
    "KnownDatasets",
    "ResultsOption",
    "baselines_folder",
    "baselines_of_run",
    "catalog",
    "chosen_image_map",
    "configured",
    "configured_policy",
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
BaselinesOfRunOption = Annotated[
    Path | None,
    typer.Option("--baselines", metavar="DIR", help="Where baselines lie; default: where the run's session had them."),
]
ImageMapOption = Annotated[
    Path | None, typer.Option("--image-map", metavar="FILE", help="Base images replaced by others.")
]


def project() -> PytestSettings:
    return pytest_settings(Path.cwd())


def results_folder(chosen: Path | None) -> Path:
    """`chosen`, else what the project's ini option says, else ``results``."""
    return Path.cwd() / chosen if chosen else project().root / (configured("tb_results") or "results")


def baselines_folder(chosen: Path | None, *, is_made: bool = False) -> Path:
    """`chosen`, else what the project's ini option says, else ``baselines``.

    Raises SettingsError where somebody has chosen a folder that is not there, unless `is_made`: it is about to be made.
    """
    if chosen is None:
        return project().baselines
    if not is_made and not (Path.cwd() / chosen).is_dir():
        raise SettingsError(f"--baselines {str(chosen)!r}: there is no such folder")
    return Path.cwd() / chosen


def baselines_of_run(chosen: Path | None, run: RunFolder) -> Path:
    """`chosen`, else where the session of `run` had them; for runs of earlier versions as the project is configured.

    Raises RunFolderError where the manifest of `run` is missing or damaged.
    """
    from pytest_terminalbench.runs.manifest import read_manifest

    recorded = None if chosen else read_manifest(run).settings.baselines
    return project().root / recorded if recorded else baselines_folder(chosen)


def configured(option: str) -> str | None:
    """What the project's ini file says for `option`, as text; None where it says nothing, or has a list there."""
    return project().text(option)


def configured_policy() -> ComparisonPolicy:
    """How the project's sessions compare: as its ini file says; raises SettingsError for a value that none can have."""
    from pytest_terminalbench.baselines.comparison_policy import ComparisonPolicy
    from pytest_terminalbench.baselines.policy_settings import ALPHA, MARGIN, read_min_visible

    def number(option: str, within: Range, default: float) -> float:
        value = configured(option)
        return default if value is None else within.read(value, option=f"--{option.replace('_', '-')}")

    usual = ComparisonPolicy()
    return ComparisonPolicy(
        alpha=number("tb_alpha", ALPHA, usual.alpha),
        margin=number("tb_margin", MARGIN, usual.margin),
        min_visible=usual.min_visible
        if (points := configured("tb_min_visible")) is None
        else read_min_visible(points, option="--tb-min-visible"),
    )


def catalog() -> Catalog:
    from pytest_terminalbench.scenarios.catalog import Catalog

    return Catalog(project().root)


def find_datasets(requests: list[str]) -> list[Dataset]:
    """The datasets named on the command line, all that are known when none is; raises SettingsError."""
    datasets = catalog()
    return [datasets.find(request, asked="dataset") for request in requests or datasets.names()]


@dataclass(frozen=True, kw_only=True)
class KnownDatasets:
    """The project's datasets. `scenarios`: of all that share a name, the ids with the dataset and the file of each.

    `unreadable`: what asks for those that cannot be read, and may have any name; `may_be_called`: what they seem to be
    called, as others may be too.
    """

    scenarios: Mapping[str, Mapping[str, tuple[Dataset, Path]]]
    unreadable: Sequence[str]
    may_be_called: Collection[str] = ()

    def tells_of(self, dataset: str) -> bool:
        """Whether all scenarios of the datasets with this name are known."""
        return not self.unreadable or (dataset in self.scenarios and dataset not in self.may_be_called)


def known_datasets() -> KnownDatasets:
    """The datasets below ``scenarios/`` and those that the ini option tb_dataset names.

    Which ones cannot be read, and why, has been said then.
    """
    from pytest_terminalbench.errors import ScenarioError
    from pytest_terminalbench.scenarios.catalog import told_name

    configured = project().values.get("tb_dataset", [])
    requests = shlex.split(configured) if isinstance(configured, str) else configured
    named = [request for request in requests if isinstance(request, str)] if isinstance(requests, list) else []
    datasets = catalog()
    scenarios: dict[str, dict[str, tuple[Dataset, Path]]] = {}
    unreadable, may_be_called = [], set()
    for request in dict.fromkeys([*datasets.names(), *named]):
        try:
            dataset = datasets.find(request, asked="tb_dataset")
            files = dataset.files()
        except (ScenarioError, SettingsError) as error:
            complain(str(error))
            unreadable.append(request)
            if isinstance(error, ScenarioError):
                # The error is about the folder, or about the dataset.json in it.
                folder = error.file if error.file.is_dir() else error.file.parent
                may_be_called |= {folder.name, told_name(folder) or folder.name}
            continue
        known = scenarios.setdefault(dataset.name, {})
        known.update((scenario, (dataset, file)) for scenario, file in files.items())
    return KnownDatasets(scenarios=scenarios, unreadable=unreadable, may_be_called=may_be_called)


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
