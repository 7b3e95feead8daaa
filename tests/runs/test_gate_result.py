"""What the gate of a whole run came to, in a file and back."""

from __future__ import annotations

import pytest

from pytest_terminalbench.runs.gate_result import GateResult, MetricResult, SuiteResult

SUITE = SuiteResult(verdict="pass", reason="so", interval=(-0.1, 0.1), tasks=3, only_in_candidate=("c",))


@pytest.mark.parametrize(
    "gate",
    [
        GateResult(),
        GateResult(verdict="pass", verdicts={"oracle": "pass"}),
        GateResult(verdict="fail", verdicts={"oracle": "fail"}, failures=("demo oracle: worse",)),
        GateResult(metrics={"demo oracle": {}}),
        GateResult.of_agents(
            {"demo loop": SUITE},
            metrics={"demo loop": {"cost": MetricResult(verdict="pass", reason="so")}},
            failures=[],
            notes=["demo mine: nothing is approved"],
        ),
    ],
    ids=["nothing", "only verdicts", "a failure", "no metric", "everything"],
)
def test_it_is_read_as_it_was_written(gate: GateResult) -> None:
    assert GateResult.from_json(gate.to_json()) == gate


def test_earlier_versions_wrote_less() -> None:
    numbers = {"verdict": "pass", "p": None, "effect": None, "mde": None}

    assert GateResult.from_json(numbers) == GateResult(verdict="pass")
