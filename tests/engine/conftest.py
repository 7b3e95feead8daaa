"""One small image for all tests with real containers, and containers that are gone after each test."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.agents.base import Agent
from pytest_terminalbench.agents.registry import AgentSpec
from pytest_terminalbench.environments.docker_engine import ContainerRequest, DockerEngine
from pytest_terminalbench.environments.docker_environment import DockerEnvironment
from pytest_terminalbench.environments.docker_provider import DockerProvider
from pytest_terminalbench.environments.image_map import image_map_for
from pytest_terminalbench.environments.images import Images
from pytest_terminalbench.environments.owner import Ownership
from pytest_terminalbench.environments.provider import ProviderSettings
from pytest_terminalbench.environments.reaper import leftovers, remove
from pytest_terminalbench.limits import Limits
from pytest_terminalbench.trials.cell import Cell
from pytest_terminalbench.trials.journal import FileJournal
from pytest_terminalbench.trials.request import AttemptRequest
from pytest_terminalbench.trials.result import TrialResult
from pytest_terminalbench.trials.trial import run_trial
from pytest_terminalbench.trials.trial_store import TrialFolders
from tests.scenario_files import a_scenario

# The scenarios' own words, so that an engine that has built one of them has these layers too.
_TOOLS = "python3 python3-pytest ca-certificates procps"
DOCKERFILE = f"""\
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends {_TOOLS} && rm -rf /var/lib/apt/lists/*
WORKDIR /app
"""

Start = Callable[..., DockerEnvironment]
TryOut = Callable[..., TrialResult]


@pytest.fixture
def run_id(engine: DockerEngine) -> Iterator[str]:
    """A run of its own for each test; what it started is removed."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    yield name
    remove(engine, leftovers(engine, run_id=name))


@pytest.fixture(scope="session")
def image(engine: DockerEngine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image with Python, pytest and ps, built once per machine."""
    folder = tmp_path_factory.mktemp("image")
    (folder / "context").mkdir()
    (folder / "context" / "Dockerfile").write_text(DOCKERFILE)
    scenario = a_scenario(folder, "engine-tests", environment={"image": None, "build": "context"})
    locks = tmp_path_factory.getbasetemp().parent / "locks"
    return Images(engine, image_map_for(folder), locks).ensure(scenario, build_s=600).reference


@pytest.fixture
def start(engine: DockerEngine, image: str, run_id: str) -> Start:
    """Starts containers; keywords are `ContainerRequest`'s."""

    def start(**request: Any) -> DockerEnvironment:
        labels = Ownership(run_id).labels(lifetime_s=300)
        return engine.start(ContainerRequest(**{"image": image, "lifetime_s": 300, "labels": labels, **request}))

    return start


@pytest.fixture
def environment(start: Start) -> DockerEnvironment:
    return start()


@pytest.fixture
def try_out(engine: DockerEngine, image: str, run_id: str, tmp_path: Path) -> TryOut:
    """Runs a whole trial of `agent` with a scenario on the shared image; other keywords are `a_scenario`'s."""
    provider = DockerProvider(ProviderSettings(engine_url=engine.url, run_id=run_id), locks=tmp_path / "locks")

    def try_out(agent: Agent, **changes: Any) -> TrialResult:
        environment = {"image": image, **changes.pop("environment", {})}
        scenario = a_scenario(tmp_path / "dataset", environment=environment, **changes)
        run = tmp_path / "run"
        cell = Cell(scenario=scenario, agent=AgentSpec.of(type(agent)))
        return run_trial(
            AttemptRequest.of(cell, run_id=run_id),
            scenario=scenario,
            environments=provider.prepare(scenario, Limits.of(scenario.timeouts)),
            store=TrialFolders(run),
            journal=FileJournal(run / "events.jsonl"),
            agent=agent,
        )

    return try_out
