"""The project's settings: the table ``[tool.terminalbench]`` of ``pyproject.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pytest_terminalbench.errors import SettingsError

__all__ = ["ProjectSettings", "project_settings"]

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
