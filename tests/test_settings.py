"""The table of pyproject.toml."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pytest_terminalbench.errors import SettingsError
from pytest_terminalbench.settings import IncidentSettings, ProjectSettings, project_settings


def settings(folder: Path, text: str) -> ProjectSettings:
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return project_settings(folder)


@pytest.mark.parametrize("text", ["", "[project]\nname = 'x'\n", "[tool.terminalbench]\n", "[tool.other]\nx = 1\n"])
def test_what_is_not_said_has_its_default(tmp_path: Path, text: str) -> None:
    assert settings(tmp_path, text) == ProjectSettings()


def test_without_a_file_there_are_defaults(tmp_path: Path) -> None:
    assert project_settings(tmp_path) == ProjectSettings()


def test_everything_is_read(tmp_path: Path) -> None:
    text = """
        [tool.terminalbench]
        maintainers = ["me", "you"]
        [tool.terminalbench.images]
        "debian:12" = "mirror/debian:12"
        [tool.terminalbench.incidents]
        webhook = "https://chat.example/hook"
        rotation = ["you", "me"]
        rotation_start = 2026-02-03
        rotation_days = 7
        """

    assert settings(tmp_path, text) == ProjectSettings(
        images={"debian:12": "mirror/debian:12"},
        maintainers=("me", "you"),
        incidents=IncidentSettings(
            webhook="https://chat.example/hook",
            rotation=("you", "me"),
            rotation_start=date(2026, 2, 3),
            rotation_days=7,
        ),
    )


TABLE = "[tool.terminalbench]"
INCIDENTS = "[tool.terminalbench.incidents]"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            f"{TABLE}\nimagse = 1\n",
            f"{TABLE} has no key 'imagse' (did you mean 'images'?); known: images, incidents, maintainers",
        ),
        (f"{TABLE}\nimages = 3\n", f"{TABLE} images: must be a table, not 3"),
        (
            "[tool.terminalbench.images]\na = 1\n",
            "[tool.terminalbench.images] must map image names to image names, as strings",
        ),
        (f"{TABLE}\nmaintainers = 'me'\n", f"{TABLE} maintainers: must be a list, not 'me'"),
        (f"{TABLE}\nmaintainers = ['']\n", f"{TABLE} maintainers: must be a list of names"),
        (
            f"{INCIDENTS}\nurl = 'x'\n",
            f"{INCIDENTS} has no key 'url'; known: rotation, rotation_days, rotation_start, webhook",
        ),
        (f"{INCIDENTS}\nwebhook = 'file:///etc/passwd'\n", f"{INCIDENTS} webhook: must be an http or https URL"),
        (f"{INCIDENTS}\nrotation_days = 0\n", f"{INCIDENTS} rotation_days: is 0; needs at least 1"),
        (f"{INCIDENTS}\nrotation_days = true\n", f"{INCIDENTS} rotation_days: must be a whole number, not True"),
        (
            f"{INCIDENTS}\nrotation_start = 2026-01-05T00:00:00\n",
            f"{INCIDENTS} rotation_start: must be a date, not datetime.datetime(2026, 1, 5, 0, 0)",
        ),
        ("[tool]\nterminalbench = 3\n", f"{TABLE} must be a table"),
        ("tool = 3\n", f"{TABLE} must be a table"),
        ("[tool\n", "Expected ']' at the end of a table declaration (at line 1, column 6)"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(SettingsError) as error:
        settings(tmp_path, text)

    assert str(error.value) == f"{tmp_path / 'pyproject.toml'}: {problem}"


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b"x = '\xff'")

    with pytest.raises(SettingsError, match=r"pyproject\.toml: 'utf-8' codec can't decode"):
        project_settings(tmp_path)
