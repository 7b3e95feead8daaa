"""Where builds of images are locked."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_terminalbench.environments.build_lock import only_builder
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
