"""`terminalbench images build|prune|bootstrap`."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.environments.bootstrap import Bootstrapped, bootstrap
from pytest_terminalbench.environments.build_lock import only_builder
from pytest_terminalbench.environments.docker_engine import DockerEngine
from pytest_terminalbench.environments.image_map import machine_image_map
from pytest_terminalbench.environments.images import Image
from pytest_terminalbench.environments.owner import IMAGE_LABEL
from pytest_terminalbench.environments.parallel_builds import Built, build_images
from pytest_terminalbench.environments.prune_images import prune_images
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
        (["demo", "--image-map", "gone.json"], "image map {project}/gone.json: "),
    ],
)
def test_what_cannot_be_built_is_a_usage_error(
    project: Project, engine: DockerEngine, arguments: list[str], said: str
) -> None:
    project.dataset("demo", "alpha")

    done = project.call("images", "build", *arguments)

    assert (done.exit_code, done.out) == (4, "")
    assert done.err.startswith(f"terminalbench: {said}".replace("{project}", str(project.path)))


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
    """An engine's images: those of scenarios, some of them made into containers or built on."""

    def __init__(self, *images: dict[str, Any], used: tuple[str, ...] = (), built_on: tuple[str, ...] = ()) -> None:
        self._images = images
        self._used = used
        self._built_on = built_on
        self.removed: list[str] = []
        self.asked: list[str] = []

    def image(self, reference: str) -> dict[str, Any] | None:
        return next((image for image in self._images if reference in (image["RepoTags"] or ())), None)

    def images(self, label: str) -> list[dict[str, Any]]:
        self.asked.append(label)
        return list(self._images)

    def images_of_containers(self) -> set[str]:
        return set(self._used)

    def remove_image(self, image: str) -> None:
        if image in self._built_on:
            raise EnvironmentFailure("has dependent child images")
        self.removed.append(image)


def image(name: str, *tags: str, days: float = 10) -> dict[str, Any]:
    created = time.time() - days * 86_400
    return {"Id": name, "RepoTags": list(tags) or None, "Labels": {IMAGE_LABEL: "alpha"}, "Size": 7, "Created": created}


def fates(host: Host, locks: Path, **how: Any) -> dict[str, str]:
    settings: dict[str, Any] = {"older_than_s": 7 * 86_400, "mapped": (), "locks": locks, **how}
    return {image.id: fate for image, fate in prune_images(host, **settings)}


def test_old_images_without_a_container_go_and_only_those_of_scenarios_are_asked_for(tmp_path: Path) -> None:
    host = Host(image("one", "a:1"), image("two", "a:2", "b:2"), image("three"), image("four", "a:4"), used=("four",))

    assert fates(host, tmp_path) == {"one": "removed", "two": "removed", "three": "removed", "four": "in use"}
    # Tag by tag: by its id an image of several tags would go only by force, and from stopped containers too.
    assert host.removed == ["a:1", "a:2", "b:2", "three"]
    assert host.asked == [IMAGE_LABEL]


def test_young_images_stay(tmp_path: Path) -> None:
    host = Host(image("old", "a:1", days=8), image("young", "a:2", days=6))

    assert fates(host, tmp_path) == {"old": "removed", "young": "too young"}
    assert fates(host, tmp_path, older_than_s=0) == {"old": "removed", "young": "removed"}


def test_what_the_image_map_names_stays(tmp_path: Path) -> None:
    host = Host(image("base", "a:1", "base:1"), image("other", "a:2"))

    assert fates(host, tmp_path, mapped=("base:1", "not-here:1")) == {"base": "in the image map", "other": "removed"}


def test_what_another_image_is_built_on_stays(tmp_path: Path) -> None:
    assert fates(Host(image("one", "a:1"), built_on=("a:1",)), tmp_path) == {"one": "in use"}


def test_what_another_process_builds_stays(tmp_path: Path) -> None:
    host = Host(image("one", "a:1f"), image("two", "a:2f"))

    with only_builder(tmp_path, "1f"):
        assert fates(host, tmp_path) == {"one": "being built", "two": "removed"}

    assert host.removed == ["a:2f"]


def test_what_cannot_be_locked_is_not_said_to_be_in_use(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")

    with pytest.raises(EnvironmentFailure, match=r"builds of images cannot be locked in .*/cache/locks: Not a dir"):
        fates(Host(image("one", "a:1")), tmp_path / "cache" / "locks")


def test_a_dry_run_removes_nothing(tmp_path: Path) -> None:
    host = Host(image("one", "a:1"), image("young", "a:2", days=0))

    assert fates(host, tmp_path, dry_run=True) == {"one": "would be removed", "young": "too young"}
    assert host.removed == []


@pytest.mark.parametrize("age", ["", "7", "d", "-1d", "7 days", "1.5h"])
def test_an_age_that_is_none_is_a_usage_error(project: Project, age: str) -> None:
    done = project.call("images", "prune", f"--older-than={age}")

    assert (done.exit_code, done.out) == (4, "")
    assert done.err.startswith(f"terminalbench: --older-than {age!r} is no age; write a number and s, m, h or d")


@pytest.mark.docker
@pytest.mark.usefixtures("machine_map")
def test_a_dry_run_lists_what_was_built_and_leaves_it(project: Project, engine: DockerEngine) -> None:
    project.dataset("demo", "alpha")
    project.write("scenarios/demo/alpha/environment/Dockerfile", f"FROM {BASE}\nRUN echo {os.urandom(8).hex()}\n")
    reference = project.call("images", "build", "demo", "--format", "json").json[0]["reference"]
    try:
        listed = project.call("images", "prune", "--dry-run", "--older-than", "0", "--format", "json").json
        told = project.call("images", "prune", "--dry-run")

        assert ("alpha", [reference], "would be removed") in [
            (one["scenario_id"], one["tags"], one["fate"]) for one in listed
        ]
        assert "too young" in told.out
        assert "younger than 7d (--older-than 0 takes them, too)" in told.err
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
