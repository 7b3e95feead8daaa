"""Datasets by name, version and path, and what is said of those that are wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.errors import ScenarioError, SettingsError
from pytest_terminalbench.scenarios.catalog import Catalog, Dataset, check_ids, open_dataset
from pytest_terminalbench.scenarios.dataset_file import is_dataset_folder
from pytest_terminalbench.scenarios.formats import scenario_files
from tests.scenario_files import a_scenario, write_scenario


def write_dataset(folder: Path, *ids: str, **changes: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    manifest = {"schema_version": 1, "name": folder.name, "version": "1.2", "description": "d", "license": "MIT"}
    (folder / "dataset.json").write_text(json.dumps({**manifest, **changes}))
    for scenario_id in ids:
        write_scenario(folder, scenario_id)
    return folder


class TestDataset:
    def test_its_manifest_names_it(self, tmp_path: Path) -> None:
        dataset = open_dataset(write_dataset(tmp_path / "demo"))

        assert (dataset.name, dataset.version, dataset.description, dataset.license) == ("demo", "1.2", "d", "MIT")

    def test_without_a_manifest_the_folder_does(self, tmp_path: Path) -> None:
        dataset = open_dataset(tmp_path)

        assert (dataset.name, dataset.version, dataset.license) == (tmp_path.name, "0", "")

    def test_scenarios_are_in_order_of_their_names(self, tmp_path: Path) -> None:
        folder = write_dataset(tmp_path / "demo", "b", "a-2", "a", "a-10")

        assert [scenario.id for scenario in open_dataset(folder).scenarios()] == ["a-10", "a-2", "a", "b"]

    def test_other_files_are_no_scenarios(self, tmp_path: Path) -> None:
        folder = write_dataset(tmp_path / "demo", "a")
        for name in ("lock.json", ".hidden.json", "notes.txt"):
            (folder / name).write_text("")
        (folder / "folder.json").mkdir()

        assert scenario_files(folder) == [folder / "a.json"]

    def test_right_ones_are_read_though_others_are_wrong(self, tmp_path: Path) -> None:
        folder = write_dataset(tmp_path / "demo", "a", "c")
        (folder / "b.json").write_text("{}")

        right, wrong = open_dataset(folder).check()

        assert [scenario.id for scenario in right] == ["a", "c"]
        assert [error.file.name for error in wrong] == ["b.json"]

    def test_its_digest_is_of_its_scenarios_alone(self, tmp_path: Path) -> None:
        one = open_dataset(write_dataset(tmp_path / "one", "a", "b")).digest()
        renamed = open_dataset(write_dataset(tmp_path / "two", "a", "b", version="7")).digest()
        other = open_dataset(write_dataset(tmp_path / "three", "a")).digest()

        assert one == renamed != other


SEE = "see `terminalbench docs datasets`"
MANIFESTS: dict[str, tuple[Any, list[str], str]] = {
    "unknown key": (
        {"licence": "MIT"},
        ["licence: unknown key (did you mean 'license'?)"],
        "remove or correct the key; `terminalbench docs writing-scenarios` lists those that exist",
    ),
    "future version": ({"schema_version": 2}, ["schema_version: Input should be 1"], SEE),
    "empty name": ({"name": ""}, ["name: String should have at least 1 character"], SEE),
    "a number as version": ({"version": 1.0}, ["version: Input should be a valid string"], SEE),
    "a name that is a path": (
        {"name": "../up"},
        ["name: '../up' is no plain name: letters, digits, `_`, `.` and `-`, the first no sign"],
        SEE,
    ),
    "several": (
        {"name": 1, "version": None},
        ["name: Input should be a valid string", "version: Input should be a valid string"],
        SEE,
    ),
}


@pytest.mark.parametrize(("changes", "problems", "cure"), MANIFESTS.values(), ids=MANIFESTS)
def test_a_wrong_manifest_is_told(tmp_path: Path, changes: dict[str, Any], problems: list[str], cure: str) -> None:
    folder = write_dataset(tmp_path / "demo", **changes)

    with pytest.raises(ScenarioError) as raised:
        open_dataset(folder)

    assert raised.value.problems == problems
    assert str(raised.value).splitlines() == [
        *(f"{folder / 'dataset.json'}: {problem}" for problem in problems),
        f"To fix it: {cure}",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[]", "Input should be an object"),
        ("{", "Invalid JSON: EOF while parsing an object at line 1 column 1"),
        ("[" * 100_000, "Invalid JSON: recursion limit exceeded at line 1 column 202"),
    ],
)
def test_a_manifest_that_is_none_is_told(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "dataset.json").write_text(text)

    with pytest.raises(ScenarioError) as raised:
        open_dataset(tmp_path)

    assert raised.value.problems == [problem]


class TestOurs:
    """Other tools have files called dataset.json too."""

    def test_one_with_our_keys_is(self, tmp_path: Path) -> None:
        assert is_dataset_folder(write_dataset(tmp_path))

    def test_one_of_ours_that_is_broken_is(self, tmp_path: Path) -> None:
        (tmp_path / "dataset.json").write_text('{"schema_version": 1, "name": "x", "version": "1",}')

        assert is_dataset_folder(tmp_path)

    @pytest.mark.parametrize("text", ["[]", "{}", '{"name": "x"}', "", "\xff", "[" * 60_000, '{"schema_version": 1, "name": "x"}'])
    def test_others_are_not(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "dataset.json").write_text(text, encoding="latin-1")

        assert not is_dataset_folder(tmp_path)

    def test_a_folder_without_one_is_not(self, tmp_path: Path) -> None:
        assert not is_dataset_folder(tmp_path)


class TestCatalog:
    @pytest.fixture
    def catalog(self, tmp_path: Path) -> Catalog:
        write_dataset(tmp_path / "scenarios" / "demo", "a")
        write_dataset(tmp_path / "scenarios" / "other", "b")
        (tmp_path / "scenarios" / "notes").mkdir()
        return Catalog(tmp_path)

    def test_folders_with_a_manifest_under_scenarios_have_names(self, catalog: Catalog) -> None:
        assert catalog.names() == ["demo", "other"]

    def test_a_name_is_found(self, catalog: Catalog, tmp_path: Path) -> None:
        assert catalog.find("demo").folder == tmp_path / "scenarios" / "demo"

    def test_the_version_that_is_here_is_found(self, catalog: Catalog) -> None:
        assert catalog.find("demo==1.2").version == "1.2"

    def test_another_version_is_told(self, catalog: Catalog, tmp_path: Path) -> None:
        with pytest.raises(SettingsError) as error:
            catalog.find("demo==9")

        assert str(error.value) == (
            f"--tb-dataset 'demo==9': here is only demo==1.2 (in {tmp_path / 'scenarios' / 'demo'}), and this version of "
            "pytest-terminalbench does not fetch datasets from a registry; name it without a version, or as demo==1.2"
        )

    def test_a_path_is_found_from_where_one_stands(
        self, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = write_dataset(tmp_path / "elsewhere" / "mine")
        monkeypatch.chdir(tmp_path / "elsewhere")

        assert [catalog.find(request).folder for request in ("mine", "./mine", str(folder))] == [folder] * 3

    def test_what_is_not_there_is_told_with_what_is(self, catalog: Catalog) -> None:
        with pytest.raises(SettingsError) as error:
            catalog.find("demmo")

        assert str(error.value) == (
            "--tb-dataset 'demmo' is neither a folder nor a known dataset (did you mean 'demo'?); known: demo, other"
        )

    def test_where_nothing_is_that_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match=f"known: none under {tmp_path / 'scenarios'}$"):
            Catalog(tmp_path).find("zzz")

    @pytest.mark.parametrize("request_", ["..", "../scenarios", "demo/../other"])
    def test_a_name_is_not_a_way_out(self, catalog: Catalog, request_: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """As a path it is taken from where one stands, not from the scenarios' folder."""
        monkeypatch.chdir("/")
        if request_ == "..":
            assert catalog.find(request_).folder == Path("/")
        else:
            with pytest.raises(SettingsError):
                catalog.find(request_)

    def test_one_that_a_plugin_added_comes_first(self, catalog: Catalog, tmp_path: Path) -> None:
        added = write_dataset(tmp_path / "added")
        catalog.add("demo", added)

        assert catalog.find("demo").folder == added
        assert catalog.names() == ["demo", "other"]

    def test_what_is_added_is_a_folder(self, catalog: Catalog, tmp_path: Path) -> None:
        with pytest.raises(SettingsError) as error:
            catalog.add("x", tmp_path / "nowhere")

        assert str(error.value) == f"dataset 'x': {tmp_path / 'nowhere'} is not a folder"


def test_two_scenarios_with_one_id_are_told_with_both_files(tmp_path: Path) -> None:
    one, other = a_scenario(tmp_path / "one"), a_scenario(tmp_path / "other")

    with pytest.raises(ScenarioError) as raised:
        check_ids([one, a_scenario(tmp_path, "different"), other])

    assert str(raised.value).splitlines() == [
        f"{other.file}: id: 'make-it' is the id of {one.file} too, in the same dataset 'demo'",
        "To fix it: give one of the two another id (and file name)",
    ]


def test_a_folder_that_cannot_be_listed_is_an_error_with_its_cure(tmp_path: Path) -> None:
    place = tmp_path / "demo"
    place.write_text("a file where a folder was")
    dataset = Dataset(name="demo", version="1", description="", license="", folder=place)

    with pytest.raises(ScenarioError) as error:
        dataset.files()

    assert str(error.value) == (
        f"{place}: cannot be listed: Not a directory\nTo fix it: make the folder readable, or restore it"
    )
