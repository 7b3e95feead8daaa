"""Where builds of images are locked."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from pytest_terminalbench.environments.build_lock import BuildRuns, only_builder
from pytest_terminalbench.errors import EnvironmentFailure


def test_a_folder_that_cannot_be_had_is_named_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    locks = tmp_path / "cache" / "locks"

    with pytest.raises(EnvironmentFailure) as caught, only_builder(locks, "image"):
        pass

    assert str(caught.value) == (
        f"builds of images cannot be locked in {locks}: Not a directory; let that be a folder that can be written, or "
        "name another place for caches in XDG_CACHE_HOME"
    )


def test_a_lock_that_cannot_be_had_is_told_as_well(tmp_path: Path) -> None:
    (tmp_path / "image.lock").mkdir()

    with pytest.raises(EnvironmentFailure, match=f"cannot be locked in {tmp_path}: "), only_builder(tmp_path, "image"):
        pass


def test_nothing_is_left_in_the_folder(tmp_path: Path) -> None:
    with only_builder(tmp_path, "image"), only_builder(tmp_path, "step"):
        assert len(list(tmp_path.iterdir())) == 2

    assert list(tmp_path.iterdir()) == []


def test_who_shall_not_wait_leaves_the_others_lock_alone(tmp_path: Path) -> None:
    with only_builder(tmp_path, "image"):
        for _ in range(2):
            with pytest.raises(BuildRuns), only_builder(tmp_path, "image", wait=False):
                pass


def test_of_many_that_wait_one_builds_at_a_time(tmp_path: Path) -> None:
    """Each finds the file, that it waited for, removed by the one before."""
    building: list[int] = []
    at_a_time: list[int] = []

    def build(number: int) -> None:
        for _ in range(50):
            with only_builder(tmp_path, "image"):
                building.append(number)
                at_a_time.append(len(building))
                building.remove(number)

    threads = [threading.Thread(target=build, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert at_a_time == [1] * 400
