"""What one side of a comparison knows of its cell."""

from __future__ import annotations

import pytest

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


@pytest.mark.parametrize(
    ("rewards", "text"),
    [
        ((1.0, 0.0), "1 of 2"),
        ((1.0, 0.0, 0.5), "1 of 3 (mean reward 0.5)"),
        ((2.0,), "1 of 1 (mean reward 2)"),
        ((1250.5,), "1 of 1 (mean reward 1250.5)"),
    ],
)
def test_its_text_has_rewards_as_they_were_given(rewards: tuple[float, ...], text: str) -> None:
    assert CellSide(rewards=rewards).text == text


def test_statistics_take_what_is_beyond_0_and_1_for_these() -> None:
    assert CellSide(rewards=(2.0, 0.5, -3.0)).shares == (1.0, 0.5, 0.0)
