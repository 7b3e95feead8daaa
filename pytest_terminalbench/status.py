"""What became of a cell: one word, and what follows from it; and how it compares with its baseline: one more.

Every question that code asks of a status is a property here, so that no reader keeps a list of words of its own.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Change", "Status"]


class Status(StrEnum):
    """The status of a cell, by its word in files.

    ``inconclusive`` means one thing: it looks worse than its baseline, and its attempts cannot tell. Whether that
    passes is for the session to say; see `CellResult.passes`.
    """

    SOLVED = "solved"
    AS_BASELINE = "as-baseline"
    UNSOLVED = "unsolved"
    REGRESSED = "regressed"
    INCONCLUSIVE = "inconclusive"
    VOID = "void"
    BLOCKED = "blocked"
    LOST = "lost"

    @property
    def is_pass(self) -> bool:
        """The cell is what was expected of it: pytest's PASSED."""
        return self in (Status.SOLVED, Status.AS_BASELINE)

    @property
    def is_error(self) -> bool:
        """The cell has no verdict: it could not run, was not compared, or was never reported. pytest's ERROR."""
        return self in (Status.VOID, Status.BLOCKED, Status.LOST)

    @property
    def is_failure(self) -> bool:
        """The cell was judged, and is not what was expected of it: pytest's FAILED."""
        return not self.is_pass and not self.is_error

    @property
    def is_scored(self) -> bool:
        """The cell's attempts were judged, so that they count in the mean. All others are shown apart."""
        return not self.is_error

    @property
    def key(self) -> str:
        """As a count of it is called in JSON: ``as_baseline``."""
        return self.value.replace("-", "_")

    @property
    def words(self) -> str:
        """As people read it: ``as baseline``."""
        return self.value.replace("-", " ")


class Change(StrEnum):
    """A cell beside its baseline, by its word in files: the same in a session and in `terminalbench compare`.

    ``lower`` and ``higher`` are differences that chance explains; ``inconclusive`` is what nobody could tell.
    """

    REGRESSED = "regressed"
    INCONCLUSIVE = "inconclusive"
    LOWER = "lower"
    SAME = "same"
    HIGHER = "higher"
    IMPROVED = "improved"
