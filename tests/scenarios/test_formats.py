"""Formats of scenario files: which files are scenarios, and how they are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_terminalbench.errors import ScenarioError
from pytest_terminalbench.scenarios.formats import is_scenario, load_scenario, scenario_files, scenario_id
from tests.scenario_files import write_scenario


@pytest.mark.parametrize("name", ["a.json", "a.b.json", "manifest.json", "locked.json"])
def test_a_json_file_is_a_scenario_by_its_name(name: str) -> None:
    assert is_scenario(Path("nowhere", name))
    assert scenario_id(Path("nowhere", name)) == name.removesuffix(".json")


@pytest.mark.parametrize("name", ["dataset.json", "lock.json", ".hidden.json", "notes.txt", "json", "a.json.orig"])
def test_others_beside_it_are_none(name: str) -> None:
    assert not is_scenario(Path("nowhere", name))


def test_what_is_a_scenario_by_its_name_is_among_the_files(tmp_path: Path) -> None:
    for name in ("b.json", "a.json", "dataset.json", "lock.json", ".hidden.json", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder.json").mkdir()

    assert scenario_files(tmp_path) == [tmp_path / "a.json", tmp_path / "b.json"]


def test_a_link_that_leads_to_itself_is_an_error_of_its_own(tmp_path: Path) -> None:
    good = write_scenario(tmp_path)
    loop = tmp_path / "zz-loop.json"
    loop.symlink_to(loop.name)

    assert scenario_files(tmp_path) == [good, loop]
    assert load_scenario(good, dataset="demo").file == good
    with pytest.raises(ScenarioError, match="zz-loop.json: cannot be read: Too many levels of symbolic links"):
        load_scenario(loop, dataset="demo")


def test_a_file_in_no_format_is_told_with_the_formats_there_are(tmp_path: Path) -> None:
    file = write_scenario(tmp_path).rename(tmp_path / "make-it.yaml")

    with pytest.raises(ScenarioError) as raised:
        load_scenario(file, dataset="demo")

    assert str(raised.value).splitlines() == [
        f"{file}: is in no format of scenarios that is installed",
        "To fix it: use one that is installed (json), or install the package that reads it",
    ]
