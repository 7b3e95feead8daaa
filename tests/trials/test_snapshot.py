"""What an agent left, kept in its trial's folder and read again."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_terminalbench.agents.base import Usage
from pytest_terminalbench.documents import read_json, write_json
from pytest_terminalbench.environments.base import StopReport
from pytest_terminalbench.environments.fake import FakeEnvironment
from pytest_terminalbench.errors import EnvironmentLost, RunFolderError
from pytest_terminalbench.scenarios.model import Scenario
from pytest_terminalbench.trials.acting import Acted
from pytest_terminalbench.trials.snapshot import Snapshot, read_snapshot, take_snapshot
from tests.scenario_files import a_scenario

ACTED = Acted(
    note="done",
    expired=True,
    usage=Usage(input_tokens=3, cost_usd=None),
    waited_s=0.5,
    stop=StopReport(oom_kills=1, memory_peak_mb=2.5, memory_counter="fake"),
)


class Streaming(FakeEnvironment):
    """Exports `chunks`, counting how many were asked for."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self.taken = 0
        self._chunks = chunks

    def export(self, path: str) -> Iterator[bytes] | None:
        return self._count()

    def _count(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.taken += 1
            yield chunk


def collecting(folder: Path, *paths: str) -> Scenario:
    return a_scenario(folder.parent / "dataset", verifier={"isolation": "fresh", "collect": list(paths)})


def taken(environment: FakeEnvironment, *paths: str, folder: Path) -> Snapshot:
    snapshot = take(environment, *paths, folder=folder)
    assert isinstance(snapshot, Snapshot)
    return snapshot


def take(environment: FakeEnvironment, *paths: str, folder: Path) -> Snapshot | str:
    return take_snapshot(environment, collecting(folder, *paths), folder, ACTED)


def test_it_is_read_as_it_was_taken(tmp_path: Path) -> None:
    environment = FakeEnvironment(files={"/app/a": b"1", "/srv/b": b"2"})

    snapshot = taken(environment, "/app", "/srv", "/gone", folder=tmp_path / "snapshot")

    assert read_snapshot(tmp_path / "snapshot") == snapshot
    assert snapshot.acted == ACTED
    assert snapshot.archives == {"/app": "1.tar.gz", "/srv": "2.tar.gz", "/gone": None}


def test_a_fresh_environment_gets_from_it_what_the_agent_left(tmp_path: Path) -> None:
    environment = FakeEnvironment(files={"/app/a": b"1", "/app/deep/b": b"2"})
    taken(environment, "/app", "/gone", folder=tmp_path / "snapshot")
    snapshot = read_snapshot(tmp_path / "snapshot")

    fresh = FakeEnvironment(files={"/app/old": b"image", "/gone": b"image"})
    for path in snapshot.archives:
        fresh.replace(path, snapshot.archive(path))

    assert fresh.files == {"/app/a": b"1", "/app/deep/b": b"2"}


def test_owners_modes_and_links_are_kept(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        link = tarfile.TarInfo("app/link")
        link.type, link.linkname, link.uid, link.mode = tarfile.SYMTYPE, "/etc/passwd", 33, 0o4755
        tar.addfile(link)
    snapshot = taken(Streaming(iter([buffer.getvalue()])), "/app", folder=tmp_path / "snapshot")

    assert b"".join(snapshot.archive("/app") or ()) == buffer.getvalue()


def test_the_same_work_makes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        taken(FakeEnvironment(files={"/app/a": b"1"}), "/app", folder=tmp_path / name)

    assert (tmp_path / "one/1.tar.gz").read_bytes() == (tmp_path / "two/1.tar.gz").read_bytes()


def test_what_is_too_large_is_not_kept_and_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random bytes, which nothing compresses."""
    monkeypatch.setattr("pytest_terminalbench.trials.snapshot.MAX_BYTES", 4 << 20)
    environment = Streaming(os.urandom(1 << 20) for _ in range(100))

    why = take(environment, "/app", folder=tmp_path / "snapshot")

    assert why == "what is collected is larger than 4 MiB compressed, or 512 MiB"
    assert environment.taken < 10
    assert not (tmp_path / "snapshot").exists()


def test_nor_is_what_is_large_before_it_is_compressed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sparse file of a terabyte is small when compressed, and reading it takes for ever."""
    monkeypatch.setattr("pytest_terminalbench.trials.snapshot.MAX_BYTES_READ", 4 << 20)
    environment = Streaming(bytes(1 << 20) for _ in range(100))

    assert isinstance(take(environment, "/app", folder=tmp_path / "snapshot"), str)
    assert environment.taken < 10


def test_the_paths_count_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_terminalbench.trials.snapshot.MAX_BYTES", 3 << 20)
    files = {f"/{name}/x": os.urandom(1 << 20) for name in "abcd"}

    assert isinstance(take(FakeEnvironment(files=files), "/a", "/b", folder=tmp_path / "two"), Snapshot)
    assert isinstance(take(FakeEnvironment(files=files), "/a", "/b", "/c", "/d", folder=tmp_path / "four"), str)


def test_an_environment_that_breaks_is_no_snapshot(tmp_path: Path) -> None:
    environment = FakeEnvironment()
    environment.gone = "engine"

    with pytest.raises(EnvironmentLost):
        take(environment, "/app", folder=tmp_path / "snapshot")


def test_a_path_that_was_not_collected_is_named(tmp_path: Path) -> None:
    """As when a scenario's `collect` was changed since."""
    snapshot = taken(FakeEnvironment(), "/app", folder=tmp_path / "snapshot")

    with pytest.raises(RunFolderError, match="has no /srv: the agent's work was collected as /app"):
        snapshot.archive("/srv")


def test_it_knows_what_the_agent_was_told(tmp_path: Path) -> None:
    scenario = collecting(tmp_path / "snapshot", "/app")
    snapshot = taken(FakeEnvironment(), "/app", folder=tmp_path / "snapshot")

    assert snapshot.was_told(scenario)
    assert not snapshot.was_told(a_scenario(tmp_path / "dataset", instruction="Make another."))


def _cut_off(folder: Path) -> None:
    file = folder / "1.tar.gz"
    file.write_bytes(file.read_bytes()[:-10])


def _flip(folder: Path) -> None:
    content = bytearray((folder / "1.tar.gz").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (folder / "1.tar.gz").write_bytes(content)


@pytest.mark.parametrize("damage", [_cut_off, _flip, lambda folder: (folder / "1.tar.gz").unlink()])
def test_a_damaged_archive_is_told(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    taken(FakeEnvironment(files={"/app/a": os.urandom(1000)}), "/app", folder=tmp_path / "snapshot")
    damage(tmp_path / "snapshot")

    with pytest.raises(RunFolderError, match=r"1\.tar\.gz is damaged or missing: .*; restore the folder"):
        list(read_snapshot(tmp_path / "snapshot").archive("/app") or ())


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"acted": {}}, "acted.usage is missing"),
        ({"acted": {"usage": {"calls": "x"}, "stop": {}}}, "acted.usage.calls is 'x', not a whole number"),
        ({"archives": {"/app": "../../etc/passwd"}}, "is no name of a file"),
        ({"archives": {"/app": ".."}}, "is no name of a file"),
        ({"archives": []}, "archives is no object"),
    ],
)
def test_a_damaged_record_is_told(tmp_path: Path, change: dict[str, object], problem: str) -> None:
    taken(FakeEnvironment(files={"/app/a": b"1"}), "/app", folder=tmp_path / "snapshot")
    file = tmp_path / "snapshot/snapshot.json"
    write_json(file, {**read_json(file), **change})

    with pytest.raises(RunFolderError, match=problem) as error:
        read_snapshot(tmp_path / "snapshot")
    assert str(error.value).startswith(f"{file} is damaged: ")


def test_a_later_version_is_told(tmp_path: Path) -> None:
    taken(FakeEnvironment(files={"/app/a": b"1"}), "/app", folder=tmp_path / "snapshot")
    file = tmp_path / "snapshot/snapshot.json"
    write_json(file, {**read_json(file), "schema_version": 9})

    with pytest.raises(RunFolderError, match=r"snapshot\.json has schema_version 9, .*; update pytest-terminalbench"):
        read_snapshot(tmp_path / "snapshot")


def test_one_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"snapshot\.json does not exist"):
        read_snapshot(tmp_path / "snapshot")


@pytest.mark.parametrize("name", ["../1.tar.gz", "/etc/passwd", "", "..", "a\0b", "\ud800", 5])
def test_what_is_no_name_of_a_file_is_refused(tmp_path: Path, name: object) -> None:
    taken(FakeEnvironment(files={"/app/a": b"1"}), "/app", folder=tmp_path / "snapshot")
    file = tmp_path / "snapshot/snapshot.json"
    write_json(file, {**read_json(file), "archives": {"/app": name}})

    with pytest.raises(RunFolderError, match="is no name of a file"):
        read_snapshot(tmp_path / "snapshot")


@pytest.mark.parametrize("wrong", [{"error": 5}, {"expired": "no"}, {"waited_s": "x"}, {"stop": {"oom_kills": "x"}}])
def test_facts_of_another_type_are_damage(tmp_path: Path, wrong: dict[str, object]) -> None:
    taken(FakeEnvironment(), "/app", folder=tmp_path / "snapshot")
    file = tmp_path / "snapshot/snapshot.json"
    content = read_json(file)
    write_json(file, {**content, "acted": {**content["acted"], **wrong}})

    with pytest.raises(RunFolderError, match=r"snapshot.json is damaged: acted\."):
        read_snapshot(tmp_path / "snapshot")
