"""What a session is made of, without pytest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.baselines.comparison_policy import ComparisonPolicy
from pytest_terminalbench.cells.bench import Bench
from pytest_terminalbench.cells.bench_settings import BenchSettings
from pytest_terminalbench.errors import SettingsError
from pytest_terminalbench.runs.manifest import RunSettings
from pytest_terminalbench.scenarios.catalog import open_dataset
from tests.scenario_files import write_scenario


def a_bench(root: Path, **changes: Any) -> Bench:
    settings = BenchSettings(root=root, baselines=root / "baselines", results=root / "results", **changes)
    return Bench(settings, root / "results" / "run")


def test_who_asks_for_nothing_gets_the_policy_that_manifests_and_compare_take_for_granted(tmp_path: Path) -> None:
    assert a_bench(tmp_path).policy == RunSettings(attempts=1).policy == ComparisonPolicy()


def test_every_agent_has_a_cell_of_every_scenario(tmp_path: Path) -> None:
    for name in ("alpha", "beta"):
        write_scenario(tmp_path / "demo", name)

    cells = a_bench(tmp_path, agents=("oracle", "nop")).cells([open_dataset(tmp_path / "demo")])

    assert [cell.key for cell in cells] == [
        "demo/alpha[oracle]",
        "demo/alpha[nop]",
        "demo/beta[oracle]",
        "demo/beta[nop]",
    ]


@pytest.mark.parametrize("below", ["", "/deep/down"])
def test_a_file_is_no_folder_of_baselines(tmp_path: Path, below: str) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    settings = BenchSettings(
        root=tmp_path, baselines=Path(f"{tmp_path}/pytest.ini{below}"), results=tmp_path / "results"
    )

    with pytest.raises(SettingsError, match=r"--tb-baselines: .*/pytest\.ini is a file; name a folder"):
        Bench(settings, tmp_path / "results" / "run").check()


def test_scenarios_whose_names_differ_in_case_alone_are_refused(tmp_path: Path) -> None:
    for name in ("alpha", "Alpha"):
        write_scenario(tmp_path / "demo", name)

    with pytest.raises(SettingsError, match=r"demo/Alpha\[oracle\] and demo/alpha\[oracle\] differ in upper and lower"):
        list(a_bench(tmp_path).cells([open_dataset(tmp_path / "demo")]))
