"""Which file is a cell's baseline, what is compared with, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.baselines.folder import (
    ApprovedInFolder,
    baseline_of,
    baselines_named,
    check_old_baselines,
    current_file,
    read_baselines,
)
from pytest_terminalbench.baselines.record import BaselineRecord, serialised
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.identity import CellId, Label, identifying


def cell(scenario: str = "alpha", **changes: Any) -> CellId:
    return CellId(**{"dataset": "demo", "scenario": scenario, "agent": "t", **changes})


def put(file: Path, scenario: str, cell: CellId | None = None, **changes: Any) -> Path:
    """A baseline with one solved attempt in `file`; without `cell` one of schema 1."""
    facts: dict[str, Any] = {
        "schema_version": 1 if cell is None else 2,
        "cell": cell,
        "baseline_id": f"{scenario}-1",
        "scenario_id": scenario,
        "status": "active",
        "approved_on": "2026-01-02",
        "approved_by": "ada",
        "attempts": 1,
        "solved": 1,
        "rewards": [1.0],
        "metrics": {},
        "fingerprint": {},
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(serialised(BaselineRecord(**{**facts, **changes})))
    return file


def own(folder: Path, cell: CellId, **changes: Any) -> Path:
    return put(folder / cell.baseline_file, cell.scenario, cell, **changes)


class TestOfACell:
    def test_its_own_file_counts(self, tmp_path: Path) -> None:
        file = own(tmp_path, cell(model="a/b"))

        stored = baseline_of(tmp_path, cell(model="a/b"))
        assert stored is not None
        assert (stored.file, stored.cell, stored.name) == (file, cell(model="a/b"), "demo/t,a%2Fb/alpha")

    def test_else_the_old_place_does(self, tmp_path: Path) -> None:
        old = put(tmp_path / "demo/t--a-b/alpha.json", "alpha")

        stored = baseline_of(tmp_path, cell(model="a/b"))
        assert stored is not None
        assert (stored.file, stored.cell, stored.place) == (old, cell(model="a/b"), "demo/t--a-b/alpha")

    def test_its_own_file_wins(self, tmp_path: Path) -> None:
        put(tmp_path / "demo/t--a-b/alpha.json", "alpha")
        file = own(tmp_path, cell(model="a/b"))

        assert current_file(tmp_path, cell(model="a/b")) == file

    @pytest.mark.parametrize("changes", [{"profile": "lean"}, {"arguments": identifying({"effort": "high"})}])
    def test_schema_1_had_no_profiles_and_arguments(self, tmp_path: Path, changes: dict[str, Any]) -> None:
        put(tmp_path / "demo/t/alpha.json", "alpha")

        assert baseline_of(tmp_path, cell(**changes)) is None

    def test_another_cell_that_lies_in_the_old_place_is_none_of_ours(self, tmp_path: Path) -> None:
        own(tmp_path, cell(agent="t--m"))

        assert baseline_of(tmp_path, cell(model="m")) is None

    def test_a_file_that_was_copied_to_another_cells_place_is_refused(self, tmp_path: Path) -> None:
        file = put(tmp_path / "demo/t/alpha.json", "alpha", cell(agent="oracle"))

        with pytest.raises(BaselineError) as error:
            baseline_of(tmp_path, cell())
        assert str(error.value) == (
            f"{file} is the baseline of another cell, demo/alpha[oracle]: it was moved; move it back, or restore it "
            "from version control"
        )

    def test_a_damaged_old_file_is_told(self, tmp_path: Path) -> None:
        put(tmp_path / "demo/t--m/alpha.json", "alpha").write_text("{")

        with pytest.raises(BaselineError, match=r"t--m/alpha\.json is damaged: not JSON: Expecting"):
            baseline_of(tmp_path, cell(model="m"))


class TestApprovedRewards:
    def test_they_are_of_what_counts(self, tmp_path: Path) -> None:
        """Neither of what is retired nor of what cannot be read."""
        own(tmp_path, cell("b"), attempts=2, solved=2, rewards=[1.0, 1.0])
        own(tmp_path, cell("a"), attempts=2, solved=1, rewards=[1.0, 0.0])
        own(tmp_path, cell("c"), status="retired")
        own(tmp_path, cell("d"), status="provisional")
        own(tmp_path, cell("e")).write_text("broken")
        own(tmp_path, cell("a", agent="other"))

        assert ApprovedInFolder(tmp_path).beside(cell("any")).rewards == ((1.0, 0.0), (1.0, 1.0), (1.0,))

    def test_those_in_the_old_place_count_where_there_is_none_of_its_own(self, tmp_path: Path) -> None:
        for name in ("a", "b"):
            put(tmp_path / f"demo/t--m/{name}.json", name)
        own(tmp_path, cell("a", model="m"), attempts=2, solved=0, rewards=[0.0, 0.0])

        assert ApprovedInFolder(tmp_path).beside(cell(model="m")).rewards == ((0.0, 0.0), (1.0,))


class TestAll:
    def test_they_are_in_order_and_what_is_wrong_is_beside_them(self, tmp_path: Path) -> None:
        own(tmp_path, cell("b"))
        put(tmp_path / "demo/t--m/a.json", "a")
        own(tmp_path, cell("c")).write_text("{")
        astray = put(tmp_path / "demo/u/d.json", "d", cell("d"))

        stored, wrong = read_baselines(tmp_path)

        assert [baseline.name for baseline in stored] == ["demo/t/b", "demo/t,m/a"]
        assert [str(error).partition(": ")[0] for error in wrong] == [
            f"{tmp_path}/demo/t/c.json is damaged",
            f"{astray} is the baseline of demo/t/d, and lies in the wrong place",
        ]

    def test_a_folder_above_means_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        put(tmp_path / "demo/t--m/a.json", "a")
        monkeypatch.chdir(tmp_path)

        (stored,), _ = read_baselines(Path())

        assert (stored.name, stored.place) == ("demo/t,m/a", "demo/t--m/a")

    def test_one_is_found_by_its_name(self, tmp_path: Path) -> None:
        file = own(tmp_path, cell(model="a/b"))

        (stored,) = baselines_named(tmp_path, ["demo/t,a%2Fb/alpha"])
        assert stored.file == file

    def test_a_damaged_one_says_so(self, tmp_path: Path) -> None:
        own(tmp_path, cell()).write_text("{")

        with pytest.raises(BaselineError, match="is damaged: not JSON: Expecting"):
            baselines_named(tmp_path, ["demo/t/alpha"])


class TestOldPlaces:
    def refusal(self, folder: Path, *agents: Label) -> str:
        with pytest.raises(BaselineError) as error:
            check_old_baselines(folder, agents)
        return str(error.value)

    @pytest.mark.parametrize(
        "agents",
        [
            [Label("t", "a/b")],
            [Label("t", "a-b")],
            [Label("t", "a/b"), Label("t", "a:b")],
            [Label("t--a-b")],
        ],
        ids=str,
    )
    def test_what_may_be_of_another_is_refused(self, tmp_path: Path, agents: list[Label]) -> None:
        file = put(tmp_path / "demo/t--a-b/alpha.json", "alpha")

        assert self.refusal(tmp_path, *agents) == (
            f"{file} was written by an earlier version, which did not tell all models apart: it may be of "
            f"{' or '.join(map(str, agents))}, or of another; `terminalbench baseline migrate --baselines={tmp_path}` "
            "gives each baseline its cell, and asks where it cannot tell"
        )

    @pytest.mark.parametrize(
        "agents",
        [
            [Label("t", "other/b")],
            [Label("t")],
            [Label("t", "a/b", profile="lean")],
            [Label("t", "a/b", arguments="123456789abc")],
        ],
        ids=str,
    )
    def test_what_does_not_lie_there_is_not(self, tmp_path: Path, agents: list[Label]) -> None:
        put(tmp_path / "demo/t--a-b/alpha.json", "alpha")

        check_old_baselines(tmp_path, agents)

    def test_one_that_nobody_else_could_have_is_read(self, tmp_path: Path) -> None:
        put(tmp_path / "demo/t--m/alpha.json", "alpha")
        put(tmp_path / "demo/my-agent/alpha.json", "alpha")

        check_old_baselines(tmp_path, [Label("t", "m"), Label("my-agent")])

    def test_one_that_nobody_reads_any_more_hinders_nobody(self, tmp_path: Path) -> None:
        put(tmp_path / "demo/t--a-b/alpha.json", "alpha")
        own(tmp_path, cell(model="a/b"))

        check_old_baselines(tmp_path, [Label("t", "a/b")])
        assert self.refusal(tmp_path, Label("t", "a/b"), Label("t", "a:b"))
