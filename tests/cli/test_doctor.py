"""`terminalbench doctor`: what it says of engines, and when runs cannot work."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.doctor import Level, Probe, can_run, engine_facts
from pytest_terminalbench.environments.docker_engine import DockerEngine
from tests.cli.conftest import Project

# What Debian 12's docker.io 20.10 answered to /version and /info, shortened: `docker.APIClient().info()`.
DEBIAN_VERSION = {"Version": "20.10.24+dfsg1", "ApiVersion": "1.41", "MinAPIVersion": "1.12", "Os": "linux"}
DEBIAN_INFO: dict[str, Any] = {
    "Driver": "overlay2",
    "MemoryLimit": True,
    "SwapLimit": True,
    "CpuCfsPeriod": True,
    "CpuCfsQuota": True,
    "PidsLimit": True,
    "CgroupDriver": "cgroupfs",
    "CgroupVersion": "1",
    "OSType": "linux",
    "Architecture": "x86_64",
    "NCPU": 2,
    "MemTotal": 25276514304,
    "DockerRootDir": "/var/lib/docker",
    "InitBinary": "docker-init",
    "InitCommit": {"ID": "", "Expected": ""},
    "SecurityOptions": ["name=seccomp,profile=default"],
}


def facts(**changes: Any) -> dict[str, Probe]:
    return {probe.name: probe for probe in engine_facts(DEBIAN_VERSION, {**DEBIAN_INFO, **changes})}


def test_an_engines_own_words_become_answers() -> None:
    assert [(probe.name, probe.value) for probe in facts().values()] == [
        ("engine version", "20.10.24+dfsg1"),
        ("API version", "1.41"),
        ("rootless", "no"),
        ("cgroup", "v1 (cgroupfs)"),
        ("limits", "memory, swap, cpus, pids"),
        ("storage driver", "overlay2"),
        ("architecture", "linux/x86_64"),
        ("cpus", "2"),
        ("memory", "23.5 GiB"),
        ("init", "docker-init"),
    ]
    assert {probe.level for probe in facts().values()} == {Level.OK}


@pytest.mark.parametrize(
    ("changes", "name", "value", "level"),
    [
        ({"SecurityOptions": ["name=rootless"], "CgroupVersion": "2"}, "rootless", "yes", Level.OK),
        ({"SecurityOptions": ["name=rootless"], "CgroupVersion": "2"}, "cgroup", "v2 (cgroupfs)", Level.OK),
        ({"SecurityOptions": ["name=rootless"]}, "cgroup", "v1 (cgroupfs)", Level.WARNING),
        ({"SwapLimit": False, "PidsLimit": False}, "limits", "not enforced: swap, pids", Level.WARNING),
        ({"SwapLimit": None}, "limits", "memory, swap, cpus, pids", Level.OK),
        ({"InitBinary": ""}, "init", "not known", Level.OK),
        ({"MemTotal": 0, "NCPU": 0, "Driver": ""}, "memory", "not known", Level.OK),
    ],
)
def test_what_an_engine_lacks_is_told(changes: dict[str, Any], name: str, value: str, level: Level) -> None:
    probe = facts(**changes)[name]

    assert (probe.value, probe.level) == (value, level)


def test_an_engine_that_says_nothing_of_itself_is_no_failure() -> None:
    assert can_run(list(engine_facts({}, {})))


def test_only_failures_keep_runs_from_working() -> None:
    assert can_run([Probe(name="a", value="", level=Level.WARNING)])
    assert not can_run([Probe(name="a", value=""), Probe(name="b", value="", level=Level.FAILED)])


def test_without_an_engine_runs_cannot_work(project: Project, no_engine: str) -> None:
    done = project.call("doctor", "--format", "json")

    assert (done.exit_code, done.json["can_run"]) == (1, False)
    last = done.json["probes"][-1]
    assert (last["name"], last["level"], last["value"]) == ("engine", "failed", "none answers")
    assert no_engine in last["note"]


def test_a_machine_without_git_is_warned_of(
    project: Project, no_engine: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    probes = {probe["name"]: probe for probe in project.call("doctor", "--format", "json").json["probes"]}

    assert (probes["git"]["level"], probes["git"]["value"]) == ("warning", "not installed")


def test_a_probe_that_breaks_says_so_in_its_place(
    project: Project, no_engine: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "git"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{Path(shutil.which('sh') or '/bin/sh').parent}")

    done = project.call("doctor")

    lines = done.out.splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith("git "))
    assert lines[place].split() == ["git", "warning", "not", "known"]
    assert "CalledProcessError" in lines[place + 1]
    assert lines[-1] == "runs cannot work here until what failed is fixed"


@pytest.mark.docker
def test_with_an_engine_every_question_has_an_answer(
    project: Project, engine: DockerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")

    done = project.call("doctor", "--format", "json")

    probes = {probe["name"]: probe for probe in done.json["probes"]}
    assert (done.exit_code, done.json["can_run"]) == (0, True), done.json
    assert engine.url in probes["engine"]["value"]
    expected = {
        *("python", "pytest-terminalbench", "pytest", "docker", "git", "engine", "engine version", "API version"),
        *("rootless", "cgroup", "limits", "storage driver", "architecture", "cpus", "memory", "init", "disk free"),
        *("networks", "leftover containers", "base debian:bookworm", "base debian:bookworm-slim", "a container"),
    }
    assert expected <= probes.keys()
    assert probes["a container"]["value"].startswith("starts with ")
    assert engine.containers(f"pytest-terminalbench.run=doctor-{os.getpid()}") == []


@pytest.mark.docker
def test_a_wrong_image_map_is_an_answer_too(project: Project, engine: DockerEngine) -> None:
    project.write("pyproject.toml", "[tool.terminalbench]\nimagse = {}\n")

    done = project.call("doctor", "--format", "json")

    probes = {probe["name"]: probe for probe in done.json["probes"]}
    assert "imagse" in probes["base images"]["note"]
    assert (done.exit_code, probes["a container"]["level"]) == (1, "failed")
