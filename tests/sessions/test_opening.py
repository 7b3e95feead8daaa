"""The begin of a run: what its manifest says."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_terminalbench.cells.bench import Bench
from pytest_terminalbench.cells.bench_settings import BenchSettings
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.sessions.opening import run_settings
from pytest_terminalbench.sessions.session import Session
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


@pytest.mark.parametrize(
    ("folder", "recorded"),
    [
        ("project/baselines", "baselines"),
        ("project/of/linux", "of/linux"),
        ("project/of/../linux", "linux"),
        ("elsewhere", "{}/elsewhere"),
    ],
)
def test_the_settings_tell_where_baselines_lie(tmp_path: Path, folder: str, recorded: str) -> None:
    """Within the project as it is there, so that a copy of the project has its own."""
    project = tmp_path / "project"
    settings = BenchSettings(root=project, baselines=tmp_path / folder, results=project / "results")

    told = run_settings(Bench(settings, project / "results" / "mine"))

    assert told.baselines == recorded.format(tmp_path)


class CountingBench(Bench):
    """Counts how often environments are removed."""

    sweeps = 0

    def sweep(self, *, orphans_only: bool = False) -> list[str]:
        self.sweeps += 1
        return super().sweep(orphans_only=orphans_only)


def test_a_run_that_another_session_has_opened_is_left_alone(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "results" / "mine")
    settings = BenchSettings(root=tmp_path, baselines=tmp_path / "baselines", results=tmp_path / "results")
    benches = [CountingBench(settings, run.path) for _ in range(2)]
    first, second = (Session(bench, run) for bench in benches)
    first.open()
    manifest = run.manifest.read_text()

    with pytest.raises(RunFolderError, match="mine exists; name another run"):
        second.open()

    assert second.close(status=0) is None
    assert (run.manifest.read_text(), [bench.sweeps for bench in benches]) == (manifest, [0, 0])


def test_trials_that_are_there_before_the_run_is_opened_are_its_own(tmp_path: Path) -> None:
    """Those of workers, in a session whose cells are all in tests of the user's own."""
    run = RunFolder(tmp_path / "results" / "mine")
    run.trials.mkdir(parents=True)
    session = Session(a_bench(tmp_path), run)

    session.open()

    assert session.is_open
