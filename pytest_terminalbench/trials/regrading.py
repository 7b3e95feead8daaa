"""Judging a finished trial again, from what its agent left. No agent acts, and no model is paid."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_terminalbench.documents import now_text, write_json
from pytest_terminalbench.environments.base import EnvironmentFactory
from pytest_terminalbench.errors import EnvironmentFailure
from pytest_terminalbench.limits import Limits
from pytest_terminalbench.outcome import outcome_name
from pytest_terminalbench.scenarios.model import Scenario
from pytest_terminalbench.trials.journal import Journal
from pytest_terminalbench.trials.judging import VERIFIER_FOLDER, Judged, judge, verifier_tail
from pytest_terminalbench.trials.result import Regrading, TrialResult
from pytest_terminalbench.trials.snapshot import SNAPSHOT_FOLDER, read_snapshot
from pytest_terminalbench.trials.trial_store import files_in

__all__ = ["REGRADED_FOLDER", "regrade_trial", "why_not_regradable"]

REGRADED_FOLDER = "regraded"
_SCRATCH = ".regrading"


def why_not_regradable(trial: TrialResult, scenario: Scenario) -> str | None:
    """Why `trial` cannot be judged again; None where it can be tried."""
    if trial.snapshot is None:
        return "it was made by an earlier version, which kept nothing of what agents left"
    if not trial.snapshot.kept:
        return f"nothing is kept of what its agent left: {trial.snapshot.reason}"
    if scenario.judged_in_place:
        return "the scenario is judged in the agent's own container now, which is gone"
    return None


def regrade_trial(
    trial: TrialResult,
    *,
    root: Path,
    scenario: Scenario,
    environments: EnvironmentFactory,
    limits: Limits,
    fingerprint: Mapping[str, Any],
    journal: Journal,
) -> TrialResult:
    """Judge `trial` of the run in the folder `root` by what `scenario` says now.

    The verdict before is kept in the trial's folder below ``regraded/``. Raises RunFolderError for a snapshot that is
    damaged or lacks what is to be judged, and EnvironmentFailure or VerifierError where nothing was judged: then
    everything is as it was.
    """
    folder = root / trial.folder
    snapshot = read_snapshot(folder / SNAPSHOT_FOLDER)
    logs = folder / _SCRATCH
    shutil.rmtree(logs, ignore_errors=True)
    judged: Judged | None = None
    try:
        with ExitStack() as stack:
            environment = stack.enter_context(environments())
            judged = judge(scenario, environment, snapshot.acted, logs, limits=limits, archives=snapshot.archive)
    except EnvironmentFailure as failure:
        if judged is None:
            raise
        # What was judged stands; the environment ends at its deadline.
        journal.write("teardown-failed", cell=trial.cell.key, trial=trial.attempt, reason=str(failure))
    finally:
        if judged is None:
            shutil.rmtree(logs, ignore_errors=True)
    result = _keep(trial, judged, folder, fingerprint)
    outcome = result.outcome
    told = {"outcome": outcome_name(outcome), "reason": outcome.reason, "folder": result.folder}
    journal.write("trial-regraded", cell=trial.cell.key, trial=trial.attempt, **told)
    return result


def _keep(trial: TrialResult, judged: Judged, folder: Path, fingerprint: Mapping[str, Any]) -> TrialResult:
    """Put the new verdict in the place of the old one, which is copied before anything is changed."""
    number = 1
    while (folder / REGRADED_FOLDER / str(number)).exists():
        number += 1
    before = f"{REGRADED_FOLDER}/{number}"
    write_json(folder / before / "result.json", trial.to_json())
    if (folder / VERIFIER_FOLDER).exists():
        (folder / VERIFIER_FOLDER).rename(folder / before / VERIFIER_FOLDER)
    if (folder / _SCRATCH).exists():
        (folder / _SCRATCH).rename(folder / VERIFIER_FOLDER)
    result = replace(
        trial,
        outcome=judged.outcome,
        checks=judged.checks,
        messages=judged.messages,
        verifier_tail=verifier_tail(folder / VERIFIER_FOLDER),
        fingerprint=fingerprint,
        regraded=(*trial.regraded, Regrading(at=now_text(), outcome=outcome_name(trial.outcome), folder=before)),
        artifacts=tuple(name for name in files_in(folder) if name != "result.json"),
    )
    write_json(folder / "result.json", result.to_json())
    return result
