"""Agents written with ``async``, in the real trial."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from pytest_terminalbench.agents.asynchronous import AsyncAgent, AsyncDesk
from pytest_terminalbench.agents.base import AgentReport, Task, Usage
from pytest_terminalbench.agents.registry import AgentSpec
from pytest_terminalbench.environments.fake import FakeEnvironment, fake_environments
from pytest_terminalbench.outcome import Solved
from pytest_terminalbench.trials.cell import Cell
from pytest_terminalbench.trials.journal import FileJournal
from pytest_terminalbench.trials.request import AttemptRequest
from pytest_terminalbench.trials.result import TrialResult
from pytest_terminalbench.trials.trial import run_trial
from pytest_terminalbench.trials.trial_store import TrialFolders
from tests.scenario_files import a_scenario


def put(agent: type[AsyncAgent], environment: FakeEnvironment, folder: Path, *, agent_s: float = 60.0) -> TrialResult:
    scenario = a_scenario(folder / "dataset", verifier={"isolation": "same"}, timeouts={"agent_s": agent_s})
    return run_trial(
        AttemptRequest.of(Cell(scenario=scenario, agent=AgentSpec.of(agent, name=agent.name)), run_id="run"),
        scenario=scenario,
        environments=fake_environments(environment),
        store=TrialFolders(folder),
        journal=FileJournal(folder / "events.jsonl"),
    )


class BothAtOnce(AsyncAgent):
    """Two commands, each of which waits for the other."""

    name: ClassVar[str] = "both"

    async def act_async(self, task: Task, desk: AsyncDesk) -> AgentReport:
        results = await asyncio.gather(desk.run(["meet", "a"]), desk.run(["meet", "b"]))
        await desk.put({"/app/out": "".join(result.stdout for result in results).encode()})
        desk.desk.add_usage(Usage(calls=2))
        return AgentReport(note="met", usage=Usage(calls=99))


def test_commands_run_at_once(tmp_path: Path) -> None:
    meeting = threading.Barrier(2, timeout=10)

    def meet(environment: FakeEnvironment, argv: Sequence[str]) -> str:
        meeting.wait()
        return argv[-1]

    environment = FakeEnvironment({"meet": meet, "/tests/": 0})
    result = put(BothAtOnce, environment, tmp_path)

    assert result.outcome == Solved()
    assert (result.agent_note, result.usage) == ("met", Usage(calls=2))
    assert environment.files["/app/out"] == b"ab"


class Endless(AsyncAgent):
    name: ClassVar[str] = "endless"

    async def act_async(self, task: Task, desk: AsyncDesk) -> AgentReport:
        while True:
            await desk.run(["on"])
            await asyncio.sleep(0.005)


def test_at_the_deadline_it_is_over(tmp_path: Path) -> None:
    result = put(Endless, FakeEnvironment({"/tests/": 0}), tmp_path, agent_s=0.05)

    assert result.outcome == Solved(reason="the agent ran out of time (agent_s = 0.05 s)")
    assert result.limits_hit == ("agent_s",)


class Fetching(AsyncAgent):
    name: ClassVar[str] = "fetching"

    async def act_async(self, task: Task, desk: AsyncDesk) -> AgentReport:
        is_there = await desk.get("/app/in", task.folder / "fetched")
        return AgentReport(note=f"{is_there}: {(task.folder / 'fetched/in').read_text()}")


def test_files_are_copied_out(tmp_path: Path) -> None:
    environment = FakeEnvironment({"/tests/": 0}, files={"/app/in": b"x"})

    assert put(Fetching, environment, tmp_path).agent_note == "True: x"
