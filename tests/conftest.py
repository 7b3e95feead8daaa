"""What all tests share: the container engine, real or required."""

from __future__ import annotations

import os

import pytest

from pytest_terminalbench.environments.docker_engine import DockerEngine
from pytest_terminalbench.environments.endpoint import find_endpoint
from pytest_terminalbench.errors import EngineUnreachable

pytest_plugins = ["pytester"]


@pytest.fixture(scope="session")
def engine() -> DockerEngine:
    """The machine's engine; without one the test is skipped, or fails where TERMINALBENCH_REQUIRE_DOCKER is set."""
    try:
        return DockerEngine(find_endpoint().url)
    except EngineUnreachable as error:
        if os.environ.get("TERMINALBENCH_REQUIRE_DOCKER"):
            raise
        pytest.skip(str(error).splitlines()[0])
