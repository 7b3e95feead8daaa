"""Who owns a container: labels that say so, and what follows when the owner is dead."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from pytest_terminalbench.documents import parse_json

__all__ = ["EXPIRES_LABEL", "IMAGE_LABEL", "OWNER_LABEL", "RUN_LABEL", "Ownership", "is_orphan"]

RUN_LABEL = "pytest-terminalbench.run"
OWNER_LABEL = "pytest-terminalbench.owner"
EXPIRES_LABEL = "pytest-terminalbench.expires"
IMAGE_LABEL = "pytest-terminalbench.scenario"


class Ownership:
    """The labels that this process puts on what it starts for one run."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        owner = {**_here(), "pid": os.getpid(), "born": _born(os.getpid())}
        self._owner = json.dumps(owner, sort_keys=True)

    def labels(self, *, lifetime_s: int) -> dict[str, str]:
        return {
            RUN_LABEL: self.run_id,
            OWNER_LABEL: self._owner,
            EXPIRES_LABEL: str(int(time.time()) + lifetime_s),
        }


def is_orphan(labels: Mapping[str, str]) -> bool:
    """Whether the owner named in `labels` is known to be dead, or the container's time is over.

    An owner that cannot be looked at from here is not known to be dead: only the time decides.
    """
    expires = labels.get(EXPIRES_LABEL, "")
    if expires.isdecimal() and int(expires) < time.time():
        return True
    try:
        owner = parse_json(labels[OWNER_LABEL])
        pid, born = int(owner["pid"]), owner["born"]
        is_here = all(owner.get(key) == value for key, value in _here().items())
    except (KeyError, ValueError, TypeError, AttributeError):
        return False  # Another version's words.
    return is_here and _born(pid) != born


def _here() -> dict[str, str | None]:
    """Where a process number means something: CI machines share names, and containers on them share boots."""
    return {"host": socket.gethostname(), "boot": _boot_id(), "pids": _pid_namespace()}


def _pid_namespace() -> str | None:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return None


def _boot_id() -> str | None:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None


def _born(pid: int) -> str | None:
    """When process `pid` started, in the kernel's ticks (pids are used again); None when it does not run."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return _alive_without_proc(pid)
    # The command name may hold spaces and parentheses; fields are counted from behind it.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


def _alive_without_proc(pid: int) -> str | None:
    if Path("/proc/self").exists():
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return "running"
