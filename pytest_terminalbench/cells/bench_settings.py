"""What a session is asked to do, in one frozen value. Light: pytest imports it in every project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pytest_terminalbench.baselines.policy_settings import PolicySettings

__all__ = ["DEFAULT_MAX_VOID_RATE", "MIN_TIMEOUT_MULTIPLIER", "BenchSettings", "image_map_file"]

DEFAULT_MAX_VOID_RATE = 0.05
MIN_TIMEOUT_MULTIPLIER = 0.01


@dataclass(frozen=True, kw_only=True)
class BenchSettings(PolicySettings):
    """The options of a session; docs/reference.md says what each means. Paths are absolute.

    ``root``: the project's folder. ``agents``: none means the oracle. ``standing_agent_args``: the arguments were not
    given for just these agents; those for others wait for another session. ``gate`` None: as each agent is. ``network``
    None: as each scenario says. ``environment`` None: containers of a Docker engine.
    """

    root: Path
    baselines: Path
    results: Path
    run_id: str | None = None
    datasets: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    agent_args: tuple[str, ...] = ()
    standing_agent_args: bool = False
    concurrency: int = 1
    gate: str | None = None
    strict_baselines: bool = False
    locked: bool = False
    update_baselines: bool = False
    approver: str | None = None
    timeout_multiplier: float = 1.0
    environment: str | None = None
    max_void_rate: float = DEFAULT_MAX_VOID_RATE
    network: Literal["none"] | None = None
    image_map: Path | None = None
    incidents: bool = True
    keep_containers: bool = False


def image_map_file(*, typed: str | Path | None, start: Path, configured: str | None, root: Path) -> Path | None:
    """The file of the image map: what was typed in the folder `start`, else what the ini file of `root` says."""
    if typed:
        return start / typed
    return root / configured if configured else None
