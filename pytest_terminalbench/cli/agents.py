"""`terminalbench agents …`"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from pytest_terminalbench.cli.output import Format, FormatOption, Styled, print_json, print_table

if TYPE_CHECKING:
    from pytest_terminalbench.agents.registry import AgentFacts

__all__ = ["app"]

app = typer.Typer(help="Agents that can be named with --agent.", no_args_is_help=True)


@app.command("list")
def list_agents(output: FormatOption = Format.TABLE) -> None:
    """Our agents and those of installed packages; what a conftest.py adds is known to its session alone."""
    from pytest_terminalbench.agents.registry import AgentRegistry

    agents = AgentRegistry().facts()
    if output is Format.JSON:
        print_json([asdict(agent) for agent in agents])
    else:
        print_table(["name", "model", "arguments", "what it does"], [_row(agent) for agent in agents])


def _row(agent: AgentFacts) -> list[str | Styled]:
    if agent.problem:
        return [agent.name, "", "", Styled(agent.problem, "red")]
    return [
        agent.name,
        "needs one" if agent.uses_model else "none",
        ", ".join(agent.arguments) or "none",
        agent.purpose,
    ]
