"""The folder of baselines, read as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pytest_terminalbench.baselines.record import BaselineRecord, read_record
from pytest_terminalbench.errors import BaselineError

__all__ = ["StoredBaseline", "read_baselines"]


@dataclass(frozen=True, kw_only=True)
class StoredBaseline:
    """A record and where it lies; ``actor`` is the agent with its model, as folders are named."""

    dataset: str
    actor: str
    file: Path
    record: BaselineRecord

    @property
    def cell(self) -> str:
        return f"{self.dataset}/{self.actor}/{self.record.scenario_id}"


def read_baselines(folder: Path) -> tuple[list[StoredBaseline], list[BaselineError]]:
    """Every record below `folder` in order of dataset, actor and scenario, and what is wrong with the others."""
    right: list[StoredBaseline] = []
    wrong: list[BaselineError] = []
    for file in sorted(folder.glob("*/*/*.json")):
        try:
            record = read_record(file)
        except BaselineError as error:
            wrong.append(error)
            continue
        # None: removed since it was listed.
        if record is not None:
            place = file.relative_to(folder).parts
            right.append(StoredBaseline(dataset=place[0], actor=place[1], file=file, record=record))
    return right, wrong
