"""What all tests share: the container engine, real or required."""

from __future__ import annotations

import os

import hypothesis
import pytest

from pytest_terminalbench.environments.docker_engine import DockerEngine
from pytest_terminalbench.environments.endpoint import find_endpoint
from pytest_terminalbench.errors import EngineUnreachable

pytest_plugins = ["pytester"]

# A busy machine is no failure.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def engine() -> DockerEngine:
    """The machine's engine; without one the test is skipped, or fails where TERMINALBENCH_REQUIRE_DOCKER is set."""
    try:
        return DockerEngine(find_endpoint().url)
    except EngineUnreachable as error:
        if os.environ.get("TERMINALBENCH_REQUIRE_DOCKER"):
            raise
        pytest.skip(str(error).splitlines()[0])
