"""What one side of a comparison knows of its cell."""

from __future__ import annotations

from pytest_terminalbench.baselines.cell_side import CellSide
from pytest_terminalbench.baselines.record import Measure
from tests.baselines.test_record import a_record


def test_a_baseline_that_has_zeros_for_what_nobody_measured_does_not_know_it() -> None:
    metrics = {name: Measure(median=0.0, spread=0.0, values=[0.0, 0.0]) for name in ("runtime_s", "cost_usd", "tokens")}

    assert CellSide.approved(a_record(metrics=metrics)).measures == {"cost_usd": (0.0, 0.0)}


def test_a_metric_that_is_not_known_of_each_attempt_is_left_out() -> None:
    metrics = {
        "cost_usd": Measure(median=0.5, spread=0.0, values=[0.5]),
        "tokens": Measure(median=250.0, spread=500.0, values=[500.0, 0.0]),
    }

    assert CellSide.approved(a_record(metrics=metrics)).measures == {}
