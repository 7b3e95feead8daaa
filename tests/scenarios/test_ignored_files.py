"""Which files git would pass over."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pytest_terminalbench.digest import tree_files
from pytest_terminalbench.scenarios.ignored_files import sort_out_ignored

FILES = {
    "test.sh": "",
    ".hidden": "",
    "notes.log": "",
    "data/expected.log": "",
    "data/kept.log": "",
    "data/deep/a.bin": "",
    "data/deep/b.txt": "",
    "build/out.o": "",
    "sub/build/out.o": "",
    "odd name/#x": "",
}
LISTS = {".gitignore": "!\n*.log\n\\\n# no.txt\n/build/\n*~\n\n", "data/.gitignore": "!kept.log\ndeep/*.bin\n"}


def write(folder: Path, *names: str, lists: dict[str, str] | None = None) -> None:
    for name, text in {**dict.fromkeys(names, ""), **(lists or {})}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def kept(folder: Path) -> list[str]:
    return [file.relative_to(folder).as_posix() for file in sort_out_ignored(folder).kept]


def test_it_keeps_what_git_would_keep(tmp_path: Path) -> None:
    """Git itself is asked."""
    write(tmp_path, *FILES, lists=LISTS)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--others", "--exclude-standard"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )

    there = [name for name in kept(tmp_path) if not name.startswith(".git/")]
    assert there == sorted(filter(None, listing.stdout.split("\0")))
    assert "data/kept.log" in there


def test_what_is_ignored_is_named_a_folder_once(tmp_path: Path) -> None:
    write(tmp_path, *FILES, lists=LISTS)

    assert sort_out_ignored(tmp_path).ignored == ("build/", "data/deep/a.bin", "data/expected.log", "notes.log")


@pytest.mark.parametrize("name", [".test.sh.swp", ".test.sh.swo", "test.sh~", "#test.sh#", "sub/.#x"])
def test_what_editors_leave_is_ignored(tmp_path: Path, name: str) -> None:
    write(tmp_path, "test.sh", name)

    found = sort_out_ignored(tmp_path)

    assert ([file.name for file in found.kept], found.ignored) == (["test.sh"], (name,))


@pytest.mark.parametrize("name", ["pipe", ".gitignore"])
def test_a_pipe_is_ignored_and_not_read(tmp_path: Path, name: str) -> None:
    write(tmp_path, "test.sh")
    os.mkfifo(tmp_path / name)

    found = sort_out_ignored(tmp_path)

    assert ([file.name for file in found.kept], found.ignored) == (["test.sh"], (name,))
    assert list(tree_files(tmp_path)) == [tmp_path / "test.sh"]


def test_caches_of_tools_are_ignored_without_a_word(tmp_path: Path) -> None:
    write(tmp_path, "test.sh", "__pycache__/x.pyc", ".pytest_cache/README", "sub/.DS_Store")

    found = sort_out_ignored(tmp_path)

    assert ([file.name for file in found.kept], found.ignored) == (["test.sh"], ())


def test_a_gitignore_takes_a_copy_back(tmp_path: Path) -> None:
    write(tmp_path, "notes~", lists={".gitignore": "!notes~\n"})

    assert kept(tmp_path) == [".gitignore", "notes~"]


def test_a_list_above_the_folder_does_not_count(tmp_path: Path) -> None:
    write(tmp_path, "tests/expected.log", lists={".gitignore": "*.log\n"})

    assert kept(tmp_path / "tests") == ["expected.log"]


def test_a_list_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path, "test.sh")
    (tmp_path / ".gitignore").symlink_to("nowhere")

    assert kept(tmp_path) == [".gitignore", "test.sh"]


def test_links_are_files_and_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path, "real/file")
    (tmp_path / "way").symlink_to("real")

    assert kept(tmp_path) == ["real/file", "way"]
