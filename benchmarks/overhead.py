"""What a trial costs beyond the engine's own work.

Runs 16 trivial one-container scenarios at ``-n 4`` and at ``--tb-concurrency 4`` (pytest's start included) against the
bare engine calls for the same work (create, start, two copies, two execs, remove, in 4 threads), alternating, and
prints a Markdown table.

    python benchmarks/overhead.py [--rounds 5] [--scenarios 16] [--jobs 4]
"""

from __future__ import annotations

import argparse
import compileall
import json
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest_terminalbench
from pytest_terminalbench.environments.archive import pack
from pytest_terminalbench.environments.docker_engine import DockerEngine
from pytest_terminalbench.environments.endpoint import find_endpoint
from pytest_terminalbench.environments.image_map import ImageMap, load_image_map, machine_image_map
from pytest_terminalbench.environments.images import Images

BASE = "debian:bookworm-slim"
# What only our development environment has, and every process would load.
DEVELOPMENT_PLUGINS = ("hypothesispytest", "pytest_cov", "platformdirs")
SOLVE = b"#!/bin/sh\necho done > /app/answer\n"
TEST = b'#!/bin/sh\n[ "$(cat /app/answer)" = done ]\n'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scenarios", type=int, default=16)
    parser.add_argument("--jobs", type=int, default=4)
    options = parser.parse_args()

    # As pip does when it installs a package.
    compileall.compile_dir(pytest_terminalbench.__path__[0], quiet=1)
    engine = DockerEngine(find_endpoint().url)
    machine = machine_image_map()
    image_map = load_image_map(machine) if machine.is_file() else ImageMap()
    image = Images(engine, image_map, Path(tempfile.gettempdir())).ensure_name(BASE)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "trivial"
        write_dataset(folder, options.scenarios)
        bare: list[float] = []
        ways: dict[str, list[float]] = {f"-n {options.jobs}": [], f"--tb-concurrency {options.jobs}": []}
        for _ in range(options.rounds):
            bare.append(timed_bare(engine, image, options.scenarios, options.jobs))
            for way, seconds in ways.items():
                seconds.append(timed_pytest(folder, Path(scratch), way))
    print(table(bare, ways, options.scenarios, options.jobs))


def write_dataset(folder: Path, count: int) -> None:
    for number in range(count):
        name = f"trivial-{number:02}"
        for path, content in (("solution/solve.sh", SOLVE), ("tests/test.sh", TEST)):
            file = folder / name / path
            file.parent.mkdir(parents=True)
            file.write_bytes(content)
            file.chmod(0o755)
        spec = {
            "schema_version": 1,
            "kind": "terminal",
            "id": name,
            "title": "Write a word",
            "instruction": "Write the word done to /app/answer.",
            "difficulty": "easy",
            "category": "files",
            "environment": {"image": BASE},
            "solution": f"{name}/solution/solve.sh",
            "verifier": {"script": f"{name}/tests/test.sh", "result": "exit_code", "isolation": "same"},
        }
        (folder / f"{name}.json").write_text(json.dumps(spec))


def timed_bare(engine: DockerEngine, image: str, count: int, jobs: int) -> float:
    """Seconds for the engine's work alone; the connection is open already."""
    api = engine.api
    solution = pack({"/solution/solve.sh": SOLVE})
    tests = pack({"/tests/test.sh": TEST})

    def trial(_: int) -> None:
        host = api.create_host_config(
            init=True,
            network_mode="none",
            nano_cpus=10**9,
            mem_limit=1 << 30,
            memswap_limit=1 << 30,
            pids_limit=512,
        )
        container = api.create_container(
            image, entrypoint=["sleep"], command=["600"], working_dir="/app", host_config=host
        )["Id"]
        api.start(container)
        for archive, script in ((solution, "/solution/solve.sh"), (tests, "/tests/test.sh")):
            api.put_archive(container, "/", archive)
            made = api.exec_create(container, ["sh", script])["Id"]
            api.exec_start(made)
            assert api.exec_inspect(made)["ExitCode"] == 0
        api.remove_container(container, force=True)

    began = time.monotonic()
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(trial, range(count)))
    return time.monotonic() - began


def timed_pytest(folder: Path, scratch: Path, way: str) -> float:
    """Seconds for the whole command, from its start to its end."""
    command = [sys.executable, "-m", "pytest", "--tb-dataset", str(folder), *way.split(), "-q", "--rootdir"]
    began = time.monotonic()
    done = subprocess.run(
        [*command, str(scratch), "-p", "no:cacheprovider", *(f"-pno:{name}" for name in DEVELOPMENT_PLUGINS)],
        cwd=scratch,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - began
    if done.returncode:
        raise SystemExit(f"pytest ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return seconds


def table(bare: list[float], ways: dict[str, list[float]], count: int, jobs: int) -> str:
    rows = [
        f"| {count} trivial scenarios, {jobs} at a time | median s | min s | max s | × bare |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, seconds in {"bare engine calls": bare, **{f"`pytest {way}`": ours for way, ours in ways.items()}}.items():
        median = statistics.median(seconds)
        ratio = median / statistics.median(bare)
        rows.append(f"| {name} | {median:.2f} | {min(seconds):.2f} | {max(seconds):.2f} | {ratio:.2f} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
