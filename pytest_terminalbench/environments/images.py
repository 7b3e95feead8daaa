"""Images: pulled or built once, named by what they are made of."""

from __future__ import annotations

import io
import json
import os
import platform as host_platform
import re
import tarfile
import time
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_terminalbench.digest import digest_files, digest_json, tree_files
from pytest_terminalbench.environments.docker import DockerEngine, engine_errors
from pytest_terminalbench.environments.owner import IMAGE_LABEL
from pytest_terminalbench.errors import EngineUnreachable, ImageBuildError, ImageUnavailable, SettingsError
from pytest_terminalbench.scenarios.container import ContainerScenario
from pytest_terminalbench.settings import project_settings

__all__ = ["Image", "ImageMap", "Images", "base_images", "image_map_for", "load_image_map", "machine_image_map"]

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


@dataclass(frozen=True, kw_only=True)
class ImageMap:
    """Base images replaced by others: mirrors, or bases built on this machine."""

    replacements: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, name: str) -> str:
        return self.replacements.get(name, name)

    def over(self, other: ImageMap) -> ImageMap:
        """This map, and `other` where this one says nothing."""
        return ImageMap(replacements={**other.replacements, **self.replacements})


def machine_image_map() -> Path:
    """Where `terminalbench images bootstrap` notes the bases it has built on this machine."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "pytest-terminalbench" / "images.json"


def load_image_map(file: Path) -> ImageMap:
    """Read a JSON object (or the TOML table ``[images]``) of image name -> image name.

    Raises SettingsError naming the file.
    """
    try:
        text = file.read_text(encoding="utf-8")
        content = tomllib.loads(text).get("images", {}) if file.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError) as error:
        raise SettingsError(f"image map {file}: {error}") from None
    if not isinstance(content, dict) or not all(isinstance(value, str) for value in content.values()):
        raise SettingsError(f"image map {file}: must map image names to image names, as strings")
    return ImageMap(replacements=content)


def image_map_for(root: Path, chosen: Path | None = None) -> ImageMap:
    """The map `chosen` (if any) over the one of the project in `root` over this machine's.

    Raises SettingsError naming the file that is wrong.
    """
    machine = machine_image_map()
    merged = load_image_map(machine) if machine.is_file() else ImageMap()
    merged = ImageMap(replacements=project_settings(root).images).over(merged)
    return load_image_map(chosen).over(merged) if chosen else merged


class Images:
    """Makes sure that scenarios' images are on the engine; remembers within a process what it has seen there."""

    def __init__(self, engine: DockerEngine, image_map: ImageMap, locks: Path) -> None:
        self._engine = engine
        self._map = image_map
        self._locks = locks
        self._known: dict[str, Image] = {}

    def ensure(self, scenario: ContainerScenario) -> Image:
        """The scenario's image, pulled or built if need be: once, however many processes ask for it.

        Raises ImageUnavailable or ImageBuildError.
        """
        folder = scenario.build_folder
        key = f"{folder or scenario.spec.environment.image} for {scenario.spec.environment.platform}"
        if key not in self._known:
            began = time.monotonic()
            image = self._build(scenario, folder) if folder else self._prebuilt(scenario)
            self._known[key] = Image(
                reference=image.reference,
                recipe=image.recipe,
                built=image.built,
                build_s=time.monotonic() - began if image.built else 0.0,
            )
            return self._known[key]
        known = self._known[key]
        return Image(reference=known.reference, recipe=known.recipe, build_s=0.0, built=False)

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

    def _build(self, scenario: ContainerScenario, folder: Path) -> Image:
        environment = scenario.spec.environment
        dockerfile = (folder / "Dockerfile").read_text(encoding="utf-8")
        names = base_images(dockerfile)
        bases = {name: self._base_id(self._map(name), environment.platform) for name in names}
        context = digest_files(folder)
        recipe = digest_json(["recipe", context, environment.platform, sorted(names)])
        content = digest_json([context, environment.platform or host_platform.machine(), sorted(bases.items())])
        tag = f"terminalbench/{_docker_name(scenario.id)}:{content.removeprefix('sha256:')[:20]}"
        built = False
        if self._image_id(tag) is None:
            from filelock import FileLock

            self._locks.mkdir(parents=True, exist_ok=True)
            with FileLock(self._locks / f"{content.removeprefix('sha256:')[:20]}.lock"):
                # Another worker may have built it while we waited.
                if self._image_id(tag) is None:
                    self._run_build(scenario, folder, _mapped(dockerfile, self._map), tag)
                    built = True
        return Image(reference=tag, recipe=recipe, build_s=0.0, built=built)

    def _run_build(self, scenario: ContainerScenario, folder: Path, dockerfile: str, tag: str) -> None:
        lines: list[str] = []
        limit_s = scenario.timeouts.build_s
        until = time.monotonic() + limit_s
        too_long = f"longer than build_s = {limit_s:g} s"
        try:
            with engine_errors(f"build the image of {scenario.id}"):
                for message in self._build_messages(scenario, folder, dockerfile, tag):
                    lines += str(message.get("stream", message.get("status", ""))).rstrip("\n").splitlines()
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
        self, scenario: ContainerScenario, folder: Path, dockerfile: str, tag: str
    ) -> Iterator[dict[str, Any]]:
        messages: Iterator[dict[str, Any]] = self._engine.api.build(
            fileobj=_context(folder, dockerfile),
            custom_context=True,
            tag=tag,
            rm=True,
            forcerm=True,
            decode=True,
            platform=scenario.spec.environment.platform,
            labels={IMAGE_LABEL: scenario.id},
            # Between two lines of output: a build ends after twice its limit at the latest.
            timeout=int(scenario.timeouts.build_s) + 1,
        )
        return messages

    def _base_id(self, reference: str, platform: str | None) -> str:
        found = self._image_id(reference)
        if found is None:
            self._pull(reference, platform)
            found = self._image_id(reference)
        if found is None:
            raise ImageUnavailable(_unavailable(reference, "the pull ended without it"))
        return found

    def _image_id(self, reference: str) -> str | None:
        found = self._engine.image(reference)
        return str(found["Id"]) if found else None

    def _registry_digest(self, reference: str) -> str | None:
        digests = (self._engine.image(reference) or {}).get("RepoDigests") or []
        return str(digests[0]).rpartition("@")[2] if digests else None

    def _pull(self, reference: str, platform: str | None) -> None:
        import docker

        name, tag = _split_tag(reference)
        try:
            with engine_errors(f"pull {reference}"):
                for message in self._engine.api.pull(name, tag=tag, stream=True, decode=True, platform=platform):
                    if "error" in message:
                        raise ImageUnavailable(_unavailable(reference, message["error"]))
        except ImageUnavailable:
            raise
        except Exception as error:
            cause = error.__cause__
            if isinstance(cause, docker.errors.APIError):
                raise ImageUnavailable(_unavailable(reference, str(cause.explanation))) from error
            raise


def base_images(dockerfile: str) -> list[str]:
    """The images that `dockerfile` builds on, as written, without its own stages and ``scratch``."""
    stages = {"scratch"}
    names: list[str] = []
    for name, stage in _from_lines(dockerfile):
        if name.lower() not in stages and name not in names:
            names.append(name)
        if stage:
            stages.add(stage.lower())
    return names


# Not a line that goes on from the one before: SQL has its FROM too.
_FROM = re.compile(
    r"(?<!\\\n)^(?P<head>[ \t]*FROM\s+(?:--platform=\S+\s+)?)(?P<name>\S+)"
    r"(?P<rest>(?:\s+AS\s+(?P<stage>\S+))?\s*)$",
    re.I | re.M,
)
_ARG = re.compile(r"^\s*ARG\s+(?P<key>\w+)=(?P<value>\S+)\s*$", re.I | re.M)


def _from_lines(dockerfile: str) -> Iterator[tuple[str, str | None]]:
    defaults = _arguments(dockerfile)
    for match in _FROM.finditer(dockerfile):
        yield _expand(match["name"], defaults), match["stage"]


def _arguments(dockerfile: str) -> dict[str, str]:
    first = _FROM.search(dockerfile)
    head = dockerfile[: first.start()] if first else ""
    return {match["key"]: match["value"].strip("\"'") for match in _ARG.finditer(head)}


def _expand(name: str, defaults: Mapping[str, str]) -> str:
    """`name` with ``$KEY``, ``${KEY}`` and ``${KEY:-default}`` replaced; a key without a value stays as it is."""

    def value(match: re.Match[str]) -> str:
        return defaults.get(match["key"] or match["plain"]) or match["default"] or match[0]

    return re.sub(r"\$(?:\{(?P<key>\w+)(?::-(?P<default>[^}]*))?\}|(?P<plain>\w+))", value, name)


def _mapped(dockerfile: str, image_map: ImageMap) -> str:
    """`dockerfile` with its bases replaced."""
    defaults = _arguments(dockerfile)

    def replace(match: re.Match[str]) -> str:
        name = _expand(match["name"], defaults)
        return f"{match['head']}{image_map(name)}{match['rest']}"

    return _FROM.sub(replace, dockerfile)


def _context(folder: Path, dockerfile: str) -> io.BytesIO:
    """The build context as a tar with fixed owners and times, so that the engine's layer cache hits."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path in tree_files(folder):
            info = tar.gettarinfo(path, arcname=path.relative_to(folder).as_posix())
            info.uid = info.gid = info.mtime = 0
            info.uname = info.gname = "root"
            if info.isreg():
                info.mode = 0o755 if info.mode & 0o100 else 0o644
            content = dockerfile.encode() if info.name == "Dockerfile" else path.read_bytes() if info.isreg() else b""
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    buffer.seek(0)
    return buffer


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
