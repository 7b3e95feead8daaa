"""Findings in a scenario of kind `terminal`: its container, its scripts, its solution."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_terminalbench.scenarios.lint import environment_rules, script_rules
from pytest_terminalbench.scenarios.lint.finding import Finding, finding
from pytest_terminalbench.scenarios.terminal import TerminalScenario

__all__ = ["findings"]


def findings(scenario: TerminalScenario) -> Iterator[Finding]:
    """What is odd about `scenario`, its texts apart."""
    yield from environment_rules.findings(scenario)
    yield from script_rules.findings(scenario)
    if scenario.solution_file is None:
        yield finding(
            "L301",
            scenario.file,
            "solution",
            "without a solution the oracle cannot show that the scenario can be solved",
            "add a script that solves it",
        )
