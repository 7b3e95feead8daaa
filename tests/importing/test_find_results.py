"""From what was typed to the results that are meant."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pytest_terminalbench.comparing.run_record import RunRecord
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.importing.find_results import load_record
from tests.importing.test_own_runs import a_baseline, a_run
from tests.samples import TB, edited, strips


class Place:
    """A project's folders of runs and baselines."""

    def __init__(self, path: Path) -> None:
        self.path, self.results, self.baselines = path, path / "results", path / "baselines"

    def load(self, text: str | Path) -> RunRecord:
        return load_record(str(text), results=self.results, baselines=self.baselines)

    def refusal(self, text: str | Path) -> str:
        with pytest.raises(RunFolderError) as error:
            self.load(text)
        return str(error.value)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_run_is_found_by_its_id(place: Place) -> None:
    a_run(place.results / "monday", {("alpha", "oracle"): "✓"})

    assert place.load("monday").run_id == "monday"


def test_latest_is_the_run_the_link_points_to(place: Place) -> None:
    a_run(place.results / "monday", {("alpha", "oracle"): "✓"})
    (place.results / "latest").symlink_to("monday")

    assert place.load("latest").run_id == "monday"


def test_without_a_run_there_is_no_latest(place: Place) -> None:
    assert place.refusal("latest") == f"no run at {place.results}/latest; {place.results} has no runs"


def test_baselines_are_found_by_dataset_and_agent(place: Place) -> None:
    a_baseline(place.baselines / "demo" / "oracle", "alpha", [1.0])

    assert place.load("demo/oracle").run_id == "baselines of demo/oracle"
    assert place.load("demo").run_id == "baselines of demo/oracle"


def test_a_path_is_taken_as_it_is(place: Place) -> None:
    assert place.load(TB / "one-file").run_id == "one-file"


def test_one_of_several_agents_is_chosen_by_its_label(place: Place) -> None:
    a_run(place.results / "monday", {("alpha", "oracle"): "✓", ("alpha", "nop"): "✗"})

    assert strips(place.load("monday@nop")) == {"alpha": "✗"}


def test_several_agents_without_a_choice_are_listed(place: Place) -> None:
    a_run(place.results / "monday", {("alpha", "oracle"): "✓", ("alpha", "nop"): "✗"})

    assert place.refusal("monday") == (
        "monday holds results of several agents: nop, oracle; name one, as in monday@nop"
    )


def test_an_agent_that_is_not_there_is_told_which_are(place: Place) -> None:
    a_run(place.results / "monday", {("alpha", "oracle"): "✓", ("alpha", "nop"): "✗"})

    assert place.refusal("monday@goose") == "monday has no results of 'goose'; there are: nop, oracle"


def test_an_agent_of_several_datasets_cannot_be_chosen_by_name(place: Place) -> None:
    a_baseline(place.baselines / "demo" / "oracle", "alpha", [1.0])
    a_baseline(place.baselines / "other" / "oracle", "alpha", [1.0])

    assert place.refusal(place.baselines) == (
        f"{place.baselines} holds results on several datasets (demo, other); name the folder or file of one of them"
    )


def test_a_name_with_the_sign_in_it_is_still_a_path(place: Place) -> None:
    shutil.copytree(TB / "one-file", place.path / "a@b")

    assert place.load(place.path / "a@b").run_id == "a@b"


def test_runs_of_different_agents_in_one_folder_have_to_be_chosen_from(place: Place) -> None:
    shutil.copytree(TB / "per-run", place.path / "runs")
    meta = "run-a/run_metadata.json"
    edited(TB / "per-run" / meta, place.path / "runs" / meta, agent_name="goosey")

    assert strips(place.load(f"{place.path}/runs@goosey"))["fix-git"] == "✗"


def test_an_unknown_name_is_told_what_there_is_and_what_is_near(place: Place) -> None:
    a_run(place.results / "monday", {("alpha", "oracle"): "✓"})
    a_baseline(place.baselines / "demo" / "oracle", "alpha", [1.0])

    assert place.refusal("mondya") == (
        f"nothing is called 'mondya': it is no file or folder, no run in {place.results} (monday) and no folder in "
        f"{place.baselines} (demo/oracle); did you mean monday?"
    )


def test_a_device_that_never_ends_is_refused(place: Place) -> None:
    refusal = place.refusal("/dev/zero")

    assert refusal == "/dev/zero is a device, which may never end; name a file or a folder of results"
