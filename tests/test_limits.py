from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from pytest_terminalbench.limits import LIFETIME_MARGIN_S, Limits


@dataclass(frozen=True)
class Allowed:
    build_s: float = 100.0
    agent_s: float = 20.0
    verifier_s: float = 10.0


def test_the_multiplier_holds_for_every_phase_alike() -> None:
    assert Limits.of(Allowed(), timeout_multiplier=2.5) == Limits(build_s=250, agent_s=50, verifier_s=25)


def test_a_container_lives_for_agent_and_verifier_and_for_waits_that_are_not_the_agents() -> None:
    limits = Limits(build_s=1000, agent_s=20, verifier_s=10, wait_s=5)

    assert limits.lifetime_s == 35 + LIFETIME_MARGIN_S


def test_limits_go_to_json_and_back() -> None:
    limits = Limits(build_s=1, agent_s=2.5, verifier_s=3, wait_s=0.5)

    assert Limits.from_json(json.loads(json.dumps(limits.to_json()))) == limits


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_a_phase_without_time_is_refused_by_name(seconds: float) -> None:
    with pytest.raises(ValueError, match="agent_s is"):
        Limits(build_s=1, agent_s=seconds, verifier_s=1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"build_s": 1, "agent_s": "2", "verifier_s": 3}, "agent_s is '2', not a number"),
        ({"build_s": True, "agent_s": 2, "verifier_s": 3}, "build_s is True"),
        ({"agent_s": 2}, "build_s is missing"),
    ],
)
def test_what_are_no_limits_is_named(content: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Limits.from_json(content)
