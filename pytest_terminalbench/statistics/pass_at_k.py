"""pass@k: solved at least once in k attempts. pass^k: solved every time in k attempts."""

from __future__ import annotations

from math import comb

from pytest_terminalbench.statistics.tallies import checked_tally


def pass_at_k(tally: tuple[int, int], k: int) -> float:
    """Chance that at least one of k attempts solves the task, estimated without bias from n >= k attempts.

    Formula: 1 - C(n-c, k)/C(n, k), c solved of n. Assumes independent attempts.
    Raises ValueError when k < 1 or n < k. Source: Chen et al., arXiv 2107.03374, eq. 1.
    """
    solved, attempts = _checked(tally, k)
    return 1 - comb(attempts - solved, k) / comb(attempts, k)


def pass_hat_k(tally: tuple[int, int], k: int) -> float:
    """Chance that all of k attempts solve the task, estimated without bias from n >= k attempts.

    Formula: C(c, k)/C(n, k). Not (c/n)^k, which is too high in the middle and never zero; never (mean over tasks)^k.
    Assumes independent attempts. Raises ValueError when k < 1 or n < k. Source: Yao et al. (tau-bench), arXiv
    2406.12045.
    """
    solved, attempts = _checked(tally, k)
    return comb(solved, k) / comb(attempts, k)


def _checked(tally: tuple[int, int], k: int) -> tuple[int, int]:
    solved, attempts = checked_tally(tally)
    if not 1 <= k <= attempts:
        raise ValueError(f"k is {k}; needs 1 <= k <= {attempts}, the number of attempts")
    return solved, attempts
