"""Rewrites baselines of schema 1 so that each says its cell in full and lies in that cell's own place.

Agent and model are taken from the run in which a baseline was approved, else from any run with a cell that would have
lain there; where these do not tell, somebody has to say. An interrupted migration is finished by running it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pytest_terminalbench.baselines import audit
from pytest_terminalbench.baselines.approval import remove_file
from pytest_terminalbench.baselines.folder import StoredBaseline, read_baselines
from pytest_terminalbench.baselines.lock import only_writer
from pytest_terminalbench.baselines.record import SCHEMA_VERSION, WITHOUT_CELL, BaselineRecord, read_record, serialised
from pytest_terminalbench.baselines.schema_1 import old_file, old_label
from pytest_terminalbench.documents import write_atomically
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.naming import sanitised

__all__ = ["Move", "plan_migration", "write_migration"]


class _Actor(NamedTuple):
    agent: str
    model: str | None = None


@dataclass(frozen=True, kw_only=True)
class Move:
    """A baseline of schema 1 and the record that takes its place."""

    old: StoredBaseline
    record: BaselineRecord
    cell: CellId

    @property
    def name(self) -> str:
        """What the baseline is called from now on."""
        return self.cell.baseline_name

    @property
    def is_elsewhere(self) -> bool:
        return self.old.place != self.name


def plan_migration(folder: Path, *, runs: Mapping[str, Sequence[CellId]], models: Mapping[str, str]) -> list[Move]:
    """What is to be rewritten; `runs`: the cells of every run that is known, by its id.

    `models`: what a model is called that a folder's name calls otherwise, as in ``{"openai-gpt-5": "openai/gpt-5"}``.
    Raises BaselineError, one line for each, for baselines whose model is not known or that are not what was approved.
    """
    stored, damaged = read_baselines(folder)
    old = [baseline for baseline in stored if baseline.record.schema_version == WITHOUT_CELL]
    problems = [str(error) for error in damaged] + list(_wrong_models(old, models))
    log = _Log(folder)
    evidence = _Evidence(runs, models, log)
    moves = []
    for baseline in old:
        actors = evidence.actors(baseline)
        if len(actors) != 1:
            problems.append(_question(baseline, actors))
            continue
        move = _move(baseline, *actors)
        problems += _hindrances(folder, move, log)
        moves.append(move)
    if problems:
        # One question for each model, not for each of its baselines.
        raise BaselineError("\n".join(dict.fromkeys(problems)))
    return moves


def write_migration(moves: Sequence[Move], folder: Path, *, by: str) -> None:
    """Put the new records in place and remove the old ones, one after the other.

    Each is logged first, then written, then the old one removed: nothing is lost wherever it is interrupted. Raises
    BaselineError when somebody else is approving, or has since the moves were planned.
    """
    with only_writer(folder):
        log = _Log(folder)
        for move in moves:
            if read_record(move.old.file) != move.old.record:
                raise BaselineError(f"{move.old.file} was changed meanwhile; look at it and migrate again")
            if not any(_tells_of(entry, move) for entry in log.lines_of(move.name)):
                audit.append(log.file, _audit_line(move, by))
            write_atomically(folder / move.cell.baseline_file, serialised(move.record))
            if move.is_elsewhere:
                remove_file(move.old.file)


# -- who it is -------------------------------------------------------------------------------------------------------


class _Log:
    """The log of approvals, by the places that its lines tell of."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / audit.AUDIT
        self._lines: dict[str, list[Mapping[str, Any]]] = {}
        for entry in audit.entries(self.file):
            self._lines.setdefault(str(entry.get("cell")), []).append(entry)

    def lines_of(self, place: str) -> Sequence[Mapping[str, Any]]:
        return self._lines.get(place, ())

    def run_of(self, place: str) -> str | None:
        """The run that the newest approval of `place` was of."""
        return next((str(entry["run"]) for entry in reversed(self.lines_of(place)) if "run" in entry), None)


class _Evidence:
    """What tells whose a baseline is."""

    def __init__(self, runs: Mapping[str, Sequence[CellId]], models: Mapping[str, str], log: _Log) -> None:
        self._models = models
        self._log = log
        self._in_run: dict[tuple[str, str], set[_Actor]] = {}
        self._anywhere: dict[str, set[_Actor]] = {}
        for run_id, cells in runs.items():
            for cell in cells:
                file, label = old_file(cell), old_label(cell.label_parts)
                if file is not None and label is not None:
                    actor = _Actor(cell.agent, cell.model)
                    self._in_run.setdefault((run_id, file.with_suffix("").as_posix()), set()).add(actor)
                    self._anywhere.setdefault(label, set()).add(actor)

    def actors(self, baseline: StoredBaseline) -> set[_Actor]:
        """Whose `baseline` may be; the more certain source wins."""
        agent, model = baseline.cell.agent, baseline.cell.model
        known = self._anywhere.get(baseline.file.parent.name, set())
        if model is not None and model in self._models:
            agents = {actor.agent for actor in known} or {agent}
            return {_Actor(name, self._models[model]) for name in ({agent} if agent in agents else agents)}
        run_id = self._log.run_of(baseline.place)
        of_its_run = self._in_run.get((run_id, baseline.place), set()) if run_id is not None else set()
        as_it_says = {_Actor(agent)} if model is None else set()
        return of_its_run or known or as_it_says


def _wrong_models(old: Sequence[StoredBaseline], models: Mapping[str, str]) -> Iterator[str]:
    there = {baseline.cell.model for baseline in old}
    for name, model in models.items():
        if name not in there:
            listed = ", ".join(sorted(filter(None, there))) or "none"
            yield f"--model {name}={model}: no old baseline is of a model called {name!r}; there are: {listed}"
        elif sanitised(model) != name:
            yield f"--model {name}={model}: a folder for {model!r} would have been called {sanitised(model)!r}"


def _question(baseline: StoredBaseline, actors: set[_Actor]) -> str:
    folder = baseline.file.parent
    name = baseline.cell.model
    if name is None:
        listed = " or ".join(sorted(repr(actor.agent) for actor in actors))
        return f"{folder} may be of the agents {listed}; remove its files and approve again with --update-baselines"
    candidates = sorted(str(actor.model) for actor in actors) or ["PROVIDER/NAME"]
    known = f"runs know {' and '.join(candidates)}" if actors else "no run in the results folder tells"
    return f"{folder}: which model is {name!r}? ({known}); say it: " + " or ".join(
        f"--model {name}={candidate}" for candidate in candidates
    )


# -- what is written -------------------------------------------------------------------------------------------------


def _move(baseline: StoredBaseline, actor: _Actor) -> Move:
    cell = CellId(dataset=baseline.cell.dataset, scenario=baseline.cell.scenario, agent=actor.agent, model=actor.model)
    content = {**baseline.record.model_dump(), "schema_version": SCHEMA_VERSION, "cell": cell}
    return Move(old=baseline, record=BaselineRecord.model_validate(content), cell=cell)


def _hindrances(folder: Path, move: Move, log: _Log) -> Iterator[str]:
    """Why a baseline must not be given a new line in the log: it is not what was approved, or another is there."""
    lines = [entry for entry in log.lines_of(move.old.place) if not _tells_of(entry, move)]
    yield from audit.contradiction(log.file, move.old.place, move.old.file, lines[-1] if lines else None)
    there = read_record(folder / move.cell.baseline_file) if move.is_elsewhere else None
    if there is not None and there != move.record:
        yield (
            f"{move.old.file} would become {move.name}, which has been approved again: restore one of the "
            "two from version control, with the log, and remove the other"
        )


def _tells_of(entry: Mapping[str, Any], move: Move) -> bool:
    """Whether a line of the log is that of this very move, which was interrupted then."""
    is_its_migration = entry.get("cell") == move.name and entry.get("action") == audit.MIGRATED
    return is_its_migration and entry.get("record") == audit.record_digest(serialised(move.record))


def _audit_line(move: Move, by: str) -> Mapping[str, object]:
    return {
        "action": audit.MIGRATED,
        "how": "baseline migrate",
        "baseline_id": move.record.baseline_id,
        "status": move.record.status,
        "cell": move.name,
        audit.MOVED_FROM: move.old.place,
        "by": by,
        "record": audit.record_digest(serialised(move.record)),
    }
