"""A failed cell, drawn for its reader: what was judged, what the verifier said last, where everything lies."""

from __future__ import annotations

import re
import shlex
from collections.abc import Generator, Iterable, Iterator
from typing import TYPE_CHECKING

import pytest

from pytest_terminalbench.errors import TerminalBenchError
from pytest_terminalbench.outcome import Solved, Void
from pytest_terminalbench.plugin.cell_state import STATE, CellState, trouble_text
from pytest_terminalbench.plugin.longrepr import longrepr
from pytest_terminalbench.plugin.stash_keys import CELL
from pytest_terminalbench.status import Status
from pytest_terminalbench.trials.result import TrialResult

if TYPE_CHECKING:
    from pytest_terminalbench.plugin.collection import ScenarioItem

__all__ = ["Cards", "failure_card"]

SHOWN_CHECKS = 8


class Cards:
    """Draws what goes wrong with cells, in every process that runs any."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        # Not the item's repr_failure: pytest asks for that when a test fails, but not when a fixture does.
        cell = item.stash.get(CELL, None)
        if cell is None or call.excinfo is None:
            return (yield)
        state = item.stash.setdefault(STATE, CellState(cell=cell))
        state.trouble = state.trouble or trouble_text(call.excinfo.value)
        state.publish(item)
        report = yield
        card = failure_card(item, state, call.excinfo.value)  # type: ignore[arg-type]  # Who has a cell is ours.
        if card is not None and report.failed:
            report.longrepr = longrepr(card, report.location[0])
        return report


def failure_card(item: ScenarioItem, state: CellState, error: BaseException) -> str | None:
    """The card for an error of ours or a comparison that failed; None for anything unforeseen."""
    if isinstance(error, AssertionError) and state.comparison is not None:
        return _drawn(_failed_card(state, item))
    if isinstance(error, TerminalBenchError):
        return _drawn(_error_card(state, error, item))
    return None


def _drawn(lines: Iterable[str]) -> str:
    """The card's text. What verifiers print may steer a terminal, or hold what cannot be sent to xdist's controller."""
    text = "\n".join(lines).encode("utf-8", errors="backslashreplace").decode()
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", lambda match: f"\\x{ord(match[0]):02x}", text)


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
    yield f"once more:    {_command(item)}"


def _command(item: ScenarioItem) -> str:
    """What to type to run just this cell; values of arguments may be secret."""
    options = item.bench.options
    words = ["pytest", shlex.quote(item.nodeid)]
    if options.agents != ("oracle",):
        words += [f"--tb-agent {shlex.quote(agent)}" for agent in options.agents]
    words += [f"--tb-model {shlex.quote(model)}" for model in options.models]
    if options.attempts != 1:
        words.append(f"--tb-attempts {options.attempts or 'auto'}")
    words += [f"--tb-agent-arg {pair.partition('=')[0]}=…" for pair in options.agent_args]
    return " ".join(words)


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


def _error_card(state: CellState, error: TerminalBenchError, item: ScenarioItem) -> Iterator[str]:
    yield f"{item.cell.scenario.id}: {error}"
    last = state.results[-1] if state.results else None
    if last is not None and isinstance(last.outcome, Void):
        if last.verifier_tail:
            yield "the verifier's last lines:"
            yield from (f"  | {line}" for line in last.verifier_tail.splitlines())
        yield f"trial folder: {item.bench.run.path / last.folder}"
