"""What people call what an attempt takes; files and JSON call it ``runtime_s``, ``memory_peak_mb`` and so on."""

from __future__ import annotations

__all__ = ["metric_name", "takes_more"]

_NAMES = {"runtime_s": "agent's time", "memory_peak_mb": "peak memory", "tokens": "tokens", "cost_usd": "cost"}
_TAKES_MORE = {
    "runtime_s": "takes {} longer",
    "memory_peak_mb": "needs {} more memory",
    "tokens": "uses {} more tokens",
    "cost_usd": "costs {} more",
}


def metric_name(metric: str) -> str:
    """``agent's time`` for ``runtime_s``. Raises KeyError for what is no metric."""
    return _NAMES[metric]


def takes_more(metric: str, ratio: float) -> str:
    """What is said of who takes `ratio` times as much: ``costs 50 % more``."""
    return _TAKES_MORE[metric].format(f"{100 * (ratio - 1):.0f} %")
