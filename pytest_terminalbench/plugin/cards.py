"""A failed cell, drawn for its reader: what was judged, what the verifier said last, where everything lies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from pytest_terminalbench.baselines.comparison import Status
from pytest_terminalbench.errors import TerminalBenchError
from pytest_terminalbench.outcome import Solved, Void
from pytest_terminalbench.plugin.cell_state import STATE, CellState
from pytest_terminalbench.trials.result import TrialResult

if TYPE_CHECKING:
    from pytest_terminalbench.plugin.collection import ScenarioItem

__all__ = ["card_of", "failure_card"]

SHOWN_CHECKS = 8


def card_of(item: pytest.Item, error: BaseException) -> str | None:
    """The card for an error in a fixture of `item`; None where `item` is no scenario."""
    from pytest_terminalbench.plugin.collection import ScenarioItem

    return failure_card(item, error) if isinstance(item, ScenarioItem) else None


def failure_card(item: ScenarioItem, error: BaseException) -> str | None:
    """The card for an error of ours or a comparison that failed; None for anything unforeseen."""
    state = item.stash.get(STATE, None)
    if state is not None and isinstance(error, AssertionError) and state.comparison is not None:
        return "\n".join(_failed_card(state, item))
    if isinstance(error, TerminalBenchError):
        return "\n".join(_error_card(state, error, item))
    return None


def _failed_card(state: CellState, item: ScenarioItem) -> Iterator[str]:
    comparison = state.comparison
    assert comparison is not None
    scenario = state.cell.scenario
    word = "regressed" if comparison.status is Status.REGRESSED else "unsolved"
    yield f"{scenario.id} {word}: {comparison.text}"
    yield f"  {scenario.spec.title} ({scenario.spec.difficulty}, {scenario.spec.category})"
    worst = next((r for r in state.results if not isinstance(r.outcome, Solved)), None)
    if worst is not None:
        yield from _trial_lines(worst)
        yield f"trial folder: {item.bench.run.path / worst.folder}"
    yield f"once more:    pytest '{item.nodeid}'"


def _trial_lines(result: TrialResult) -> Iterator[str]:
    timing = result.timing
    attempt = f"attempt {result.attempt}, " if result.attempt > 1 else ""
    yield f"{attempt}agent {timing.agent_s:.1f} s, verifier {timing.verify_s:.1f} s: {result.outcome.reason}"
    if result.agent_note:
        yield f"agent:        {result.agent_note}"
    bad = [name for name, outcome in result.checks.items() if outcome != "passed"]
    for name in bad[:SHOWN_CHECKS]:
        message = result.messages.get(name, "").strip().splitlines()
        yield f"  {result.checks[name]:<7} {name}{': ' + message[0] if message else ''}"
    if len(bad) > SHOWN_CHECKS:
        yield f"  … and {len(bad) - SHOWN_CHECKS} more"
    if result.verifier_tail:
        yield "the verifier's last lines:"
        yield from (f"  | {line}" for line in result.verifier_tail.splitlines())


def _error_card(state: CellState | None, error: TerminalBenchError, item: ScenarioItem) -> Iterator[str]:
    yield f"{item.cell.scenario.id}: {error}"
    last = state.results[-1] if state and state.results else None
    if last is not None and isinstance(last.outcome, Void):
        if last.verifier_tail:
            yield "the verifier's last lines:"
            yield from (f"  | {line}" for line in last.verifier_tail.splitlines())
        yield f"trial folder: {item.bench.run.path / last.folder}"
