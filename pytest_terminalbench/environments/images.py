"""Images: pulled or built once, named by what they are made of."""

from __future__ import annotations

import platform as host_platform
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_terminalbench.digest import digest_json
from pytest_terminalbench.environments.build_lock import only_builder
from pytest_terminalbench.environments.docker_engine import DockerEngine
from pytest_terminalbench.environments.dockerfile import base_images, build_context, with_bases_replaced
from pytest_terminalbench.environments.engine_errors import engine_errors, engine_message
from pytest_terminalbench.environments.image_map import ImageMap
from pytest_terminalbench.environments.owner import IMAGE_LABEL
from pytest_terminalbench.environments.shared_steps import StepLocks, run_steps, step_locks
from pytest_terminalbench.errors import EngineUnreachable, EnvironmentFailure, ImageBuildError, ImageUnavailable
from pytest_terminalbench.scenarios.build_context import digest_context
from pytest_terminalbench.scenarios.container import ContainerScenario

__all__ = ["Image", "Images"]

BUILD_TAIL_LINES = 25


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image that is on this engine.

    ``reference`` is what containers are made of; ``recipe`` identifies its content across machines (for built images
    the build context and the names of the bases, for prebuilt ones the registry's digest or the name); ``build_s`` is
    what it cost now, ``built`` whether anything was built or pulled.
    """

    reference: str
    recipe: str
    build_s: float
    built: bool


class Images:
    """Makes sure that scenarios' images are on the engine; remembers within a process what it has seen there."""

    def __init__(self, engine: DockerEngine, image_map: ImageMap, locks: Path) -> None:
        self._engine = engine
        self._map = image_map
        self._locks = locks
        self._known: dict[str, Image] = {}

    def ensure(self, scenario: ContainerScenario, *, build_s: float) -> Image:
        """The scenario's image, pulled or built if need be: once, however many processes ask for it.

        `build_s` is what a build may take. Raises ImageUnavailable or ImageBuildError.
        """
        folder, key = scenario.build_folder, _key(scenario)
        earlier = self._known.get(key)
        if earlier is not None:
            return replace(earlier, build_s=0.0, built=False)
        began = time.monotonic()
        image = self._build(scenario, folder, build_s) if folder else self._prebuilt(scenario)
        image = replace(image, build_s=time.monotonic() - began if image.built else 0.0)
        self._known[key] = image
        return image

    def ensure_again(self, scenario: ContainerScenario, *, build_s: float) -> Image:
        """The same for an image that has been on the engine and is not any more."""
        self._known.pop(_key(scenario), None)
        return self.ensure(scenario, build_s=build_s)

    def ensure_name(self, name: str) -> str:
        """A prebuilt image by name, mapped and pulled if need be; its reference."""
        reference = self._map(name)
        if self._image_id(reference) is None:
            self._pull(reference, None)
        return reference

    def _prebuilt(self, scenario: ContainerScenario) -> Image:
        name = scenario.spec.environment.image or ""
        reference = self._map(name)
        built = False
        if self._image_id(reference) is None:
            self._pull(reference, scenario.spec.environment.platform)
            built = True
        return Image(reference=reference, recipe=self._registry_digest(reference) or name, build_s=0.0, built=built)

    def _build(self, scenario: ContainerScenario, folder: Path, build_s: float) -> Image:
        environment = scenario.spec.environment
        dockerfile = (folder / "Dockerfile").read_text(encoding="utf-8")
        names = base_images(dockerfile)
        bases = {name: self._base_id(self._map(name), environment.platform) for name in names}
        context = digest_context(folder)
        recipe = digest_json(["recipe", context, environment.platform, sorted(names)])
        content = digest_json([context, environment.platform or host_platform.machine(), sorted(bases.items())])
        tag = f"terminalbench/{_docker_name(scenario.id)}:{content.removeprefix('sha256:')[:20]}"
        built = False
        if self._image_id(tag) is None:
            with only_builder(self._locks, tag.rpartition(":")[2]):
                # Another worker may have built it while we waited.
                if self._image_id(tag) is None:
                    with step_locks(self._locks, run_steps(folder, dockerfile, bases, environment.platform)) as steps:
                        self._run_build(scenario, folder, tag, build_s, steps)
                    built = True
        return Image(reference=tag, recipe=recipe, build_s=0.0, built=built)

    def _run_build(self, scenario: ContainerScenario, folder: Path, tag: str, build_s: float, steps: StepLocks) -> None:
        lines: list[str] = []
        until = time.monotonic() + build_s
        too_long = f"longer than build_s = {build_s:g} s"
        try:
            with engine_errors(f"build the image of {scenario.id}"):
                for message in self._build_messages(scenario, folder, tag, build_s):
                    told = str(message.get("stream", message.get("status", ""))).rstrip("\n")
                    steps.tell(told)
                    lines += told.splitlines()
                    if "error" in message:
                        raise ImageBuildError(_build_failure(scenario, message["error"], lines))
                    if time.monotonic() > until:
                        # Closing the connection makes the engine give up the build.
                        raise ImageBuildError(_build_failure(scenario, too_long, lines))
        except EngineUnreachable:
            if time.monotonic() < until:
                raise
            raise ImageBuildError(_build_failure(scenario, too_long, lines)) from None

    def _build_messages(
        self, scenario: ContainerScenario, folder: Path, tag: str, build_s: float
    ) -> Iterator[dict[str, Any]]:
        dockerfile = (folder / "Dockerfile").read_text(encoding="utf-8")
        messages: Iterator[dict[str, Any]] = self._engine.api.build(
            fileobj=build_context(folder, with_bases_replaced(dockerfile, self._map)),
            custom_context=True,
            tag=tag,
            rm=True,
            forcerm=True,
            decode=True,
            platform=scenario.spec.environment.platform,
            labels={IMAGE_LABEL: scenario.id},
            # Between two lines of output: a build ends after twice its limit at the latest.
            timeout=int(build_s) + 1,
        )
        return messages

    def _base_id(self, reference: str, platform: str | None) -> str:
        image_id = self._image_id(reference)
        if image_id is None:
            self._pull(reference, platform)
            image_id = self._image_id(reference)
        if image_id is None:
            raise ImageUnavailable(_unavailable(reference, "the pull ended without it"))
        return image_id

    def _image_id(self, reference: str) -> str | None:
        image = self._engine.image(reference)
        return str(image["Id"]) if image else None

    def _registry_digest(self, reference: str) -> str | None:
        digests = (self._engine.image(reference) or {}).get("RepoDigests") or []
        return str(digests[0]).rpartition("@")[2] if digests else None

    def _pull(self, reference: str, platform: str | None) -> None:
        name, tag = _split_tag(reference)
        try:
            with engine_errors(f"pull {reference}"):
                for message in self._engine.api.pull(name, tag=tag, stream=True, decode=True, platform=platform):
                    if "error" in message:
                        raise ImageUnavailable(_unavailable(reference, message["error"]))
        except EnvironmentFailure as failure:
            answer = engine_message(failure)
            if answer is None:
                raise
            raise ImageUnavailable(_unavailable(reference, answer)) from failure


def _key(scenario: ContainerScenario) -> str:
    """What is the same for scenarios whose image is the same."""
    environment = scenario.spec.environment
    return f"{scenario.build_folder or environment.image} for {environment.platform}"


def _build_failure(scenario: ContainerScenario, error: str, lines: Iterable[str]) -> str:
    # The engine colours what a build writes to stderr.
    plain = [line for line in (re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines) if line.strip()]
    tail = "\n".join(f"  | {line}" for line in plain[-BUILD_TAIL_LINES:])
    return f"the image of {scenario.id} does not build: {error.strip()}\n{tail}"


def _unavailable(reference: str, problem: str) -> str:
    return (
        f"image {reference!r} is not on this machine and cannot be pulled: {problem.strip()}\n"
        "Where no registry answers, `terminalbench images bootstrap` builds the Debian bases from packages; "
        "another base can be named by --tb-image-map FILE or [tool.terminalbench.images]"
    )


def _split_tag(reference: str) -> tuple[str, str | None]:
    if "@" in reference:
        return reference, None
    name, colon, tag = reference.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (reference, "latest")


def _docker_name(scenario_id: str) -> str:
    # Repository names are lower case and do not repeat separators.
    return re.sub(r"[^a-z0-9]+", "-", scenario_id.lower()).strip("-") or "scenario"
