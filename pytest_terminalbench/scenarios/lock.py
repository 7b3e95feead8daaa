"""A dataset's lock: the digests of all that makes its questions, so that drift is seen before it is measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pytest_terminalbench.documents import Fields, read_document, write_json
from pytest_terminalbench.errors import ScenarioError
from pytest_terminalbench.scenarios.catalog import Dataset
from pytest_terminalbench.scenarios.dataset_file import LOCK
from pytest_terminalbench.scenarios.formats import scenario_files, scenario_id
from pytest_terminalbench.scenarios.model import Scenario

__all__ = ["LOCK", "Lock", "dataset_drift", "drift", "lock_content", "read_lock", "write_lock"]

SCHEMA_VERSION = 1


class Lock(NamedTuple):
    """What a lock file says: the dataset's version, and scenario id -> its facts."""

    version: str
    scenarios: Mapping[str, Mapping[str, Any]]


def lock_content(dataset: Dataset) -> dict[str, Any]:
    """What `dataset` is now; raises ScenarioError when one of its scenarios is wrong."""
    return {
        "schema_version": SCHEMA_VERSION,
        "dataset": {"name": dataset.name, "version": dataset.version, "digest": dataset.digest()},
        "scenarios": {scenario.id: _facts(scenario) for scenario in dataset.scenarios()},
    }


def write_lock(dataset: Dataset) -> Path:
    """Write ``lock.json`` into the dataset's folder."""
    file = dataset.folder / LOCK
    write_json(file, lock_content(dataset))
    return file


def read_lock(dataset: Dataset) -> Lock:
    """The lock of `dataset`; raises ScenarioError for one that is missing, damaged or of the future."""
    file = dataset.folder / LOCK
    cure = f"write it again with `terminalbench dataset lock {dataset.name}` and look at what changed"
    return read_document(file, _lock, error=ScenarioError, cure=cure, versions=(SCHEMA_VERSION,))


def _lock(content: object) -> Lock:
    fields = Fields(content)
    fields.require("scenarios")
    return Lock(
        version=fields.nested("dataset", lambda dataset: Fields(dataset).text("version")),
        scenarios=fields.by_name("scenarios", lambda facts: Fields(facts).content),
    )


def dataset_drift(dataset: Dataset, lock: Lock) -> list[str]:
    """What of `dataset` as a whole is not as it was locked; scenarios that are there have their own `drift`."""
    there = {scenario_id(file) for file in scenario_files(dataset.folder)}
    gone = sorted(lock.scenarios.keys() - there)
    drifted = [f"{name}: is in the lock, and no longer in the dataset" for name in gone]
    if dataset.version != lock.version:
        drifted.append(f"version: is {dataset.version}, and was locked as {lock.version}")
    return drifted


def drift(scenario: Scenario, locked: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What of `scenario` is not as it was locked; empty when all is."""
    if scenario.id not in locked:
        return ["is not in the lock: it is new"]
    now = _facts(scenario)
    return [f"{key} has drifted from the lock" for key in sorted(now) if now[key] != locked[scenario.id].get(key)]


def _facts(scenario: Scenario) -> dict[str, Any]:
    return {
        "digest": scenario.digest,
        "solution": scenario.solution_digest,
        "verifier": scenario.verifier_digest,
        "limits": scenario.limits_digest,
        **scenario.locked_facts,
    }
