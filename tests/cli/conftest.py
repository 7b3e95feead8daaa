"""A user's project in a folder of its own, and the command line in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import pytest_terminalbench
from pytest_terminalbench.cli.app import app

MANIFEST = {"schema_version": 1, "version": "1.0", "description": "for tests", "license": "Apache-2.0"}
DOCKERFILE = "FROM debian:bookworm-slim\nWORKDIR /app\n"


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a command did."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Project:
    """A project's folder; what is called from here is called in it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    # -- what the user wrote -----------------------------------------------------------------------------------------

    def write(self, name: str, content: str | Mapping[str, Any], *, executable: bool = False) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        # As bytes: line ends are to stay as a test wrote them.
        file.write_bytes((content if isinstance(content, str) else json.dumps(content)).encode())
        file.chmod(0o755 if executable else 0o644)
        return file

    def dataset(self, name: str, *ids: str) -> Path:
        """A dataset with flawless scenarios of these ids; its folder."""
        self.write(f"scenarios/{name}/dataset.json", {**MANIFEST, "name": name})
        for scenario_id in ids:
            self.scenario(scenario_id, dataset=name)
        return self.path / "scenarios" / name

    def scenario(self, scenario_id: str = "alpha", *, dataset: str = "demo", **changes: Any) -> Path:
        """A scenario, `changes` over a flawless one (None takes a field out), and the files it names; its file."""
        place = f"scenarios/{dataset}"
        self.write(f"{place}/{scenario_id}/environment/Dockerfile", DOCKERFILE)
        self.write(f"{place}/{scenario_id}/solution/solve.sh", "#!/bin/sh\ntouch /app/done\n", executable=True)
        self.write(f"{place}/{scenario_id}/tests/test.sh", "#!/bin/sh\ntest -e /app/done\n", executable=True)
        content = {**scenario_json(scenario_id), **changes}
        return self.write(
            f"{place}/{scenario_id}.json", {key: value for key, value in content.items() if value is not None}
        )

    # -- the command line --------------------------------------------------------------------------------------------

    def call(self, *arguments: str | Path) -> Done:
        """``terminalbench`` with `arguments`, in this process; anything unforeseen is raised."""
        result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
        return Done(exit_code=result.exit_code, out=result.stdout, err=result.stderr)

    def call_apart(self, *arguments: str | Path) -> Done:
        """The same in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "pytest_terminalbench", *map(str, arguments)],
            cwd=self.path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Done(exit_code=done.returncode, out=done.stdout, err=done.stderr)


def scenario_json(scenario_id: str) -> dict[str, Any]:
    """A scenario with which nothing is wrong."""
    return {
        "schema_version": 1,
        "kind": "terminal",
        "id": scenario_id,
        "title": f"Do {scenario_id}",
        "instruction": "Make an empty file /app/done and leave everything else as it is.",
        "difficulty": "easy",
        "category": "scripting",
        "tags": ["files"],
        "environment": {"build": f"{scenario_id}/environment"},
        "solution": f"{scenario_id}/solution/solve.sh",
        "verifier": {"script": f"{scenario_id}/tests/test.sh", "result": "exit_code"},
    }


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty project, which is the current folder, on a machine without an image map."""
    path = tmp_path / "project"
    path.mkdir()
    monkeypatch.chdir(path)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # Processes of their own get the package that is tested here, wherever another is installed.
    monkeypatch.setenv("PYTHONPATH", os.fspath(Path(pytest_terminalbench.__file__).parents[1]))
    (path / "pytest.ini").write_text("[pytest]\n")
    return Project(path)


@pytest.fixture
def machine_map(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own image map is used, not an empty one: without a registry only it has a base."""
    monkeypatch.delenv("XDG_CACHE_HOME")


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> str:
    """A machine on which no engine answers; the address that was named for it."""
    address = "tcp://127.0.0.1:1"
    monkeypatch.setenv("DOCKER_HOST", address)
    return address
