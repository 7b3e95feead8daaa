"""Where the module of a user's own agent is found."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_terminalbench.agents.find_module import import_agent_module
from pytest_terminalbench.errors import SettingsError


@pytest.fixture(autouse=True)
def own_modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test imports and puts on the path is gone after it."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(file: Path, text: str = "") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file.parent


def found(module: str, *folders: Path) -> str | None:
    return import_agent_module(module, "--tb-agent", folders).__file__


def problem(module: str, *folders: Path) -> str:
    with pytest.raises(SettingsError) as error:
        import_agent_module(module, "--tb-agent", folders)
    return str(error.value)


def test_the_folder_of_the_command_is_searched_first(tmp_path: Path) -> None:
    start, root = write(tmp_path / "start/agent_a.py"), write(tmp_path / "root/agent_a.py")

    assert found("agent_a", start, root) == str(start / "agent_a.py")


def test_then_the_root(tmp_path: Path) -> None:
    root = write(tmp_path / "root/agent_b.py")

    assert found("agent_b", tmp_path, root) == str(root / "agent_b.py")


def test_a_module_in_a_folder_without_init_is_found_as_python_finds_it(tmp_path: Path) -> None:
    write(tmp_path / "lab_c/inner/agent_c.py")

    assert found("lab_c.inner.agent_c", tmp_path) == str(tmp_path / "lab_c/inner/agent_c.py")


def test_what_the_command_finds_first_wins_over_what_is_installed(tmp_path: Path) -> None:
    """As with ``python -m``."""
    start, site = write(tmp_path / "start/agent_d.py"), write(tmp_path / "site/agent_d.py")
    sys.path.insert(0, str(site))

    assert found("agent_d", start) == str(start / "agent_d.py")


def test_what_is_installed_wins_over_the_root(tmp_path: Path) -> None:
    """Where ``python -m`` would not look at all."""
    root, site = write(tmp_path / "root/agent_e.py"), write(tmp_path / "site/agent_e.py")
    sys.path.append(str(site))

    assert found("agent_e", tmp_path, root) == str(site / "agent_e.py")


def test_an_agent_may_import_its_neighbours_when_it_acts(tmp_path: Path) -> None:
    write(tmp_path / "neighbour_f.py", "WORD = 'hello'")
    write(tmp_path / "agent_f.py", "def act():\n    from neighbour_f import WORD\n    return WORD\n")

    assert import_agent_module("agent_f", "", [tmp_path]).act() == "hello"


def test_a_folder_is_on_the_path_once_and_only_if_it_has_the_module(tmp_path: Path) -> None:
    before = [*sys.path]
    write(tmp_path / "agent_g.py")
    write(tmp_path / "agent_h.py")

    import_agent_module("json", "", [tmp_path])
    assert sys.path == before
    import_agent_module("agent_g", "", [tmp_path])
    import_agent_module("agent_h", "", [tmp_path])
    assert sys.path == [str(tmp_path), *before]


def test_a_missing_module_is_told_with_the_places_searched(tmp_path: Path) -> None:
    assert problem("agent_i", tmp_path, tmp_path / "root", tmp_path) == (
        f"--tb-agent: there is no module agent_i; searched: {tmp_path}, {tmp_path / 'root'}, what {sys.executable} can "
        "import; start the command in the folder that has it, or name that folder in pytest's ini option `pythonpath`"
    )


def test_a_part_that_is_missing_is_told_as_well(tmp_path: Path) -> None:
    write(tmp_path / "lab_j/__init__.py")

    assert "there is no module lab_j.agent; searched" in problem("lab_j.agent", tmp_path)


def test_what_the_module_itself_needs_is_another_problem(tmp_path: Path) -> None:
    write(tmp_path / "agent_k.py", "import no_such_library\n")

    assert problem("agent_k", tmp_path) == (
        f"--tb-agent: importing agent_k needs the module no_such_library, which {sys.executable} does not find "
        "(No module named 'no_such_library')"
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [("raise KeyError('inside')", "KeyError: 'inside'"), ("import sys; sys.exit('no key')", "SystemExit: no key")],
    ids=["error", "exit"],
)
def test_what_a_module_raises_is_told_with_its_name(tmp_path: Path, line: str, told: str) -> None:
    write(tmp_path / "agent_m.py", f"{line}\n")

    assert problem("agent_m", tmp_path) == f"--tb-agent: importing agent_m raises {told}"


def test_a_name_that_the_module_misses_elsewhere_is_told(tmp_path: Path) -> None:
    write(tmp_path / "agent_l.py", "from json import nonsense\n")

    assert problem("agent_l", tmp_path).startswith("--tb-agent: cannot import agent_l: cannot import name 'nonsense'")
