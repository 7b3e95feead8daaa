"""Which steps of two Dockerfiles are the same, and who waits for whom."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from pytest_terminalbench.environments.build_lock import BuildRuns, only_builder
from pytest_terminalbench.environments.shared_steps import run_steps, step_locks

HEAD = "# tools\nFROM debian:12\nRUN apt-get update && \\\n  apt-get install -y python3\n"


def context(folder: Path, dockerfile: str, **files: str) -> dict[int, str]:
    folder.mkdir()
    for name, content in {"Dockerfile": dockerfile, **files}.items():
        (folder / name).write_text(content)
    return run_steps(folder, dockerfile, {"debian:12": "sha256:1"}, None)


def same(one: dict[int, str], other: dict[int, str]) -> list[int]:
    return [number for number in one if one[number] == other.get(number)]


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("RUN a\nRUN b\n", "RUN a\nRUN c\n", [2, 3]),
        ("COPY x /\nRUN a\n", "COPY x /\nRUN a\n", [2, 4]),
        ("COPY y /\nRUN a\n", "COPY y /\nRUN a\n", [2]),
        ("COPY . /\nRUN a\n", "COPY . /\nRUN a\n", [2]),
        ("COPY * /\nRUN a\n", "COPY * /\nRUN a\n", [2]),
        ("WORKDIR /a\nRUN a\n", "WORKDIR /b\nRUN a\n", [2]),
    ],
    ids=["another step", "a file alike", "another file", "another folder", "a wildcard", "another working directory"],
)
def test_a_step_is_the_same_when_all_before_it_is(tmp_path: Path, one: str, other: str, shared: list[int]) -> None:
    steps = context(tmp_path / "one", HEAD + one, x="x", y="1")
    others = context(tmp_path / "other", HEAD + other, x="x", y="2")

    assert same(steps, others) == shared


def test_another_base_shares_nothing(tmp_path: Path) -> None:
    steps = context(tmp_path / "one", HEAD)

    assert same(steps, run_steps(tmp_path / "one", HEAD, {"debian:12": "sha256:2"}, None)) == []


def test_with_another_escape_character_nothing_is_waited_for(tmp_path: Path) -> None:
    assert context(tmp_path / "one", "# escape=`\n" + HEAD) == {}


def is_free(locks: Path, digest: str) -> bool:
    try:
        with only_builder(locks, f"step-{digest}", wait=False):
            return True
    except BuildRuns:
        return False


def test_a_step_is_held_until_the_engine_begins_the_next(tmp_path: Path) -> None:
    with step_locks(tmp_path, {2: "sha256:aa", 4: "sha256:bb"}) as steps:
        steps.tell("Step 2/5 : RUN a")
        before = [is_free(tmp_path, "aa"), is_free(tmp_path, "bb")]
        steps.tell(" ---> Running in 0123456789ab")
        steps.tell("Step 3/5 : COPY x /")
        after = [is_free(tmp_path, "aa"), is_free(tmp_path, "bb")]

    assert (before, after) == ([False, False], [True, False])
    assert is_free(tmp_path, "bb")


def test_who_shares_a_step_waits_for_it_alone(tmp_path: Path) -> None:
    began = threading.Event()

    def other() -> None:
        with step_locks(tmp_path, {2: "sha256:aa", 3: "sha256:cc"}):
            began.set()

    with step_locks(tmp_path, {2: "sha256:aa", 3: "sha256:bb"}) as steps:
        thread = threading.Thread(target=other)
        thread.start()
        assert not began.wait(0.2)
        steps.tell("Step 3/3 : RUN b")
        assert began.wait(30)
    thread.join()
