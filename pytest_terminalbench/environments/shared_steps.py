"""The steps that several Dockerfiles begin with are run once, also where their images are built at the same time.

The engine's cache has only what a build has finished. So each RUN is known by all that leads to it, and who builds
holds a lock for each of them until the engine has it; others wait, and then find it in the cache.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pytest_terminalbench.digest import digest_files, digest_json
from pytest_terminalbench.environments.build_lock import only_builder
from pytest_terminalbench.scenarios.build_context import Instruction, context_files, instructions

__all__ = ["StepLocks", "run_steps", "step_locks"]

_STEP = re.compile(r"^step (\d+)/", re.I)


def run_steps(folder: Path, dockerfile: str, bases: Mapping[str, str], platform: str | None) -> dict[int, str]:
    """The number of each RUN of `dockerfile`, as the engine counts, and a digest of all that its result depends on."""
    # Its lines cannot be told apart as usual.
    if re.search(r"^#\s*escape\s*=", dockerfile, re.I | re.M):
        return {}
    steps: dict[int, str] = {}
    before = digest_json([sorted(bases.items()), platform])
    for number, instruction in enumerate(instructions(dockerfile), start=1):
        before = digest_json([before, *instruction, _inputs(folder, instruction)])
        if instruction.word == "RUN":
            steps[number] = before
    return steps


def _inputs(folder: Path, instruction: Instruction) -> str | None:
    """The digest of what an instruction takes from the build context: the files it names, or all of them."""
    if instruction.word not in ("ADD", "COPY") or re.search(r"(^|\s)--from=", instruction.rest):
        return None
    sources = [word for word in instruction.rest.split() if not word.startswith("--")][:-1]
    files = list(context_files(folder))
    if not any(set(source) & set("*?[]\\\"'$") for source in sources):
        places = [(folder / source.lstrip("/")) for source in sources]
        files = [file for file in files if any(file == place or place in file.parents for place in places)]
    return digest_files(folder, files)


class StepLocks:
    """The locks that a build holds, one for each of its RUNs."""

    def __init__(self, held: Mapping[int, ExitStack]) -> None:
        self._held = dict(held)

    def tell(self, line: str) -> None:
        """Hear a line of the engine's; what it has finished need not be held any more."""
        step = _STEP.match(line)
        for number in [number for number in self._held if step is not None and number < int(step[1])]:
            self._held.pop(number).close()


@contextmanager
def step_locks(locks: Path, steps: Mapping[int, str]) -> Iterator[StepLocks]:
    """Wait until nobody else runs one of `steps`, and hold them.

    From the first on: who holds a later one holds, or has finished, all before it, so that nobody waits in a circle.
    """
    with ExitStack() as all_of_them:
        held: dict[int, ExitStack] = {}
        for number, digest in sorted(steps.items()):
            lock = all_of_them.enter_context(ExitStack())
            lock.enter_context(only_builder(locks, f"step-{digest.removeprefix('sha256:')[:20]}"))
            held[number] = lock
        yield StepLocks(held)
