"""A run in numbers: ``summary.json``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.documents import Fields, read_document
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.identity import CellId, escaped
from pytest_terminalbench.runs.gate_result import GateResult
from pytest_terminalbench.runs.score_intervals import LabelledInterval, score_intervals
from pytest_terminalbench.runs.totals import Totals
from pytest_terminalbench.statistics import pass_at_k, pass_hat_k
from pytest_terminalbench.status import Status
from pytest_terminalbench.trials.result import CURE

__all__ = ["Cost", "RunSummary", "only_dataset", "read_summary", "summarise"]

# 3: `unsolved` in the totals counts cells of that status alone; before, whatever was judged and not solved.
SCHEMA_VERSION = 3
# Nobody knows the category of a cell that never reported.
_NO_CATEGORY = "(not known)"


@dataclass(frozen=True, kw_only=True)
class Cost:
    """US dollars; None where the cost of some attempts is not known. `unknown`: how many those are."""

    total_usd: float | None = None
    per_solved_usd: float | None = None
    unknown: int = 0

    @classmethod
    def of(cls, cells: Sequence[CellResult]) -> Cost:
        attempts = [attempt for cell in cells for attempt in cell.attempts]
        costs = [attempt.cost_usd for attempt in attempts if attempt.cost_usd is not None]
        solved = sum(attempt.is_solved for attempt in attempts)
        total = round(sum(costs), 6)
        is_known = len(costs) == len(attempts)
        return cls(
            total_usd=total if is_known else None,
            per_solved_usd=round(total / solved, 6) if solved and is_known else None,
            unknown=len(attempts) - len(costs),
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: object) -> Cost:
        numbers = Fields(content)
        return cls(
            total_usd=numbers.number_or("total_usd", None),
            per_solved_usd=numbers.number_or("per_solved_usd", None),
            unknown=numbers.whole_or("unknown", 0),
        )


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """Every cell of a run, in order of their names, and what they come to together.

    `lost`: the names of cells that were expected and never reported; from schema 2 on they are among the `cells`, too.
    `not_run`: those that an interrupted session came to no verdict on; the ones that it had tried (`cut_short`) are
    among the `cells`, void and with their attempts, the others are nowhere else.
    `mean`: of the cells' mean rewards; `intervals`: of that mean, 95 %, the wider claim first. `pass_at_k` and
    `pass_hat_k`: the estimated chance that one of k attempts solves, and that all k do. `counts_first_alone`: in these
    numbers, for further attempts were made where it looked bad.
    """

    run_id: str
    cells: tuple[CellResult, ...]
    lost: tuple[str, ...]
    totals: Totals
    pass_at_k: Mapping[int, float]
    pass_hat_k: Mapping[int, float]
    mean: float | None
    intervals: tuple[LabelledInterval, ...]
    cost: Cost
    gate: GateResult
    not_run: tuple[str, ...] = ()
    counts_first_alone: bool = False

    @property
    def in_words(self) -> str:
        """The numbers of cells, with those that were not run: ``1 cell: 1 solved; 5 not run``."""
        untried = len(self.not_run) - len(self.cut_short)
        return f"{self.totals.in_words}; {untried} not run" if untried else self.totals.in_words

    @property
    def cut_short(self) -> tuple[str, ...]:
        """The cells that an interrupted session had tried and came to no verdict on."""
        not_run = set(self.not_run)
        return tuple(cell.key for cell in self.cells if cell.key in not_run)

    @property
    def scored(self) -> list[CellResult]:
        """The cells that are in the mean."""
        return [cell for cell in self.cells if cell.is_scored]

    @property
    def mismatches(self) -> dict[str, list[dict[str, object]]]:
        """What differs from the conditions of the baselines, by cell."""
        return {
            cell.key: [mismatch._asdict() for mismatch in cell.mismatches] for cell in self.cells if cell.mismatches
        }

    @property
    def datasets(self) -> list[str]:
        return sorted({cell.id.dataset for cell in self.cells})

    def to_json(self) -> dict[str, Any]:
        intervals = [interval.to_json() for interval in self.intervals]
        return {
            "schema_version": SCHEMA_VERSION,
            "run_id": self.run_id,
            "dataset": self.datasets,
            "agent": sorted({cell.id.agent for cell in self.cells}),
            "cells": [cell.to_json() for cell in self.cells],
            "lost": list(self.lost),
            "not_run": list(self.not_run),
            "totals": self.totals.to_json(),
            "pass_at_k": {str(k): share for k, share in self.pass_at_k.items()},
            "pass_hat_k": {str(k): share for k, share in self.pass_hat_k.items()},
            "mean": self.mean,
            "interval": intervals[0] if intervals else None,
            "intervals": intervals,
            "cost": self.cost.to_json(),
            "gate": self.gate.to_json(),
            "counts_first_alone": self.counts_first_alone,
        }

    @classmethod
    def from_json(cls, content: object) -> RunSummary:
        """The opposite of `to_json`, and the reader of schemas 1 and 2; raises ValueError naming the field."""
        fields = Fields(content)
        fields.require("cells", "lost")
        cells, lost = fields.each("cells", CellResult.from_json), fields.texts("lost")
        # Earlier versions counted some cells under two words.
        is_current = fields.get("schema_version") == SCHEMA_VERSION
        # The first summaries knew one interval only.
        first = fields.nested_or("interval", LabelledInterval.from_json, None)
        return cls(
            run_id=fields.text("run_id"),
            cells=cells,
            lost=lost,
            not_run=fields.texts("not_run"),
            totals=fields.nested("totals", Totals.from_json) if is_current else Totals.of(cells, lost=lost),
            pass_at_k={int(k): share for k, share in fields.numbers("pass_at_k").items()},
            pass_hat_k={int(k): share for k, share in fields.numbers("pass_hat_k").items()},
            mean=fields.number_or("mean", None),
            intervals=fields.each("intervals", LabelledInterval.from_json) or ((first,) if first else ()),
            cost=fields.nested("cost", Cost.from_json),
            gate=fields.nested("gate", GateResult.from_json),
            counts_first_alone=fields.flag_or("counts_first_alone", False),
        )


def summarise(
    run_id: str,
    cells: Sequence[CellResult],
    *,
    lost: Sequence[CellId] = (),
    not_run: Sequence[CellId] = (),
    gate: GateResult | None = None,
    counts_first_alone: bool = False,
) -> RunSummary:
    """The summary of `cells`, of those that were `lost`, and of those `not_run`, whatever their order.

    Of those that were not run to their end, the ones that were tried are among the `cells`.

    `gate`: what the statistical gate came to, where one was asked; else a strict one is given. `counts_first_alone`: of
    each cell's attempts, because how many there are depended on how they went.
    """
    ordered = sorted([*cells, *map(_lost_cell, lost)], key=lambda cell: cell.key)
    scored = [cell for cell in ordered if cell.is_scored]
    counted = [cell.shares[:1] if counts_first_alone else cell.shares for cell in scored]
    means = [fmean(rewards) for rewards in counted]
    tallies = [_tally(cell, counts_first_alone=counts_first_alone) for cell in scored]
    most_attempts = max((judged for _, judged in tallies), default=0)
    gate = gate or GateResult(verdict=_strict_verdict(scored))
    return RunSummary(
        run_id=run_id,
        cells=tuple(ordered),
        lost=tuple(cell.key for cell in ordered if cell.status is Status.LOST),
        not_run=tuple(sorted(cell.key for cell in not_run)),
        totals=Totals.of(ordered),
        pass_at_k={k: _mean_over(tallies, pass_at_k, k) for k in range(1, most_attempts + 1)},
        pass_hat_k={k: _mean_over(tallies, pass_hat_k, k) for k in range(1, most_attempts + 1)},
        mean=round(fmean(means), 6) if means else None,
        intervals=_intervals(counted),
        cost=Cost.of(ordered),
        gate=gate.of_a_part() if not_run else gate,
        counts_first_alone=counts_first_alone,
    )


def only_dataset(summary: RunSummary, dataset: str) -> RunSummary:
    """The part of `summary` that is about `dataset`: its cells, what they come to, and what its agents' gates said."""
    cells = [cell for cell in summary.cells if cell.id.dataset == dataset]
    part = summarise(summary.run_id, cells, counts_first_alone=summary.counts_first_alone)
    names, not_run = (
        tuple(name for name in cell_names if name.partition("/")[0] == escaped(dataset))
        for cell_names in (summary.lost, summary.not_run)
    )
    gate = summary.gate.of_actors({cell.id.suite for cell in cells})
    if not (gate.verdicts or gate.notes):
        # Nothing is said of its agents where these were not compared with anything.
        gate = part.gate
    return replace(
        part,
        lost=names,
        not_run=not_run,
        totals=Totals.of(cells, lost=names),
        gate=gate.of_a_part() if not_run else gate,
    )


def read_summary(file: Path) -> RunSummary:
    """Raises RunFolderError naming file and cure when it is missing, damaged or of a later version."""
    if not file.exists():
        raise RunFolderError(
            f"{file.parent} has no {file.name}: its session has not ended yet, or was killed before it could write "
            f"one; `terminalbench report {file.parent.name} --rebuild` makes one of the cells that had reported"
        )
    return read_document(file, RunSummary.from_json, error=RunFolderError, cure=CURE, versions=(1, 2, SCHEMA_VERSION))


def _lost_cell(cell: CellId) -> CellResult:
    return CellResult(
        id=cell, status=Status.LOST, text="was collected and never reported", category=_NO_CATEGORY, gate="off"
    )


def _strict_verdict(scored: Sequence[CellResult]) -> str:
    """Of a strict comparison: no cell may be worse than its baseline."""
    if not scored:
        return "inconclusive"
    return "fail" if any(cell.status is Status.REGRESSED for cell in scored) else "pass"


def _mean_over(tallies: Sequence[tuple[int, int]], estimate: Callable[[tuple[int, int], int], float], k: int) -> float:
    return round(fmean(estimate(tally, k) for tally in tallies if tally[1] >= k), 6)


def _tally(cell: CellResult, *, counts_first_alone: bool) -> tuple[int, int]:
    if not counts_first_alone:
        return cell.tally
    first = cell.judged[:1]
    return sum(attempt.is_solved for attempt in first), len(first)


def _intervals(counted: Sequence[Sequence[float]]) -> tuple[LabelledInterval, ...]:
    return score_intervals([list(map(float, cell)) for cell in counted])
