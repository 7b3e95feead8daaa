"""`terminalbench gc`, and the sweeping behind it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.environments.docker_engine import ContainerRequest, DockerEngine
from pytest_terminalbench.environments.image_map import image_map_for
from pytest_terminalbench.environments.owner import EXPIRES_LABEL, OWNER_LABEL, RUN_LABEL, Ownership
from pytest_terminalbench.environments.reaper import leftovers, remove
from pytest_terminalbench.errors import EnvironmentFailure
from tests.cli.conftest import Project

OURS = Ownership("mine").labels(lifetime_s=600)


def dead_owner(run_id: str) -> dict[str, str]:
    """Labels as a process put them that has ended since."""
    code = (
        "import json, sys; from pytest_terminalbench.environments.owner import Ownership; "
        "print(json.dumps(Ownership(sys.argv[1]).labels(lifetime_s=600)))"
    )
    done = subprocess.run([sys.executable, "-c", code, run_id], capture_output=True, check=True)
    labels: dict[str, str] = json.loads(done.stdout)
    return labels


class Host:
    """An engine with containers, some of which it does not let go."""

    def __init__(self, containers: dict[str, dict[str, str]], *, stuck: tuple[str, ...] = ()) -> None:
        self.here = dict(containers)
        self._stuck = stuck

    def containers(self, label: str) -> list[dict[str, Any]]:
        key, _, value = label.partition("=")
        return [
            {"Id": name, "Labels": labels, "Status": "Up 3 minutes"}
            for name, labels in self.here.items()
            if key in labels and value in ("", labels[key])
        ]

    def remove(self, container: str) -> None:
        if container in self._stuck:
            raise EnvironmentFailure("device or resource busy")
        del self.here[container]


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(
        {
            "alive": OURS,
            "dead": dead_owner("theirs"),
            "late": {**OURS, EXPIRES_LABEL: "1"},
            "elsewhere": {**OURS, OWNER_LABEL: json.dumps({"host": f"not-{socket.gethostname()}", "pid": 1})},
            "foreign": {"com.example.run": "mine"},
        }
    )


def test_only_containers_without_a_living_owner_are_swept(host: Host) -> None:
    assert remove(host, [container for container in leftovers(host) if container.is_orphan]) == ["dead", "late"]
    assert list(host.here) == ["alive", "elsewhere", "foreign"]


def test_everything_of_ours_is_swept_and_nothing_else(host: Host) -> None:
    assert remove(host, leftovers(host)) == ["alive", "dead", "late", "elsewhere"]
    assert list(host.here) == ["foreign"]


def test_a_run_is_swept_whoever_started_it(host: Host) -> None:
    assert remove(host, leftovers(host, run_id="theirs")) == ["dead"]


def test_a_container_that_cannot_be_removed_does_not_stop_the_others(host: Host) -> None:
    stuck = Host(host.here, stuck=("dead",))

    assert remove(stuck, leftovers(stuck)) == ["alive", "late", "elsewhere"]


# -- the command ------------------------------------------------------------------------------------------------------


def started(engine: DockerEngine, labels: Mapping[str, str], folder: Path) -> Iterator[tuple[str, str]]:
    """A container with these labels: its run and its id."""
    image = image_map_for(folder)("debian:bookworm-slim")
    environment = engine.start(ContainerRequest(image=image, lifetime_s=120, memory_mb=64, labels=labels))
    yield labels[RUN_LABEL], environment.container
    environment.close()


def new_run() -> str:
    return f"gc-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def orphan(engine: DockerEngine, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A container whose owner is dead."""
    yield from started(engine, dead_owner(new_run()), tmp_path)


@pytest.fixture
def owned(engine: DockerEngine, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A container whose owner lives."""
    yield from started(engine, Ownership(new_run()).labels(lifetime_s=120), tmp_path)


def running(engine: DockerEngine, run_id: str) -> list[str]:
    return [one["Id"] for one in engine.containers(f"{RUN_LABEL}={run_id}")]


@pytest.mark.docker
def test_a_dry_run_lists_an_orphan_and_leaves_it(
    orphan: tuple[str, str], project: Project, engine: DockerEngine
) -> None:
    run_id, container = orphan

    listed = project.call("gc", "--dry-run", "--format", "json")
    shown = project.call("gc", "--dry-run")

    assert listed.exit_code == 0
    assert [(one["id"], one["is_orphan"], one["fate"]) for one in listed.json if one["run_id"] == run_id] == [
        (container, True, "would be removed")
    ]
    assert container[:12] in shown.out
    assert running(engine, run_id) == [container]


@pytest.mark.docker
def test_a_run_that_is_not_known_is_an_error(project: Project) -> None:
    project.write("results/nightly/manifest.json", "{}")

    done = project.call("gc", "--run", "nigthly")

    assert done.exit_code == 4
    assert done.err == (
        "terminalbench: --run 'nigthly': no container is of this run, and none is so called in results (did you mean "
        "'nightly'?)\n"
    )


@pytest.mark.docker
def test_a_runs_containers_are_removed(orphan: tuple[str, str], project: Project, engine: DockerEngine) -> None:
    """Not all orphans: other tests have some at the same time."""
    run_id, container = orphan

    done = project.call("gc", "--run", run_id)

    assert done.exit_code == 0
    assert done.out.splitlines()[1].split()[:3] == [container[:12], run_id, "dead"]
    assert done.err == "removed 1 container, left 0\n"
    assert running(engine, run_id) == []


@pytest.mark.docker
def test_all_means_those_with_a_living_owner_too(owned: tuple[str, str], project: Project) -> None:
    """Only ever a dry run here: others are at work on this machine."""
    _, container = owned

    some = [one["id"] for one in project.call("gc", "--dry-run", "--format", "json").json]
    every = [one["id"] for one in project.call("gc", "--all", "--dry-run", "--format", "json").json]

    assert container not in some
    assert container in every


@pytest.mark.docker
def test_a_named_runs_containers_are_removed_though_their_owner_lives(
    owned: tuple[str, str], project: Project, engine: DockerEngine
) -> None:
    run_id, _ = owned

    assert project.call("gc", "--run", run_id).exit_code == 0
    assert running(engine, run_id) == []


@pytest.mark.docker
def test_nothing_to_remove_is_no_error(project: Project, engine: DockerEngine) -> None:
    project.write("results/over/manifest.json", "{}")

    done = project.call("gc", "--run", "over")

    assert (done.exit_code, done.out, done.err) == (0, "", "removed 0 containers, left 0\n")


def test_without_an_engine_one_message_tells_what_was_tried(project: Project, no_engine: str) -> None:
    done = project.call("gc")

    assert (done.exit_code, done.out) == (4, "")
    assert no_engine in done.err
