"""A user's project in pytester's folder: datasets, a conftest.py with a fake environment, runs and what they left."""

from __future__ import annotations

import json
import os
import textwrap
from pathlib import Path
from typing import Any

import docker.errors  # noqa: F401
import pytest
import scipy.stats  # noqa: F401

# Imported here for good: pytester forgets what is first imported in a run of its own, and imports it anew in the next.
import pytest_terminalbench.environments.fake
import pytest_terminalbench.plugin.collection
import pytest_terminalbench.plugin.fixture_values
import pytest_terminalbench.statistics
from pytest_terminalbench.environments.docker_engine import DockerEngine

HOME = os.environ.get("HOME", "/")

# The fake world. A solution, or the command `work`, leaves /app/done behind, and the verifier looks for it.
CONFTEST = """
import os

import pytest

from pytest_terminalbench import EnvironmentFailure, FakeEnvironment
from pytest_terminalbench.environments.fake import fake_environments


def work(environment, argv):
    environment.files["/app/done"] = b"yes"
    return "worked\\n"


def spoil(environment, argv):
    environment.files.pop("/app/done", None)
    return 0


def break_engine(environment, argv):
    raise EnvironmentFailure("the fake engine broke")


def verify(environment, argv):
    return 0 if "/app/done" in environment.files else 1


REPLIES = {"/solution/": work, "work": work, "spoil": spoil, "break-engine": break_engine, "/tests/": verify}


@pytest.fixture
def tb_environment(tb_scenario):
    return fake_environments(*(FakeEnvironment(REPLIES) for _ in range(20)))
"""

INI = """
[pytest]
tb_preflight = false
filterwarnings = error
"""


class Suite:
    """A project in pytester's folder, and pytest in it."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.path: Path = pytester.path
        self.conftest = CONFTEST

    # -- what the user wrote -----------------------------------------------------------------------------------------

    def write(self, name: str, text: str) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        return file

    def dataset(self, name: str = "demo", *ids: str, folder: str | None = None, version: str = "1.0") -> Path:
        """A dataset with solvable scenarios of these ids; its folder."""
        place = self.path / (folder or f"scenarios/{name}")
        place.mkdir(parents=True, exist_ok=True)
        manifest = {
            "schema_version": 1,
            "name": name,
            "version": version,
            "description": "for tests",
            "license": "Apache-2.0",
        }
        (place / "dataset.json").write_text(json.dumps(manifest))
        for scenario_id in ids:
            self.scenario(scenario_id, folder=place)
        return place

    def scenario(self, scenario_id: str, *, folder: Path | str = "scenarios/demo", **changes: Any) -> Path:
        """A scenario's JSON file, `changes` over a solvable one, with its solution and verifier; the file."""
        place = self.path / folder
        for script in ("solution/solve.sh", "tests/test.sh"):
            file = place / scenario_id / script
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("#!/bin/sh\n")
            file.chmod(0o755)
        file = place / f"{scenario_id}.json"
        file.write_text(json.dumps({**scenario_json(scenario_id), **changes}))
        return file

    # -- what pytest makes of it -------------------------------------------------------------------------------------

    def run(self, *args: str | Path) -> pytest.RunResult:
        """Pytest in this process."""
        return self.pytester.runpytest_inprocess(*map(str, args))

    def run_apart(self, *args: str | Path) -> pytest.RunResult:
        """Pytest in a process of its own: for xdist, signals and imports."""
        return self.pytester.runpytest_subprocess(*map(str, args))

    # -- what it left ------------------------------------------------------------------------------------------------

    @property
    def latest(self) -> Path:
        """The folder of the newest run."""
        return (self.path / "results" / "latest").resolve()

    @property
    def summary(self) -> Any:
        return json.loads((self.latest / "summary.json").read_text())

    @property
    def statuses(self) -> dict[str, str]:
        """Cell -> status in the newest run's summary."""
        return {cell["cell"]: cell["status"] for cell in self.summary["cells"]}

    def result(self, scenario_id: str, label: str = "oracle", attempt: int = 1) -> Any:
        folder = self.latest / "trials" / "demo" / scenario_id / label / str(attempt)
        return json.loads((folder / "result.json").read_text())

    def baseline(self, scenario_id: str, label: str = "oracle", dataset: str = "demo") -> Path:
        return self.path / "baselines" / dataset / label / f"{scenario_id}.json"

    def files(self, folder: str) -> dict[str, bytes]:
        """Every file below `folder`, relative path -> content."""
        place = self.path / folder
        return {p.relative_to(place).as_posix(): p.read_bytes() for p in sorted(place.rglob("*")) if p.is_file()}


def scenario_json(scenario_id: str) -> dict[str, Any]:
    """The smallest scenario that the fake world can run."""
    return {
        "schema_version": 1,
        "kind": "terminal",
        "id": scenario_id,
        "title": f"Do {scenario_id}",
        "instruction": "Leave /app/done behind.",
        "difficulty": "easy",
        "category": "scripting",
        "tags": [],
        "environment": {"image": "debian:bookworm-slim"},
        "solution": f"{scenario_id}/solution/solve.sh",
        "verifier": {"script": f"{scenario_id}/tests/test.sh", "result": "exit_code"},
    }


def scripted(*commands: str) -> list[str]:
    """Options that make the scripted agent type `commands`."""
    return ["--tb-agent", "scripted", "--tb-agent-arg", f"commands={json.dumps(commands)}"]


def lines_of(result: pytest.RunResult, start: str) -> list[str]:
    """The lines of pytest's output that begin with `start`."""
    return [line for line in result.outlines if line.startswith(start)]


def collected(result: pytest.RunResult) -> list[str]:
    """The node ids that ``--collect-only -q`` printed."""
    return [line for line in result.outlines if "::" in line]


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """An empty project with the fake world."""
    # Processes of their own get the package that is tested here, wherever another is installed.
    monkeypatch.setenv("PYTHONPATH", str(Path(pytest_terminalbench.__file__).parents[1]))
    # Hypothesis would be imported anew in every run, for a line of its own in the header: a second each.
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest")
    pytester.makeini(INI)
    pytester.makeconftest(CONFTEST)
    return Suite(pytester)


@pytest.fixture
def demo(suite: Suite) -> Suite:
    """A project with the dataset `demo` of three solvable scenarios."""
    suite.dataset("demo", "alpha", "beta", "gamma")
    return suite


@pytest.fixture
def real(suite: Suite, engine: DockerEngine, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """An empty project whose scenarios run in containers."""
    (suite.path / "conftest.py").unlink()
    (suite.path / "tox.ini").unlink()
    # pytester hides the user's home, and with it the map of base images.
    monkeypatch.setenv("HOME", HOME)
    monkeypatch.setenv("DOCKER_HOST", engine.url)
    return suite
