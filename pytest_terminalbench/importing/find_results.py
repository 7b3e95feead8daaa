"""From what was typed to the results that are meant."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from pytest_terminalbench.comparing.run_record import RunRecord
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.importing import import_results
from pytest_terminalbench.naming import listed
from pytest_terminalbench.runs.layout import LATEST, find_run

__all__ = ["load_record"]

SELECTOR = "@"


def load_record(text: str, *, results: Path, baselines: Path) -> RunRecord:
    """The results that `text` names: a path (run folder, results file, folder of them or of baselines), the id of a
    run below `results` or ``latest``, or ``<dataset>/<label>`` below `baselines`.

    ``@<label>`` or ``@<agent>`` at the end chooses one agent where there are several. Raises RunFolderError, or
    BaselineError for a damaged baseline, naming file and cure.
    """
    named = _path(text, results, baselines)
    if named is not None:
        return _only(import_results(named), text)
    before, selector, agent = text.rpartition(SELECTOR)
    named = _path(before, results, baselines) if selector and before else None
    if named is None:
        raise RunFolderError(_not_found(before if selector and before else text, results, baselines))
    records = import_results(named)
    chosen = [record for record in records if agent in (record.label, record.agent)]
    if not chosen:
        raise RunFolderError(f"{before} has no results of {agent!r}; there are: {_labels(records)}")
    return _only(chosen, before)


def _path(text: str, results: Path, baselines: Path) -> Path | None:
    if Path(text).is_char_device():
        raise RunFolderError(f"{text} is a device, which may never end; name a file or a folder of results")
    if Path(text).exists():
        return Path(text)
    if text == LATEST:
        # Raises where there is none, which says more than that no file has this name.
        return find_run(None, results).path
    for folder in (results, baselines):
        if (folder / text).is_dir():
            return folder / text
    return None


def _only(records: Sequence[RunRecord], text: str) -> RunRecord:
    if len(records) == 1:
        return records[0]
    labels = [record.label for record in records]
    if len(set(labels)) < len(labels):
        raise RunFolderError(
            f"{text} holds results on several datasets ({listed(sorted({str(r.dataset_label) for r in records}))}); "
            "name the folder or file of one of them"
        )
    raise RunFolderError(
        f"{text} holds results of several agents: {_labels(records)}; name one, as in {text}{SELECTOR}{labels[0]}"
    )


def _labels(records: Sequence[RunRecord]) -> str:
    return listed(sorted({record.label for record in records}), 8)


def _not_found(text: str, results: Path, baselines: Path) -> str:
    runs = sorted(path.parent.name for path in results.glob("*/manifest.json"))
    approved = sorted({file.parent.relative_to(baselines).as_posix() for file in baselines.glob("*/*/*.json")})
    near = difflib.get_close_matches(text, [*runs, *approved], n=1)
    return (
        f"nothing is called {text!r}: it is no file or folder, no run in {results} "
        f"({listed(runs[::-1]) or 'which has none'}) and no folder in {baselines} "
        f"({listed(approved) or 'which has none'})" + (f"; did you mean {near[0]}?" if near else "")
    )
