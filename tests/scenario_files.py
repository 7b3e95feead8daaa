"""Scenarios on disk, for tests: one that can be solved, and whatever a test changes of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_terminalbench.scenarios.formats import load_scenario
from pytest_terminalbench.scenarios.terminal import TerminalScenario

SOLUTION = "#!/bin/sh\ntouch /app/done\n"
VERIFIER = "#!/bin/sh\ntest -f /app/done\n"


def scenario_json(scenario_id: str = "make-it", **changes: Any) -> dict[str, Any]:
    """The content of a scenario file; `changes` replace whole keys at the top, and keys of the objects below them."""
    content: dict[str, Any] = {
        "schema_version": 1,
        "kind": "terminal",
        "id": scenario_id,
        "title": "Make it",
        "instruction": "Make /app/done.",
        "difficulty": "easy",
        "category": "files",
        "environment": {"image": "debian:bookworm-slim"},
        "solution": f"{scenario_id}/solution/solve.sh",
        "verifier": {"script": f"{scenario_id}/tests/test.sh", "result": "exit_code"},
    }
    for key, value in changes.items():
        old = content.get(key)
        content[key] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
    return content


def write_scenario(
    folder: Path,
    scenario_id: str = "make-it",
    *,
    tests: Mapping[str, str] | None = None,
    solution: str = SOLUTION,
    **changes: Any,
) -> Path:
    """Write a scenario with its solution and the files of its verifier (name -> text) below `folder`; the JSON file."""
    scripts = {f"tests/{name}": text for name, text in (tests or {"test.sh": VERIFIER}).items()}
    for name, text in {**scripts, "solution/solve.sh": solution}.items():
        file = folder / scenario_id / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755 if text.startswith("#!") else 0o644)
    file = folder / f"{scenario_id}.json"
    file.write_text(json.dumps(scenario_json(scenario_id, **changes)))
    return file


def a_scenario(folder: Path, scenario_id: str = "make-it", **changes: Any) -> TerminalScenario:
    """What `write_scenario` wrote, read."""
    scenario = load_scenario(write_scenario(folder, scenario_id, **changes), dataset="demo")
    assert isinstance(scenario, TerminalScenario)
    return scenario
