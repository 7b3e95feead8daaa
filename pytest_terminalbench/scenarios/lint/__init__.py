"""What is valid and yet not what its author wants: findings in scenarios and datasets, each with a code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pytest_terminalbench.scenarios.catalog import Catalog
from pytest_terminalbench.scenarios.kinds import kind_named
from pytest_terminalbench.scenarios.lint import dataset_rules, text_rules
from pytest_terminalbench.scenarios.lint.finding import RULES, Finding, Severity, finding
from pytest_terminalbench.scenarios.validation import Checked, find_and_check

__all__ = ["RULES", "Finding", "Severity", "lint_checked", "lint_dataset"]


def lint_dataset(catalog: Catalog, request: str) -> list[Finding]:
    """Findings in all scenarios of the dataset that `request` names and in the dataset as a whole.

    Raises SettingsError when there is none of that name.
    """
    dataset, checked = find_and_check(catalog, request)
    return _sorted([*_in_scenarios(checked), *dataset_rules.findings(dataset, checked.scenarios)])


def lint_checked(checked: Checked) -> list[Finding]:
    """Findings in scenarios that have been read; one that is not valid is a finding, and is looked into no further."""
    return _sorted(_in_scenarios(checked))


def _in_scenarios(checked: Checked) -> Iterator[Finding]:
    for problem in checked.problems:
        yield finding("L001", problem.file, problem.field, problem.text, problem.cure)
    for scenario in checked.scenarios:
        yield from text_rules.findings(scenario)
        yield from kind_named(scenario.kind).findings(scenario)


def _sorted(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda one: (str(one.file), one.code, one.field, one.message))
