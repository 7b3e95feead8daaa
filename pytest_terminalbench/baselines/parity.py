"""Whether a cell runs under the conditions its baseline was approved under."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

__all__ = ["Mismatch", "blocked_text", "configuration_mismatches", "mismatches"]


class Mismatch(NamedTuple):
    """One fact that differs; `field` is a dotted path such as ``limits.memory_mb``."""

    field: str
    baseline: object
    now: object

    def __str__(self) -> str:
        return f"{self.field}: approved {_shown(self.baseline)}, now {_shown(self.now)}"


def mismatches(baseline: Mapping[str, Any], now: Mapping[str, Any]) -> list[Mismatch]:
    """Every fact of the two fingerprints that differs, sorted by field.

    A fact that only one of them knows is no mismatch: older baselines and imported results know less.
    """
    return sorted(_differences(baseline, now, prefix=""))


def blocked_text(baseline_id: str, differences: Iterable[Mismatch]) -> str:
    """Why a cell is not compared with the baseline `baseline_id`."""
    listed = "\n".join(f"  {mismatch}" for mismatch in differences)
    return f"blocked: not what the baseline {baseline_id} was approved for\n{listed}"


def configuration_mismatches(baseline: str | None, now: str | None) -> list[Mismatch]:
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
    # Digests are told apart by their first figures.
    return f"{text[:19]}…" if text.startswith("sha256:") else text
