"""The images of many scenarios, several at a time."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from pytest_terminalbench.environments.images import Image
from pytest_terminalbench.errors import TerminalBenchError
from pytest_terminalbench.scenarios.container import ContainerScenario

__all__ = ["Built", "ImageMaker", "build_images"]


class ImageMaker(Protocol):
    """What makes sure that a scenario's image is there: `Images`."""

    def ensure(self, scenario: ContainerScenario) -> Image:
        """Raises TerminalBenchError when it cannot be had."""


@dataclass(frozen=True, kw_only=True)
class Built:
    """What became of one scenario's image; ``problem`` says why there is none."""

    scenario_id: str
    how: Literal["built", "pulled", "present", "failed"]
    seconds: float
    reference: str | None = None
    problem: str = ""


def build_images(
    scenarios: Sequence[ContainerScenario], maker: Callable[[], ImageMaker], *, jobs: int
) -> Iterator[Built]:
    """Have the images of `scenarios` on the engine, `jobs` at a time; yields each as it is ready.

    `maker` is called once per thread: connections are not shared. One that fails does not stop the others.
    """
    waiting: queue.SimpleQueue[ContainerScenario] = queue.SimpleQueue()
    done: queue.SimpleQueue[Built] = queue.SimpleQueue()
    for scenario in scenarios:
        waiting.put(scenario)
    for _ in range(min(jobs, len(scenarios))):
        # Not a pool: its threads would keep an interrupted command alive until their builds have ended.
        threading.Thread(target=_work, args=(waiting, done, maker()), daemon=True).start()
    for _ in scenarios:
        yield done.get()


def _work(waiting: queue.SimpleQueue[ContainerScenario], done: queue.SimpleQueue[Built], images: ImageMaker) -> None:
    while True:
        try:
            scenario = waiting.get_nowait()
        except queue.Empty:
            return
        done.put(_one(scenario, images))


def _one(scenario: ContainerScenario, images: ImageMaker) -> Built:
    began = time.monotonic()
    try:
        image = images.ensure(scenario)
    except TerminalBenchError as error:
        return Built(scenario_id=scenario.id, how="failed", seconds=time.monotonic() - began, problem=str(error))
    except Exception as error:  # noqa: BLE001 - whoever waits for this thread's answer would wait for ever.
        return Built(scenario_id=scenario.id, how="failed", seconds=time.monotonic() - began, problem=repr(error))
    made: Literal["built", "pulled"] = "built" if scenario.build_folder else "pulled"
    return Built(
        scenario_id=scenario.id,
        how=made if image.built else "present",
        seconds=time.monotonic() - began,
        reference=image.reference,
    )
