"""Baselines as syrupy snapshots: ``==`` asks the comparison, not string equality."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from syrupy.data import SnapshotCollection, SnapshotCollections
from syrupy.extensions.base import AbstractSyrupyExtension

from pytest_terminalbench.baselines.cell_gate import CellComparison
from pytest_terminalbench.regular_files import read_regular

__all__ = ["BaselineExtension", "Comparable"]

Judge = Callable[[list[float]], CellComparison]

# Stands for a file that is not there. Not None: syrupy takes that for unequal without asking, but a cell that is
# solved needs no baseline.
NO_BASELINE = ""


@runtime_checkable
class Comparable(Protocol):
    """What can be compared with a baseline: ``tb_trials``."""

    @property
    def solved(self) -> int: ...

    @property
    def rewards(self) -> list[float]: ...


class BaselineExtension(AbstractSyrupyExtension):
    """Reads the approved record of one cell. Never writes: the controller approves, after the run.

    It reports no other snapshots in the folder either, for syrupy calls what a session did not use unused, and
    `--snapshot-update` would delete the baselines of every cell that was not selected.
    """

    file: ClassVar[Path]
    judge: ClassVar[Judge]

    @classmethod
    def of(cls, file: Path, judge: Judge) -> type[BaselineExtension]:
        """The extension for the cell whose baseline is `file` and whose gate is asked by `judge(rewards)`."""
        return type("CellBaseline", (cls,), {"file": file, "judge": staticmethod(judge)})

    @classmethod
    def get_location(cls, *, test_location: Any, index: Any) -> str:
        return str(cls.file)

    def serialize(self, data: Any, **_: Any) -> str:
        if not isinstance(data, Comparable):
            raise TypeError(f"tb_baseline compares tb_trials, not {type(data).__name__}")
        return json.dumps({"solved": data.solved, "rewards": data.rewards}, indent=2, allow_nan=False) + "\n"

    def read_snapshot_data_from_location(self, *, snapshot_location: str, snapshot_name: str, session_id: str) -> str:
        try:
            return read_regular(Path(snapshot_location)).decode()
        except FileNotFoundError:
            return NO_BASELINE

    def matches(self, *, serialized_data: Any, snapshot_data: Any) -> bool:
        return type(self).judge(json.loads(serialized_data)["rewards"]).passes

    def discover_snapshots(self, **_: Any) -> SnapshotCollections:
        return SnapshotCollections()

    def read_snapshot_collection(self, *, snapshot_location: str) -> SnapshotCollection:
        return SnapshotCollection(location=snapshot_location)

    @classmethod
    def write_snapshot_collection(cls, **_: Any) -> None:
        raise NotImplementedError("baselines are written by --update-baselines alone")

    def delete_snapshots(self, **_: Any) -> None:
        raise NotImplementedError("baselines are retired, not deleted")
