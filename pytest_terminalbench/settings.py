"""The project's settings: the table ``[tool.terminalbench]`` of ``pyproject.toml``, and pytest's ini options."""

from __future__ import annotations

import configparser
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pytest_terminalbench.errors import SettingsError

__all__ = ["ProjectSettings", "PytestSettings", "project_settings", "pytest_settings"]

_KNOWN = {"images"}


@dataclass(frozen=True, kw_only=True)
class ProjectSettings:
    """``images`` replaces base images by others, name -> name."""

    images: Mapping[str, str] = field(default_factory=dict)


def project_settings(root: Path) -> ProjectSettings:
    """Read ``pyproject.toml`` in `root`; without one, or without the table, the defaults.

    Raises SettingsError naming the key for one that is unknown or of the wrong type.
    """
    file = root / "pyproject.toml"
    if not file.is_file():
        return ProjectSettings()
    try:
        table = tomllib.loads(file.read_text()).get("tool", {}).get("terminalbench", {})
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file}: {error}") from None
    unknown = sorted(table.keys() - _KNOWN)
    if unknown:
        raise SettingsError(
            f"{file}: [tool.terminalbench] has no key {unknown[0]!r}; known: {', '.join(sorted(_KNOWN))}"
        )
    images = table.get("images", {})
    if not isinstance(images, dict) or not all(isinstance(value, str) for value in images.values()):
        raise SettingsError(f"{file}: [tool.terminalbench.images] must map image names to image names, as strings")
    return ProjectSettings(images=images)


@dataclass(frozen=True, kw_only=True)
class PytestSettings:
    """Where pytest has its root when it is started without arguments, and the ini options it reads there.

    ``file`` is None where no file speaks of pytest.
    """

    root: Path
    file: Path | None = None
    values: Mapping[str, object] = field(default_factory=dict)


def pytest_settings(start: Path) -> PytestSettings:
    """Find pytest's root and configuration from the folder `start` upwards, as pytest does, without pytest.

    The nearest file that speaks of pytest decides; else the nearest ``pyproject.toml``, else ``setup.py``, else
    `start` itself. Raises SettingsError for a file that cannot be parsed.
    """
    folders = [start, *start.parents]
    for folder in folders:
        for name in _PYTEST_FILES:
            values = _ini_options(folder / name) if (folder / name).is_file() else None
            if values is not None:
                return PytestSettings(root=folder, file=folder / name, values=values)
    for name in ("pyproject.toml", "setup.py"):
        for folder in folders:
            if (folder / name).is_file():
                return PytestSettings(root=folder)
    return PytestSettings(root=start)


# In pytest's own order.
_PYTEST_FILES = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")


def _ini_options(file: Path) -> Mapping[str, object] | None:
    """The options for pytest in `file`; None when it has nothing to do with pytest."""
    try:
        if file.suffix == ".toml":
            return _toml_options(file.name, tomllib.loads(file.read_text(encoding="utf-8")))
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        parser.read_string(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, configparser.Error) as error:
        raise SettingsError(f"{file}: {error}") from None
    section = "tool:pytest" if file.name == "setup.cfg" else "pytest"
    if parser.has_section(section):
        return dict(parser[section])
    return {} if file.name in ("pytest.ini", ".pytest.ini") else None


def _toml_options(name: str, content: Mapping[str, object]) -> Mapping[str, object] | None:
    if name != "pyproject.toml":
        table = content.get("pytest", {})
        return table if isinstance(table, dict) else {}
    tool = content.get("tool")
    table = tool.get("pytest") if isinstance(tool, dict) else None
    if not isinstance(table, dict):
        return None
    options = table.get("ini_options", table)
    return options if isinstance(options, dict) else {}
