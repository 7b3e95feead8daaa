"""A comparison as plain values, for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pytest_terminalbench.comparing.compare_records import Comparison, PairedTest, Side, TaskChange, strip
from pytest_terminalbench.comparing.run_record import TaskRecord
from pytest_terminalbench.runs.score_intervals import TASKS_LIKE_THESE
from pytest_terminalbench.runs.sessions_result import SessionsResult
from pytest_terminalbench.statistics import Interval, RatioVerdict, SuiteSettings, SuiteVerdict

__all__ = ["as_json"]

SCHEMA_VERSION = 2


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Plain values: shares of 1, seconds, US dollars; None where something is not known."""
    suite = comparison.whole.suite
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": comparison.verdict,
        "advice": comparison.whole.advice,
        "policy": asdict(comparison.policy),
        "baseline": _side_json(comparison.baseline),
        "candidate": _side_json(comparison.candidate),
        "suite": _suite_json(suite, comparison.policy.suite) if suite is not None else None,
        "paired": _paired_json(comparison.paired) if comparison.paired else None,
        "tasks": [_task_json(task) for task in comparison.tasks],
        "ratios": [_ratio_json(ratio) for ratio in (*comparison.whole.metrics, *comparison.whole.noted)],
        "not_judged": list(comparison.whole.not_judged),
        "parity": comparison.policy.parity,
        "unlike": [
            {"task": one.task, "mismatches": [mismatch._asdict() for mismatch in one.mismatches]}
            for one in comparison.unlike
        ],
        "unscored": list(comparison.unscored),
        "only_in_baseline": list(comparison.only_in_baseline),
        "only_in_candidate": list(comparison.only_in_candidate),
        "notes": list(comparison.notes),
    }


def _suite_json(suite: SuiteVerdict, settings: SuiteSettings) -> dict[str, Any]:
    return {
        "verdict": suite.verdict,
        "improved": suite.improved,
        "reason": suite.reason,
        "p": suite.p,
        "difference": suite.effect.difference if suite.effect else None,
        "interval": _interval_json(suite.effect.interval, suite.effect.population) if suite.effect else None,
        "mde": suite.mde,
        "worst_drop": suite.worst_drop,
        "tasks": suite.tasks,
        "sessions": SessionsResult.of(suite.sessions).to_json() if suite.sessions else None,
        "settings": asdict(settings),
    }


def _side_json(side: Side) -> dict[str, Any]:
    record = side.record
    return {
        "origin": record.origin,
        "run_id": record.run_id,
        "dataset": record.dataset,
        "dataset_version": record.dataset_version,
        "agent": record.agent,
        "model": record.model,
        "sources": [str(source) for source in record.sources],
        "tasks": len(record.tasks),
        "compared": len(side.compared),
        "interrupted": bool(record.not_run),
        "not_run": list(record.not_run),
        "mean": side.mean,
        "intervals": [_interval_json(*labelled) for labelled in side.intervals],
        "scored": side.scored,
        "void": side.voids,
    }


def _paired_json(paired: PairedTest) -> dict[str, Any]:
    return {**asdict(paired), "interval": _interval_json(paired.interval, TASKS_LIKE_THESE)}


def _task_json(task: TaskChange) -> dict[str, Any]:
    return {
        "task": task.task,
        "change": task.change.value,
        "baseline": _attempts_json(task.baseline),
        "candidate": _attempts_json(task.candidate),
        "difference": task.difference,
        "interval": _interval_json(task.interval, "this task, this agent"),
        "p_worse_adjusted": task.p_worse,
        "p_better_adjusted": task.p_better,
        "slower": [asdict(change) for change in task.slower],
        "method": task.method,
    }


def _attempts_json(task: TaskRecord) -> dict[str, Any]:
    return {
        "strip": strip(task),
        "rewards": [attempt.share for attempt in task.attempts],
        "solved": sum(attempt.is_solved for attempt in task.attempts),
        "scored": len(task.scored),
        "void": task.voids,
    }


def _ratio_json(verdict: RatioVerdict) -> Mapping[str, Any]:
    ratio = verdict.ratio
    return {
        "metric": verdict.metric,
        "verdict": verdict.verdict,
        "ratio": ratio.value if ratio else None,
        "interval": _interval_json(ratio.interval, "typical task") if ratio else None,
        "statistic": "median" if ratio else None,
        "tasks": ratio.tasks if ratio else 0,
        "max_ratio": verdict.max_ratio,
    }


def _interval_json(interval: Interval | None, population: str) -> dict[str, Any] | None:
    return {**interval._asdict(), "population": population} if interval else None
