"""Base images replaced by others: by a file of the session, the project's settings, or this machine's own map."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pytest_terminalbench.documents import parse_json
from pytest_terminalbench.errors import SettingsError
from pytest_terminalbench.settings import project_settings

__all__ = ["ImageMap", "image_map_for", "load_image_map", "machine_image_map"]


@dataclass(frozen=True, kw_only=True)
class ImageMap:
    """Base images replaced by others: mirrors, or bases built on this machine."""

    replacements: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, name: str) -> str:
        return self.replacements.get(name, name)

    def over(self, other: ImageMap) -> ImageMap:
        """This map, and `other` where this one has no entry."""
        return ImageMap(replacements={**other.replacements, **self.replacements})


def machine_image_map() -> Path:
    """Where `terminalbench images bootstrap` notes the bases it has built on this machine."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "pytest-terminalbench" / "images.json"


def load_image_map(file: Path) -> ImageMap:
    """Read a JSON object (or the TOML table ``[images]``) of image name -> image name.

    Raises SettingsError naming the file.
    """
    try:
        text = file.read_text(encoding="utf-8")
        content = tomllib.loads(text).get("images", {}) if file.suffix == ".toml" else parse_json(text)
    except (OSError, ValueError) as error:
        raise SettingsError(f"image map {file}: {error}") from None
    if not isinstance(content, dict) or not all(isinstance(value, str) for value in content.values()):
        raise SettingsError(f"image map {file}: must map image names to image names, as strings")
    return ImageMap(replacements=content)


def image_map_for(root: Path, chosen: Path | None = None) -> ImageMap:
    """The map `chosen` (if any) over the one of the project in `root` over this machine's.

    Raises SettingsError naming the file that is wrong.
    """
    machine = machine_image_map()
    merged = load_image_map(machine) if machine.is_file() else ImageMap()
    merged = ImageMap(replacements=project_settings(root).images).over(merged)
    return load_image_map(chosen).over(merged) if chosen else merged
