"""The project is where pytest finds it: the same root, the same ini options."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_terminalbench.cli.project import baselines_folder, chosen_image_map, project_image_map, results_folder
from pytest_terminalbench.errors import SettingsError
from pytest_terminalbench.settings import PytestSettings, pytest_settings
from tests.cli.conftest import Project

FILES = {
    "pytest.ini": "[pytest]\ntb_results = out\n",
    ".pytest.ini": "",
    "pyproject.toml": '[tool.pytest.ini_options]\ntb_results = "out"\n',
    "tox.ini": "[tox]\n[pytest]\ntb_results = out\n",
    "setup.cfg": "[tool:pytest]\ntb_results = out\n",
    "setup.py": "",
    "bare/pyproject.toml": '[project]\nname = "x"\n',
}


@pytest.mark.parametrize(
    "files",
    [
        [],
        ["pytest.ini"],
        ["pyproject.toml"],
        ["tox.ini"],
        ["setup.cfg"],
        ["setup.py"],
        ["pytest.ini", "pyproject.toml"],
        [".pytest.ini", "tox.ini"],
        ["pyproject.toml", "below/setup.py"],
        ["below/.pytest.ini", "pytest.ini"],
        ["bare/pyproject.toml"],
        ["bare/pyproject.toml", "below/setup.py"],
    ],
    ids=str,
)
def test_root_and_options_are_pytests_own(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, files: list[str]
) -> None:
    start = pytester.mkdir("below")
    for name in files:
        # `bare/` stands for a file that does not speak of pytest.
        (pytester.path / name.removeprefix("bare/")).write_text(FILES.get(name) or FILES[name.rpartition("/")[2]])
    monkeypatch.chdir(start)

    config = pytester.parseconfig()
    found = pytest_settings(start)

    assert found.root == config.rootpath
    # pytest also calls a pyproject.toml its file that does not speak of it.
    assert found.file == (None if "bare/pyproject.toml" in files else config.inipath)
    assert str(found.values.get("tb_results") or "") == str(config.getini("tb_results") or "")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "[project]\nname = 'x'\n"),
        ("tox.ini", "[tox]\n"),
        ("setup.cfg", "[metadata]\n"),
    ],
)
def test_files_that_do_not_speak_of_pytest_have_no_options(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)

    assert pytest_settings(tmp_path) == PytestSettings(root=tmp_path)


@pytest.mark.parametrize(("name", "text"), [("pyproject.toml", "["), ("pytest.ini", "tb_results\n")])
def test_a_file_that_cannot_be_parsed_is_named(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)

    with pytest.raises(SettingsError, match=name):
        pytest_settings(tmp_path)


def test_folders_are_as_configured_unless_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\ntb_results = out\n")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")

    assert results_folder(None) == tmp_path / "out"
    assert baselines_folder(None) == tmp_path / "baselines"
    # What is typed is meant from where one stands.
    assert results_folder(Path("runs")) == tmp_path / "below" / "runs"


def test_the_image_map_of_the_ini_file_is_found_from_a_sub_folder(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("pytest.ini", "[pytest]\ntb_image_map = maps/images.json\n")
    project.write("maps/images.json", {"debian:12": "mirror/debian:12"})
    project.write("tests/mine.json", {"debian:12": "mine:12"})
    monkeypatch.chdir(project.path / "tests")

    assert project_image_map()("debian:12") == "mirror/debian:12"
    assert project_image_map(Path("mine.json"))("debian:12") == "mine:12"


def test_without_one_there_is_none(project: Project) -> None:
    assert chosen_image_map(None) is None
