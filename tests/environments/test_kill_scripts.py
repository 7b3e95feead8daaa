"""What the scripts print that stop an agent or a command."""

from __future__ import annotations

import pytest

from pytest_terminalbench.environments.base import StopReport
from pytest_terminalbench.environments.kill_scripts import parse_kill_count, parse_stop_report

# Captured from a container of Docker 20.10 with memory_mb = 64 after an allocation of 200 MiB, on cgroup v1; and what
# the kernel's documentation says of v2.
V1 = "killed 0\nmemory.max_usage_in_bytes 67108864\noom_kill 1\npids_max 0\n"
V2 = "killed 2\nmemory.peak 67112960\noom_kill 1\npids_max 3\n"


@pytest.mark.parametrize(
    ("text", "report"),
    [
        (
            V1,
            StopReport(memory_peak_mb=64.0, memory_counter="memory.max_usage_in_bytes", oom_kills=1, pids_refused=0),
        ),
        (V2, StopReport(killed=2, memory_peak_mb=64.0, memory_counter="memory.peak", oom_kills=1, pids_refused=3)),
        ("killed 500\nunstoppable 1\n", StopReport(killed=500, unstoppable=True)),
        ("killed 0\n", StopReport()),
    ],
    ids=["cgroup v1", "cgroup v2", "a bomb", "no counters"],
)
def test_counters_are_read(text: str, report: StopReport) -> None:
    assert parse_stop_report(text) == report


@pytest.mark.parametrize("text", ["", "nonsense", "killed x\nmemory.peak ²\noom_kill -1", "memory.peak\npids_max"])
def test_what_a_tampered_shell_prints_is_no_number(text: str) -> None:
    report = parse_stop_report(text)

    assert (report.killed, report.memory_peak_mb, report.oom_kills, report.pids_refused) == (0, None, None, None)


@pytest.mark.parametrize(("text", "count"), [("killed 3\n", 3), ("killed 0\n", 0), ("", 0), ("killed x", 0)])
def test_killed_processes_are_counted(text: str, count: int) -> None:
    assert parse_kill_count(text) == count
