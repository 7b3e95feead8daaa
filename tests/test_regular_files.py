"""What lies in a folder may be no file that ends."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_terminalbench.baselines.approval import FolderContents, contents
from pytest_terminalbench.baselines.audit import entries
from pytest_terminalbench.baselines.folder import read_baselines
from pytest_terminalbench.baselines.record import read_record
from pytest_terminalbench.documents import read_json
from pytest_terminalbench.errors import BaselineError, RunFolderError, ScenarioError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.incidents import read_incidents
from pytest_terminalbench.regular_files import read_regular
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.ledger import FileLedger
from pytest_terminalbench.runs.manifest import read_manifest
from pytest_terminalbench.runs.summary import read_summary
from pytest_terminalbench.scenarios.catalog import open_dataset
from pytest_terminalbench.scenarios.dataset_file import is_dataset_folder
from pytest_terminalbench.scenarios.formats import load_scenario
from pytest_terminalbench.trials.result import read_result

CELL = CellId(dataset="demo", scenario="a", agent="mine")


def test_a_file_is_read_whole_or_as_far_as_is_asked(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"x" * 100_000)

    assert read_regular(file) == b"x" * 100_000
    assert read_regular(file, 3) == b"xxx"
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "b")
    with pytest.raises(IsADirectoryError):
        read_regular(tmp_path)


def test_neither_a_pipe_nor_a_device_nor_a_socket_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A socket's path may not be long.
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("endless").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        said = {}
        for name in ("pipe", "endless", "socket"):
            with pytest.raises(OSError, match="no regular file") as error:
                read_regular(Path(name))
            said[name] = error.value.strerror

    assert said == {
        "pipe": "it is a named pipe, and no regular file",
        "endless": "it is a device, and no regular file",
        "socket": "it is a socket, and no regular file",
    }


@pytest.mark.parametrize(
    ("place", "read", "error"),
    [
        ("demo/mine/a.json", lambda folder: read_record(folder / "demo/mine/a.json"), BaselineError),
        ("audit.jsonl", lambda folder: list(entries(folder / "audit.jsonl")), BaselineError),
        ("ledger.jsonl", lambda folder: FileLedger(folder / "ledger.jsonl").read(), RunFolderError),
        ("manifest.json", lambda folder: read_manifest(RunFolder(folder)), RunFolderError),
        ("summary.json", lambda folder: read_summary(folder / "summary.json"), RunFolderError),
        ("result.json", lambda folder: read_result(folder / "result.json"), RunFolderError),
        ("dataset.json", open_dataset, ScenarioError),
        ("a.json", lambda folder: load_scenario(folder / "a.json", dataset="demo"), ScenarioError),
        ("results.json", lambda folder: read_json(folder / "results.json"), OSError),
    ],
)
def test_whatever_reads_a_file_of_a_user_s_folder_says_so(
    tmp_path: Path, place: str, read: Callable[[Path], object], error: type[Exception]
) -> None:
    pipe = tmp_path / place
    pipe.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(pipe)

    with pytest.raises(error, match="it is a named pipe, and no regular file") as told:
        read(tmp_path)

    assert str(pipe) in str(told.value)


def test_a_pipe_among_baselines_is_named_beside_the_others(tmp_path: Path) -> None:
    (tmp_path / "demo/mine").mkdir(parents=True)
    os.mkfifo(tmp_path / "demo/mine/a.json")

    _, wrong = read_baselines(tmp_path)

    assert [str(tmp_path / "demo/mine/a.json") in str(one) for one in wrong] == [True]
    assert FolderContents(tmp_path).of([CELL]) == contents(tmp_path, [CELL]) == {CELL: None}


def test_a_pipe_among_incidents_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "run/incidents"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "run-1.json")

    tickets, damaged = read_incidents(tmp_path)

    assert not tickets
    assert "it is a named pipe" in str(damaged[0])


def test_a_folder_with_a_pipe_for_its_dataset_json_is_none_of_ours(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "dataset.json")

    assert not is_dataset_folder(tmp_path)
