"""One trial with a person as the agent, without a run around it: for trying a scenario out."""

from __future__ import annotations

from dataclasses import replace

from pytest_terminalbench.agents.human import Human
from pytest_terminalbench.agents.spec import AgentSpec
from pytest_terminalbench.cells.bench import Bench
from pytest_terminalbench.cells.bench_settings import BenchSettings
from pytest_terminalbench.errors import SettingsError
from pytest_terminalbench.runs.layout import new_run_id
from pytest_terminalbench.scenarios.kinds import kind_named
from pytest_terminalbench.scenarios.model import Scenario
from pytest_terminalbench.trials.cell import Cell
from pytest_terminalbench.trials.request import AttemptRequest
from pytest_terminalbench.trials.result import TrialResult
from pytest_terminalbench.trials.trial import run_trial
from pytest_terminalbench.trials.trial_store import TrialFolders

__all__ = ["try_by_hand"]


def try_by_hand(settings: BenchSettings, scenario: Scenario, *, agent_s: float) -> TrialResult:
    """Let whoever sits at this process's terminal solve `scenario` in `agent_s` seconds, and judge what was done.

    The environments, the verifier and the folder that is kept are those of any trial; the folder lies in one of its own
    below the results, `TrialResult.folder` is relative to that, and no run, so nothing is compared with it. No
    environment is left behind, whatever interrupts it. Raises EnvironmentFailure where none can be had, SettingsError
    for a scenario at which no person can act.
    """
    if kind_named(scenario.kind).agent_method != "act":
        raise SettingsError(
            f"{scenario.id} is of kind {scenario.kind!r}, whose agents type no commands: there is no shell"
        )
    bench = Bench(settings, settings.results / (settings.run_id or f"by-hand-{new_run_id()}"))
    limits = replace(bench.limits(scenario), agent_s=agent_s)
    request = AttemptRequest.of(Cell(scenario=scenario, agent=AgentSpec.of(Human)), run_id=bench.run_id, limits=limits)
    try:
        prepared = bench.prepare(scenario, limits)
        try:
            return run_trial(
                request,
                scenario=scenario,
                environments=prepared,
                store=TrialFolders(bench.folder),
                journal=bench.journal,
                build_s=prepared.build_s,
                start_s=prepared.start_s,
            )
        finally:
            prepared.close()
    finally:
        bench.stop()
        bench.sweep()
