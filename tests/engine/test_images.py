"""Images that a real engine builds: once, by what they are made of, and never again."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_terminalbench.environments.docker_engine import DockerEngine
from pytest_terminalbench.environments.docker_provider import DockerProvider
from pytest_terminalbench.environments.image_map import ImageMap, image_map_for
from pytest_terminalbench.environments.images import Images
from pytest_terminalbench.environments.owner import IMAGE_LABEL
from pytest_terminalbench.environments.parallel_builds import build_images
from pytest_terminalbench.environments.provider import ProviderSettings
from pytest_terminalbench.errors import ImageBuildError, ImageUnavailable
from pytest_terminalbench.limits import Limits
from pytest_terminalbench.scenarios.container import ContainerScenario
from tests.scenario_files import a_scenario

pytestmark = pytest.mark.docker

# For another process: build the scenario's image when the file `go` appears.
BUILDER = """
import json, sys, time
from pathlib import Path
from pytest_terminalbench.environments.docker_engine import DockerEngine
from pytest_terminalbench.environments.image_map import ImageMap
from pytest_terminalbench.environments.images import Images
from pytest_terminalbench.scenarios.formats import load_scenario

url, base, file, locks = sys.argv[1:]
images = Images(DockerEngine(url), ImageMap(replacements={"the-base:1": base}), Path(locks))
scenario = load_scenario(Path(file), dataset="demo")
print("ready", flush=True)
sys.stdin.readline()
image = images.ensure(scenario, build_s=60)
print(json.dumps([image.reference, image.built]))
"""


@pytest.fixture
def scenario_id(engine: DockerEngine) -> Iterator[str]:
    """An id that no other test has; the images of its scenario are removed."""
    name = f"image-test-{uuid.uuid4().hex[:10]}"
    yield name
    for found in engine.images(f"{IMAGE_LABEL}={name}"):
        engine.remove_image(found["Id"], force=True)


@pytest.fixture
def images(engine: DockerEngine, image: str, tmp_path: Path) -> Images:
    """With `the-base:1` standing for the tests' own image."""
    return Images(engine, ImageMap(replacements={"the-base:1": image}), tmp_path / "locks")


def built_from(folder: Path, scenario_id: str, dockerfile: str, **changes: object) -> ContainerScenario:
    context = folder / scenario_id / "environment"
    context.mkdir(parents=True, exist_ok=True)
    (context / "Dockerfile").write_text(dockerfile)
    (context / "file").write_text(scenario_id)
    environment = {"image": None, "build": f"{scenario_id}/environment"}
    return a_scenario(folder, scenario_id, environment=environment, **changes)


def test_four_processes_build_an_image_once(engine: DockerEngine, image: str, tmp_path: Path, scenario_id: str) -> None:
    scenario = built_from(tmp_path, scenario_id, "FROM the-base:1\nCOPY file /file\nRUN sleep 0.5\n")
    command = [sys.executable, "-c", BUILDER, engine.url, image, str(scenario.file), str(tmp_path / "locks")]
    builders = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [builder.stdout.readline() for builder in builders if builder.stdout] == ["ready\n"] * 4

    for builder in builders:
        assert builder.stdin
        builder.stdin.write("go\n")
        builder.stdin.flush()
    answers = [json.loads(builder.communicate(timeout=60)[0]) for builder in builders]

    (built,) = engine.images(f"{IMAGE_LABEL}={scenario_id}")
    assert {reference for reference, _ in answers} == set(built["RepoTags"])
    assert sorted(was_built for _, was_built in answers) == [False, False, False, True]


def test_steps_that_dockerfiles_begin_with_are_run_once_however_many_are_built_at_a_time(
    engine: DockerEngine, image: str, tmp_path: Path, scenario_id: str
) -> None:
    # What runs twice leaves two different files.
    head = f"FROM the-base:1\nRUN echo {scenario_id} && sleep 1 && head -c 16 /dev/urandom > /one\n"
    head += "RUN head -c 16 /dev/urandom > /two\n"
    names = [f"{scenario_id}-{number}" for number in range(3)]
    scenarios = [built_from(tmp_path, name, f"{head}RUN echo {name} > /three\n") for name in names]
    replacements = ImageMap(replacements={"the-base:1": image})
    try:
        built = list(
            build_images(scenarios, lambda: Images(DockerEngine(engine.url), replacements, tmp_path / "locks"), jobs=3)
        )
        layers = [(engine.image(one.reference or "") or {})["RootFS"]["Layers"] for one in built]

        assert [one.how for one in built] == ["built"] * 3
        assert len({tuple(own[:-1]) for own in layers}) == 1
        assert len({own[-1] for own in layers}) == 3
    finally:
        for name in names:
            for found in engine.images(f"{IMAGE_LABEL}={name}"):
                engine.remove_image(found["Id"], force=True)


def test_an_image_is_built_again_when_a_file_has_changed(images: Images, tmp_path: Path, scenario_id: str) -> None:
    scenario = built_from(tmp_path, scenario_id, "FROM the-base:1\nCOPY file /file\n")
    first = images.ensure(scenario, build_s=60)
    again = anew(images).ensure(scenario, build_s=60)
    (tmp_path / scenario_id / "environment" / "file").write_text("changed")
    other = anew(images).ensure(scenario, build_s=60)

    assert (first.built, again.built, other.built) == (True, False, True)
    assert first.reference == again.reference != other.reference
    assert first.recipe == again.recipe != other.recipe
    assert first.build_s > again.build_s == 0


def test_what_dockerignore_leaves_out_is_not_in_the_image_and_builds_nothing_anew(
    engine: DockerEngine, images: Images, tmp_path: Path, scenario_id: str
) -> None:
    dockerfile = "FROM the-base:1\nCOPY . /seen\nRUN test -e /seen/file && test ! -e /seen/notes.md\n"
    scenario = built_from(tmp_path, scenario_id, dockerfile)
    context = tmp_path / scenario_id / "environment"
    (context / ".dockerignore").write_text("*.md\nDockerfile\n")
    (context / "notes.md").write_text("one")
    first = images.ensure(scenario, build_s=60)
    (context / "notes.md").write_text("two")
    again = anew(images).ensure(scenario, build_s=60)

    assert (first.built, again.built) == (True, False)
    assert first.reference == again.reference


def test_the_recipe_names_the_base_and_not_what_stands_for_it(
    engine: DockerEngine, image: str, images: Images, tmp_path: Path, scenario_id: str
) -> None:
    """So that a baseline made with a mirror is compared with one made without."""
    scenario = built_from(tmp_path, scenario_id, "FROM the-base:1\nCOPY file /file\n")
    other_base = image_map_for(tmp_path)("debian:bookworm-slim")
    other_map = ImageMap(replacements={"the-base:1": other_base})

    one, other = (
        images.ensure(scenario, build_s=60),
        Images(engine, other_map, tmp_path / "locks").ensure(scenario, build_s=60),
    )

    assert one.recipe == other.recipe
    assert one.reference != other.reference


def test_a_base_in_a_later_stage_is_mapped_too(
    engine: DockerEngine, images: Images, tmp_path: Path, scenario_id: str
) -> None:
    dockerfile = """
        ARG VERSION=1
        FROM the-base:${VERSION} AS first
        RUN echo made > /made
        FROM the-base:1
        COPY --from=first /made /made
        """
    reference = images.ensure(built_from(tmp_path, scenario_id, dockerfile), build_s=60).reference

    assert engine.image(reference) is not None


def test_a_failing_build_shows_its_last_lines(images: Images, tmp_path: Path, scenario_id: str) -> None:
    scenario = built_from(
        tmp_path, scenario_id, "FROM the-base:1\nRUN echo almost there; echo the last words >&2; false\n"
    )

    with pytest.raises(ImageBuildError) as error:
        images.ensure(scenario, build_s=60)

    first, *lines = str(error.value).splitlines()
    assert first.startswith(f"the image of {scenario_id} does not build: ")
    assert first.endswith("returned a non-zero code: 1")
    assert {"  | almost there", "  | the last words"} <= set(lines)


def test_a_build_that_hangs_is_given_up(images: Images, tmp_path: Path, scenario_id: str) -> None:
    dockerfile = "FROM the-base:1\nRUN echo begun; sleep 100\n"
    scenario = built_from(tmp_path, scenario_id, dockerfile)
    began = time.monotonic()

    with pytest.raises(ImageBuildError, match=r"longer than build_s = 1 s\n(.*\n)*  \| begun"):
        images.ensure(scenario, build_s=1)

    assert time.monotonic() - began < 20


def test_an_image_that_cannot_be_pulled_names_the_cures(images: Images, tmp_path: Path) -> None:
    scenario = a_scenario(tmp_path, environment={"image": "localhost:1/no-such-image:7"})

    with pytest.raises(ImageUnavailable) as error:
        images.ensure(scenario, build_s=60)

    first, second = str(error.value).splitlines()
    assert first.startswith("image 'localhost:1/no-such-image:7' is not on this machine and cannot be pulled: ")
    assert second == (
        "Where no registry answers, `terminalbench images bootstrap` builds the Debian bases from packages; another "
        "base can be named by --tb-image-map FILE or [tool.terminalbench.images]"
    )


def test_a_prebuilt_image_is_mapped(images: Images, image: str, tmp_path: Path) -> None:
    found = images.ensure(a_scenario(tmp_path, environment={"image": "the-base:1"}), build_s=60)

    assert (found.reference, found.recipe, found.built) == (image, "the-base:1", False)


def test_an_image_that_is_removed_between_two_trials_is_built_again(
    engine: DockerEngine, image: str, tmp_path: Path, scenario_id: str
) -> None:
    scenario = built_from(tmp_path, scenario_id, "FROM the-base:1\nCOPY file /file\n")
    settings = ProviderSettings(
        engine_url=engine.url, run_id=scenario_id, image_map=ImageMap(replacements={"the-base:1": image})
    )
    provider = DockerProvider(settings, locks=tmp_path / "locks")
    containers = provider.prepare(scenario, Limits(build_s=60, agent_s=10, verifier_s=5))
    with containers():
        pass
    (built,) = engine.images(f"{IMAGE_LABEL}={scenario_id}")
    engine.remove_image(built["Id"], force=True)

    with containers() as environment:
        assert environment.run(["cat", "/file"]).stdout == scenario_id


def anew(images: Images) -> Images:
    """As another process would see it: nothing is remembered."""
    return Images(images._engine, images._map, images._locks)
