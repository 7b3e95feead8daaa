"""What a run's cells took, beside what they took before: in another run, or when they were approved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from pytest_terminalbench.baselines.folder import baseline_of
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.runs.summary import RunSummary
from pytest_terminalbench.status import Status

__all__ = ["Measured", "Reference", "delta_percent", "reference_baselines", "reference_run"]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A cell in the numbers that are compared: medians over its attempts. None: not known."""

    status: Status | None = None
    runtime_s: float | None = None
    memory_peak_mb: float | None = None

    @classmethod
    def of(cls, cell: CellResult) -> Measured:
        return cls(
            status=cell.status,
            runtime_s=_median([attempt.agent_s for attempt in cell.attempts]),
            memory_peak_mb=_median([attempt.memory_peak_mb for attempt in cell.attempts]),
        )


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What is compared with: ``baselines``, or another run by its id; without a name there is nothing."""

    name: str = ""
    cells: Mapping[CellId, Measured] = field(default_factory=dict)

    def of(self, cell: CellResult) -> Measured:
        """The cell before; nothing is known of one that was not there."""
        return self.cells.get(cell.id, Measured())


def reference_run(summary: RunSummary) -> Reference:
    return Reference(name=summary.run_id, cells={cell.id: Measured.of(cell) for cell in summary.cells})


def reference_baselines(cells: Sequence[CellResult], baselines: Path) -> Reference:
    """What was approved for those of `cells` whose baseline is still the one they were compared with."""
    approved: dict[CellId, Measured] = {}
    for cell in cells:
        try:
            stored = baseline_of(baselines, cell.id) if cell.baseline_id else None
        except BaselineError:
            # The run is what is reported on; a session that compares with this file says what is wrong with it.
            continue
        if stored is not None and stored.record.baseline_id == cell.baseline_id:
            medians = {name: measure.median for name, measure in stored.record.metrics.items()}
            approved[cell.id] = Measured(
                runtime_s=medians.get("runtime_s"), memory_peak_mb=medians.get("memory_peak_mb")
            )
    return Reference(name="baselines", cells=approved)


def delta_percent(now: float | None, before: float | None) -> float | None:
    """``(now - before) / before`` in percent; None when either is not known, or before was nothing."""
    if now is None or not before:
        return None
    return round((now - before) / before * 100, 1)


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(median(known), 3) if known and len(known) == len(values) else None
