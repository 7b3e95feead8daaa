"""Which folders are datasets of ours. A file of its own because pytest asks this about every folder it visits."""

from __future__ import annotations

import json
from pathlib import Path

from pytest_terminalbench.regular_files import read_regular

__all__ = ["DATASETS_FOLDER", "DATASET_FILE", "LOCK", "is_dataset_folder"]

# In a project's folder; what lies in it is named without a path.
DATASETS_FOLDER = "scenarios"
DATASET_FILE = "dataset.json"
# Lies beside it, where a dataset is locked.
LOCK = "lock.json"
# Ours are a few lines; other tools' files of this name may hold all their data.
MAX_BYTES = 1 << 16
# Other tools have files of this name too; these three keys together are ours.
_KEYS = ("schema_version", "name", "version")


def is_dataset_folder(folder: Path) -> bool:
    """Whether `folder` says of itself that it is a dataset of ours, if only by a dataset.json that is broken JSON."""
    try:
        raw = read_regular(folder / DATASET_FILE, MAX_BYTES + 1)
    except OSError:
        return False
    if len(raw) > MAX_BYTES:
        return False
    try:
        # Not by `documents`, which a session without scenarios has no need to import.
        content = json.loads(raw)
    except (ValueError, RecursionError):
        return all(f'"{key}"'.encode() in raw for key in _KEYS)
    return isinstance(content, dict) and content.keys() >= set(_KEYS)
