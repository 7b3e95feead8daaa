"""The begin of a run: what its manifest says."""

from __future__ import annotations

from pathlib import Path

from pytest_terminalbench.sessions.opening import run_settings
from tests.cells.test_bench import a_bench


def test_the_settings_name_arguments_and_tell_no_values(tmp_path: Path) -> None:
    settings = run_settings(a_bench(tmp_path, agents=("scripted", "nop"), agent_args=('scripted:commands=["sk-1"]',)))

    assert settings.agent_args == ("scripted:commands",)
    assert "sk-1" not in repr(settings)


def test_the_settings_tell_by_what_each_agent_was_asked_for(tmp_path: Path) -> None:
    named = run_settings(a_bench(tmp_path, agents=("scripted", "tests.agents.test_asynchronous:BothAtOnce")))
    unnamed = run_settings(a_bench(tmp_path))

    assert [agent.asked_as for agent in named.agents] == ["scripted", "tests.agents.test_asynchronous:BothAtOnce"]
    assert [agent.asked_as for agent in unnamed.agents] == [None]
