"""Results of whoever made them, read into one model: `RunRecord`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_terminalbench.comparing.run_record import RunRecord
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.importing.foreign_documents import read_json
from pytest_terminalbench.importing.harbor import harbor_files, import_harbor, is_harbor_result
from pytest_terminalbench.importing.own_baselines import baseline_files, import_baselines, is_baseline
from pytest_terminalbench.importing.own_runs import import_session
from pytest_terminalbench.importing.terminal_bench import import_tb, is_tb_results, tb_files
from pytest_terminalbench.naming import listed

__all__ = ["import_results"]

KNOWN = (
    "a run folder of pytest-terminalbench, a folder of baselines, a results.json of Terminal-Bench (or a folder of "
    "several), a job's or trial's folder of Harbor"
)


def import_results(path: Path) -> list[RunRecord]:
    """The records in `path`, a file or folder in any format we know: one for each agent and model.

    Raises RunFolderError naming file and cure where there is nothing to read, or something that is damaged.
    """
    if not path.exists():
        raise RunFolderError(f"{path} does not exist")
    return _import_folder(path) if path.is_dir() else _import_file(path)


def _import_file(file: Path) -> list[RunRecord]:
    if file.name in ("summary.json", "manifest.json"):
        return import_session(file.parent)
    content = read_json(file)
    if is_harbor_result(content):
        return import_harbor(file)
    if is_tb_results(content):
        return import_tb(file)
    if is_baseline(content):
        raise RunFolderError(f"{file} is one baseline; name its folder, {file.parent}, to compare all of them")
    raise RunFolderError(f"{file} is no results file that can be read here. What can: {KNOWN}")


def _import_folder(folder: Path) -> list[RunRecord]:
    if (folder / "summary.json").exists() or (folder / "manifest.json").exists():
        return import_session(folder)
    deeper = _submissions(folder)
    if deeper:
        raise RunFolderError(
            f"{folder} holds several submissions, each with runs of its own; name one of them: {listed(deeper, 8)}"
        )
    # `*results.json` is tb's alone, and `result.json` Harbor's; whoever reads a damaged one reports it.
    if tb_files(folder):
        return import_tb(folder)
    if harbor_files(folder):
        return import_harbor(folder)
    files = baseline_files(folder)
    if files and is_baseline(read_json(files[0])):
        return import_baselines(folder)
    raise RunFolderError(f"{folder} holds no results that can be read here. What can: {KNOWN}")


def _submissions(folder: Path) -> Sequence[str]:
    """The subfolders with results, when some have theirs one level further down: those are not one run's attempts."""
    subfolders = [path for path in sorted(folder.glob("[!.]*/")) if tb_files(path) or harbor_files(path)]
    if any(folder.glob("*results.json")) or (folder / "result.json").is_file():
        return []
    is_deep = any(not any(path.glob("*result*.json")) for path in subfolders)
    return [path.name for path in subfolders] if is_deep else []
