"""What an agent is told and what it gives back."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pytest_terminalbench.documents import Fields
from pytest_terminalbench.environments.base import Environment
from pytest_terminalbench.errors import TerminalBenchError

__all__ = ["Agent", "AgentEvents", "AgentReport", "AgentTimeExpired", "Desk", "Task", "Usage"]


@dataclass(frozen=True, kw_only=True)
class Task:
    """What an agent is told: the instruction, where commands run, how long it has (seconds).

    ``solution`` is given to the oracle alone. ``folder`` is the agent's own place on the host for logs: the folder
    ``agent`` in the trial's folder.
    """

    scenario_id: str
    instruction: str
    workdir: str
    timeout_s: float
    folder: Path
    solution: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a trial used of a model; all zero for agents that use none. ``cost_usd`` None: not known."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost_usd: float | None = 0.0
    calls: int = 0
    turns: int = 0

    def __post_init__(self) -> None:
        """Raise TypeError or ValueError for what no record can hold: it would make the whole run unreadable."""
        for name, value in vars(self).items():
            if name == "cost_usd":
                if value is not None and not (isinstance(value, int | float) and math.isfinite(value)):
                    raise ValueError(f"cost_usd is {value!r}, not a finite number of dollars")
            elif type(value) is not int:
                raise TypeError(f"{name} is {value!r}, not a whole number")

    @classmethod
    def from_json(cls, content: object) -> Usage:
        """The opposite of `dataclasses.asdict`; raises ValueError naming the field for what is no usage."""
        usage = Fields(content)
        counts = ("input_tokens", "output_tokens", "cached_tokens", "calls", "turns")
        return cls(**{name: usage.whole_or(name, 0) for name in counts}, cost_usd=usage.number_or("cost_usd", None))

    def __add__(self, other: Usage) -> Usage:
        """Both together; a cost that is not known makes the sum unknown."""
        is_cost_known = self.cost_usd is not None and other.cost_usd is not None
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            cost_usd=(self.cost_usd or 0.0) + (other.cost_usd or 0.0) if is_cost_known else None,
            calls=self.calls + other.calls,
            turns=self.turns + other.turns,
        )


@dataclass(frozen=True, kw_only=True)
class AgentReport:
    """What an agent says of its own work. ``note`` is for people; the verifier judges.

    ``usage`` counts only where the desk measured none.
    """

    note: str = ""
    usage: Usage = field(default_factory=Usage)

    def __post_init__(self) -> None:
        """Raise TypeError for what is no report: it is the agent's failure while the agent still runs."""
        if not isinstance(self.note, str):
            raise TypeError(f"note is {self.note!r}, not text")
        if not isinstance(self.usage, Usage):
            raise TypeError(f"usage is {self.usage!r}, not a Usage")


class AgentEvents(Protocol):
    """Where an agent puts its own words: they are kept in the trial's recordings, without its secrets."""

    def message(self, text: str) -> None:
        """Record what the agent, or its model, said."""

    def hide(self, secret: str) -> None:
        """Keep `secret` out of everything that is recorded from now on."""


class Desk(Environment, Protocol):
    """The environment as an agent gets it: recorded, and closed when the agent's time is over.

    All of it may be used by several threads at once. ``model`` is the place of the agent's model and None today.
    """

    @property
    def model(self) -> None: ...

    @property
    def events(self) -> AgentEvents: ...

    def add_usage(self, usage: Usage) -> None:
        """Count what a model of the agent's own has used. It is kept however the trial ends, also at a deadline."""

    def waiting(self) -> AbstractContextManager[None]:
        """Around a wait that is not the agent's, as for a rate limit: it does not cost the agent its time.

        Up to the limit ``wait_s`` of the trial; waits beyond that are the agent's own.
        """


class Agent(Protocol):
    """Acts in an environment until it thinks the task is done.

    An agent is made once per trial, by its class with the values of ``--tb-agent-arg`` (and ``model`` when it takes
    one) as keyword arguments; wrong ones are refused with AgentSetupError or TypeError. At its deadline the
    environment refuses further commands by raising AgentTimeExpired, which an agent lets pass.

    A class may also declare:

    * ``name``: what results and baselines call it; without it they call it as the class.
    * ``deterministic = True``: the same scenario always ends the same way, so that one trial says it all.
    * ``identified_by``, names of its constructor's arguments, in a tuple: those that make another agent of it, with
      results and baselines of its own. A value that names a file counts by the file's content. All other arguments are
      part of the configuration, where a change is noted.
    * ``secret_arguments``, another such tuple: those whose values are secret. They count nowhere.
    """

    def act(self, task: Task, environment: Desk) -> AgentReport:
        """Do the work. An exception is the agent's own failure: what it did until then is judged."""


class AgentTimeExpired(TerminalBenchError):
    """The agent's time is over; its environment takes no further command. Agents let this pass."""
