"""`terminalbench images build|prune|bootstrap`."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.environments.bootstrap import Bootstrapped, bootstrap
from pytest_terminalbench.environments.docker_engine import DockerEngine
from pytest_terminalbench.environments.image_map import machine_image_map
from pytest_terminalbench.environments.images import Image
from pytest_terminalbench.environments.owner import IMAGE_LABEL
from pytest_terminalbench.environments.parallel_builds import Built, build_images
from pytest_terminalbench.environments.reaper import ScenarioImage, prune_images, scenario_images
from pytest_terminalbench.errors import EnvironmentFailure, ImageBuildError
from pytest_terminalbench.scenarios.container import ContainerScenario, with_container
from pytest_terminalbench.scenarios.formats import load_scenario
from tests.cli.conftest import Project

BASE = "debian:bookworm-slim"


class Maker:
    """Makes images as `fates` says by scenario: whether it built one, or what it raises."""

    def __init__(self, fates: dict[str, bool | Exception]) -> None:
        self.fates = fates
        self.limits: dict[str, float] = {}
        self.together = threading.Barrier(2, timeout=20)

    def ensure(self, scenario: ContainerScenario, *, build_s: float) -> Image:
        self.limits[scenario.id] = build_s
        fate = self.fates[scenario.id]
        if isinstance(fate, Exception):
            raise fate
        return Image(reference=f"image-of-{scenario.id}", recipe="r", build_s=0.0, built=fate)


class Meeting(Maker):
    """An image is ready when another is being made at the same time."""

    def ensure(self, scenario: ContainerScenario, *, build_s: float) -> Image:
        self.together.wait()
        return super().ensure(scenario, build_s=build_s)


def loaded(project: Project, *ids: str, **changes: Any) -> list[ContainerScenario]:
    return [with_container(load_scenario(project.scenario(name, **changes), dataset="demo")) for name in ids]


def facts(built: Built) -> tuple[str, str, str | None, str]:
    return built.scenario_id, built.how, built.reference, built.problem


# -- build ------------------------------------------------------------------------------------------------------------


def test_each_image_is_told_with_what_became_of_it(project: Project) -> None:
    scenarios = loaded(project, "alpha", "beta", "gamma", "delta")
    scenarios += loaded(project, "pulled", environment={"image": BASE})
    maker = Maker(
        {
            "alpha": True,
            "beta": False,
            "gamma": ImageBuildError("no such package"),
            "delta": ZeroDivisionError("oops"),
            "pulled": True,
        }
    )

    built = list(build_images(scenarios, lambda: maker, jobs=1))

    assert [facts(one) for one in built] == [
        ("alpha", "built", "image-of-alpha", ""),
        ("beta", "present", "image-of-beta", ""),
        ("gamma", "failed", None, "no such package"),
        ("delta", "failed", None, "ZeroDivisionError('oops')"),
        ("pulled", "pulled", "image-of-pulled", ""),
    ]


def test_a_build_may_take_what_the_scenario_says(project: Project) -> None:
    maker = Maker({"alpha": True})

    list(build_images(loaded(project, "alpha", timeouts={"build_s": 7}), lambda: maker, jobs=1))

    assert maker.limits == {"alpha": 7}


def test_several_are_built_at_a_time(project: Project) -> None:
    names = ("alpha", "beta", "gamma", "delta")
    maker = Meeting(dict.fromkeys(names, True))

    built = list(build_images(loaded(project, *names), lambda: maker, jobs=2))

    assert sorted(facts(one)[:2] for one in built) == sorted((name, "built") for name in names)


def test_without_an_engine_one_message_tells_what_was_tried(project: Project, no_engine: str) -> None:
    project.dataset("demo", "alpha")

    for arguments in (["build", "demo"], ["prune"], ["bootstrap"]):
        done = project.call("images", *arguments)

        assert (done.exit_code, done.out) == (4, "")
        assert done.err.startswith("terminalbench: no container engine answers; tried\n")
        assert no_engine in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope"], "dataset 'nope' is neither a folder nor a known dataset; known: demo"),
        (["demo", "--scenarios", "alhpa"], "--scenarios: demo has no 'alhpa' (did you mean 'alpha'?); it has alpha"),
        (["demo", "--image-map", "gone.json"], "image map gone.json: "),
    ],
)
def test_what_cannot_be_built_is_a_usage_error(
    project: Project, engine: DockerEngine, arguments: list[str], said: str
) -> None:
    project.dataset("demo", "alpha")

    done = project.call("images", "build", *arguments)

    assert (done.exit_code, done.out) == (4, "")
    assert done.err.startswith(f"terminalbench: {said}")


@pytest.mark.docker
@pytest.mark.usefixtures("machine_map")
def test_images_are_built_once_and_a_broken_one_stops_no_other(project: Project, engine: DockerEngine) -> None:
    project.dataset("demo", "alpha", "beta")
    nonce = os.urandom(8).hex()
    project.write("scenarios/demo/alpha/environment/Dockerfile", f"FROM {BASE}\nRUN echo {nonce}\n")
    project.write("scenarios/demo/beta/environment/Dockerfile", f"FROM {BASE}\nRUN echo {nonce} && exit 7\n")
    project.scenario("gamma", kind="puzzle")

    first = project.call("images", "build", "demo", "--format", "json")
    try:
        again = project.call("images", "build", "demo", "--scenarios", "alpha", "--format", "json")

        assert first.exit_code == 1
        assert [(one["scenario_id"], one["how"]) for one in first.json] == [("alpha", "built"), ("beta", "failed")]
        assert "[2/2] " in first.err
        assert "the image of beta does not build" in first.err
        assert "gamma.json: kind" in first.err
        assert again.exit_code == 0
        assert [(one["scenario_id"], one["how"]) for one in again.json] == [("alpha", "present")]
    finally:
        engine.remove_image(first.json[0]["reference"])


# -- prune ------------------------------------------------------------------------------------------------------------


class Host:
    """An engine's images: those of scenarios, some of them in use."""

    def __init__(self, *images: dict[str, Any], used: tuple[str, ...] = ()) -> None:
        self._images = images
        self._used = used
        self.removed: list[tuple[str, bool]] = []
        self.asked: list[str] = []

    def containers(self, label: str) -> list[dict[str, Any]]:
        raise AssertionError("nobody asked for containers")

    def remove(self, container: str) -> None:
        raise AssertionError("nobody asked for containers")

    def images(self, label: str) -> list[dict[str, Any]]:
        self.asked.append(label)
        return list(self._images)

    def remove_image(self, image: str, *, force: bool = False) -> None:
        if image in self._used:
            raise EnvironmentFailure("in use")
        self.removed.append((image, force))


def image(name: str, *tags: str) -> dict[str, Any]:
    return {"Id": name, "RepoTags": list(tags) or None, "Labels": {IMAGE_LABEL: "alpha"}, "Size": 7}


def test_images_in_use_stay_and_only_those_of_scenarios_are_asked_for() -> None:
    host = Host(image("one", "a:1"), image("two", "a:2", "b:2"), image("three"), image("four", "a:4"), used=("four",))

    removed = prune_images(host)

    assert [one.id for one in removed] == ["one", "two", "three"]
    assert host.removed == [("one", False), ("two", True), ("three", False)]
    assert host.asked == [IMAGE_LABEL]


def test_listing_removes_nothing() -> None:
    host = Host(image("one", "a:1"))

    assert scenario_images(host) == [ScenarioImage(id="one", scenario_id="alpha", tags=("a:1",), size_bytes=7)]
    assert host.removed == []


@pytest.mark.docker
@pytest.mark.usefixtures("machine_map")
def test_a_dry_run_lists_what_was_built_and_leaves_it(project: Project, engine: DockerEngine) -> None:
    project.dataset("demo", "alpha")
    project.write("scenarios/demo/alpha/environment/Dockerfile", f"FROM {BASE}\nRUN echo {os.urandom(8).hex()}\n")
    reference = project.call("images", "build", "demo", "--format", "json").json[0]["reference"]
    try:
        listed = project.call("images", "prune", "--dry-run", "--format", "json").json

        assert ("alpha", [reference]) in [(one["scenario_id"], one["tags"]) for one in listed]
        assert engine.image(reference) is not None
    finally:
        engine.remove_image(reference)


# -- bootstrap --------------------------------------------------------------------------------------------------------


@pytest.mark.docker
@pytest.mark.usefixtures("machine_map")
def test_a_base_that_is_here_is_left_as_it_is(project: Project, engine: DockerEngine) -> None:
    done = project.call("images", "bootstrap", "--format", "json")

    assert done.exit_code == 0
    assert (done.json["name"], done.json["how"]) == (BASE, "present")
    assert engine.image(done.json["reference"]) is not None


@pytest.mark.docker
def test_what_the_machines_map_says_stands_for_a_base(
    project: Project, engine: DockerEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    here = bootstrap(engine, BASE).reference
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    machine_image_map().parent.mkdir(parents=True)
    machine_image_map().write_text(json.dumps({"debian:bookworm": here}))

    found = bootstrap(engine, "debian:bookworm", pull=False)

    # Where the very name is here too, it comes first.
    assert found.how == "present"
    assert found.reference in (here, "debian:bookworm")
    assert isinstance(found, Bootstrapped)


@pytest.mark.docker
def test_a_base_that_cannot_be_had_names_those_that_can_be_built(project: Project, engine: DockerEngine) -> None:
    done = project.call("images", "bootstrap", "plan9:fourth", "--no-pull")

    assert (done.exit_code, done.out) == (4, "")
    assert "plan9:fourth cannot be pulled, and only these can be built from packages: debian:bookworm" in done.err


@pytest.mark.docker
def test_a_damaged_image_map_is_named(project: Project, engine: DockerEngine) -> None:
    machine_image_map().parent.mkdir(parents=True)
    machine_image_map().write_text("[")

    done = project.call("images", "bootstrap", "--no-pull")

    assert done.exit_code == 4
    assert f"image map {machine_image_map()}: " in done.err
