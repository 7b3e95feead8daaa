"""Whether a cell runs under the conditions its baseline was approved under, and what follows where it does not.

What is compared are fingerprints: `trials/fingerprint.py` says what is in one. The solution is not: that is the
oracle's answer, and a changed one shows as a changed outcome.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pytest_terminalbench.baselines.record import BaselineRecord

__all__ = ["Mismatch", "Parity", "check_parity", "mismatches"]


class Mismatch(NamedTuple):
    """One fact that differs; `field` is a dotted path such as ``limits.memory_mb``."""

    field: str
    baseline: object
    now: object

    def __str__(self) -> str:
        return f"{self.field}: approved {_shown(self.baseline)}, now {_shown(self.now)}"


@dataclass(frozen=True, kw_only=True)
class Parity:
    """What differs from the baseline's conditions, and why the cell is not compared: empty where it is."""

    mismatches: tuple[Mismatch, ...] = ()
    why_blocked: str = ""


def check_parity(
    baseline: BaselineRecord | None, fingerprint: Mapping[str, Any], *, configuration: str | None, policy: str
) -> Parity:
    """Refuse (`policy` ``block``), note (``warn``) or pass over (``off``) a comparison under other conditions.

    Another configuration of the agent is noted, and blocks nothing.
    """
    if baseline is None or policy == "off":
        return Parity()
    differing = mismatches(baseline.fingerprint, fingerprint)
    noted = (*differing, *_configuration_mismatches(baseline.configuration, configuration))
    if not differing or policy == "warn":
        return Parity(mismatches=noted)
    listed = "\n".join(f"  {mismatch}" for mismatch in noted)
    why = f"blocked: not what the baseline {baseline.baseline_id} was approved for\n{listed}"
    return Parity(mismatches=noted, why_blocked=why)


def mismatches(baseline: Mapping[str, Any], now: Mapping[str, Any]) -> list[Mismatch]:
    """Every fact of the two fingerprints that differs, sorted by field.

    A fact that only one of them knows is no mismatch: older baselines and imported results know less.
    """
    return sorted(_differences(baseline, now, prefix=""))


def _configuration_mismatches(baseline: str | None, now: str | None) -> list[Mismatch]:
    """The note that the agent is not configured as it was when its baseline was approved; none where one is not known.

    It blocks nothing: a prompt may be edited between two versions of an agent that are to be compared.
    """
    if baseline is None or now is None or baseline == now:
        return []
    return [Mismatch("configuration", baseline, now)]


def _differences(baseline: Mapping[str, Any], now: Mapping[str, Any], prefix: str) -> Iterator[Mismatch]:
    for key in baseline.keys() & now.keys():
        before, after = baseline[key], now[key]
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _differences(before, after, f"{prefix}{key}.")
        elif before is not None and after is not None and before != after:
            yield Mismatch(f"{prefix}{key}", before, after)


def _shown(value: object) -> str:
    text = str(value)
    # The first digits of a digest tell it from others.
    return f"{text[:19]}…" if text.startswith("sha256:") else text
