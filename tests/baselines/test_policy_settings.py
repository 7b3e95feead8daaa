"""The settings of a comparison: said once, and the same for a session, its gate and what is compared later."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from pytest_terminalbench.baselines.comparison_policy import ComparisonPolicy
from pytest_terminalbench.baselines.policy_settings import ALPHA, PolicySettings
from pytest_terminalbench.cells.bench_settings import BenchSettings
from pytest_terminalbench.runs.manifest import RunSettings

NAMES = [field.name for field in fields(PolicySettings)]


def test_only_they_say_what_counts_where_nobody_says_anything() -> None:
    assert set(NAMES).isdisjoint(BenchSettings.__annotations__)
    assert set(NAMES).isdisjoint(ComparisonPolicy.__annotations__)
    assert RunSettings(attempts=1).policy == ComparisonPolicy()


def test_a_session_has_all_of_them_for_its_policy() -> None:
    said = PolicySettings(
        attempts=None, max_attempts=7, alpha=0.1, margin=0.3, min_visible=0.4, inconclusive="fail", parity="warn"
    )
    values = {name: getattr(said, name) for name in NAMES}
    folder = Path("/project")

    policy = ComparisonPolicy.of(BenchSettings(root=folder, baselines=folder, results=folder, **values))

    assert {name: getattr(policy, name) for name in NAMES} == values
    assert all(values[name] != getattr(PolicySettings, name) for name in NAMES)


def test_what_is_no_number_is_in_no_range() -> None:
    assert ALPHA.holds(0.05)
    assert not ALPHA.holds(float("nan"))
