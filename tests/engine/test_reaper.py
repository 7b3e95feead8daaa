"""Sweeping a real engine: what dead owners left is removed, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from pytest_terminalbench.environments.docker_engine import DockerEngine
from pytest_terminalbench.environments.docker_environment import DockerEnvironment
from pytest_terminalbench.environments.owner import EXPIRES_LABEL, OWNER_LABEL, RUN_LABEL, Ownership
from pytest_terminalbench.environments.reaper import leftovers, remove
from tests.engine.conftest import Start

pytestmark = pytest.mark.docker

LABELS = """
import json, sys
from pytest_terminalbench.environments.owner import Ownership
print(json.dumps(Ownership(sys.argv[1]).labels(lifetime_s=300)))
"""


def labels_of_a_dead_process(run_id: str) -> dict[str, str]:
    done = subprocess.run([sys.executable, "-c", LABELS, run_id], capture_output=True, text=True, check=True)
    labels: dict[str, str] = json.loads(done.stdout)
    return labels


def runs(environment: DockerEnvironment) -> bool:
    return environment._is_running()


def test_only_what_dead_owners_left_is_removed(engine: DockerEngine, start: Start, run_id: str) -> None:
    mine = start()
    dead = start(labels=labels_of_a_dead_process(run_id))
    expired = start(labels={**Ownership(run_id).labels(lifetime_s=300), EXPIRES_LABEL: "1"})
    elsewhere = start(labels={**labels_of_a_dead_process(run_id), OWNER_LABEL: json.dumps({"host": "far away"})})
    unlabelled = start(labels={})

    try:
        removed = remove(engine, [container for container in leftovers(engine) if container.is_orphan])

        assert {dead.container, expired.container} <= set(removed)
        assert [runs(it) for it in (mine, elsewhere, unlabelled)] == [True, True, True]
        assert [runs(it) for it in (dead, expired)] == [False, False]
    finally:
        unlabelled.close()


def test_a_run_removes_its_own(engine: DockerEngine, start: Start, run_id: str) -> None:
    mine, others, unlabelled = start(), start(labels={RUN_LABEL: f"{run_id}-other"}), start(labels={})

    try:
        assert remove(engine, leftovers(engine, run_id=run_id)) == [mine.container]
        assert [runs(it) for it in (others, unlabelled)] == [True, True]
        assert leftovers(engine, run_id=run_id) == []
    finally:
        others.close()
        unlabelled.close()
