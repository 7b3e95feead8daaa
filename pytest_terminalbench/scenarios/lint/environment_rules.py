"""Findings in where the agent acts: image, Dockerfile, build context, network, variables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from pytest_terminalbench.scenarios.build_context import context_files, instructions
from pytest_terminalbench.scenarios.lint.finding import Finding, finding
from pytest_terminalbench.scenarios.terminal import TerminalScenario

__all__ = ["findings"]

NETWORK_TAG = "network"
# What may be named as the main process without anybody missing it: containers run a sleep of ours instead.
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "sleep", "tail", "python", "python3", "node"})
_SECRET = re.compile(r"(^|_)(API_?KEY|ACCESS_?KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$", re.I)


def findings(scenario: TerminalScenario) -> Iterator[Finding]:
    """What is odd about the environment of `scenario`."""
    folder = scenario.build_folder
    if folder is not None:
        yield from _dockerfile(folder)
        yield from _exposed(scenario, folder)
    yield from _image(scenario)
    yield from _network(scenario)
    yield from _secrets(scenario)


def _dockerfile(folder: Path) -> Iterator[Finding]:
    file = folder / "Dockerfile"
    lines = list(instructions(file.read_text(errors="replace")))
    origins = [instruction.rest for instruction in lines if instruction.word == "FROM"]
    if not origins:
        yield finding("L101", file, "FROM", "there is no FROM, so it cannot be built", "name a base image")
    for name in _bases(origins):
        if _can_change(name):
            yield _changing(file, "FROM", name)
    for instruction in lines:
        if instruction.word in ("ENTRYPOINT", "CMD") and _program(instruction.rest) not in _SHELLS:
            message = f"{instruction.rest} does not run: the container's main process is a sleep"
            cure = "start it in the instruction's first step or in the verifier, or leave it to the agent"
            yield finding("L105", file, instruction.word, message, cure)


def _bases(origins: list[str]) -> Iterator[str]:
    """The images that are built on, without the Dockerfile's own stages."""
    stages: set[str] = {"scratch"}
    for origin in origins:
        words = [word for word in origin.split() if not word.startswith("--")]
        if not words:
            continue
        if words[0] not in stages:
            yield words[0]
        if len(words) == 3 and words[1].upper() == "AS":
            stages.add(words[2])


def _can_change(image: str) -> bool:
    if "@" in image or "$" in image:
        return False
    name = image.rpartition("/")[2]
    return ":" not in name or name.endswith(":latest")


def _changing(file: Path, field: str, image: str) -> Finding:
    message = f"{image!r} is another image tomorrow, and results change with it"
    return finding("L102", file, field, message, "name a version (debian:bookworm-slim) or a digest")


def _program(command: str) -> str:
    """The program that ENTRYPOINT or CMD starts, in either of its two forms."""
    try:
        words = json.loads(command)
    except ValueError:
        words = command.split()
    first = str(words[0]) if isinstance(words, list) and words else ""
    return first.rpartition("/")[2]


def _exposed(scenario: TerminalScenario, folder: Path) -> Iterator[Finding]:
    context = folder.resolve()
    sent = {file.resolve() for file in context_files(folder)}
    secret = [("verifier.script", scenario.verifier_file.parent), ("solution", scenario.solution_file)]
    for field, path in [*secret, ("environment.build", scenario.file)]:
        if path is not None and path.resolve().is_relative_to(context) and _holds_any(path.resolve(), sent):
            message = f"{path.name} lies below the build context {folder.name!r}: it may be in the agent's image"
            cure = "put the build context, the tests and the solution into folders side by side"
            yield finding("L103", scenario.file, field, message, cure)


def _holds_any(place: Path, files: Iterable[Path]) -> bool:
    """Whether any of `files` is `place`, or lies in it."""
    return any(file == place or file.is_relative_to(place) for file in files)


def _image(scenario: TerminalScenario) -> Iterator[Finding]:
    image = scenario.spec.environment.image
    if image is not None and _can_change(image):
        yield _changing(scenario.file, "environment.image", image)


def _network(scenario: TerminalScenario) -> Iterator[Finding]:
    network = scenario.spec.environment.network
    if network != "none" and NETWORK_TAG not in scenario.tags:
        message = f"{network!r} puts the agent on the network, and no tag says so"
        cure = f"add the tag {NETWORK_TAG!r}, so that `-m 'not {NETWORK_TAG}'` leaves it out; or set it to none"
        yield finding("L104", scenario.file, "environment.network", message, cure)


def _secrets(scenario: TerminalScenario) -> Iterator[Finding]:
    for name, value in scenario.spec.environment.env.items():
        if value and _SECRET.search(name):
            message = "the agent sees this value, and so does everybody who has the file"
            cure = "leave it out, or call it something that says it is made up"
            yield finding("L106", scenario.file, f"environment.env.{name}", message, cure)
