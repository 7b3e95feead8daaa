"""Names made from content."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_terminalbench.digest import canonical_json, digest_bytes, digest_files, digest_json, tree_files

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def a_tree(folder: Path) -> Path:
    (folder / "b").mkdir(parents=True)
    (folder / "b" / "file").write_text("1")
    (folder / "a.sh").write_text("2")
    (folder / "a.sh").chmod(0o755)
    (folder / "link").symlink_to("b/file")
    (folder / "way").symlink_to("b")
    return folder


def test_bytes_have_sha256_of_themselves() -> None:
    assert digest_bytes(b"abc") == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


class TestJson:
    def test_there_is_one_text_per_value(self) -> None:
        assert canonical_json({"b": [1, 2.5, None], "a": "ä"}) == '{"a":"\\u00e4","b":[1,2.5,null]}'

    @given(st.dictionaries(st.text(), VALUES, max_size=5))
    def test_the_order_of_keys_does_not_matter(self, value: dict[str, object]) -> None:
        assert digest_json(dict(reversed(value.items()))) == digest_json(value)


class TestTree:
    def test_files_and_links_come_in_order_and_links_are_not_followed(self, tmp_path: Path) -> None:
        folder = a_tree(tmp_path)

        assert [path.relative_to(folder).as_posix() for path in tree_files(folder)] == ["a.sh", "b/file", "link", "way"]

    def test_what_tools_and_open_editors_leave_behind_is_passed_over(self, tmp_path: Path) -> None:
        for name in ("__pycache__/x.pyc", ".pytest_cache/README", "sub/__pycache__/y.pyc"):
            (tmp_path / name).parent.mkdir(parents=True)
            (tmp_path / name).write_text("x")
        (tmp_path / ".DS_Store").write_text("x")
        (tmp_path / ".hidden").write_text("x")
        (tmp_path / ".Dockerfile.swp").write_text("x")
        (tmp_path / ".#Dockerfile").symlink_to("ada@host.1234:5678")

        assert [path.name for path in tree_files(tmp_path)] == [".hidden"]


class TestFiles:
    def test_the_same_content_has_the_same_digest_everywhere(self, tmp_path: Path) -> None:
        assert digest_files(a_tree(tmp_path / "here")) == digest_files(a_tree(tmp_path / "there"))

    def test_times_owners_and_other_modes_do_not_matter(self, tmp_path: Path) -> None:
        before = digest_files(a_tree(tmp_path))
        (tmp_path / "b" / "file").chmod(0o600)
        (tmp_path / "a.sh").chmod(0o700)
        os.utime(tmp_path / "a.sh", (0, 0))
        (tmp_path / "empty").mkdir()

        assert digest_files(tmp_path) == before

    @pytest.mark.parametrize("change", ["content", "name", "mode", "link", "more"])
    def test_anything_else_does(self, tmp_path: Path, change: str) -> None:
        before = digest_files(a_tree(tmp_path))
        file, link = tmp_path / "b" / "file", tmp_path / "link"
        match change:
            case "content":
                file.write_text("3")
            case "name":
                file.rename(tmp_path / "b" / "other")
            case "mode":
                file.chmod(0o755)
            case "link":
                link.unlink()
                link.symlink_to("a.sh")
            case "more":
                (tmp_path / "b" / "more").write_text("")

        assert digest_files(tmp_path) != before

    def test_a_file_that_holds_a_links_target_is_not_the_link(self, tmp_path: Path) -> None:
        before = digest_files(a_tree(tmp_path))
        (tmp_path / "link").unlink()
        (tmp_path / "link").write_text("b/file")

        assert digest_files(tmp_path) != before

    def test_a_name_cannot_stand_for_two_files(self, tmp_path: Path) -> None:
        """Line ends in names do not make one tree look like another."""
        one, other = tmp_path / "one", tmp_path / "other"
        one.mkdir()
        other.mkdir()
        (one / "a\n- b").write_text("x")
        (other / "a").write_text("x")
        (other / "b").write_text("x")

        assert digest_files(one) != digest_files(other)
