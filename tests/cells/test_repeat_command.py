"""The command that runs one cell again, as text; tests/plugin/test_once_more.py pastes it into a shell."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pytest_terminalbench.agents.registry import AgentRegistry
from pytest_terminalbench.cells.bench import Bench
from pytest_terminalbench.cells.bench_settings import BenchSettings
from pytest_terminalbench.cells.repeat_command import repeat_command
from tests.scenario_files import write_scenario


class Mine:
    name: ClassVar[str] = "mine"
    identified_by: ClassVar[tuple[str, ...]] = ("max_tokens", "note", "login")
    secret_arguments: ClassVar[tuple[str, ...]] = ("login",)

    def __init__(
        self,
        *,
        model: str = "",
        login: str = "",
        max_tokens: int = 1,
        note: Any = None,
        apikey: str = "",
        headers: Any = None,
        path: str = "",
    ):
        pass

    def act(self, task: object, environment: object) -> None:
        raise NotImplementedError


def command(
    root: Path, *, folder: str = "scenarios/demo", start: str = ".", is_whole: bool = False, **changes: Any
) -> str:
    """For the first cell of the scenario ``alpha`` in `folder`, or all of it, typed in `start` below the project's
    folder.
    """
    write_scenario(root / folder, "alpha")
    if folder == "scenarios/demo":
        facts = {"schema_version": 1, "name": "demo", "version": "1", "description": "x", "license": "MIT"}
        (root / folder / "dataset.json").write_text(json.dumps(facts))
    places = {"root": root, "baselines": root / "baselines", "results": root / "results"}
    settings = BenchSettings(**{**places, **changes})
    registry = AgentRegistry()
    registry.register("mine", Mine)  # type: ignore[arg-type]  # Never acts.
    bench = Bench(settings, root / "results" / "run", registry=registry)
    cell = bench.cells_of(bench.datasets.load(root / folder / "alpha.json", bench.datasets.at(root / folder)))[0]
    scenario = cell.scenario
    return repeat_command(
        *(cell.agent, scenario.file.parent, settings),
        start=root / start,
        scenarios={} if is_whole else {scenario.id: scenario.file},
    )


def test_the_plainest_one(tmp_path: Path) -> None:
    assert command(tmp_path) == "pytest scenarios/demo/alpha.json"


def test_the_path_is_as_one_types_it_in_the_folder(tmp_path: Path) -> None:
    assert command(tmp_path, start="scenarios") == "pytest demo/alpha.json"


def test_who_acts_and_every_setting_that_is_not_the_default(tmp_path: Path) -> None:
    words = shlex.split(
        command(
            tmp_path,
            agents=("mine",),
            models=("lab/x 1",),
            agent_args=("max_tokens=5", 'mine:note={"a": "it\'s $HOME"}'),
            attempts=None,
            max_attempts=7,
            environment="fake",
            gate="off",
            baselines=tmp_path / "approved",
        )
    )

    assert words[2:] == [
        "--tb-agent=mine",
        "--tb-model=lab/x 1",
        "--tb-agent-arg=max_tokens=5",
        '--tb-agent-arg=note={"a": "it\'s $HOME"}',
        "--tb-attempts=auto",
        "--tb-max-attempts=7",
        "--tb-gate=off",
        "--tb-env=fake",
        f"--tb-baselines={tmp_path}/approved",
    ]


@pytest.mark.parametrize("typed", ["plain", "a=b c", "5", '"5"', "null", "[1, 2]", "äöü"])
def test_values_come_back_as_they_were(tmp_path: Path, typed: str) -> None:
    words = shlex.split(command(tmp_path, agents=("mine",), agent_args=(f"note={typed}",)))

    assert words[2:] == ["--tb-agent=mine", f"--tb-agent-arg=note={typed}"]


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("login=hush", 'login="${LOGIN:?}"'),
        ("apikey=hush", 'apikey="${APIKEY:?}"'),
        ('headers={"Authorization": "Bearer hush"}', 'headers="${HEADERS:?}"'),
        ("path=https://me:hush@host/", 'path="${AGENT_PATH:?}"'),
    ],
    ids=["declared secret", "plain", "nested", "called as a variable of the shell's own"],
)
def test_an_argument_that_does_not_identify_the_agent_is_left_to_the_shell(
    tmp_path: Path, typed: str, shown: str
) -> None:
    """It may be or hold a secret, whatever its name and its class say."""
    line = command(tmp_path, agents=("mine",), agent_args=(typed, "max_tokens=3"))

    assert line.endswith(f" --tb-agent-arg={shown} --tb-agent-arg=max_tokens=3")
    assert "hush" not in line


def test_a_folder_of_scenarios_that_is_no_dataset_by_itself_is_named_as_one(tmp_path: Path) -> None:
    words = shlex.split(command(tmp_path, folder="my sets"))

    assert words == ["pytest", "my sets/alpha.json", "--tb-dataset=my sets"]


def test_all_of_a_dataset_is_its_folder(tmp_path: Path) -> None:
    assert command(tmp_path, is_whole=True, margin=0.1, min_visible=0.2) == (
        "pytest scenarios/demo --tb-margin=0.1 --tb-min-visible=20"
    )
    assert command(tmp_path, folder="my sets", is_whole=True) == "pytest 'my sets' '--tb-dataset=my sets'"


def test_of_a_dataset_elsewhere_the_project_stays_the_one_here(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()

    line = command(project, folder="../else where", attempts=3)

    assert shlex.split(line) == [
        *("terminalbench", "run", f"--dataset={project}/../else where", "--scenarios=alpha", "--", "--tb-attempts=3")
    ]
