"""The walk of a cell with partial rewards: what it is called, and how often that is wrong."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest

from pytest_terminalbench.statistics import (
    Fine,
    Inconclusive,
    NeedsMore,
    Plan,
    Regressed,
    Step,
    next_step,
    next_step_of_rewards,
)

Agent = Callable[[random.Random], float]
PLAN = Plan()

UNCHANGED: dict[str, Agent] = {
    "any tenth": lambda luck: luck.randrange(11) / 10,
    "any reward": lambda luck: round(luck.random(), 3),
    "mostly high": lambda luck: 0.2 if luck.random() < 0.05 else round(min(1.0, luck.gauss(0.9, 0.1)), 1),
    "high or low": lambda luck: 0.8 if luck.random() < 0.5 else 0.3,
    "solved or half": lambda luck: 1.0 if luck.random() < 0.8 else 0.5,
}


def walk(step_after: Callable[[Sequence[float]], Step], agent: Agent, luck: random.Random) -> Step:
    """What a cell is called in the end."""
    fresh: list[float] = []
    while isinstance(step := step_after(fresh), NeedsMore):
        fresh += [agent(luck) for _ in range(step.more)]
    return step


def walk_of_rewards(before: Sequence[float], agent: Agent, luck: random.Random, *, cells: int) -> Step:
    return walk(
        lambda fresh: next_step_of_rewards(baseline=before, fresh=fresh, corrected_for=cells, plan=PLAN), agent, luck
    )


def walk_of_halves(before: Sequence[float], agent: Agent, luck: random.Random, *, cells: int) -> Step:
    """Every reward is counted as solved if it is at least a half."""

    def halves(rewards: Sequence[float]) -> tuple[int, int]:
        return sum(reward >= 0.5 for reward in rewards), len(rewards)

    return walk(
        lambda fresh: next_step(baseline=halves(before), fresh=halves(fresh), corrected_for=cells, plan=PLAN),
        agent,
        luck,
    )


# 1 approved attempt, or 5 among 20 cells: counts decide. Else the permutation test.
@pytest.mark.parametrize(("approved", "cells", "sessions"), [(1, 3, 200), (3, 2, 300), (5, 12, 60), (5, 20, 40)])
@pytest.mark.parametrize("agent", UNCHANGED)
def test_sessions_of_unchanged_agents_seldom_call_any_cell_regressed(
    agent: str, approved: int, cells: int, sessions: int
) -> None:
    """At most alpha, 0.05, and four standard errors of so few sessions."""
    luck, act = random.Random(2), UNCHANGED[agent]
    false_alarms = 0
    for _ in range(sessions):
        baselines = [[act(luck) for _ in range(approved)] for _ in range(cells)]
        ends = [walk_of_rewards(before, act, luck, cells=cells) for before in baselines]
        false_alarms += any(isinstance(end, Regressed) for end in ends)

    assert false_alarms / sessions <= 0.05 + 4 * (0.05 * 0.95 / sessions) ** 0.5


LOSSES: dict[str, Agent] = {
    "everything": lambda _: 0.0,
    "about half": lambda luck: luck.randrange(8) / 10,
    "a third": lambda _: 0.6,
}


@pytest.mark.parametrize(("approved", "cells"), [(3, 1), (3, 2), (5, 1), (5, 12), (5, 20), (10, 20)])
@pytest.mark.parametrize("loss", LOSSES)
def test_losses_are_seen_at_least_as_often_as_by_counts_of_halves(loss: str, approved: int, cells: int) -> None:
    before_loss, seen, seen_by_counts = UNCHANGED["mostly high"], 0, 0
    for number in range(100):
        luck = random.Random(number)
        before = [before_loss(luck) for _ in range(approved)]
        state = luck.getstate()
        seen += isinstance(walk_of_rewards(before, LOSSES[loss], luck, cells=cells), Regressed)
        luck.setstate(state)
        seen_by_counts += isinstance(walk_of_halves(before, LOSSES[loss], luck, cells=cells), Regressed)

    assert seen >= seen_by_counts


def test_with_the_plan_s_last_trial_and_not_before_the_rewards_are_tested() -> None:
    steps = [
        type(next_step_of_rewards(baseline=(0.9,) * 3, fresh=(0.0,) * made, corrected_for=1, plan=PLAN))
        for made in range(6)
    ]

    assert steps == [NeedsMore] * 5 + [Regressed]


def test_where_not_even_zeros_could_be_called_no_trial_is_wasted() -> None:
    """One approved: after two failures further ones could tell nothing, as with counted ones."""
    steps = [
        type(next_step_of_rewards(baseline=(0.9,), fresh=(0.0,) * made, corrected_for=1, plan=PLAN))
        for made in range(3)
    ]

    assert steps == [NeedsMore, NeedsMore, Inconclusive]
    assert isinstance(next_step_of_rewards(baseline=(0.9,), fresh=(0.85,), corrected_for=1, plan=PLAN), Fine)


def test_a_cell_that_recovers_is_fine() -> None:
    step = next_step_of_rewards(baseline=(0.9, 0.8, 0.7), fresh=(0.2, 0.75), corrected_for=1, plan=PLAN)

    assert isinstance(step, Fine)


@pytest.mark.parametrize(
    ("baseline", "fresh", "corrected_for"),
    [((), (0.5,), 1), ((0.5,), (1.5,), 1), ((0.5,), (0.5,), 0), ((0.5,), (0.5,) * 6, 1)],
)
def test_nonsense_is_refused(baseline: tuple[float, ...], fresh: tuple[float, ...], corrected_for: int) -> None:
    with pytest.raises(ValueError, match="needs"):
        next_step_of_rewards(baseline=baseline, fresh=fresh, corrected_for=corrected_for, plan=PLAN)
