"""Where a run's files lie, and finding a run again."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_terminalbench.errors import RunFolderError, SettingsError
from pytest_terminalbench.runs.layout import RunFolder, check_run_id, find_run


def a_run(results: Path, name: str) -> RunFolder:
    run = RunFolder(results / name)
    run.path.mkdir(parents=True)
    run.manifest.write_text("{}")
    return run


def test_files_have_the_contracts_names(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run-1")

    assert run.id == "run-1"
    places = [run.manifest, run.events, run.trials, run.summary, run.report, run.incidents]
    assert [place.relative_to(run.path).as_posix() for place in places] == [
        "manifest.json",
        "events.jsonl",
        "trials",
        "summary.json",
        "report.md",
        "incidents",
    ]
    assert not run.path.exists()


def test_a_name_that_no_folder_can_have_is_refused() -> None:
    check_run_id("x" * 200)
    with pytest.raises(SettingsError, match=r"run_id 'x{20}'… has 201 characters; at most 200 are allowed"):
        check_run_id("x" * 201)


class TestLatest:
    def test_it_is_the_run_that_pointed_last(self, tmp_path: Path) -> None:
        for name in ("one", "two"):
            a_run(tmp_path, name).point_latest()

        assert (tmp_path / "latest").readlink() == Path("two")
        assert find_run(None, tmp_path).id == "two"

    def test_a_folder_in_its_place_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "latest").mkdir()
        (tmp_path / "latest" / "mine").write_text("x")

        a_run(tmp_path, "one").point_latest()

        assert sorted(p.name for p in tmp_path.iterdir()) == ["latest", "one"]
        assert (tmp_path / "latest" / "mine").exists()


class TestFinding:
    def test_by_id(self, tmp_path: Path) -> None:
        a_run(tmp_path, "one")

        assert find_run("one", tmp_path).path == tmp_path / "one"

    def test_by_path(self, tmp_path: Path) -> None:
        a_run(tmp_path / "elsewhere", "one")

        assert find_run(f"{tmp_path}/elsewhere/one", tmp_path).path == tmp_path / "elsewhere" / "one"

    def test_what_is_not_there_is_told_with_the_last_five(self, tmp_path: Path) -> None:
        for number in range(7):
            a_run(tmp_path, f"run-{number}").point_latest()

        with pytest.raises(RunFolderError) as error:
            find_run("other", tmp_path)
        assert str(error.value) == (
            f"no run at {tmp_path / 'other'}; runs in {tmp_path}: run-2, run-3, run-4, run-5, run-6 and 2 more"
        )

    def test_the_nearest_is_told_also_where_it_is_none_of_these(self, tmp_path: Path) -> None:
        for name in ("nightly", *(f"run-{number}" for number in range(7))):
            a_run(tmp_path, name)

        with pytest.raises(RunFolderError, match=r"/nigthly \(did you mean 'nightly'\?\); runs in .* and 3 more$"):
            find_run("nigthly", tmp_path)

    @pytest.mark.parametrize("exists", [True, False])
    def test_where_there_is_none_that_is_told(self, tmp_path: Path, exists: bool) -> None:
        results = tmp_path / "results"
        if exists:
            results.mkdir()
            (results / "stray.txt").write_text("x")

        with pytest.raises(RunFolderError) as error:
            find_run(None, results)
        assert str(error.value) == f"no run at {results / 'latest'}; {results} has no runs"
