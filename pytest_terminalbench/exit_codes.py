"""What a session, and `terminalbench run`, end with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_terminalbench.status import Status

if TYPE_CHECKING:
    from pytest_terminalbench.runs.totals import Totals

__all__ = [
    "EXIT_BLOCKED",
    "EXIT_FAILED",
    "EXIT_INTERNAL",
    "EXIT_INTERRUPTED",
    "EXIT_OK",
    "EXIT_USAGE",
    "EXIT_VOID_RATE",
    "run_exit_code",
    "session_exit_code",
]

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_BLOCKED = 2
# As pytest's: nobody can tell how it ended, for cells are lost, or it could not be written.
EXIT_INTERNAL = 3
# As pytest's: a wrong command line, or a name that nothing has.
EXIT_USAGE = 4
# The shell's code for Ctrl-C. pytest says 2, which here means that nothing could be compared.
EXIT_INTERRUPTED = 130
# More cells are void than --tb-max-void-rate allows.
EXIT_VOID_RATE = 22

_PYTEST_OK, _PYTEST_FAILED, _PYTEST_INTERRUPTED, _PYTEST_INTERNAL, _, _PYTEST_NOTHING = range(6)


def session_exit_code(pytest_status: int, totals: Totals, *, max_void_rate: float) -> int:
    """What a session of pytest's that would end with `pytest_status` ends with, its cells having come to `totals`.

    Lost cells make it an internal error; too many void ones take precedence over failures, which then say little.
    """
    if pytest_status not in (_PYTEST_OK, _PYTEST_FAILED, _PYTEST_NOTHING):
        return pytest_status
    if totals[Status.LOST]:
        return _PYTEST_INTERNAL
    if totals.cells and totals[Status.VOID] / totals.cells > max_void_rate:
        return EXIT_VOID_RATE
    return pytest_status


def run_exit_code(pytest_status: int, *, only_blocked: bool, is_stopped_by_failures: bool = False) -> int:
    """The exit code for a session of pytest's that ended with `pytest_status`.

    `only_blocked`: something failed, and everything that failed was blocked by parity. `is_stopped_by_failures`: pytest
    itself stopped at what had failed, as a test file that cannot be imported; it calls that interrupted.

    0 all is well, 1 a regression or a failure, 2 everything that failed was blocked; a session that somebody
    interrupted ends as in a shell, with 130; everything else is passed on (3, 4 a wrong command line, 5, 22, 23).
    """
    has_failed = pytest_status == _PYTEST_FAILED or (pytest_status == _PYTEST_INTERRUPTED and is_stopped_by_failures)
    if has_failed:
        return EXIT_BLOCKED if only_blocked else EXIT_FAILED
    return EXIT_INTERRUPTED if pytest_status == _PYTEST_INTERRUPTED else pytest_status
