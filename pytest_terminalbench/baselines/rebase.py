"""Gives a baseline the conditions that its scenario has now, without a run: what was approved stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_terminalbench.baselines import audit
from pytest_terminalbench.baselines.folder import StoredBaseline
from pytest_terminalbench.baselines.parity import Mismatch, mismatches
from pytest_terminalbench.baselines.rewrite import Rewrite

__all__ = ["Rebase", "plan_rebase"]


@dataclass(frozen=True, kw_only=True)
class Rebase:
    """What is to be rewritten, and what differs; a fact that only one side knows is None on the other."""

    rewrite: Rewrite
    differences: tuple[Mismatch, ...]


def plan_rebase(baseline: StoredBaseline, now: Mapping[str, Any], *, notes: str = "") -> Rebase | None:
    """`baseline` under the conditions of the fingerprint `now`; None where nothing differs.

    A fact that `now` does not know stays as it was approved. `notes` is for the log.
    """
    before = baseline.record.fingerprint
    after = _with_known(before, now)
    differences = tuple(sorted([*mismatches(before, after), *_one_sided(before, after)], key=lambda each: each.field))
    if not differences:
        return None
    rewrite = Rewrite(
        old=baseline,
        cell=baseline.cell,
        record=baseline.record.model_copy(update={"fingerprint": after}),
        action=audit.REBASED,
        details={"notes": notes, "differed": [difference._asdict() for difference in differences]},
    )
    return Rebase(rewrite=rewrite, differences=differences)


def _with_known(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    known = {name: fact for name, fact in now.items() if fact not in (None, "")}
    limits = {**before.get("limits", {}), **known.get("limits", {})}
    return {**before, **known, **({"limits": limits} if limits else {})}


def _one_sided(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> Iterator[Mismatch]:
    for name in before.keys() | after.keys():
        old, new = before.get(name), after.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _one_sided(old, new, f"{prefix}{name}.")
        elif (old is None) != (new is None):
            yield Mismatch(f"{prefix}{name}", old, new)
