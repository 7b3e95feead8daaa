"""Agents that a user's own code gives, by the fixture ``tb_agent``, in place of the session's."""

from __future__ import annotations

from dataclasses import replace

from pytest_terminalbench.agents.base import Agent
from pytest_terminalbench.agents.spec import AgentSpec, own_name, place_of

__all__ = ["FIXTURE", "GivenAgent", "given_spec", "is_made_by", "to_be_given"]

# What the fixture is called, and a cell whose agent nobody knows before the fixture has run.
FIXTURE = "tb_agent"


class GivenAgent:
    """In the place of a class that makes agents: one that is there already, for every attempt."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.name = own_name(agent, type(agent).__name__)
        self.deterministic = bool(getattr(agent, "deterministic", False))

    def __call__(self) -> Agent:
        return self.agent


def to_be_given(spec: AgentSpec) -> AgentSpec:
    """`spec`, which acts unless the fixture gives another, under the fixture's name."""
    return replace(spec, name=FIXTURE)


def given_spec(agent: Agent) -> AgentSpec:
    """The spec of an agent that is there: it is called as it calls itself, or else as its class."""
    given = GivenAgent(agent)
    return AgentSpec(name=given.name, place=place_of(type(agent)), local=given)


def is_made_by(spec: AgentSpec, agent: Agent) -> bool:
    """Whether `agent` is what `spec` stands for: of its class or, where a function makes it, of its name."""
    if isinstance(spec.factory, type):
        return type(agent) is spec.factory
    return own_name(agent, type(agent).__name__) == spec.name
