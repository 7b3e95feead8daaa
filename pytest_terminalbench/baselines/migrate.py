"""Plans how baselines of schema 1 are rewritten so that each says its cell in full and lies in that cell's own place.

Agent and model are taken from the run in which a baseline was approved. Where that run is gone, other runs tell only
what could not have been otherwise: models may have shared the folder, so somebody has to say whose it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pytest_terminalbench.baselines import audit
from pytest_terminalbench.baselines.folder import StoredBaseline, read_baselines
from pytest_terminalbench.baselines.record import SCHEMA_VERSION, WITHOUT_CELL, BaselineRecord
from pytest_terminalbench.baselines.rewrite import LogLines, Rewrite, hindrances, log_lines
from pytest_terminalbench.baselines.schema_1 import may_be_of_others, old_file, old_label
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.identity import CellId, Label
from pytest_terminalbench.naming import sanitised

__all__ = ["plan_migration"]


class _Actor(NamedTuple):
    agent: str
    model: str | None = None


def plan_migration(folder: Path, *, runs: Mapping[str, Sequence[CellId]], models: Mapping[str, str]) -> list[Rewrite]:
    """What is to be rewritten; `runs`: the cells of every run that is known, by its id.

    `models`: what a model is called that a folder's name calls otherwise, as in ``{"openai-gpt-5": "openai/gpt-5"}``,
    or the model of one baseline by its place, ``{"my-set/terminal--openai-gpt-5/hello": "openai/gpt-5"}``. Raises
    BaselineError, one line for each, for baselines whose model is not known or that are not what was approved.
    """
    stored, damaged = read_baselines(folder)
    old = [baseline for baseline in stored if baseline.record.schema_version == WITHOUT_CELL]
    problems = [str(error) for error in damaged] + list(_wrong_models(old, models))
    lines = log_lines(folder)
    evidence = _Evidence(runs, models, lines)
    rewrites = []
    for baseline in old:
        actor = evidence.actor(baseline)
        if actor is None:
            problems.append(evidence.question(baseline, shared=_is_shared(baseline, old, evidence)))
            continue
        rewrite = _rewrite(baseline, actor)
        problems += hindrances(folder, rewrite, lines)
        rewrites.append(rewrite)
    if problems:
        # One question for each model, not for each of its baselines.
        raise BaselineError("\n".join(dict.fromkeys(problems)))
    return rewrites


def _is_shared(baseline: StoredBaseline, old: Sequence[StoredBaseline], evidence: _Evidence) -> bool:
    """Whether somebody is known whose baselines lie in the same folder."""
    return any(other.file.parent == baseline.file.parent and evidence.of_its_run(other) for other in old)


# -- who it is -------------------------------------------------------------------------------------------------------


class _Evidence:
    """What tells whose a baseline is."""

    def __init__(self, runs: Mapping[str, Sequence[CellId]], models: Mapping[str, str], lines: LogLines) -> None:
        self._models = models
        self._lines = lines
        self._in_run: dict[tuple[str, str], set[_Actor]] = {}
        self._anywhere: dict[str, set[_Actor]] = {}
        for run_id, cells in runs.items():
            for cell in cells:
                file, label = old_file(cell), old_label(cell.label_parts)
                if file is not None and label is not None:
                    actor = _Actor(cell.agent, cell.model)
                    self._in_run.setdefault((run_id, file.with_suffix("").as_posix()), set()).add(actor)
                    self._anywhere.setdefault(label, set()).add(actor)

    def actor(self, baseline: StoredBaseline) -> _Actor | None:
        """Whose `baseline` is, by the surest source that tells; None where nobody can tell."""
        agent, model = baseline.cell.agent, baseline.cell.model
        elsewhere = self._anywhere.get(baseline.file.parent.name, set())
        agents = {actor.agent for actor in elsewhere}
        named = {agent} if agent in agents or not agents else agents
        of_its_run = self.of_its_run(baseline)
        if baseline.place in self._models:
            found = {_Actor(name, self._models[baseline.place]) for name in named}
        elif of_its_run:
            found = of_its_run
        elif model is not None and model in self._models:
            found = {_Actor(name, self._models[model]) for name in named}
        elif any(may_be_of_others(Label(actor.agent, actor.model)) for actor in elsewhere):
            found = set()
        else:
            found = elsewhere or ({_Actor(agent)} if model is None else set())
        return next(iter(found)) if len(found) == 1 else None

    def of_its_run(self, baseline: StoredBaseline) -> set[_Actor]:
        """Who had the cell in the run of the newest approval; nobody where that run is not known."""
        approvals = [str(entry["run"]) for entry in self._lines.of(baseline.place) if "run" in entry]
        return self._in_run.get((approvals[-1], baseline.place), set()) if approvals else set()

    def question(self, baseline: StoredBaseline, *, shared: bool) -> str:
        """What somebody has to say; of this baseline alone where its folder is `shared` with others."""
        folder, name = baseline.file.parent, baseline.cell.model
        actors = self.of_its_run(baseline) or self._anywhere.get(folder.name, set())
        if name is None:
            listed = " or ".join(sorted(repr(actor.agent) for actor in actors))
            return f"{folder} may be of the agents {listed}; remove its files and approve again with --update-baselines"
        candidates = sorted({str(actor.model) for actor in actors}) or ["PROVIDER/NAME"]
        if not actors:
            known = "no run in the results folder tells"
        elif self.of_its_run(baseline):
            known = f"its run knows {' and '.join(candidates)}"
        else:
            others = " and ".join(candidates)
            known = f"the run that approved it is gone, and others, which know {others}, may be of other models"
        place, asked = (baseline.file, baseline.place) if shared else (folder, name)
        said = " or ".join(f"--model {asked}={candidate}" for candidate in candidates)
        return f"{place}: which model is {name!r}? ({known}); say it: {said}"


def _wrong_models(old: Sequence[StoredBaseline], models: Mapping[str, str]) -> Iterator[str]:
    names = {baseline.cell.model: baseline.cell.model for baseline in old}
    names |= {baseline.place: baseline.cell.model for baseline in old}
    for name, model in models.items():
        if name not in names:
            listed = ", ".join(sorted({baseline.cell.model for baseline in old if baseline.cell.model})) or "none"
            yield f"--model {name}={model}: no old baseline is of a model called {name!r}; there are: {listed}"
        elif sanitised(model) != names[name]:
            yield f"--model {name}={model}: a folder for {model!r} would have been called {sanitised(model)!r}"


# -- what is written -------------------------------------------------------------------------------------------------


def _rewrite(baseline: StoredBaseline, actor: _Actor) -> Rewrite:
    cell = CellId(dataset=baseline.cell.dataset, scenario=baseline.cell.scenario, agent=actor.agent, model=actor.model)
    content = {**baseline.record.model_dump(), "schema_version": SCHEMA_VERSION, "cell": cell}
    return Rewrite(old=baseline, record=BaselineRecord.model_validate(content), cell=cell, action=audit.MIGRATED)
