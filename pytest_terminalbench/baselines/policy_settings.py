"""What a user can say of a comparison: the values that count where nobody says anything, and those that are possible.

Light: pytest imports it in every project, for the help and the checks of its options.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from math import isfinite
from typing import Literal, NamedTuple

from pytest_terminalbench.errors import SettingsError

__all__ = ["ALPHA", "DEFAULT_ATTEMPTS", "MARGIN", "MIN_VISIBLE", "PolicySettings", "Range", "read_min_visible"]

DEFAULT_ATTEMPTS = 1


class Range(NamedTuple):
    """The numbers from `least` to `most`."""

    least: float
    most: float

    def holds(self, number: float) -> bool:
        """False for what is no number (NaN), too."""
        return self.least <= number <= self.most

    def read(self, value: object, *, option: str) -> float:
        """The number that was given as `value` for `option`; raises SettingsError with what would be right."""
        refusal = SettingsError(f"{option} {value!r} is not a number of {self}")
        try:
            number = float(str(value))
        except ValueError:
            raise refusal from None
        if not isfinite(number) or not self.holds(number):
            raise refusal
        return number

    def __str__(self) -> str:
        return f"at least {self.least:g}" + (f" and at most {self.most:g}" if isfinite(self.most) else "")


# No run that anybody makes can be so sure of anything as less would ask for, and below 1e-16 the quantiles that are
# needed are infinite. Who is wrong every second time need not compare.
ALPHA = Range(1e-6, 0.5)
MARGIN = Range(0.0, 0.99)
MIN_VISIBLE = Range(0.001, 1.0)
# What may be said of it; hardly any run can see less than a point.
POINTS = Range(1, 100)


def read_min_visible(value: object, *, option: str) -> float:
    """The share of 1 that was given as `value` for `option`, which is in points.

    Raises SettingsError with what would be right, also for less than a point: that was meant as a share.
    """
    with suppress(ValueError):
        share = float(str(value))
        if 0 < share < 1:
            raise SettingsError(
                f"{option} {value!r} is in points, of 100: for a drop of {share:.3g} say {100 * share:g}"
            )
    return POINTS.read(value, option=option) / 100


@dataclass(frozen=True, kw_only=True)
class PolicySettings:
    """How sure a comparison has to be, and of what; shares of 1, not points.

    `attempts` None: ``auto``, one trial and more where it looks worse, up to `max_attempts`. `min_visible`: a run that
    could not have seen such a drop, or does not rule it out, is inconclusive unless it fails. `inconclusive`: what
    becomes of a cell or a suite that is. `parity`: and of a cell under other conditions than those of the other side.
    """

    attempts: int | None = DEFAULT_ATTEMPTS
    max_attempts: int = 5
    alpha: float = 0.05
    margin: float = 0.02
    min_visible: float = 0.30
    inconclusive: Literal["pass", "fail"] = "pass"
    parity: Literal["block", "warn", "off"] = "block"
