"""Which image stands for a base."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_terminalbench.environments.image_map import ImageMap, image_map_for, load_image_map, machine_image_map
from pytest_terminalbench.errors import SettingsError


class TestImageMap:
    def test_what_it_does_not_name_stays(self) -> None:
        image_map = ImageMap(replacements={"a": "b"})

        assert (image_map("a"), image_map("b")) == ("b", "b")

    def test_the_upper_of_two_counts(self) -> None:
        upper = ImageMap(replacements={"a": "upper"})
        lower = ImageMap(replacements={"a": "lower", "b": "lower"})

        assert upper.over(lower) == ImageMap(replacements={"a": "upper", "b": "lower"})

    def test_json_and_toml_are_read(self, tmp_path: Path) -> None:
        (tmp_path / "map.json").write_text('{"debian:12": "mirror/debian:12"}')
        (tmp_path / "map.toml").write_text('[images]\n"debian:12" = "mirror/debian:12"\n')

        expected = ImageMap(replacements={"debian:12": "mirror/debian:12"})
        assert [load_image_map(tmp_path / name) for name in ("map.json", "map.toml")] == [expected, expected]

    @pytest.mark.parametrize("content", ["[]", '{"a": 1}', "null", '"a"'])
    def test_what_is_no_map_is_told(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "map.json").write_text(content)

        with pytest.raises(SettingsError) as error:
            load_image_map(tmp_path / "map.json")
        assert str(error.value) == (
            f"image map {tmp_path / 'map.json'}: must map image names to image names, as strings"
        )

    @pytest.mark.parametrize(
        ("name", "content", "problem"),
        [
            ("map.json", "{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
            ("map.toml", "[images", "Expected ']' at the end of a table declaration (at end of document)"),
        ],
    )
    def test_what_cannot_be_parsed_is_told(self, tmp_path: Path, name: str, content: str, problem: str) -> None:
        (tmp_path / name).write_text(content)

        with pytest.raises(SettingsError) as error:
            load_image_map(tmp_path / name)
        assert str(error.value) == f"image map {tmp_path / name}: {problem}"

    def test_a_file_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match="No such file or directory"):
            load_image_map(tmp_path / "map.json")

    def test_the_chosen_map_is_over_the_projects_over_the_machines(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        machine_image_map().parent.mkdir(parents=True)
        machine_image_map().write_text('{"a": "machine", "b": "machine", "c": "machine"}')
        (tmp_path / "pyproject.toml").write_text('[tool.terminalbench.images]\na = "project"\nb = "project"\n')
        (tmp_path / "chosen.json").write_text('{"a": "chosen"}')

        found = image_map_for(tmp_path, tmp_path / "chosen.json")

        assert found == ImageMap(replacements={"a": "chosen", "b": "project", "c": "machine"})
