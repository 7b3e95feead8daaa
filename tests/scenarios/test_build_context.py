"""What a build context holds, as Docker reads its ignore file."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_terminalbench.scenarios.build_context import DockerIgnore, context_files, digest_context, ignore_problem

# What moby's own matcher (github.com/moby/patternmatcher, v0.6) says of a pattern and a path.
LEFT_OUT = [
    ("**", "dir/file"),
    ("**/", "file"),
    ("**/**", "dir/file"),
    ("dir/**", "dir/dir2/file"),
    ("**/dir", "dir"),
    ("**/dir", "dir/file"),
    ("**/dir2/*", "dir/dir2/file"),
    ("**/dir2/**", "dir/dir2/dir3/file"),
    ("**file", "dir/dir/file"),
    ("**file", "dir/myfile"),
    ("**/file*.txt*", "dir/dir/file.txt"),
    ("**/**/*.txt", "file.txt"),
    ("a**/*.txt", "a/dir/dir/file.txt"),
    ("a/*.txt**", "a/file.txt"),
    ("a[b-d]e", "ace"),
    ("a[^b-d]e", "aze"),
    (".*", ".foo"),
    ("abc?def", "abcZdef"),
    ("a(b)c/def", "a(b)c/def"),
    ("a.|)$(}+{bc", "a.|)$(}+{bc"),
    ("a\\*b", "a*b"),
    ("a\\\\", "a\\"),
    ("[\\]a]", "]"),
    ("[x\\-]", "-"),
    ("[a-ζ]*", "α"),
    ("a*", "ab/c"),
    ("/docs", "docs/page.md"),
    ("docs/", "docs/page.md"),
    ("./docs/../notes", "notes"),
    ("docs \t", "docs"),
    ("node_modules", "node_modules/a/b"),
    (" #notes", "#notes"),
    ("!keep\n*.md", "keep.md"),
    ("**\n!web\nweb/foo", "web/foo"),
    ("# a comment\r\n*.log\r\n", "x.log"),
]
KEPT = [
    ("", "file"),
    ("a/*.txt", "a/dir/file.txt"),
    ("a[b-d]e", "aae"),
    (".*", "foo"),
    ("abc.def", "abcZdef"),
    ("abc/**", "abc"),
    ("**/.foo", "bar.foo"),
    ("a\\*b", "ab"),
    ("*[a-ζ]", "A"),
    ("a?b", "a/b"),
    ("notes", "Notes"),
    ("node_modules", "src/node_modules"),
    (".", "file"),
    ("/", "file"),
    ("../file", "file"),
    ("#file", "file"),
    ("docs\n!docs/README.md", "docs/README.md"),
    ("*.md\n! README.md", "README.md"),
    ("**\n!web", "web/foo"),
    ("**/node_modules\n!**/node_modules/kept", "a/b/node_modules/kept/x"),
]


@pytest.mark.parametrize(("text", "path"), LEFT_OUT)
def test_what_a_pattern_leaves_out(text: str, path: str) -> None:
    assert DockerIgnore.parse(text).leaves_out(path)


@pytest.mark.parametrize(("text", "path"), KEPT)
def test_what_a_pattern_does_not_leave_out(text: str, path: str) -> None:
    assert not DockerIgnore.parse(text).leaves_out(path)


@pytest.mark.parametrize("pattern", ["!", "[", "[^", "[^bc", "a[", "[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "a\\", "[z-a]"])
def test_what_docker_refuses_is_told_with_its_line(tmp_path: Path, pattern: str) -> None:
    (tmp_path / ".dockerignore").write_text(f"# one\n{pattern}\n")

    problem = ignore_problem(tmp_path)

    assert problem is not None
    assert problem.startswith(f"has a .dockerignore that Docker refuses: line 2: {pattern!r}: ")


def names(folder: Path) -> list[str]:
    return [file.relative_to(folder).as_posix() for file in context_files(folder)]


@pytest.fixture
def context(tmp_path: Path) -> Path:
    for name in ("Dockerfile", "a.txt", "notes/a.md", "notes/b.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def test_without_an_ignore_file_all_of_the_folder_is_sent(context: Path) -> None:
    assert names(context) == ["Dockerfile", "a.txt", "notes/a.md", "notes/b.md"]


def test_dockerfile_and_dockerignore_are_always_sent(context: Path) -> None:
    (context / ".dockerignore").write_text("*\n")

    assert names(context) == [".dockerignore", "Dockerfile"]


def test_the_dockerfiles_own_ignore_file_goes_first(context: Path) -> None:
    (context / ".dockerignore").write_text("a.txt\n")
    (context / "Dockerfile.dockerignore").write_text("notes\n")

    assert names(context) == [".dockerignore", "Dockerfile", "Dockerfile.dockerignore", "a.txt"]


def test_what_is_left_out_is_not_in_the_digest(context: Path) -> None:
    (context / ".dockerignore").write_text("notes/*\n!notes/b.md\n")
    before = digest_context(context)
    (context / "notes" / "a.md").write_text("changed")
    after = digest_context(context)
    (context / "notes" / "b.md").write_text("changed")

    assert before == after != digest_context(context)
