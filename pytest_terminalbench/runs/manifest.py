"""Who ran what, when, with which versions, on which machine. No secrets: values of arguments are left out."""

from __future__ import annotations

import getpass
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pytest_terminalbench.documents import now_text

__all__ = ["finished", "git_user", "started"]

SCHEMA_VERSION = 1
_PACKAGES = ("pytest-terminalbench", "pytest", "pytest-xdist", "syrupy", "docker", "pydantic", "litellm")


def started(run_id: str, settings: Mapping[str, object], *, root: Path, workers: int) -> dict[str, object]:
    """The manifest of a run that begins now."""
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": run_id,
        "started_at": now_text(),
        "finished_at": None,
        "exit_status": None,
        "user": _user(),
        "settings": dict(settings),
        "workers": workers,
        "versions": {"python": platform.python_version(), **dict(_versions())},
        "host": {
            "name": platform.node(),
            "kernel": platform.release(),
            "architecture": platform.machine(),
            "cpus": os.cpu_count(),
            "memory_mb": _memory_mb(),
        },
        "git": {"commit": _git(root, "rev-parse", "HEAD"), "dirty": bool(_git(root, "status", "--porcelain"))},
    }


def finished(manifest: Mapping[str, object], *, exit_status: int, engine_platform: str | None) -> dict[str, object]:
    """The manifest of a run that has ended; `engine_platform` is ``os/architecture``."""
    return {**manifest, "finished_at": now_text(), "exit_status": exit_status, "engine_platform": engine_platform}


def git_user(root: Path) -> str:
    """Who approves when nobody is named: git's user, else the machine's."""
    return _git(root, "config", "user.name") or _user()


def _versions() -> list[tuple[str, str]]:
    found = []
    for name in _PACKAGES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return found


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"  # A container's user without an entry in its password file.


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


def _memory_mb() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    except (ValueError, OSError):
        return None
