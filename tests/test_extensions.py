"""What installed packages add by entry points."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_terminalbench.errors import SettingsError
from pytest_terminalbench.extensions import Extensions
from tests.packages import install

GROUP = "tests.numbers"
OWN = {"pi": "math:pi"}
CODE = """
    loads = []
    e = 2.7
    pi = 3
    word = "seven"

    def __getattr__(name):
        loads.append(name)
        if name == "counted":
            return float(len(loads))
        raise AttributeError(name)
"""


def accepted(found: object) -> float:
    if not isinstance(found, float):
        raise TypeError(f"it is {type(found).__name__}, not a number")
    return found


def numbers() -> Extensions[float]:
    return Extensions(GROUP, OWN, accepted)


def package(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, **points: str) -> None:
    install(folder, name, CODE, {GROUP: {key: f"{name}:{attribute}" for key, attribute in points.items()}})
    monkeypatch.syspath_prepend(folder)


def test_ours_and_those_of_packages_have_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path, monkeypatch, "numbers_one", euler="e")

    assert numbers().names() == ["euler", "pi"]
    assert numbers().named("euler") == 2.7


def test_no_package_takes_a_name_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path, monkeypatch, "numbers_two", pi="pi")

    assert numbers().named("pi") > 3


def test_one_is_loaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path, monkeypatch, "numbers_three", counted="counted")
    known = numbers()

    assert [known.named("counted"), known.named("counted")] == [1.0, 1.0]


def test_one_that_is_not_installed_is_told_with_those_that_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path, monkeypatch, "numbers_four", euler="e")

    with pytest.raises(SettingsError) as error:
        numbers().named("euller")

    assert str(error.value) == (
        "'euller' is not installed (did you mean 'euler'?); installed: euler, pi; a package adds one by an entry point "
        "of the group tests.numbers"
    )


@pytest.mark.parametrize(
    ("attribute", "why"),
    [
        ("word", "TypeError: it is str, not a number"),
        ("gone", "AttributeError: gone"),
    ],
)
def test_one_that_cannot_be_loaded_is_told_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attribute: str, why: str
) -> None:
    package(tmp_path, monkeypatch, "numbers_five", broken=attribute)

    with pytest.raises(SettingsError) as error:
        numbers().named("broken")

    assert str(error.value) == f"'broken', which is numbers_five:{attribute}, cannot be loaded: {why}"


@pytest.mark.parametrize("error", ["RuntimeError", "SystemExit"])
def test_a_package_whose_module_does_not_import_breaks_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    module = f"numbers_six_{error.lower()}"
    install(tmp_path, module, f"raise {error}('half installed')", {GROUP: {"six": f"{module}:six"}})
    monkeypatch.syspath_prepend(tmp_path)

    assert numbers().named("pi") > 3
    with pytest.raises(SettingsError, match=rf"cannot be loaded: {error}: half installed$"):
        numbers().named("six")
