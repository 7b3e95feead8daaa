"""The begin of a run, without pytest: its folder and its manifest, which names the cells that are expected."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_terminalbench.agents.argument_texts import parse_arguments
from pytest_terminalbench.agents.spec import AgentSpec
from pytest_terminalbench.cells.bench import Bench
from pytest_terminalbench.cells.repeat_command import request_of
from pytest_terminalbench.documents import write_json
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.manifest import AskedAgent, RunManifest, RunSettings

__all__ = ["open_run", "run_settings"]


def open_run(run: RunFolder, bench: Bench, *, expected: Sequence[CellId], workers: int = 0) -> RunManifest:
    """Write the manifest of a run that begins now, and let ``latest`` point to it.

    `workers`: processes that run its cells; 0: this one. Raises RunFolderError where another session has the folder,
    OSError where it cannot be written.
    """
    run.claim()
    manifest = RunManifest.begin(
        run.id, run_settings(bench), expected=expected, root=bench.settings.root, workers=workers
    )
    write_json(run.manifest, manifest.to_json())
    run.point_latest()
    bench.journal.write("session-start", cells=len(expected))
    return manifest


def run_settings(bench: Bench) -> RunSettings:
    """What was asked of the session, without values that may be secret."""
    settings = bench.settings
    return RunSettings(
        datasets={dataset.name: dataset.version for dataset in bench.datasets.known},
        agents=tuple(_asked(spec, bench) for spec in bench.agents),
        agent_args=tuple(sorted({argument.name for argument in parse_arguments(settings.agent_args)})),
        concurrency=settings.concurrency,
        attempts=settings.attempts,
        is_adaptive=settings.attempts is None,
        max_attempts=settings.max_attempts,
        gate=settings.gate or RunSettings.gate,
        alpha=settings.alpha,
        margin=settings.margin,
        min_visible=settings.min_visible,
        inconclusive=settings.inconclusive,
        parity=settings.parity,
        environment=settings.environment or RunSettings.environment,
        network=settings.network or RunSettings.network,
        timeout_multiplier=settings.timeout_multiplier,
        max_void_rate=settings.max_void_rate,
        update_baselines=settings.update_baselines,
        baselines=_within(settings.root, settings.baselines),
    )


def _within(root: Path, folder: Path) -> str:
    """`folder` as others can find it where the project is another folder; from outside the project as it is."""
    folder, root = folder.resolve(), root.resolve()
    return folder.relative_to(root).as_posix() if folder.is_relative_to(root) else str(folder)


def _asked(agent: AgentSpec, bench: Bench) -> AskedAgent:
    asked_as = request_of(agent, bench.settings) if bench.names_agents else None
    return AskedAgent(name=agent.name, model=agent.model, asked_as=asked_as)
