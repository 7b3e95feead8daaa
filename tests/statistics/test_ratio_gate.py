from __future__ import annotations

import math
import random

import pytest

from pytest_terminalbench.statistics import ratio_gate, ratio_interval


def runs(tasks: int, attempts: int, factor: float, seed: int) -> list[list[float]]:
    rng = random.Random(seed)
    return [[10 * (1 + t) * factor * rng.lognormvariate(0, 0.2) for _ in range(attempts)] for t in range(tasks)]


def test_the_typical_task_by_hand() -> None:
    before, after = [[1.0, 1.0, 9.0], [100.0]], [[2.0], [100.0, 100.0]]
    typical = ratio_interval(before, after)

    assert typical is not None
    assert typical.value == pytest.approx(math.sqrt(2))
    assert typical.interval is None


def test_verdicts_on_a_suite() -> None:
    baseline = runs(40, 5, 1.0, seed=1)
    verdicts = {
        factor: ratio_gate(ratio_interval(baseline, runs(40, 3, factor, seed=2)), metric="runtime_s").verdict
        for factor in (1.0, 1.15, 1.5)
    }
    assert verdicts == {1.0: "pass", 1.15: "inconclusive", 1.5: "fail"}


def test_the_interval_covers_the_true_ratio() -> None:
    hits = 0
    for seed in range(40):
        found = ratio_interval(runs(25, 3, 1, 2 * seed), runs(25, 3, 1.2, 2 * seed + 1), resamples=400)
        assert found is not None
        assert found.interval is not None
        hits += found.interval.low <= 1.2 <= found.interval.high
    assert 33 <= hits <= 40


def test_seeded_and_blind_to_order() -> None:
    before, after = runs(10, 3, 1.0, seed=1), runs(10, 3, 1.1, seed=2)
    found = ratio_interval(before, after, seed=5)

    assert found == ratio_interval([b[::-1] for b in before[::-1]], after[::-1], seed=5)
    assert found is not None
    assert found != ratio_interval(before, after, seed=6)


def test_few_tasks_are_judged_by_their_attempts() -> None:
    few = ratio_interval(runs(1, 5, 1.0, seed=1), runs(1, 5, 3.0, seed=2))

    assert few is not None
    assert few.interval is not None
    assert few.interval.method == "percentile bootstrap over attempts"
    assert ratio_gate(few, metric="cost_usd").verdict == "fail"


def test_what_cannot_be_judged_says_why() -> None:
    one_attempt = ratio_gate(ratio_interval([[1.0]], [[5.0]]), metric="cost_usd")
    nothing = ratio_gate(ratio_interval([[0.0], []], [[5.0], [1.0]]), metric="cost_usd")

    assert (one_attempt.verdict, nothing.verdict) == ("inconclusive", "inconclusive")
    assert one_attempt.reason == "cost: +400.0 % on 1 task; too few tasks and attempts for an interval"
    assert nothing.reason == "cost: no task has values above 0 on both sides"


def test_replayed_runs_have_a_ratio_without_spread() -> None:
    before = runs(8, 2, 1.0, seed=1)
    found = ratio_interval(before, before)

    assert found is not None
    assert found.interval is not None
    assert found.interval[:2] == pytest.approx((1, 1))


@pytest.mark.parametrize("value", [-1.0, math.inf, math.nan])
def test_nonsense_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="needs finite numbers from 0"):
        ratio_interval([[value]], [[1.0]])


def test_a_metric_without_an_allowance_is_refused() -> None:
    with pytest.raises(KeyError):
        ratio_gate(None, metric="disk")
