"""A score is never shown bare: the intervals of a run's mean, each with the population it speaks of."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import fmean, variance
from typing import Any, NamedTuple

from pytest_terminalbench.documents import Fields
from pytest_terminalbench.statistics import Interval, cluster_bootstrap, effect_of_rewards, newcombe, wilson

__all__ = ["TASKS_LIKE_THESE", "THESE_TASKS", "LabelledInterval", "difference_interval", "score_intervals"]

TASKS_LIKE_THESE = "tasks like these"
THESE_TASKS = "these tasks, this agent"
# 95 % of a normal distribution.
LEVEL, Z = 0.95, 1.959963984540054


class LabelledInterval(NamedTuple):
    """An interval and what it is about: another draw of tasks, or another run on these."""

    interval: Interval
    population: str

    def to_json(self) -> dict[str, Any]:
        low, high, level, method = self.interval
        return {
            "low": round(low, 6),
            "high": round(high, 6),
            "level": level,
            "method": method,
            "population": self.population,
        }

    @classmethod
    def from_json(cls, content: object) -> LabelledInterval:
        """The opposite of `to_json`; summaries of schema 1 may know neither level nor population."""
        fields = Fields(content)
        return cls(
            Interval(
                fields.number("low"), fields.number("high"), fields.number_or("level", LEVEL), fields.text("method")
            ),
            fields.text_or("population", TASKS_LIKE_THESE),
        )


def score_intervals(rewards: Sequence[Sequence[float]]) -> tuple[LabelledInterval, ...]:
    """The intervals of the mean of the tasks' mean rewards that the data can give, the wider claim first.

    `rewards`: of each task's scored attempts, one or more each. One attempt at each task, all of them 0 or 1: Wilson;
    else BCa over tasks, from two tasks up. For these tasks: normal, with the attempts' variances within the tasks
    (Miller, arXiv 2411.00640, sect. 3, tasks held fixed), a task that was judged only once being taken to vary as the
    others do; not when most were, and not when no task was ever seen to vary, because that is lack of data and not
    certainty. The first is never narrower than the second.
    """
    like_these, these = _over_tasks(rewards), _of_these(rewards)
    if like_these is not None and these is not None:
        # A few tasks may happen to be alike, and then a bootstrap over them says too little: another draw of tasks is
        # never surer than these.
        like_these = like_these._replace(low=min(like_these.low, these.low), high=max(like_these.high, these.high))
    return tuple(
        LabelledInterval(interval, population)
        for interval, population in ((like_these, TASKS_LIKE_THESE), (these, THESE_TASKS))
        if interval is not None
    )


def _over_tasks(rewards: Sequence[Sequence[float]]) -> Interval | None:
    if rewards and all(len(task) == 1 and task[0] in (0.0, 1.0) for task in rewards):
        return wilson((int(sum(task[0] for task in rewards)), len(rewards)), level=LEVEL)
    return cluster_bootstrap([fmean(task) for task in rewards], level=LEVEL) if len(rewards) > 1 else None


def _of_these(rewards: Sequence[Sequence[float]]) -> Interval | None:
    variances = [variance(task) for task in rewards if len(task) > 1]
    if 2 * len(variances) < len(rewards) or not any(variances):
        return None
    typical = fmean(variances)
    total = sum((variance(task) if len(task) > 1 else typical) / len(task) for task in rewards)
    half = Z * sqrt(total) / len(rewards)
    mean = fmean(map(fmean, rewards))
    return Interval(max(0.0, mean - half), min(1.0, mean + half), LEVEL, "normal, fixed tasks")


def difference_interval(baseline: Sequence[float], candidate: Sequence[float]) -> Interval:
    """Interval of one task's change in mean reward: `newcombe`, or for fractional rewards that of `effect_of_rewards`.

    The latter is wide. Both speak of this task and this agent.
    """
    if any(reward not in (0.0, 1.0) for reward in (*baseline, *candidate)):
        return effect_of_rewards([baseline], [candidate], level=LEVEL).interval
    return newcombe((int(sum(baseline)), len(baseline)), (int(sum(candidate)), len(candidate)), level=LEVEL)
