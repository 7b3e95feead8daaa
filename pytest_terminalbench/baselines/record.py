"""A baseline: what was approved for one cell."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from pytest_terminalbench.errors import BaselineError

__all__ = ["BaselineRecord", "Measure", "measure", "parse_record", "read_record", "serialised", "tallies"]

SCHEMA_VERSION = 1


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Measure(_Strict):
    """A quantity over the attempts: its median, its spread (largest minus smallest), and the values in order."""

    median: float
    spread: float
    values: list[float]


class BaselineRecord(_Strict):
    """The content of ``baselines/<dataset>/<agent>[--<model>]/<scenario>.json``."""

    schema_version: Literal[1] = 1
    baseline_id: str
    scenario_id: str
    status: Literal["active", "provisional", "retired"]
    approved_on: str
    approved_by: str
    notes: str = ""
    attempts: int
    solved: int
    rewards: list[float]
    metrics: dict[str, Measure]
    fingerprint: dict[str, Any]
    supersedes: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> BaselineRecord:
        if self.attempts < 1 or len(self.rewards) != self.attempts:
            raise ValueError(f"attempts is {self.attempts}, but there are {len(self.rewards)} rewards")
        if not 0 <= self.solved <= self.attempts:
            raise ValueError(f"solved is {self.solved} of {self.attempts} attempts")
        return self


def measure(values: Sequence[float | None], *, digits: int = 3) -> Measure | None:
    """The measure of `values`; None when one of them is not known."""
    known = [round(value, digits) for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    spread = round(max(known) - min(known), digits)
    return Measure(median=round(statistics.median(known), digits), spread=spread, values=known)


def read_record(file: Path) -> BaselineRecord | None:
    """The record in `file`, None when there is no such file.

    Raises BaselineError naming file and cure for one that is damaged or of another version.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise BaselineError(f"{file} cannot be read: {error}") from None
    return parse_record(text, str(file))


def tallies(folder: Path) -> list[tuple[int, int]]:
    """(solved, attempts) of every baseline in `folder` that is not retired; damaged ones are their own cells' error."""
    found = []
    for file in sorted(folder.glob("*.json")):
        try:
            record = read_record(file)
        except BaselineError:
            continue
        if record is not None and record.status != "retired":
            found.append((record.solved, record.attempts))
    return found


def parse_record(text: str, source: str) -> BaselineRecord:
    """The record in `text`; `source` is for messages."""
    cure = "restore it from version control, or remove it and approve anew with --update-baselines"
    try:
        content = json.loads(text)
    except ValueError as error:
        raise BaselineError(f"{source} is damaged: not JSON: {error}; {cure}") from None
    version = content.get("schema_version") if isinstance(content, Mapping) else None
    if version != SCHEMA_VERSION:
        raise BaselineError(
            f"{source} has schema_version {version!r}, and this version of pytest-terminalbench reads "
            f"{SCHEMA_VERSION}; upgrade pytest-terminalbench, or {cure}"
        )
    try:
        return BaselineRecord.model_validate(content)
    except ValidationError as error:
        details = error.errors(include_url=False)
        said = "; ".join(f"{'.'.join(map(str, d['loc'])) or 'record'}: {d['msg']}" for d in details[:3])
        raise BaselineError(f"{source} is damaged: {said}; {cure}") from None


def serialised(record: BaselineRecord) -> str:
    """The file's text: sorted keys, final newline; made for diffs."""
    return json.dumps(record.model_dump(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
