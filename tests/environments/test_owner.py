"""Who owns a container, and whether its owner still lives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

import pytest

from pytest_terminalbench.environments.owner import EXPIRES_LABEL, OWNER_LABEL, RUN_LABEL, Ownership, is_orphan


def my_labels(**changes: Any) -> dict[str, str]:
    """This process's labels, with its description of itself changed."""
    labels = Ownership("run").labels(lifetime_s=100)
    return {**labels, OWNER_LABEL: json.dumps({**json.loads(labels[OWNER_LABEL]), **changes})}


def a_dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_labels_say_run_owner_and_deadline() -> None:
    before = int(time.time())
    labels = Ownership("my-run").labels(lifetime_s=60)

    assert labels[RUN_LABEL] == "my-run"
    assert before + 60 <= int(labels[EXPIRES_LABEL]) <= time.time() + 60
    assert json.loads(labels[OWNER_LABEL])["pid"] == os.getpid()
    assert len(labels) == 3


def test_what_a_living_process_owns_is_no_orphan() -> None:
    assert not is_orphan(my_labels())


def test_what_a_dead_process_owned_is() -> None:
    assert is_orphan(my_labels(pid=a_dead_pid()))


def test_a_zombie_is_dead() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # It has ended, and nobody has asked how.

    assert is_orphan(my_labels(pid=process.pid))
    process.wait()


def test_another_process_with_the_same_number_is_not_the_owner() -> None:
    assert is_orphan(my_labels(born="1"))


@pytest.mark.parametrize("place", ["host", "boot", "pids"])
def test_an_owner_elsewhere_cannot_be_known_to_be_dead(place: str) -> None:
    assert not is_orphan(my_labels(pid=a_dead_pid(), **{place: "elsewhere"}))


def test_a_deadline_that_is_over_decides_wherever_the_owner_is() -> None:
    assert is_orphan({**my_labels(host="elsewhere"), EXPIRES_LABEL: "1"})


@pytest.mark.parametrize("owner", ["", "broken", "[]", "{}", "null", '{"pid": "x"}', '{"pid": null}'])
def test_words_that_are_not_understood_are_left_alone(owner: str) -> None:
    assert not is_orphan({OWNER_LABEL: owner, EXPIRES_LABEL: "soon"})


def test_no_labels_are_left_alone() -> None:
    assert not is_orphan({})
