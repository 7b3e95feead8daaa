"""The project's settings: the table ``[tool.terminalbench]`` of ``pyproject.toml``, and pytest's ini options."""

from __future__ import annotations

import configparser
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from pytest_terminalbench.errors import SettingsError
from pytest_terminalbench.naming import nearest

__all__ = [
    "IncidentSettings",
    "ProjectSettings",
    "PytestSettings",
    "has_pytest_settings",
    "project_settings",
    "pytest_settings",
]


@dataclass(frozen=True, kw_only=True)
class IncidentSettings:
    """Who is told of incidents: a webhook's URL, and people in turn, `rotation_days` each from `rotation_start` on."""

    webhook: str | None = None
    rotation: tuple[str, ...] = ()
    rotation_start: date = date(2026, 1, 5)
    rotation_days: int = 14


@dataclass(frozen=True, kw_only=True)
class ProjectSettings:
    """``images`` replaces base images by others, name -> name; ``maintainers`` may approve (empty: anybody)."""

    images: Mapping[str, str] = field(default_factory=dict)
    maintainers: tuple[str, ...] = ()
    incidents: IncidentSettings = field(default_factory=IncidentSettings)


def project_settings(root: Path) -> ProjectSettings:
    """Read ``pyproject.toml`` in `root`; without one, or without the table, the defaults.

    Raises SettingsError naming the key for one that is unknown or of the wrong type.
    """
    file = root / "pyproject.toml"
    if not file.is_file():
        return ProjectSettings()
    try:
        tools = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: {error}") from None
    section = _Section(file, "tool.terminalbench", tools.get("terminalbench", {}) if isinstance(tools, dict) else tools)
    section.allow("images", "maintainers", "incidents")
    images = section.get("images", dict, {})
    if not all(isinstance(value, str) for value in images.values()):
        raise SettingsError(f"{file}: [tool.terminalbench.images] must map image names to image names, as strings")
    return ProjectSettings(
        images=images,
        maintainers=section.names("maintainers"),
        incidents=_incidents(_Section(file, "tool.terminalbench.incidents", section.get("incidents", dict, {}))),
    )


def _incidents(section: _Section) -> IncidentSettings:
    section.allow("webhook", "rotation", "rotation_start", "rotation_days")
    defaults = IncidentSettings()
    webhook = section.get("webhook", str, "")
    if webhook and not webhook.startswith(("http://", "https://")):
        raise SettingsError(f"{section.file}: [{section.name}] webhook: must be an http or https URL")
    days = section.get("rotation_days", int, defaults.rotation_days)
    if days < 1:
        raise SettingsError(f"{section.file}: [{section.name}] rotation_days: is {days}; needs at least 1")
    return IncidentSettings(
        webhook=webhook or None,
        rotation=section.names("rotation"),
        rotation_start=section.get("rotation_start", date, defaults.rotation_start),
        rotation_days=days,
    )


_IN_WORDS = {str: "a string", int: "a whole number", date: "a date", list: "a list", dict: "a table"}


class _Section:
    """A TOML table whose values are asked for by name and type."""

    def __init__(self, file: Path, name: str, table: Any) -> None:
        self.file = file
        self.name = name
        if not isinstance(table, dict):
            raise SettingsError(f"{file}: [{name}] must be a table")
        self._table = table

    def allow(self, *keys: str) -> None:
        unknown = sorted(self._table.keys() - set(keys))
        if unknown:
            raise SettingsError(
                f"{self.file}: [{self.name}] has no key {unknown[0]!r}{nearest(unknown[0], keys)}; "
                f"known: {', '.join(sorted(keys))}"
            )

    def get(self, key: str, kind: type, default: Any) -> Any:
        value = self._table.get(key, default)
        # Exactly: a truth is an int to Python, and a time a date.
        if type(value) is not kind:
            raise SettingsError(f"{self.file}: [{self.name}] {key}: must be {_IN_WORDS[kind]}, not {value!r}")
        return value

    def names(self, key: str) -> tuple[str, ...]:
        values = self.get(key, list, [])
        if not all(isinstance(value, str) and value for value in values):
            raise SettingsError(f"{self.file}: [{self.name}] {key}: must be a list of names")
        return tuple(values)


@dataclass(frozen=True, kw_only=True)
class PytestSettings:
    """Where pytest has its root when it is started without arguments, and the ini options it reads there.

    ``file`` is None where no file speaks of pytest.
    """

    root: Path
    file: Path | None = None
    values: Mapping[str, object] = field(default_factory=dict)

    def text(self, option: str) -> str | None:
        """What the file says for `option`, as text; None where it says nothing, or has a list there."""
        value = self.values.get(option)
        return str(value) or None if isinstance(value, str | int | float) else None

    @property
    def baselines(self) -> Path:
        """Where sessions have their baselines unless they are told otherwise."""
        return self.root / (self.text("tb_baselines") or "baselines")


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


def has_pytest_settings(folder: Path) -> bool:
    """Whether a file in `folder` itself speaks of pytest; raises SettingsError for one that cannot be parsed."""
    files = [folder / name for name in _PYTEST_FILES]
    return any(file.is_file() and _ini_options(file) is not None for file in files)


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
