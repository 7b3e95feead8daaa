"""Files in and out of containers as tar archives."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_terminalbench.environments.archive import IterStream, extract, pack
from pytest_terminalbench.errors import EnvironmentFailure, TooMuchToCopy


def listed(archive: bytes) -> list[tuple[str, str, str, int, int]]:
    """Name, kind, mode, owner and size of every member."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        kinds = {tarfile.REGTYPE: "file", tarfile.DIRTYPE: "folder", tarfile.SYMTYPE: "link"}
        return [(m.name, kinds[m.type], oct(m.mode)[2:], m.uid + m.gid, m.size) for m in tar]


def archived(*members: tuple[str, bytes, str]) -> bytes:
    """A tar of (name, type, content or target)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                info.linkname = content
            info.size = len(content) if kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(content.encode()))
    return buffer.getvalue()


def found(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*") if p.is_file()}


class TestPack:
    def test_bytes_that_begin_as_a_script_can_be_run(self) -> None:
        assert listed(pack({"/a/run": b"#!/bin/sh\n", "b": b"text"})) == [
            ("a/run", "file", "755", 0, 10),
            ("b", "file", "644", 0, 4),
        ]

    def test_a_folder_is_packed_with_its_links_and_runnable_files(self, tmp_path: Path) -> None:
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "run").write_text("x")
        (tmp_path / "sub" / "run").chmod(0o711)
        (tmp_path / "private").write_text("xy")
        (tmp_path / "private").chmod(0o600)
        (tmp_path / "link").symlink_to("/etc/passwd")
        (tmp_path / "__pycache__").mkdir()
        (tmp_path / "__pycache__" / "x.pyc").write_text("x")

        assert listed(pack({"/tests": tmp_path})) == [
            ("tests", "folder", "755", 0, 0),
            ("tests/link", "link", "777", 0, 0),
            ("tests/private", "file", "644", 0, 2),
            ("tests/sub/run", "file", "755", 0, 1),
        ]

    def test_a_single_file_is_packed_under_its_new_name(self, tmp_path: Path) -> None:
        (tmp_path / "here").write_text("xyz")

        assert listed(pack({"/there/it": tmp_path / "here"})) == [("there/it", "file", "644", 0, 3)]


class TestExtract:
    def test_what_was_packed_comes_out_without_the_folders_own_name(self, tmp_path: Path) -> None:
        archive = pack({"logs/a": b"1", "logs/sub/b": b"2"})

        extract([archive], tmp_path / "out", max_bytes=10)

        assert found(tmp_path) == {"out/a": "1", "out/sub/b": "2"}

    def test_a_single_file_keeps_its_name(self, tmp_path: Path) -> None:
        extract([pack({"reward.txt": b"1"})], tmp_path, max_bytes=10)

        assert found(tmp_path) == {"reward.txt": "1"}

    @pytest.mark.parametrize(
        "member",
        [
            ("logs/link", tarfile.SYMTYPE, "/etc/passwd"),
            ("logs/hard", tarfile.LNKTYPE, "logs/file"),
            ("logs/pipe", tarfile.FIFOTYPE, ""),
            ("logs/device", tarfile.CHRTYPE, ""),
            ("logs/../../escaped", tarfile.REGTYPE, "x"),
            ("logs/../escaped", tarfile.REGTYPE, "x"),
        ],
    )
    def test_what_could_do_harm_here_is_left_out(self, tmp_path: Path, member: tuple[str, bytes, str]) -> None:
        archive = archived(("logs/file", tarfile.REGTYPE, "x"), member)

        extract([archive], tmp_path / "deep" / "out", max_bytes=10)

        assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")) == [
            "deep",
            "deep/out",
            "deep/out/file",
        ]

    def test_an_absolute_name_stays_in_the_folder(self, tmp_path: Path) -> None:
        extract([archived(("/logs/file", tarfile.REGTYPE, "x"))], tmp_path, max_bytes=10)

        assert found(tmp_path) == {"file": "x"}

    def test_a_link_in_the_way_is_not_followed(self, tmp_path: Path) -> None:
        """No link is made, so none can lead a later member elsewhere."""
        archive = archived(("logs/way", tarfile.SYMTYPE, "/"), ("logs/way/file", tarfile.REGTYPE, "x"))

        extract([archive], tmp_path, max_bytes=10)

        assert found(tmp_path) == {"way/file": "x"}

    def test_more_than_is_allowed_is_told(self, tmp_path: Path) -> None:
        archive = pack({"logs/a": b"12345", "logs/b": b"123456"})

        with pytest.raises(TooMuchToCopy, match=r"^logs/b: more than 10 bytes to copy out of the container$"):
            extract([archive], tmp_path, max_bytes=10)

    def test_an_archive_that_breaks_off_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(EnvironmentFailure, match="what the engine sent is no whole archive"):
            extract([pack({"logs/a": b"x" * 5000})[:1000]], tmp_path, max_bytes=10_000)

    def test_a_folder_where_a_file_is_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "stdout").write_text("ours")

        with pytest.raises(EnvironmentFailure, match="cannot store what comes out of the container"):
            extract([archived(("logs/stdout", tarfile.DIRTYPE, ""))], tmp_path, max_bytes=10)


@given(st.lists(st.binary(max_size=20)), st.integers(1, 50))
def test_a_stream_reads_what_its_chunks_hold(chunks: list[bytes], size: int) -> None:
    def sent() -> Iterator[bytes]:
        yield from chunks

    stream = io.BufferedReader(IterStream(sent()), buffer_size=size)

    assert stream.read() == b"".join(chunks)
