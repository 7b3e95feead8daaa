"""The agent's part of a trial: its task, its thread, its deadline, and how it ended."""

from __future__ import annotations

import reprlib
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pytest_terminalbench.agents.base import Agent, AgentReport, AgentTimeExpired, Task, Usage
from pytest_terminalbench.documents import Fields
from pytest_terminalbench.environments.base import Environment, StopReport
from pytest_terminalbench.errors import AgentSetupError
from pytest_terminalbench.limits import Limits
from pytest_terminalbench.naming import counted
from pytest_terminalbench.scenarios.kinds import kind_named
from pytest_terminalbench.scenarios.model import Scenario
from pytest_terminalbench.trials.desk import AgentDesk
from pytest_terminalbench.trials.request import AttemptRequest
from pytest_terminalbench.verifiers.script import LOGS, TESTS

__all__ = ["WAIT_TURN_S", "Acted", "act", "stop"]

# After the agent's time its last command is killed, which takes a moment (at most twice the environment's limit for
# that, 20 s); then its thread is left behind.
AGENT_GRACE_S = 60.0
# The agent's own place in the trial's folder: what it calls its files is never a name of ours.
AGENT_FOLDER = "agent"
# How long Ctrl-C may at worst go unheard.
WAIT_TURN_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Acted:
    """How acting ended: what the agent said (`note`), how it failed (`error`), and what stopped it.

    `expired`: its time ran out. `waited_s`: seconds of its time in which it waited for what was not its own. `stop`:
    what the container's accounting said when its processes were stopped.
    """

    note: str = ""
    error: str = ""
    expired: bool = False
    usage: Usage = field(default_factory=Usage)
    waited_s: float = 0.0
    stop: StopReport = field(default_factory=StopReport)

    @property
    def limits_hit(self) -> tuple[str, ...]:
        """The limits that the agent ran into, by name."""
        hits = {"agent_s": self.expired, "memory_mb": self.stop.oom_kills, "pids": self.stop.pids_refused}
        return tuple(name for name, is_hit in hits.items() if is_hit)

    def explained(self, reason: str, limits: Limits, resources: Mapping[str, object]) -> str:
        """`reason`, and what the agent ran into: why a wrong answer may have been wrong.

        `resources` are the scenario's limits by name.
        """
        notes = [reason]
        if self.expired:
            notes.append(f"the agent ran out of time (agent_s = {limits.agent_s:g} s)")
        elif self.error:
            notes.append(self.error)
        if self.stop.oom_kills:
            notes.append(
                f"out of memory: {counted(self.stop.oom_kills, 'process', 'processes')} killed "
                f"at memory_mb = {resources.get('memory_mb')}"
            )
        if self.stop.pids_refused:
            notes.append(f"out of processes: the limit pids = {resources.get('pids')} was hit")
        return "; ".join(note for note in notes if note)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Acted:
        """The opposite of `to_json`; raises ValueError naming the field for what is none."""
        acted = Fields(content)
        return cls(
            note=acted.text_or("note", ""),
            error=acted.text_or("error", ""),
            expired=acted.flag_or("expired", False),
            usage=acted.nested("usage", Usage.from_json),
            waited_s=acted.number_or("waited_s", 0.0),
            stop=acted.nested("stop", StopReport.from_json),
        )


def act(agent: Agent, request: AttemptRequest, scenario: Scenario, desk: AgentDesk, folder: Path) -> Acted:
    """Let the agent act at its desk, in a thread of its own: one that never comes back is left with nothing to act on.

    Raises AgentSetupError for an agent that could not begin, and the environment's failure where that broke and the
    agent did not do it. Whatever else an agent raises is its own failure, and what it did is judged.
    """
    reports: list[AgentReport] = []
    errors: list[BaseException] = []

    def work() -> None:
        method = kind_named(scenario.kind).agent_method
        try:
            report = getattr(agent, method)(_task(agent, request, scenario, folder), desk)
            if not isinstance(report, AgentReport):
                raise TypeError(f"`{method}` returned {reprlib.repr(report)}, not an AgentReport")
            reports.append(report)
        # The seam to foreign code, which may also call sys.exit: that is no agent that has not come back.
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    own_folder = folder / AGENT_FOLDER
    own_folder.mkdir()
    thread = threading.Thread(target=work, daemon=True, name="agent")
    thread.start()
    try:
        while thread.is_alive() and (patience_s := desk.left_s + AGENT_GRACE_S) > 0:
            # In turns: a signal that comes just before a wait in the main thread is looked at only after it.
            thread.join(min(WAIT_TURN_S, patience_s))
    finally:
        desk.dismiss()
        with suppress(OSError):
            own_folder.rmdir()  # It stays where the agent has put something into it.
    error = errors[0] if errors else None
    if isinstance(error, AgentSetupError):
        raise error
    if desk.failure is not None and desk.why_gone() != "agent":
        raise desk.failure
    return _acted(desk, reports[0] if reports else None, error)


def _acted(desk: AgentDesk, report: AgentReport | None, error: BaseException | None) -> Acted:
    """`report` and `error` None: the agent has not come back."""
    hide = desk.events.secrets.redacted
    has_failed = error is not None and not isinstance(error, AgentTimeExpired)
    return Acted(
        note=hide(report.note) if report else "",
        error=hide(f"the agent failed: {type(error).__name__}: {error}") if has_failed else "",
        expired=desk.expired or (report is None and not has_failed),
        # What the agent says of itself counts only where nothing was measured.
        usage=desk.usage or (report.usage if report else Usage()),
        waited_s=desk.waited_s,
    )


def stop(environment: Environment, scenario: Scenario, desk: AgentDesk) -> StopReport:
    """Kill what the agent left running, and remove what it put in the verifier's places."""
    report = _stop(environment, scenario)
    if desk.wait_until_idle(0.0):
        return report
    # A call of another thread of the agent's was let through before the end: it may have begun only now.
    is_idle = desk.wait_until_idle(AGENT_GRACE_S)
    report = _stop(environment, scenario)
    return report if is_idle else replace(report, unstoppable=True)


def _stop(environment: Environment, scenario: Scenario) -> StopReport:
    return environment.stop_agent(keep=scenario.kept_programs, remove=[TESTS, LOGS])


def _task(agent: Agent, request: AttemptRequest, scenario: Scenario, folder: Path) -> Task:
    return Task(
        scenario_id=scenario.id,
        instruction=scenario.instruction,
        workdir=scenario.workdir,
        timeout_s=request.limits.agent_s,
        folder=folder / AGENT_FOLDER,
        # Nobody else is even told where it is.
        solution=scenario.solution_file if request.agent.may_see_solution(agent) else None,
    )
