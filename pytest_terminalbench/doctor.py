"""Can runs work on this machine, and if not, why: one probe after the other, each with its own failure."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pytest_terminalbench.environments.bootstrap import BASES
from pytest_terminalbench.environments.docker_engine import ContainerRequest, DockerEngine
from pytest_terminalbench.environments.endpoint import Endpoint, find_endpoint
from pytest_terminalbench.environments.engine_errors import engine_errors
from pytest_terminalbench.environments.image_map import ImageMap
from pytest_terminalbench.environments.owner import Ownership
from pytest_terminalbench.environments.reaper import leftovers
from pytest_terminalbench.errors import EngineUnreachable, TerminalBenchError

__all__ = ["Level", "Probe", "can_run", "engine_facts", "examine"]

# An engine answers these questions in milliseconds, and starts a container within a second even when it is busy.
ANSWER_TIMEOUT_S = 10
GIT_TIMEOUT_S = 5
# The images of terminal-bench-core take some 5 GB with all their layers.
LOW_DISK_BYTES = 5 << 30
# Stock Docker has address pools for some thirty networks; compose scenarios need one each.
MANY_NETWORKS = 25
PROBE_BASE = "debian:bookworm-slim"
_PACKAGES = (
    "pytest-terminalbench",
    "pytest",
    "pytest-xdist",
    "pytest-json-report",
    "syrupy",
    "docker",
    "pydantic",
    "litellm",
    "scipy",
)


class Level(StrEnum):
    """What a probe's answer means for runs: only ``failed`` keeps them from working."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One question and its answer; ``note`` says what it means or what to do."""

    name: str
    value: str
    level: Level = Level.OK
    note: str = ""


def can_run(probes: list[Probe]) -> bool:
    return all(probe.level is not Level.FAILED for probe in probes)


def examine(image_map: Callable[[], ImageMap]) -> Iterator[Probe]:
    """Every probe on this machine, in the order in which things depend on each other.

    `image_map` may raise: that is an answer too.
    """
    yield from _guarded("python", _python)
    yield from _guarded("packages", _packages)
    yield from _guarded("git", _git)
    try:
        endpoint = find_endpoint()
    except EngineUnreachable as error:
        yield Probe(name="engine", value="none answers", level=Level.FAILED, note=str(error))
        return
    yield from _engine(endpoint, image_map)


def _guarded(name: str, probe: Callable[[], Iterator[Probe]], *, level: Level = Level.WARNING) -> Iterator[Probe]:
    """What `probe` answers; if it breaks, that in its place, for it must not hide the answers of the others."""
    try:
        yield from probe()
    except TerminalBenchError as error:
        yield Probe(name=name, value="not known", level=level, note=str(error))
    except Exception as error:  # noqa: BLE001 - a diagnosis goes on, whatever one of its questions runs into.
        yield Probe(name=name, value="not known", level=level, note=f"{type(error).__name__}: {error}")


def _python() -> Iterator[Probe]:
    yield Probe(name="python", value=f"{platform.python_version()} ({sys.executable})")


def _packages() -> Iterator[Probe]:
    for name in _PACKAGES:
        try:
            yield Probe(name=name, value=version(name))
        except PackageNotFoundError:
            note = f"`pip install {name}` into this Python"
            yield Probe(name=name, value="not installed", level=Level.WARNING, note=note)


def _git() -> Iterator[Probe]:
    if shutil.which("git") is None:
        note = "runs work without; who approves a baseline is then the machine's user"
        yield Probe(name="git", value="not installed", level=Level.WARNING, note=note)
        return
    done = subprocess.run(["git", "--version"], capture_output=True, text=True, timeout=GIT_TIMEOUT_S, check=True)
    yield Probe(name="git", value=done.stdout.strip().removeprefix("git version "))


def _engine(endpoint: Endpoint, image_map: Callable[[], ImageMap]) -> Iterator[Probe]:
    yield Probe(name="engine", value=f"{endpoint.url} ({endpoint.source})")
    engine = DockerEngine(endpoint.url, timeout_s=ANSWER_TIMEOUT_S)

    def facts() -> Iterator[Probe]:
        with engine_errors("ask the engine about itself"):
            known, info = engine.api.version(), engine.api.info()
        yield from engine_facts(known, info)
        yield from _disk(info, endpoint)

    # Without these answers no container can be had either.
    yield from _guarded("engine version", facts, level=Level.FAILED)
    yield from _guarded("networks", lambda: _networks(engine))
    yield from _guarded("leftover containers", lambda: _leftovers(engine))
    yield from _guarded("base images", lambda: _bases(engine, image_map()))
    yield from _guarded("a container", lambda: _container(engine, image_map()), level=Level.FAILED)


def engine_facts(known: Mapping[str, Any], info: Mapping[str, Any]) -> Iterator[Probe]:
    """What the engine says of itself in its answers to ``/version`` and ``/info``."""
    yield Probe(name="engine version", value=str(known.get("Version") or "not known"))
    yield Probe(name="API version", value=str(known.get("ApiVersion") or "not known"))
    is_rootless = any("rootless" in str(option) for option in info.get("SecurityOptions") or ())
    yield Probe(name="rootless", value="yes" if is_rootless else "no")
    yield _cgroups(info, is_rootless=is_rootless)
    yield _limits(info)
    yield Probe(name="storage driver", value=str(info.get("Driver") or "not known"))
    yield Probe(name="architecture", value=f"{info.get('OSType') or 'linux'}/{info.get('Architecture') or '?'}")
    yield Probe(name="cpus", value=str(info.get("NCPU") or "not known"))
    yield Probe(name="memory", value=_size(info.get("MemTotal")))
    yield _init(info)


def _cgroups(info: Mapping[str, Any], *, is_rootless: bool) -> Probe:
    version = str(info.get("CgroupVersion") or "1")
    value = f"v{version} ({info.get('CgroupDriver') or 'driver not known'})"
    if is_rootless and version == "1":
        note = "a rootless engine enforces limits only with cgroup v2"
        return Probe(name="cgroup", value=value, level=Level.WARNING, note=note)
    return Probe(name="cgroup", value=value)


def _limits(info: Mapping[str, Any]) -> Probe:
    wanted = {"memory": "MemoryLimit", "swap": "SwapLimit", "cpus": "CpuCfsQuota", "pids": "PidsLimit"}
    # An engine that says nothing of a limit (Podman's answer has not all of them) is taken to have it.
    missing = [name for name, key in wanted.items() if info.get(key) is False]
    if missing:
        note = "scenarios' limits of these have no effect here; the kernel or the engine does not offer them"
        return Probe(name="limits", value=f"not enforced: {', '.join(missing)}", level=Level.WARNING, note=note)
    return Probe(name="limits", value="memory, swap, cpus, pids")


def _init(info: Mapping[str, Any]) -> Probe:
    binary = str(info.get("InitBinary") or "")
    note = "" if binary else "the engine does not say; the container below shows it"
    return Probe(name="init", value=binary or "not known", note=note)


def _disk(info: Mapping[str, Any], endpoint: Endpoint) -> Iterator[Probe]:
    folder = str(info.get("DockerRootDir") or "")
    if not endpoint.url.startswith("unix://") or not folder:
        yield Probe(name="disk free", value="not known", note="the engine's disk is not on this machine")
        return
    free = shutil.disk_usage(_nearest_folder(Path(folder))).free
    if free < LOW_DISK_BYTES:
        note = "`terminalbench images prune` and `terminalbench gc` remove what is ours"
        yield Probe(name="disk free", value=f"{_size(free)} in {folder}", level=Level.WARNING, note=note)
    else:
        yield Probe(name="disk free", value=f"{_size(free)} in {folder}")


def _nearest_folder(folder: Path) -> Path:
    """`folder`, or the first above it that we may look at (the engine's own is root's)."""
    for candidate in (folder, *folder.parents):
        try:
            if candidate.is_dir():
                return candidate
        except PermissionError:
            continue
    return Path("/")


def _networks(engine: DockerEngine) -> Iterator[Probe]:
    with engine_errors("list networks"):
        count = len(engine.api.networks())
    if count >= MANY_NETWORKS:
        note = "stock Docker runs out of addresses at about thirty; `docker network prune` removes unused ones"
        yield Probe(name="networks", value=str(count), level=Level.WARNING, note=note)
    else:
        yield Probe(name="networks", value=str(count))


def _leftovers(engine: DockerEngine) -> Iterator[Probe]:
    containers = leftovers(engine)
    orphans = sum(container.is_orphan for container in containers)
    if orphans:
        value = f"{orphans} of {len(containers)} of ours have no living owner"
        yield Probe(
            name="leftover containers", value=value, level=Level.WARNING, note="`terminalbench gc` removes them"
        )
    else:
        yield Probe(name="leftover containers", value=f"none ({len(containers)} in use)")


def _bases(engine: DockerEngine, image_map: ImageMap) -> Iterator[Probe]:
    for name in sorted(BASES):
        reference = image_map(name)
        is_here = engine.image(reference) is not None
        mapped = f", mapped to {reference}" if reference != name else ""
        if is_here:
            yield Probe(name=f"base {name}", value=f"present{mapped}")
        elif mapped:
            note = f"`terminalbench images bootstrap {name}` has it again, or correct the image map"
            yield Probe(name=f"base {name}", value=f"missing{mapped}", level=Level.WARNING, note=note)
        else:
            note = "pulled when first needed; where no registry answers: `terminalbench images bootstrap`"
            yield Probe(name=f"base {name}", value="not here yet", note=note)


def _container(engine: DockerEngine, image_map: ImageMap) -> Iterator[Probe]:
    """Start one as trials do, with limits and init, and run a command in it."""
    image = image_map(PROBE_BASE)
    if engine.image(image) is None:
        note = f"not tried: {PROBE_BASE} is not here"
        yield Probe(name="a container", value="not tried", note=note)
        return
    began = time.monotonic()
    labels = Ownership(f"doctor-{os.getpid()}").labels(lifetime_s=60)
    environment = engine.start(ContainerRequest(image=image, lifetime_s=60, memory_mb=64, labels=labels))
    try:
        answer = environment.run(["cat", "/proc/1/comm"], timeout_s=ANSWER_TIMEOUT_S)
    finally:
        environment.close()
    seconds = time.monotonic() - began
    if not answer.ok:
        raise TerminalBenchError(
            f"it starts, but a command in it ends with {answer.exit_code}: {answer.stderr.strip()}"
        )
    init = answer.stdout.strip()
    if init == "sleep":
        note = "the engine ignores init, so zombies pile up in long trials"
        yield Probe(name="a container", value=f"works, without init ({seconds:.1f} s)", level=Level.WARNING, note=note)
    else:
        yield Probe(name="a container", value=f"starts with {init}, runs a command, is gone after {seconds:.1f} s")


def _size(value: object) -> str:
    if not isinstance(value, int) or value <= 0:
        return "not known"
    return f"{value / 2**30:.1f} GiB"
