"""The class of the host: times and memory are compared only between results of one class."""

from __future__ import annotations

import os
import platform
from functools import lru_cache
from pathlib import Path

__all__ = ["host_class", "memory_mb"]


@lru_cache(maxsize=1)
def host_class() -> str:
    """This machine's: ``x86_64, 8 × Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz, 32 GiB``."""
    processor = _processor()
    cpus = f"{os.cpu_count() or 1} × {processor}" if processor else f"{os.cpu_count() or 1} CPUs"
    return ", ".join(part for part in (platform.machine(), cpus, _memory()) if part)


def memory_mb() -> int | None:
    """The machine's memory in MiB; None where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    except (ValueError, OSError):
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor())


def _memory() -> str:
    """To the next power of two: kernels keep different parts of the same memory for themselves."""
    size = memory_mb()
    if size is None:
        return ""
    gib = 1
    while gib << 10 < size:
        gib *= 2
    return f"{gib} GiB"
