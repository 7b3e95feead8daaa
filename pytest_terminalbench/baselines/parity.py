"""Whether a cell runs under the conditions its baseline was approved under, and what follows where it does not.

What is compared are fingerprints: `trials/fingerprint.py` says what is in one. What agent and verifier can see blocks
a comparison where it differs: instruction, image, limits, environment, the verifier's files. What they cannot see is
noted and blocks nothing: the dataset's name and version, the scenario's title and other words for people, ignored
files, how the agent is configured. The solution is not compared: that is the oracle's answer, and a changed one shows
as a changed outcome.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pytest_terminalbench.baselines.record import BaselineRecord

__all__ = ["Mismatch", "Parity", "check_parity", "is_same_question", "mismatches"]

# What neither agent nor verifier sees. ``scenario`` is the digest of all the scenario's files: where it alone differs,
# that is a title or a tag. Baselines of earlier versions know no more of the instruction than this digest, and so do
# not block when the instruction changes.
_UNSEEN = frozenset({"scenario", "dataset", "ignored", "limits.build_s", "configuration"})


class Mismatch(NamedTuple):
    """One fact that differs; `field` is a dotted path such as ``limits.memory_mb``."""

    field: str
    baseline: object
    now: object

    @property
    def blocks(self) -> bool:
        """Whether results are not to be compared because of it."""
        return self.field not in _UNSEEN

    @property
    def is_of_digests(self) -> bool:
        """Whether the two say that something differs, and not what."""
        return all(str(value).startswith("sha256:") for value in (self.baseline, self.now) if value is not None)

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

    What neither agent nor verifier sees is noted, and blocks nothing; so is another configuration of the agent.
    """
    if baseline is None or policy == "off":
        return Parity()
    differing = (
        *mismatches(baseline.fingerprint, fingerprint),
        *_configuration_mismatches(baseline.configuration, configuration),
    )
    if policy == "warn" or not any(mismatch.blocks for mismatch in differing):
        return Parity(mismatches=differing)
    listed = "\n".join(f"  {mismatch}" for mismatch in differing if mismatch.blocks)
    why = f"blocked: not what the baseline {baseline.baseline_id} was approved for\n{listed}"
    return Parity(mismatches=differing, why_blocked=why)


def mismatches(baseline: Mapping[str, Any], now: Mapping[str, Any]) -> list[Mismatch]:
    """Every fact of the two fingerprints that differs, sorted by field; `Mismatch.blocks` tells the weighty ones.

    A fact that only one of them knows is no mismatch: older baselines and imported results know less.
    """
    differing = sorted(_differences(baseline, now, prefix=""), key=lambda mismatch: mismatch.field)
    if baseline.get("judging") and now.get("judging"):
        # The digest of all that judges tells no more, but for the place of the verifier's folder, which nobody sees.
        return [mismatch for mismatch in differing if mismatch.field != "verifier"]
    return differing


def is_same_question(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether agent and verifier saw the same in trials of these two fingerprints.

    Where one of them, of an earlier version, does not know the instruction, all the scenario's files must be the same.
    """
    if any(mismatch.blocks for mismatch in mismatches(before, now)):
        return False
    is_known = "instruction" in before and "instruction" in now
    return is_known or before.get("scenario") == now.get("scenario")


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
        if key == "ignored" and not after:
            continue  # That an ignored file has gone is not worth a note.
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _differences(before, after, f"{prefix}{key}.")
        elif before is not None and after is not None and before != after:
            yield Mismatch(f"{prefix}{key}", before, after)


def _shown(value: object) -> str:
    if value is None:
        return "(not known)"
    text = ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
    # The first digits of a digest tell it from others.
    return f"{text[:19]}…" if text.startswith("sha256:") else text
