"""The manifest: who ran what, when, and which cells were expected."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_terminalbench.documents import write_json
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.manifest import (
    AskedAgent,
    ImportSource,
    RunManifest,
    RunSettings,
    SourceFile,
    read_manifest,
)
from tests.cell_results import a_cell_id
from tests.samples import DATA

SETTINGS = RunSettings(
    datasets={"demo": "1.0"},
    agents=(AskedAgent(name="mine", model="a/b"),),
    agent_args=("key",),
    attempts=3,
    baselines="of/linux",
)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "r1")


def test_what_was_written_is_read(run: RunFolder, tmp_path: Path) -> None:
    expected = [a_cell_id("alpha", model="openai/gpt-5"), a_cell_id("beta")]
    began = RunManifest.begin(run.id, SETTINGS, expected=expected, root=tmp_path, workers=2)
    ended = began.end(exit_status=1, engine_platform="linux/amd64")

    for manifest in (began, ended):
        write_json(run.manifest, manifest.to_json())
        assert read_manifest(run) == manifest
    assert (ended.expected, ended.exit_status) == (tuple(expected), 1)


@pytest.mark.parametrize("settings", [replace(SETTINGS, attempts=None, is_adaptive=True), RunSettings()])
def test_settings_are_read_as_they_were_written(settings: RunSettings) -> None:
    assert RunSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("alpha", 5, "is 5, not at least 1e-06 and at most 0.5"),
        ("alpha", 0, "is 0, not at least 1e-06 and at most 0.5"),
        ("margin", -0.1, "is -0.1, not at least 0 and at most 0.99"),
        ("margin", 2, "is 2, not at least 0 and at most 0.99"),
        ("min_visible", 30, "is 30, not at least 0.001 and at most 1"),
        ("max_attempts", 0, "is 0, not at least 1"),
        ("attempts", -1, "is -1, not at least 0"),
        ("parity", "loud", "is 'loud', not block or warn or off"),
        ("inconclusive", "skip", "is 'skip', not pass or fail"),
    ],
)
def test_settings_that_no_session_can_have_are_damage(
    run: RunFolder, name: str, value: float | str, problem: str
) -> None:
    write_json(run.manifest, {"started_at": "2026-01-01", "settings": {name: value}})

    with pytest.raises(RunFolderError, match=f"settings.{name} {problem}"):
        read_manifest(run)


def test_an_imported_run_says_whose_results_it_holds(run: RunFolder) -> None:
    source = ImportSource(
        origin="harbor",
        run_id="job",
        digest="sha256:1",
        files=(SourceFile(path="/x", digest="sha256:2"),),
        imported_at="2026-01-02T00:00:00.000Z",
    )
    manifest = RunManifest(run_id="r1", started_at="2026-01-01", source=source, notes=("not finished",))
    write_json(run.manifest, manifest.to_json())

    assert read_manifest(run) == manifest


def test_a_manifest_of_schema_1_is_read(run: RunFolder) -> None:
    run.path.mkdir()
    shutil.copy(DATA / "run-of-schema-1" / "manifest.json", run.manifest)

    manifest = read_manifest(run)

    assert (manifest.run_id, manifest.exit_status, manifest.expected) == ("run-1", 1, ())
    assert manifest.settings.agents == (AskedAgent(name="terminal", model="openai/gpt-5"),)
    assert (manifest.settings.is_adaptive, manifest.settings.attempts) == (True, None)


@pytest.mark.parametrize(
    ("change", "damage"),
    [
        ({"expected": [{}]}, "expected[0].dataset is missing"),
        ({"settings": {"alpha": "x"}}, "settings.alpha is 'x', not a number"),
        ({"started_at": None}, "started_at is None, not text"),
    ],
)
def test_damage_is_named_by_its_field(run: RunFolder, change: dict[str, object], damage: str) -> None:
    write_json(run.manifest, {**RunManifest(run_id="r1", started_at="2026-01-01").to_json(), **change})

    with pytest.raises(RunFolderError) as error:
        read_manifest(run)
    assert str(error.value) == (
        f"{run.manifest} is damaged: {damage}; restore it from where the run was made, or run again"
    )
