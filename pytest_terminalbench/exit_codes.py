"""What `terminalbench run` ends with."""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["EXIT_BLOCKED", "EXIT_INTERRUPTED", "run_exit_code"]

EXIT_BLOCKED = 2
# The shell's code for Ctrl-C. pytest says 2, which here means that nothing could be compared.
EXIT_INTERRUPTED = 130

_PYTEST_FAILED, _PYTEST_INTERRUPTED, _PYTEST_USAGE, _VOID_RATE = 1, 2, 4, 22
_FAILURES = frozenset({"unsolved", "regressed", "inconclusive", "void", "lost"})


def run_exit_code(pytest_status: int, statuses: Collection[str]) -> int:
    """The exit code for a session of pytest's that ended with `pytest_status`, and whose cells came to `statuses`.

    0 all is well, 1 a regression or a failure, 2 blocked by parity (and nothing worse) or a wrong command line; an
    interrupted session ends as in a shell, with 130; everything else is passed on (3, 5, 22, 23).
    """
    if pytest_status == _PYTEST_USAGE:
        return EXIT_BLOCKED
    if pytest_status == _PYTEST_INTERRUPTED:
        return EXIT_INTERRUPTED
    # A blocked cell is an error of pytest's, and the contract gives it a code of its own.
    if pytest_status in (_PYTEST_FAILED, _VOID_RATE) and "blocked" in statuses and not _FAILURES & set(statuses):
        return EXIT_BLOCKED
    return pytest_status
