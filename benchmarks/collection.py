"""What collecting scenarios costs beside collecting test functions.

Collects 10,000 scenario files (``--collect-only -q``, pytest's start included) and, alternating, one file of 10,000
test functions, and prints a Markdown table with the ratio and the peak of resident memory.

    python benchmarks/collection.py [--rounds 5] [--scenarios 10000]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

# What only our development environment has, and every process would load.
DEVELOPMENT_PLUGINS = ("hypothesispytest", "pytest_cov", "platformdirs")


class Collected(NamedTuple):
    seconds: float
    peak_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scenarios", type=int, default=10_000)
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "pytest.ini").write_text("[pytest]\n")
        write_dataset(folder / "many", options.scenarios)
        functions = folder / "test_many.py"
        functions.write_text("".join(f"def test_{number:05}(): pass\n" for number in range(options.scenarios)))
        plain: list[Collected] = []
        ours: list[Collected] = []
        for _ in range(options.rounds):
            plain.append(collected(folder, str(functions), count=options.scenarios))
            ours.append(collected(folder, "--tb-dataset", "many", count=options.scenarios))
    print(table(plain, ours, options.scenarios))


def write_dataset(folder: Path, count: int) -> None:
    for path in ("one/solution/solve.sh", "one/tests/test.sh"):
        file = folder / path
        file.parent.mkdir(parents=True)
        file.write_text("#!/bin/sh\n")
        file.chmod(0o755)
    for number in range(count):
        name = f"trivial-{number:05}"
        spec = {
            "schema_version": 1,
            "kind": "terminal",
            "id": name,
            "title": "Write a word",
            "instruction": "Write the word done to /app/answer. " * 20,
            "difficulty": "easy",
            "category": "files",
            "tags": ["words"],
            "environment": {"image": "debian:bookworm-slim"},
            "solution": "one/solution/solve.sh",
            "verifier": {"script": "one/tests/test.sh", "result": "exit_code"},
        }
        (folder / f"{name}.json").write_text(json.dumps(spec))


def collected(folder: Path, *args: str, count: int) -> Collected:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    command += [f"-pno:{name}" for name in DEVELOPMENT_PLUGINS]
    began = time.monotonic()
    process = subprocess.Popen([*command, *args], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    assert status == 0, output.decode()
    assert output.count(b"::") == count, output[-2000:].decode()
    return Collected(seconds, usage.ru_maxrss / 1024)


def table(plain: list[Collected], ours: list[Collected], count: int) -> str:
    base = statistics.median(one.seconds for one in plain)
    lines = [f"| {count:,} collected | median s | min s | max s | ratio | peak MiB |", "|---|---:|---:|---:|---:|---:|"]
    for name, runs in (("test functions in one file", plain), ("scenario files", ours)):
        seconds = [one.seconds for one in runs]
        median = statistics.median(seconds)
        peak = max(one.peak_mb for one in runs)
        lines.append(
            f"| {name} | {median:.2f} | {min(seconds):.2f} | {max(seconds):.2f} | {median / base:.2f} | {peak:.0f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
