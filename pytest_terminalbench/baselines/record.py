"""A baseline: what was approved for one cell."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, PlainSerializer, PlainValidator, model_validator

from pytest_terminalbench.documents import parse_document
from pytest_terminalbench.errors import BaselineError, SettingsError
from pytest_terminalbench.identity import CellId, escaped
from pytest_terminalbench.regular_files import read_regular

__all__ = ["CURE", "MOST_ATTEMPTS", "BaselineRecord", "Measure", "measure", "parse_record", "read_record", "serialised"]

SCHEMA_VERSION = 2
# Its records do not name their cell: only the folder's name says which agent and model.
WITHOUT_CELL = 1
# Comparing with more takes minutes for every cell.
MOST_ATTEMPTS = 1_000
CURE = "restore it from version control, or remove it and approve again with --update-baselines"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Measure(_Strict):
    """A quantity over the attempts: its median, its spread (largest minus smallest), and the values in order."""

    median: float
    spread: float
    values: list[float]


def _cell_from(content: object) -> CellId:
    if isinstance(content, CellId):
        return content
    if not isinstance(content, Mapping):
        raise ValueError(f"it is no cell: {content!r} is no object")  # noqa: TRY004  # What pydantic takes for damage.
    try:
        cell = CellId.from_json(content)
    except (KeyError, TypeError, SettingsError) as error:
        raise ValueError(f"it is no cell: {type(error).__name__}: {error}") from None
    if cell.to_json() != content:
        raise ValueError(f"it is no cell as this version writes it, which would be {cell.to_json()}")
    return cell


class BaselineRecord(_Strict):
    """The content of a baseline's file. `cell` and `configuration` are None in records of schema 1 alone.

    `sessions`: which session made each attempt, in the order of `rewards`; `host`: the class of the machine that
    measured. None where these were not kept.
    """

    schema_version: Literal[1, 2] = 2
    baseline_id: str
    cell: Annotated[CellId, PlainValidator(_cell_from), PlainSerializer(CellId.to_json)] | None = None
    configuration: str | None = None
    scenario_id: str
    status: Literal["active", "provisional", "retired"]
    approved_on: str
    approved_by: str
    notes: str = ""
    attempts: int
    solved: int
    rewards: list[float]
    sessions: list[str] | None = None
    metrics: dict[str, Measure]
    host: str | None = None
    fingerprint: dict[str, Any]
    supersedes: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> BaselineRecord:
        if (self.cell is None) != (self.schema_version == WITHOUT_CELL):
            raise ValueError(
                f"schema_version is {self.schema_version}, and it {'has no' if not self.cell else 'has a'} cell"
            )
        if self.cell is not None and self.cell.scenario != self.scenario_id:
            raise ValueError(f"scenario_id is {self.scenario_id!r}, but its cell's scenario is {self.cell.scenario!r}")
        if self.attempts < 1 or len(self.rewards) != self.attempts:
            raise ValueError(f"attempts is {self.attempts}, but there are {len(self.rewards)} rewards")
        if self.attempts > MOST_ATTEMPTS:
            raise ValueError(f"attempts is {self.attempts}; a baseline has at most {MOST_ATTEMPTS}")
        if self.sessions is not None and len(self.sessions) != self.attempts:
            raise ValueError(f"attempts is {self.attempts}, but {len(self.sessions)} sessions are named for them")
        if not 0 <= self.solved <= self.attempts:
            raise ValueError(f"solved is {self.solved} of {self.attempts} attempts")
        # A verifier may give more than 1; that is solved, too.
        full = sum(reward >= 1 for reward in self.rewards)
        if self.solved != full:
            raise ValueError(f"solved is {self.solved}, but there are {full} rewards of 1 or more")
        return self


def measure(values: Sequence[float], *, digits: int = 3) -> Measure:
    """The measure of `values`, one of each attempt."""
    rounded = [round(value, digits) for value in values]
    spread = round(max(rounded) - min(rounded), digits)
    return Measure(median=round(statistics.median(rounded), digits), spread=spread, values=rounded)


def read_record(file: Path) -> BaselineRecord | None:
    """The record in `file`, None when there is no such file.

    Raises BaselineError naming file and cure for one that is damaged, of another version or of another scenario than
    the file is named for.
    """
    try:
        raw = read_regular(file)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BaselineError.of_file(file, f"cannot be read: {error.strerror or error}", CURE) from None
    record = parse_record(raw, file)
    if escaped(record.scenario_id) != file.stem:
        raise BaselineError(
            f"{file} is damaged: scenario_id is {record.scenario_id!r}, but the file is named for another; {CURE}"
        )
    return record


def parse_record(raw: str | bytes, file: Path) -> BaselineRecord:
    """The record that `file` (for messages) holds."""
    versions = (WITHOUT_CELL, SCHEMA_VERSION)
    return parse_document(
        raw, BaselineRecord.model_validate, file=file, error=BaselineError, cure=CURE, versions=versions
    )


def serialised(record: BaselineRecord) -> str:
    """The file's text: sorted keys, final newline; made for diffs."""
    unknown = {"cell", "configuration"} if record.schema_version == WITHOUT_CELL else set()
    # Records of before these were kept have the bytes that the log of approvals knows.
    unknown |= {name for name in ("sessions", "host") if getattr(record, name) is None}
    return (
        json.dumps(record.model_dump(exclude=unknown), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
        + "\n"
    )
