"""A failed cell, drawn for its reader: what was judged, what the verifier said last, where everything lies."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

import pytest

from pytest_terminalbench.cells.bench import Bench
from pytest_terminalbench.cells.cell_run import CellRun
from pytest_terminalbench.cells.repeat_command import repeat_command
from pytest_terminalbench.errors import TerminalBenchError
from pytest_terminalbench.outcome import Solved, Void
from pytest_terminalbench.plugin.cell_property import publish
from pytest_terminalbench.plugin.pytest_internals import is_xfailed, longrepr
from pytest_terminalbench.plugin.stash_keys import CELL, CELL_RUN
from pytest_terminalbench.trials.result import TrialResult

__all__ = ["FailureCards"]

SHOWN_CHECKS = 8


class FailureCards:
    """Draws what goes wrong with cells, in every process that runs any."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        # Not the item's repr_failure: pytest asks for that when a test fails, but not when a fixture does.
        cell = item.stash.get(CELL, None)
        if call.excinfo is None or (cell is None and CELL_RUN not in item.stash):
            return (yield)
        error = call.excinfo.value
        run = item.stash[CELL_RUN] if cell is None else item.stash.setdefault(CELL_RUN, CellRun(self._bench, cell))
        run.trouble = run.trouble or _in_short(error)
        publish(item, run)
        report = yield
        if is_xfailed(report):
            run.xfailed = True
            publish(item, run)
            report.user_properties = list(item.user_properties)
        # A test of the user's own shows what pytest makes of it.
        if cell is None or not report.failed:
            return report
        scenario = cell.scenario
        again = repeat_command(
            cell.agent,
            scenario.file.parent,
            self._bench.settings,
            start=item.config.invocation_params.dir,
            scenarios={scenario.id: scenario.file},
        )
        lines = _card(run, error, again, self._bench)
        if lines is not None:
            report.longrepr = longrepr(_drawn(lines), report.location[0])
        return report


def _in_short(error: BaseException) -> str:
    """`error` in a line or two; our own errors explain themselves, any other's type says more than its text."""
    return str(error) if isinstance(error, TerminalBenchError) else f"{type(error).__name__}: {error}"


def _card(run: CellRun, error: BaseException, again: str, bench: Bench) -> Iterable[str] | None:
    """The card for an error of ours or a comparison that failed; None for anything unforeseen.

    `again`: the command that runs the cell once more.
    """
    if isinstance(error, AssertionError) and run.comparison is not None:
        return _failed_card(run, again, bench)
    return _error_card(run, error, bench.folder) if isinstance(error, TerminalBenchError) else None


def _drawn(lines: Iterable[str]) -> str:
    """The card's text. What verifiers print may steer a terminal, or hold what cannot be sent to xdist's controller."""
    text = "\n".join(lines).encode("utf-8", errors="backslashreplace").decode()
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", lambda match: f"\\x{ord(match[0]):02x}", text)


def _failed_card(run: CellRun, again: str, bench: Bench) -> Iterator[str]:
    result = run.result
    scenario = run.cell.scenario
    yield f"{scenario.id} {result.status.words}: {run.comparison.text if run.comparison else result.text}"
    yield f"  {scenario.title} ({scenario.difficulty}, {scenario.category})"
    worst = next((trial for trial in run.trials if not isinstance(trial.outcome, Solved)), None)
    if worst is not None:
        yield from _trial_lines(worst)
        yield f"trial folder: {bench.folder / worst.folder}"
    yield f"once more:    {again}"


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


def _error_card(run: CellRun, error: TerminalBenchError, folder: Path) -> Iterator[str]:
    yield f"{run.cell.scenario.id}: {error}"
    void = next((trial for trial in run.trials if isinstance(trial.outcome, Void)), None)
    if void is not None:
        if void.verifier_tail:
            yield "the verifier's last lines:"
            yield from (f"  | {line}" for line in void.verifier_tail.splitlines())
        # Where the disk is full there is none.
        if (folder / void.folder).is_dir():
            yield f"trial folder: {folder / void.folder}"
