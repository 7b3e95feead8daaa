"""The fingerprint of a trial: the conditions under which it ran, as far as results must share them to be compared.

`baselines/parity.py` compares two of them, and decides what blocks a comparison.
"""

from __future__ import annotations

from typing import Any

from pytest_terminalbench.scenarios.model import Scenario

__all__ = ["conditions"]


def conditions(
    scenario: Scenario,
    *,
    image: str = "",
    platform: str | None = None,
    dataset_version: str = "0",
    timeout_multiplier: float = 1.0,
) -> dict[str, Any]:
    """The fingerprint of trials of `scenario`: what must be the same for two results to be comparable.

    `image` is the recipe of the scenario's image, `platform` the engine's. ``scenario``, ``dataset`` and ``ignored``
    are there to be noted: neither agent nor verifier sees what they tell beyond the others.
    """
    return {
        "scenario": scenario.digest,
        "dataset": f"{scenario.dataset}=={dataset_version}",
        "image": image,
        "limits": {**scenario.limits, "timeout_multiplier": timeout_multiplier},
        "verifier": scenario.verifier_digest,
        "platform": platform,
        "judging": dict(scenario.judging_facts) or None,
        "ignored": list(scenario.ignored_files),
        **scenario.visible_facts,
    }
