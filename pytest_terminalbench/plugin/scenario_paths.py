"""Which paths and items have to do with scenarios. Asked in every project, so nothing heavy is imported here."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_terminalbench.plugin.stash_keys import BENCH
from pytest_terminalbench.scenarios.dataset_manifest import is_dataset_folder

if TYPE_CHECKING:
    from pytest_terminalbench.plugin.session import BenchSession

__all__ = ["existing", "holds_scenarios", "names_scenarios", "scenarios_among"]


def existing(config: pytest.Config) -> BenchSession | None:
    """The session's state, if it has anything to do with scenarios so far."""
    return config.stash.get(BENCH, None)


def holds_scenarios(folder: Path, config: pytest.Config) -> bool:
    """Whether `folder` is a dataset: by its own manifest, or because the session names it."""
    bench = existing(config)
    return is_dataset_folder(folder) or (bench is not None and bench.datasets.has(folder))


def names_scenarios(config: pytest.Config) -> bool:
    """Whether a positional argument is a dataset's folder, or a scenario in one."""
    return any(_is_in_dataset(config.invocation_params.dir / arg.partition("::")[0]) for arg in config.args)


def scenarios_among(nodeids: Iterable[str], config: pytest.Config) -> list[str]:
    """The node ids that are scenarios; other plugins have items in JSON files too."""
    known: dict[str, bool] = {}
    found = []
    for nodeid in nodeids:
        file, mark, _ = nodeid.partition(".json::")
        if not mark:
            continue
        folder = file.rpartition("/")[0]
        if folder not in known:
            known[folder] = holds_scenarios(_normal(config.rootpath / folder), config)
        if known[folder]:
            found.append(nodeid)
    return found


def _is_in_dataset(path: Path) -> bool:
    path = _normal(path)
    return is_dataset_folder(path.parent if path.suffix == ".json" else path)


def _normal(path: Path) -> Path:
    # As pytest does: links stay what they are.
    return Path(os.path.normpath(path))
