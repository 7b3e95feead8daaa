"""The folder of baselines: which file is a cell's, and all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_terminalbench.baselines.approved_cells import ApprovedCells
from pytest_terminalbench.baselines.baseline_command import baseline_command
from pytest_terminalbench.baselines.record import WITHOUT_CELL, BaselineRecord, read_record
from pytest_terminalbench.baselines.schema_1 import cell_from_place, may_be_of_others, old_file, old_label
from pytest_terminalbench.errors import BaselineError
from pytest_terminalbench.identity import CellId, Label, escaped
from pytest_terminalbench.naming import nearest

__all__ = [
    "ApprovedInFolder",
    "StoredBaseline",
    "baseline_files",
    "baseline_of",
    "baselines_named",
    "check_old_baselines",
    "current_file",
    "file_of",
    "read_baselines",
    "stored_baseline",
]

_EVERY = "*/*/*.json"


@dataclass(frozen=True, kw_only=True)
class StoredBaseline:
    """A record, its cell, and the file it lies in. The cell of a record of schema 1 is what its folder's name tells."""

    cell: CellId
    file: Path
    record: BaselineRecord

    @property
    def name(self) -> str:
        """``DATASET/LABEL/SCENARIO``."""
        return self.cell.baseline_name

    @property
    def names(self) -> frozenset[str]:
        """What a command may call it by; other baselines may share the scenario's id and the baseline's."""
        return frozenset({self.name, self.record.scenario_id, self.record.baseline_id})

    @property
    def place(self) -> str:
        """Where it lies below the folder of baselines; of schema 1 that may be another text than the name."""
        return "/".join([*self.file.parts[-3:-1], self.file.stem])

    @property
    def is_misplaced(self) -> bool:
        """Whether it lies elsewhere than its cell's baseline has to."""
        return self.record.cell is not None and self.place != self.name

    @property
    def counts(self) -> bool:
        """Whether it is compared with: a retired one is not."""
        return self.record.status != "retired"


def stored_baseline(file: Path) -> StoredBaseline | None:
    """The baseline in `file`, None when there is no such file; raises BaselineError for a damaged one."""
    record = read_record(file)
    if record is None:
        return None
    place = file.absolute().parent
    cell = record.cell or cell_from_place(place.parent.name, place.name, record.scenario_id)
    return StoredBaseline(cell=cell, file=file, record=record)


def baseline_files(folder: Path) -> list[Path]:
    """Every file below `folder` that lies where a baseline may, in order of its place."""
    return sorted(folder.glob(_EVERY))


def current_file(folder: Path, cell: CellId) -> Path:
    """The file that has the baseline of `cell`: its own, or else one of schema 1; its own where there is neither."""
    return file_of(folder, cell, Path.exists)


def file_of(folder: Path, cell: CellId, exists: Callable[[Path], bool]) -> Path:
    """As `current_file`, where `exists` says which files there are, or were."""
    own, old = folder / cell.baseline_file, old_file(cell)
    return folder / old if old is not None and not exists(own) and exists(folder / old) else own


def baseline_of(folder: Path, cell: CellId) -> StoredBaseline | None:
    """What was approved for `cell`, retired or not; None where nothing was.

    A baseline of schema 1 counts where the cell has none of its own. Raises BaselineError for a damaged file, and for
    one that is of another cell.
    """
    file = current_file(folder, cell)
    record = read_record(file)
    if record is None or (record.schema_version != WITHOUT_CELL and file != folder / cell.baseline_file):
        return None
    if record.cell not in (None, cell):
        raise BaselineError(
            f"{file} is the baseline of another cell, {record.cell.key if record.cell else ''}: it was moved; move it "
            "back, or restore it from version control"
        )
    return StoredBaseline(cell=cell, file=file, record=record)


class ApprovedInFolder:
    """What was approved in `folder`, read once for each dataset and agent, when it is first asked for.

    What is approved after that is not in it: make another to see it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._approved: dict[tuple[str, str], ApprovedCells] = {}

    def beside(self, cell: CellId) -> ApprovedCells:
        """Every baseline of the cell's dataset and agent that counts, whatever its scenario.

        Damaged files are left out: they are their own cells' error.
        """
        group = (cell.dataset, cell.label)
        if group not in self._approved:
            counting = (record for record in _beside(self._folder, cell) if record.status != "retired")
            self._approved[group] = ApprovedCells(tuple(tuple(record.rewards) for record in counting))
        return self._approved[group]


def _beside(folder: Path, cell: CellId) -> Iterator[BaselineRecord]:
    own = (folder / cell.baseline_file).parent
    for file in sorted(own.glob("*.json")):
        yield from _readable(file)
    old = old_file(cell)
    if old is None or (folder / old).parent == own:
        return
    for file in sorted((folder / old).parent.glob("*.json")):
        for record in _readable(file):
            if record.schema_version == WITHOUT_CELL and not (own / f"{escaped(record.scenario_id)}.json").exists():
                yield record


def _readable(file: Path) -> Iterator[BaselineRecord]:
    try:
        record = read_record(file)
    except BaselineError:
        return
    if record is not None:
        yield record


def read_baselines(folder: Path) -> tuple[list[StoredBaseline], list[BaselineError]]:
    """Every baseline below `folder` in order of its place, and what is wrong with the others."""
    right: list[StoredBaseline] = []
    wrong: list[BaselineError] = []
    for file in baseline_files(folder):
        try:
            stored = stored_baseline(file)
        except BaselineError as error:
            wrong.append(error)
            continue
        # None: removed since it was listed.
        if stored is None:
            continue
        if stored.is_misplaced:
            wrong.append(
                BaselineError(f"{file} is the baseline of {stored.name}, and lies in the wrong place: move it")
            )
            continue
        right.append(stored)
    return right, wrong


def baselines_named(folder: Path, names: Iterable[str]) -> list[StoredBaseline]:
    """The baselines that `names` name, in this order, each once: ``DATASET/LABEL/SCENARIO`` is one; a scenario's id, or
    a baseline's, names all that count, or where none does all that there are.

    Raises BaselineError where there is none, saying how one is called that earlier versions called so, and for a
    damaged file.
    """
    stored, _ = read_baselines(folder)
    by_name: dict[str, list[StoredBaseline]] = {}
    for baseline in stored:
        for name in baseline.names:
            by_name.setdefault(name, []).append(baseline)
    chosen: dict[str, StoredBaseline] = {}
    for name in names:
        if name not in by_name:
            raise _nothing_named(folder, name, stored)
        counting = [baseline for baseline in by_name[name] if baseline.counts]
        chosen |= {baseline.name: baseline for baseline in counting or by_name[name]}
    return list(chosen.values())


def _nothing_named(folder: Path, name: str, stored: Sequence[StoredBaseline]) -> BaselineError:
    for baseline in stored:
        if baseline.place == name:
            return BaselineError(f"{name!r} is how earlier versions called it; it is {baseline.name!r} now")
    for file in folder.glob(_EVERY):
        if file.relative_to(folder).as_posix() == f"{name}.json":
            # One that cannot be read says why.
            read_record(file)
    known = {called for baseline in stored for called in baseline.names}
    return BaselineError(
        f"{name!r} names no baseline{nearest(name, known)}: that is a scenario's id, a baseline's id or "
        f"DATASET/LABEL/SCENARIO, as `{baseline_command('list', folder)}` shows it"
    )


def check_old_baselines(folder: Path, agents: Sequence[Label]) -> None:
    """Raise BaselineError where a baseline of schema 1 that `agents` would be compared with may be of another one."""
    claimants: dict[str, list[Label]] = {}
    for agent in agents:
        label = old_label(agent)
        if label is not None:
            claimants.setdefault(label, []).append(agent)
    for label, sharing in claimants.items():
        if len(sharing) > 1 or may_be_of_others(sharing[0]):
            _check_nobody_reads(folder, label, sharing)


def _check_nobody_reads(folder: Path, label: str, sharing: Sequence[Label]) -> None:
    for file in sorted(folder.glob(f"*/{label}/*.json")):
        for record in _readable(file):
            own = [file.parents[1] / str(agent) / f"{escaped(record.scenario_id)}.json" for agent in sharing]
            has_own = all(place.exists() and place != file for place in own)
            if record.schema_version == WITHOUT_CELL and not has_own:
                raise BaselineError(
                    f"{file} was written by an earlier version, which did not tell all models apart: it may be of "
                    f"{' or '.join(map(str, sharing))}, or of another; `{baseline_command('migrate', folder)}` gives "
                    "each baseline its cell, and asks where it cannot tell"
                )
