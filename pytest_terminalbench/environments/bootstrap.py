"""Base images from Debian's packages, for machines that no image registry answers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pytest_terminalbench.environments.docker_engine import DockerEngine
from pytest_terminalbench.environments.engine_errors import engine_errors
from pytest_terminalbench.environments.image_map import load_image_map, machine_image_map
from pytest_terminalbench.errors import EnvironmentFailure

__all__ = ["BASES", "Bootstrapped", "bootstrap"]

# What scenarios may build on without a registry: the name they write -> Debian's suite.
BASES = {"debian:bookworm-slim": "bookworm", "debian:bookworm": "bookworm"}
DEBOOTSTRAP_TIMEOUT_S = 900


@dataclass(frozen=True, kw_only=True)
class Bootstrapped:
    """What became of one base: where it came from (``present``, ``pulled`` or ``built``) and what it is called here."""

    name: str
    reference: str
    how: str


def bootstrap(engine: DockerEngine, name: str, *, pull: bool = True, force: bool = False) -> Bootstrapped:
    """Have the base `name` on the engine: as it is, else pulled, else built from packages and noted in the image map.

    Raises EnvironmentFailure saying what to install when nothing works.
    """
    built = f"terminalbench-base/{name.replace(':', '-')}:latest"
    if not force:
        for reference in (name, _noted(name), built):
            if reference is not None and engine.image(reference) is not None:
                if reference == built:
                    _note(name, built)
                return Bootstrapped(name=name, reference=reference, how="present")
        if pull and _pulled(engine, name):
            return Bootstrapped(name=name, reference=name, how="pulled")
    if name not in BASES:
        known = ", ".join(sorted(BASES))
        raise EnvironmentFailure(f"{name} cannot be pulled, and only these can be built from packages: {known}")
    _build(engine, BASES[name], built)
    _note(name, built)
    return Bootstrapped(name=name, reference=built, how="built")


def _pulled(engine: DockerEngine, name: str) -> bool:
    repository, _, tag = name.partition(":")
    try:
        with engine_errors(f"pull {name}"):
            engine.api.pull(repository, tag=tag or "latest")
    except EnvironmentFailure:
        return False
    return engine.image(name) is not None


def _build(engine: DockerEngine, suite: str, reference: str) -> None:
    command = shutil.which("debootstrap", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if command is None:
        raise EnvironmentFailure("no registry answers and debootstrap is not installed: `apt-get install debootstrap`")
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    with tempfile.TemporaryDirectory(prefix="terminalbench-base-") as scratch:
        root = Path(scratch) / "root"
        _run([*sudo, command, "--variant=minbase", suite, str(root)])
        # What apt downloaded is of no use in an image.
        for leftover in ("var/cache/apt/archives", "var/lib/apt/lists"):
            _run([*sudo, "find", str(root / leftover), "-type", "f", "-delete"])
        archive = Path(scratch) / "base.tar"
        _run([*sudo, "tar", "--numeric-owner", "-C", str(root), "-cf", str(archive), "."])
        _run([*sudo, "rm", "-rf", str(root)])
        repository, _, tag = reference.rpartition(":")
        with engine_errors(f"import {reference}"):
            engine.api.import_image_from_file(str(archive), repository=repository, tag=tag, changes=['CMD ["bash"]'])


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEBOOTSTRAP_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise EnvironmentFailure(f"{command[0]} took longer than {DEBOOTSTRAP_TIMEOUT_S} s") from None
    if done.returncode:
        raise EnvironmentFailure(f"{' '.join(command[:4])} failed: {(done.stderr or done.stdout)[-600:].strip()}")


def _noted(name: str) -> str | None:
    """What stands for the base on this machine so far."""
    file = machine_image_map()
    return load_image_map(file).replacements.get(name) if file.is_file() else None


def _note(name: str, reference: str) -> None:
    file = machine_image_map()
    content = dict(load_image_map(file).replacements) if file.is_file() else {}
    content[name] = reference
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_suffix(f".tmp{os.getpid()}")
    scratch.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")
    scratch.replace(file)
