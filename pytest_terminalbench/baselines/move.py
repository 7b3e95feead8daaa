"""Gives baselines the new name of their dataset, scenario or agent, without approving them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

from pytest_terminalbench.baselines import audit
from pytest_terminalbench.baselines.baseline_command import baseline_command
from pytest_terminalbench.baselines.folder import StoredBaseline, read_baselines
from pytest_terminalbench.baselines.record import BaselineRecord
from pytest_terminalbench.baselines.rewrite import Rewrite, hindrances, log_lines
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.identity import CellId, escaped, parse_label

__all__ = ["plan_move"]


def plan_move(folder: Path, old: str, new: str, *, notes: str = "") -> list[Rewrite]:
    """What is to be rewritten in `folder` so that what is called `old` is called `new`; `notes` is for the log.

    The two are names of the same form: of a dataset, of an agent's label in it, or of one baseline. Raises
    BaselineError where nothing is called `old`, `new` is no name, is taken, or is of somebody else, and for baselines
    that are not what was approved.
    """
    before, after = old.split("/"), new.split("/")
    if len(before) != len(after) or not 1 <= len(before) <= 3 or not all([*before, *after]):
        raise BaselineError(f"{old!r} and {new!r} are to be two names of one form: {_forms(folder)}")
    if before == after:
        raise BaselineError(f"{old!r} is called so already")
    stored, damaged = read_baselines(folder)
    if damaged:
        raise BaselineError("\n".join(map(str, damaged)))
    chosen = [baseline for baseline in stored if baseline.name.split("/")[: len(before)] == before]
    if not chosen:
        raise BaselineError(f"no baseline is called {old!r}: that is {_forms(folder)}")
    lines = log_lines(folder)
    rewrites = [_rewrite(folder, baseline, after, notes) for baseline in chosen]
    problems = [problem for rewrite in rewrites for problem in hindrances(folder, rewrite, lines)]
    if problems:
        raise BaselineError("\n".join(problems))
    return rewrites


def _forms(folder: Path) -> str:
    return f"DATASET, DATASET/LABEL or DATASET/LABEL/SCENARIO, as `{baseline_command('list', folder)}` shows them"


def _rewrite(folder: Path, baseline: StoredBaseline, name: Sequence[str], notes: str) -> Rewrite:
    if baseline.record.cell is None:
        raise BaselineError(f"{baseline.file} is of an earlier version: `{baseline_command('migrate', folder)}` first")
    cell = _renamed(baseline.cell, name)
    content = {
        **baseline.record.model_dump(),
        "cell": cell,
        "scenario_id": cell.scenario,
        "fingerprint": _of_dataset(baseline, cell.dataset),
    }
    record = BaselineRecord.model_validate(content)
    return Rewrite(old=baseline, cell=cell, record=record, action=audit.MOVED, details={"notes": notes})


def _renamed(cell: CellId, name: Sequence[str]) -> CellId:
    """`cell` under the new names, as far as there are some."""
    dataset = _plain(name[0])
    label = name[1] if len(name) > 1 else cell.label
    scenario = _plain(name[2]) if len(name) > 2 else cell.scenario
    if label == cell.label:
        return replace(cell, dataset=dataset, scenario=scenario)
    try:
        parts = parse_label(label)
    except ValueError as error:
        raise BaselineError(str(error)) from None
    if (parts.arguments, parts.source) != (cell.arguments_digest, cell.source):
        raise BaselineError(
            f"{cell.baseline_name} cannot become {label!r}: the arguments that identify an agent, and whether its "
            "model is replayed, make another cell; run and approve that one"
        )
    return replace(
        cell, dataset=dataset, scenario=scenario, agent=parts.agent, model=parts.model, profile=parts.profile
    )


def _plain(part: str) -> str:
    """The name that `part` of a baseline's name spells; raises BaselineError for one that spells none."""
    name = unquote(part, errors="surrogatepass")
    if escaped(name) != part:
        raise BaselineError(f"{part!r} is no name in a path: spell it {escaped(part)!r}")
    return name


def _of_dataset(baseline: StoredBaseline, dataset: str) -> dict[str, object]:
    fingerprint = dict(baseline.record.fingerprint)
    name, equals, version = str(fingerprint.get("dataset", "")).partition("==")
    if equals and name == baseline.cell.dataset:
        fingerprint["dataset"] = f"{dataset}=={version}"
    return fingerprint
